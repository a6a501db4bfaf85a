//! Where a test takes place: on the simulated network ([`simulated`]), where time
//! is exact and costs nothing, on the system's ([`on_sockets`]), or on both, with and
//! without TLS ([`on_both`]).

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::TlsSides;
use environment::tls::{Acceptor, Alpn, Authority, Connector, Leaf};
use environment::{Clock, Environment, Listener, Network, Simulation, Stream};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longer than anything here takes, even on a starved machine.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// Longer than anything in virtual time takes.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// What every byte, FIN, RST, SYN and its answer takes on the simulated network.
pub(crate) const HOP: Duration = Duration::from_micros(25);

pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The network and the clock of one test.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) clock: Clock,
    /// TLS is spoken on both sides of the proxy.
    pub(crate) tls: Option<Arc<Own>>,
}

/// An authority, in a folder that goes when it does.
pub(crate) struct Own {
    pub(crate) authority: Authority,
    _folder: TempDir,
}

impl Own {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_make(&folder.path().join("ca")).unwrap();
        Self {
            authority,
            _folder: folder,
        }
    }

    pub(crate) fn connector(&self) -> Connector {
        Connector::new("localhost", &self.authority.trust()).unwrap()
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        self.authority.acceptor(Leaf::Valid, Alpn::Http1)
    }
}

/// In virtual time, on a network in this process. Whoever waits for what never
/// comes is told that nothing is left.
pub(crate) fn simulated(test: impl AsyncFnOnce(World)) {
    let simulation = Simulation::new().unwrap();
    let world = World::new(simulation.environment());
    let clock = world.clock.clone();
    let ended = simulation.run(clock.timeout(LONG, test(world)));
    ended.unwrap().expect("it ends within a day");
}

/// In real time, on the system's network.
pub(crate) fn on_sockets(test: impl AsyncFnOnce(World)) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { soon(test(World::new(Environment::real()))).await });
}

/// The same test on the system's network and on the simulated one, on each without
/// TLS and with TLS on both sides of the proxy.
pub(crate) fn on_both(test: impl AsyncFn(World)) {
    on_both_without_tls(&test);
    eprintln!("on the simulated network, through TLS");
    simulated(async |world| test(world.secured()).await);
    eprintln!("on the system's network, through TLS");
    on_sockets(async |world| test(world.secured()).await);
}

/// The same test on the system's network and on the simulated one.
pub(crate) fn on_both_without_tls(test: impl AsyncFn(World)) {
    eprintln!("on the simulated network");
    simulated(&test);
    eprintln!("on the system's network");
    on_sockets(&test);
}

impl World {
    pub(crate) fn new(environment: Environment) -> Self {
        let Environment { network, clock } = environment;
        Self {
            network,
            clock,
            tls: None,
        }
    }

    /// The same, with TLS on both sides of each proxy.
    pub(crate) fn secured(self) -> Self {
        let tls = Some(Arc::new(Own::new()));
        Self { tls, ..self }
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment {
            network: self.network.clone(),
            clock: self.clock.clone(),
        }
    }

    /// A server's listener.
    pub(crate) fn listen(&self) -> Listener {
        let mut listener = self.listen_plainly();
        if let Some(own) = &self.tls {
            listener.secure(own.acceptor());
        }
        listener
    }

    /// A proxy's listener: it speaks TLS by itself.
    pub(crate) fn listen_plainly(&self) -> Listener {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        self.network.listen(loopback).unwrap()
    }

    /// How TLS is spoken on both sides of a proxy here.
    pub(crate) fn sides(&self) -> TlsSides {
        TlsSides {
            client: self.tls.as_ref().map(|own| own.acceptor()),
            server: self.tls.as_ref().map(|own| own.connector()),
        }
    }

    /// A client's connection, through its handshake if there is one.
    pub(crate) async fn dial(&self, address: SocketAddr) -> std::io::Result<Stream> {
        let stream = self.network.dial(&address.to_string()).await?;
        let Some(own) = &self.tls else {
            return Ok(stream);
        };
        let mut stream = own.connector().connect(stream);
        stream.handshake().await?;
        Ok(stream)
    }

    /// Time goes on, and with it whatever is due meanwhile.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Nothing comes for this long.
    pub(crate) async fn is_silent(&self, stream: &mut Stream, time: Duration) -> bool {
        let mut byte = [0; 1];
        let read = self.clock.timeout(time, stream.read(&mut byte));
        read.await.is_err()
    }

    /// How long this takes, and what comes of it.
    pub(crate) async fn time<F: Future>(&self, future: F) -> (Duration, F::Output) {
        let begun = self.clock.now();
        let output = future.await;
        (self.clock.now().since(begun), output)
    }
}

/// Fails a test in real time instead of hanging it.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let ended = Clock::start().timeout(SOON, future).await;
    ended.expect("this took far too long")
}

pub(crate) async fn accept(server: &Listener) -> Stream {
    let (mut stream, _) = server.accept().await.unwrap();
    // One that comes to nothing is noticed by whoever reads or writes.
    let _ = stream.handshake().await;
    stream
}

pub(crate) async fn send(stream: &mut Stream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
}

/// Reads exactly these bytes.
pub(crate) async fn expect(stream: &mut Stream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(read, bytes);
}

/// Reads on to the end: `Ok` with FIN, `Err` with anything else.
pub(crate) async fn ending(stream: &mut Stream) -> Result<Vec<u8>, ErrorKind> {
    let mut read = Vec::new();
    let ended = stream.read_to_end(&mut read).await;
    ended.map(|_| read).map_err(|error| error.kind())
}
