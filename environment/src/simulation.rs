//! A world of its own: a network in this process, virtual time, and one
//! thread for everything in it.
//!
//! The runtime has neither sockets nor timers: whoever wants them of tokio panics,
//! so nothing real can slip in. When every task waits, the thread would park; then
//! time leaps to the next deadline instead. Tasks run in the order in which they
//! were woken, so the same program gives the same run, on any machine.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::Environment;
use crate::clock::{Clock, Leap, Stall};
use crate::net::{Network, Passed};
use crate::observer::Observer;

/// How much may happen in one simulation: a minute or two of a machine's time.
const MOST_EVENTS: u64 = 100_000_000;

/// A runtime of one thread with its own network and virtual time.
#[derive(Debug)]
pub struct Simulation {
    runtime: Runtime,
    leap: Arc<Leap>,
    tap: Option<Observer<Passed>>,
}

impl Simulation {
    /// An empty world, at the origin of its time.
    ///
    /// # Errors
    /// When the system grants no memory for it.
    pub fn new() -> io::Result<Self> {
        Self::of(MOST_EVENTS)
    }

    /// In which at most this many events (wake-ups by the clock, reads and writes)
    /// may happen before [`Clock::stalled`] says that they were too many.
    ///
    /// # Errors
    /// As [`Simulation::new`].
    pub fn of(most_events: u64) -> io::Result<Self> {
        let leap = Arc::new(Leap::new(most_events));
        let at_rest = Arc::clone(&leap);
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || at_rest.leap())
            .build()?;
        let pulse = Arc::clone(&leap);
        // It ends with the runtime, whose own it is.
        drop(runtime.spawn(async move { pulse.pulse().await }));
        let tap = None;
        Ok(Self { runtime, leap, tap })
    }

    /// The same, with whatever passes at the ends of its connections told, as no
    /// program in it tells it.
    #[must_use]
    pub fn tapped(self, tap: Observer<Passed>) -> Self {
        Self {
            tap: Some(tap),
            ..self
        }
    }

    /// What everything in this world is handed.
    pub fn environment(&self) -> Environment {
        Environment {
            network: Network::simulated(Arc::clone(&self.leap), self.tap.clone()),
            clock: Clock::leaping(Arc::clone(&self.leap)),
        }
    }

    /// Runs `future`, and all that it starts, on this thread, until it has ended.
    ///
    /// # Errors
    /// When it will not end: nothing is left to happen, although everybody who
    /// listens to [`Clock::stalled`] has been told so.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stall> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                output = future => Ok(output),
                stall = self.end() => Err(stall),
            }
        })
    }

    async fn end(&self) -> Stall {
        let stall = self.leap.stalled().await;
        self.leap.ended().await;
        stall
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::Moment;

    #[test]
    fn an_hour_is_over_at_once_and_exact_to_the_nanosecond() {
        let simulation = Simulation::new().unwrap();
        let clock = simulation.environment().clock;
        let wait = Duration::from_secs(3600) + Duration::from_nanos(1);
        let waited = simulation.run(async {
            clock.sleep(wait).await;
            clock.now()
        });
        assert_eq!(waited, Ok(Moment::ORIGIN + wait));
    }

    #[test]
    fn whoever_waits_for_nothing_is_told_so() {
        let simulation = Simulation::new().unwrap();
        let never = simulation.run(std::future::pending::<()>());
        assert_eq!(never, Err(Stall::NothingLeft));
    }

    /// Whoever listens can put its things away, with time going on.
    #[test]
    fn whoever_listens_ends_in_its_own_way() {
        let simulation = Simulation::new().unwrap();
        let clock = simulation.environment().clock;
        let ended = simulation.run(async {
            let stall = clock.stalled().await;
            clock.sleep(Duration::from_secs(5)).await;
            stall
        });
        assert_eq!(ended, Ok(Stall::NothingLeft));
    }

    #[test]
    fn what_goes_on_for_ever_is_too_much() {
        let simulation = Simulation::of(1_000).unwrap();
        let clock = simulation.environment().clock;
        let turns = async {
            loop {
                clock.sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = simulation.run(async {
            tokio::select! {
                biased;
                stall = clock.stalled() => stall,
                () = turns => unreachable!(),
            }
        });
        assert_eq!(ended, Ok(Stall::TooMuch { most: 1_000 }));
        assert_eq!(clock.now().since_origin(), Duration::from_secs(1_001));
    }

    /// Without any wait of their own.
    #[test]
    fn what_talks_without_end_is_too_much() {
        let simulation = Simulation::of(10_000).unwrap();
        let Environment { network, clock } = simulation.environment();
        let ended = simulation.run(async {
            let listener = network.listen("127.0.0.1:80".parse().unwrap()).unwrap();
            let mut dialled = network.dial("127.0.0.1:80").await.unwrap();
            let (mut accepted, _) = listener.accept().await.unwrap();
            let talk = async {
                loop {
                    dialled.write_all(b"x").await.unwrap();
                    accepted.read_exact(&mut [0]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                stall = clock.stalled() => stall,
                () = talk => unreachable!(),
            }
        });
        assert_eq!(ended, Ok(Stall::TooMuch { most: 10_000 }));
    }

    /// Neither waits nor lets anybody else run.
    #[test]
    fn what_never_lets_go_ends() {
        let spin = async |network: Network, clock: Clock| {
            let listener = network.listen("127.0.0.1:80".parse().unwrap()).unwrap();
            let mut dialled = network.dial("127.0.0.1:80").await.unwrap();
            drop(listener.accept().await.unwrap());
            dialled.read_u8().await.unwrap_err();
            loop {
                assert_eq!(dialled.read(&mut [0]).await.unwrap(), 0);
                clock.sleep(Duration::ZERO).await;
            }
        };
        let simulation = Simulation::new().unwrap();
        let Environment { network, clock } = simulation.environment();
        let ended = simulation.run(async {
            tokio::select! {
                biased;
                stall = clock.stalled() => stall,
                () = spin(network, clock.clone()) => unreachable!(),
            }
        });
        let at = clock.now();
        let most = 1_000_000;
        assert_eq!(ended, Ok(Stall::StandsStill { at, most }));
    }

    /// Who puts its things away by the clock would do so indefinitely, too.
    #[test]
    fn what_goes_on_at_one_moment_ends_although_somebody_waits() {
        let simulation = Simulation::new().unwrap();
        let clock = simulation.environment().clock;
        let ended = simulation.run(async {
            clock.sleep(Duration::from_secs(1)).await;
            let spins = async {
                loop {
                    clock.sleep(Duration::ZERO).await;
                    tokio::task::yield_now().await;
                }
            };
            let told = async {
                clock.stalled().await;
                clock.sleep(Duration::from_secs(1)).await;
            };
            tokio::join!(spins, told)
        });
        let ended = ended.map(|_: (std::convert::Infallible, ())| ());
        let at = Moment::ORIGIN + Duration::from_secs(1);
        let most = 1_000_000;
        assert_eq!(ended, Err(Stall::StandsStill { at, most }));
    }

    /// The peer's bytes come to whoever waited for them and has gone.
    #[test]
    fn a_leap_that_wakes_nobody_is_not_the_end() {
        let simulation = Simulation::new().unwrap();
        let Environment { network, clock } = simulation.environment();
        let ended = simulation.run(async {
            let listener = network.listen("127.0.0.1:80".parse().unwrap()).unwrap();
            let mut dialled = network.dial("127.0.0.1:80").await.unwrap();
            let (mut accepted, _) = listener.accept().await.unwrap();
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move {
                accepted.read_exact(&mut [0]).await.unwrap();
                accepted
            });
            tokio::task::yield_now().await;
            dialled.write_all(b"x").await.unwrap();
            tasks.shutdown().await;
            clock.sleep(Duration::from_secs(1)).await;
        });
        assert_eq!(ended, Ok(()));
    }

    #[test]
    #[should_panic(expected = "IO is disabled")]
    fn a_real_socket_cannot_slip_in() {
        let simulation = Simulation::new().unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        // Whatever the system says: it does not come to that.
        let _ = simulation.run(tokio::net::TcpListener::bind(address));
    }
}
