//! A proxy on threads of its own, and a pair of peers that it connects.

use std::time::Duration;

use environment::{Environment, Moment, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::bench::Bench;
use crate::world::{World, soon};

/// See the module.
pub(crate) struct Rig {
    proxies: Runtime,
    peers: Runtime,
    pub(crate) world: World,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            proxies: Builder::new_multi_thread().enable_all().build().unwrap(),
            peers: Builder::new_current_thread().enable_all().build().unwrap(),
            world: World::new(Environment::real()),
        }
    }

    /// Runs the peers' part.
    pub(crate) fn run<F: Future>(&self, peers: F) -> F::Output {
        self.peers.block_on(peers)
    }

    /// Runs `task` where the proxies run.
    pub(crate) async fn beside_proxy<F>(&self, task: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.proxies.spawn(task).await.unwrap()
    }

    /// A proxy under these faults, from now on.
    pub(crate) async fn proxy(&self, faults: &str) -> Proxied {
        let bench = {
            let _proxies = self.proxies.enter();
            Bench::of(&self.world, faults)
        };
        let zero = bench.begin().await;
        Proxied { bench, zero }
    }
}

/// A server with the proxy in front of it.
pub(crate) struct Proxied {
    pub(crate) bench: Bench,
    /// t = 0, by the proxy's clock.
    pub(crate) zero: Moment,
}

impl Proxied {
    /// Both ends of one connection through the proxy.
    pub(crate) async fn connect(&self) -> (Stream, Stream) {
        self.bench.pair().await
    }

    pub(crate) async fn finish(self) {
        self.bench.finish().await;
    }
}

/// Messages of one length, one after the other, that say when they were sent.
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    pub(crate) count: u64,
    /// In bytes; at least the 16 that are used.
    pub(crate) length: usize,
    pub(crate) every: Duration,
}

impl Flow {
    /// Sends from one end to the other; how long each message was under way.
    /// Fails if they are not received in the order in which they were sent.
    pub(crate) async fn carry(
        self,
        rig: &Rig,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Vec<Duration> {
        let clock = rig.world.clock.clone();
        let start = clock.now();
        let send = async {
            let mut message = vec![0; self.length];
            for number in 0..self.count {
                let nth = u32::try_from(number).unwrap();
                clock.sleep_until(start + self.every * nth).await;
                message[..8].copy_from_slice(&number.to_be_bytes());
                let sent = u64::try_from(clock.now().since(start).as_nanos()).unwrap();
                message[8..16].copy_from_slice(&sent.to_be_bytes());
                from.write_all(&message).await.unwrap();
            }
        };
        let receive = async {
            let mut message = vec![0; self.length];
            let mut times = Vec::new();
            for number in 0..self.count {
                soon(to.read_exact(&mut message)).await.unwrap();
                let word = |at: usize| u64::from_be_bytes(message[at..at + 8].try_into().unwrap());
                assert_eq!(word(0), number, "order was not kept");
                times.push(clock.now().since(start + Duration::from_nanos(word(8))));
            }
            times
        };
        tokio::join!(send, receive).1
    }
}
