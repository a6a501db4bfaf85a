//! An answer means that every connection obeys. On the system's sockets, in several
//! threads, beside threads that leave the proxy little of the machine.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use chaos_proxy::{ChaosProxy, Fault, Guard, Side, Way};
use environment::Clock;
use socket2::SockRef;

use crate::world::SOON;

/// Over all tests here 10,000.
const TRIES: usize = 2000;

/// A proxy, and the server behind it.
struct Rig {
    proxy: ChaosProxy,
    server: TcpListener,
    clock: Clock,
}

/// Runs the test in a runtime with several threads, beside two that are busy.
fn under_load(test: impl AsyncFnOnce(Rig)) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let _over = Over(&is_over);
        runtime.block_on(async {
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            let builder = ChaosProxy::builder().upstream(server.local_addr().unwrap());
            let proxy = builder.without_frames().start().await.unwrap();
            let clock = Clock::start();
            test(Rig {
                proxy,
                server,
                clock,
            })
            .await;
        });
    });
}

/// Ends the busy threads, whatever becomes of the test.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Rig {
    fn dial(&self) -> TcpStream {
        let client = TcpStream::connect(self.proxy.address()).unwrap();
        client.set_nodelay(true).unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        client
    }

    /// A connection through which a byte has gone.
    fn open(&self) -> (TcpStream, TcpStream) {
        let mut client = self.dial();
        let (mut upstream, _) = self.server.accept().unwrap();
        pass(&mut client, &mut upstream);
        (client, upstream)
    }

    async fn inject(&self, fault: Fault) -> Guard {
        self.proxy.inject("rule", fault).await.unwrap()
    }

    async fn reset(&self) {
        let reset = Fault::Reset(Side::Both);
        self.proxy.strike("reset", reset).await.unwrap();
    }

    /// Waits until the proxy has read all that its clients have sent.
    fn wait_until_read(&self, count: usize) {
        let begun = self.clock.now();
        let received = || self.proxy.control().traffic().upstream.received;
        while received() < count as u64 {
            assert!(self.clock.now().since(begun) < SOON, "nothing is read");
            thread::yield_now();
        }
    }
}

/// Lets one byte through, which nothing may keep.
fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"+").unwrap();
    let mut byte = [0];
    to.read_exact(&mut byte).unwrap();
    assert_eq!(
        &byte, b"+",
        "a byte passed that was to be held or swallowed"
    );
}

/// Ends with RST: no port waits for the end of a TIME_WAIT.
fn leave(client: TcpStream) {
    let at_once = Some(Duration::ZERO);
    SockRef::from(&client).set_linger(at_once).unwrap();
    drop(client);
}

/// Whether nothing has come.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn what_is_discarded_on_an_open_connection_never_arrives() {
    under_load(async |rig| {
        let (mut client, mut upstream) = rig.open();
        for attempt in 0..TRIES {
            // The connection has just been busy, and may still be.
            pass(&mut client, &mut upstream);
            let guard = rig.inject(Fault::Discard(Way::Both)).await;
            client.write_all(b"-").unwrap();
            rig.wait_until_read(3 + 2 * attempt);
            assert!(is_silent(&mut upstream), "a leak in try {attempt}");
            guard.heal().await;
        }
    });
}

#[test]
fn what_is_stalled_on_an_open_connection_waits_for_the_heal() {
    under_load(async |rig| {
        let (mut client, mut upstream) = rig.open();
        for attempt in 0..TRIES {
            pass(&mut client, &mut upstream);
            let guard = rig.inject(Fault::Stall(Way::Both)).await;
            client.write_all(b"+").unwrap();
            rig.wait_until_read(3 + 2 * attempt);
            assert!(is_silent(&mut upstream), "a leak in try {attempt}");
            guard.heal().await;
            upstream.read_exact(&mut [0]).unwrap();
        }
    });
}

#[test]
fn a_connection_that_has_just_been_made_obeys() {
    under_load(async |rig| {
        for attempt in 0..TRIES {
            let mut client = rig.dial();
            let guard = rig.inject(Fault::Discard(Way::Both)).await;
            client.write_all(b"-").unwrap();
            let (mut upstream, _) = rig.server.accept().unwrap();
            rig.wait_until_read(attempt + 1);
            assert!(is_silent(&mut upstream), "a leak in try {attempt}");
            guard.heal().await;
            leave(client);
        }
    });
}

#[test]
fn an_open_connection_that_was_reset_says_nothing_more() {
    under_load(async |rig| {
        for attempt in 0..TRIES {
            let (mut client, mut upstream) = rig.open();
            rig.reset().await;
            // The system tells the reset once: to whichever call comes first.
            let told = client.write_all(b"-").and_then(|()| client.read(&mut [0]));
            let end = told.map_err(|error| error.kind());
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "in try {attempt}");
            let end = upstream.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "in try {attempt}");
        }
    });
}

#[test]
fn a_connection_that_has_just_been_made_is_reset() {
    under_load(async |rig| {
        for attempt in 0..TRIES {
            let mut client = rig.dial();
            rig.reset().await;
            let end = client.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "in try {attempt}");
        }
    });
}
