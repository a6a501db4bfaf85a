//! What a network promises: one set of tests, on the system's TCP and on the
//! simulated network alike ([`manners`], [`ends`], [`ports`], [`equal`]); and what
//! only the system can show ([`system`]).

mod ends;
mod equal;
mod manners;
mod ports;
mod system;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use environment::{Clock, Environment, Listener, Network, Simulation, Stream};

/// Longer than anything here takes, even on a starved machine. Virtual time is
/// held to it as well.
const SOON: Duration = Duration::from_secs(300);

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Holds both networks to the same test.
pub(crate) fn on_both<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    on_the_system(&test);
    on_a_simulation(&test);
}

pub(crate) fn on_the_system<F: Future<Output = ()>>(test: &impl Fn(World) -> F) {
    eprintln!("on the system's network");
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(Environment::real());
        let clock = world.clock.clone();
        clock.timeout(SOON, test(world)).await.unwrap();
    });
}

pub(crate) fn on_a_simulation<F: Future<Output = ()>>(test: &impl Fn(World) -> F) {
    eprintln!("on a simulated network");
    let simulation = Simulation::new().unwrap();
    let world = World::new(simulation.environment());
    let clock = world.clock.clone();
    let ended = simulation.run(clock.timeout(SOON, test(world)));
    ended.unwrap().unwrap();
}

/// A network to be tested, with its clock.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) clock: Clock,
}

impl World {
    fn new(environment: Environment) -> Self {
        let Environment { network, clock } = environment;
        Self { network, clock }
    }

    pub(crate) fn listen(&self) -> Listener {
        self.network.listen(loopback()).unwrap()
    }

    pub(crate) async fn dial(&self, listener: &Listener) -> std::io::Result<Stream> {
        self.network.dial(&listener.local_addr().to_string()).await
    }

    /// Both ends of a connection: the one that dialled, and the other.
    pub(crate) async fn pair(&self) -> (Stream, Stream, Listener) {
        let listener = self.listen();
        let dialled = self.dial(&listener).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        (dialled, accepted, listener)
    }
}

/// A pair of the system's.
pub(crate) async fn pair() -> (Stream, Stream, Listener) {
    World::new(Environment::real()).pair().await
}
