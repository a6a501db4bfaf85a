//! What was awaited is in force: nothing gets past it.

use chaos_proxy::{Fault, Side, Way};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::busy::Busy;
use crate::pair::{PATIENCE, Server};

const TRIES: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn an_open_connection_is_under_a_fault_that_was_awaited() {
    let _busy = Busy::new();
    let server = Server::new().await;
    let mut pair = server.pair().await;
    for _ in 0..TRIES {
        let stall = Fault::Stall(Way::Downstream);
        let held = server.proxy.inject("held", stall).await.unwrap();
        pair.is_held(b"x").await;
        held.heal().await;
        pair.hears(b"x").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_healed_is_free() {
    let _busy = Busy::new();
    let server = Server::new().await;
    let mut pair = server.pair().await;
    for _ in 0..TRIES {
        let lost = Fault::Discard(Way::Both);
        let lost = server.proxy.inject("lost", lost).await.unwrap();
        lost.heal().await;
        pair.passes(b"x").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_after_a_strike_that_was_awaited() {
    let _busy = Busy::new();
    let server = Server::new().await;
    for _ in 0..TRIES {
        let mut pair = server.pair().await;
        let reset = server.proxy.strike("reset", Fault::Reset(Side::Both));
        reset.await.unwrap();
        // It may find nobody any more.
        let _ = pair.served.try_write(b"leaked");
        pair.is_reset().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dials_after_it_is_under_it() {
    let _busy = Busy::new();
    let server = Server::new().await;
    for _ in 0..TRIES {
        let reject = server.proxy.inject("reject", Fault::Reject).await;
        let reject = reject.unwrap();
        if let Ok(mut client) = TcpStream::connect(server.proxy.address()).await {
            let read = timeout(PATIENCE, client.read(&mut [0])).await;
            assert!(read.expect("it was let in").is_err());
        }
        reject.heal().await;
        server.pair().await.passes(b"x").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inject_that_nobody_waits_for_leaves_nothing() {
    let _busy = Busy::new();
    let server = Server::new().await;
    let mut pair = server.pair().await;
    for turns in (0..TRIES).map(|number| number % 5) {
        let inject = server.proxy.inject("pulled", Fault::Stall(Way::Both));
        tokio::select! {
            biased;
            guard = inject => drop(guard.unwrap()),
            () = yield_for(turns) => {}
        }
        pair.passes(b"x").await;
    }
}

async fn yield_for(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}
