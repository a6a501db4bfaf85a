//! Whatever two ends do to each other, both networks answer the same.

use std::io::{self, ErrorKind};
use std::time::Duration;

use environment::{Environment, Simulation, Stream};
use proptest::prelude::*;
use tokio::io::{Interest, Ready};

use super::{SOON, World};

/// What one end does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Write(usize),
    Read(usize),
    ShutdownWrite,
    TakeError,
    Reset,
    Drop,
}

/// What came of it, and how both ends looked before: those that were there.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    looks: [Option<Ready>; 2],
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    /// Nobody was there to do it.
    Nobody,
    Done(usize),
    Failed(ErrorKind),
    Told(Option<ErrorKind>),
}

fn outcome(done: io::Result<usize>) -> Outcome {
    done.map_or_else(|error| Outcome::Failed(error.kind()), Outcome::Done)
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1_usize..2000).prop_map(Deed::Write),
        6 => (1_usize..3000).prop_map(Deed::Read),
        2 => Just(Deed::ShutdownWrite),
        2 => Just(Deed::TakeError),
        1 => Just(Deed::Reset),
        1 => Just(Deed::Drop),
    ]
}

fn all() -> Interest {
    Interest::READABLE | Interest::WRITABLE | Interest::ERROR
}

fn act(end: &mut Option<Stream>, deed: Deed) -> Outcome {
    let Some(stream) = end else {
        return Outcome::Nobody;
    };
    match deed {
        Deed::Write(count) => outcome(stream.try_write(&vec![7; count])),
        Deed::Read(count) => outcome(stream.try_read(&mut vec![0; count])),
        Deed::ShutdownWrite => outcome(stream.shutdown_write().map(|()| 0)),
        Deed::TakeError => Outcome::Told(stream.take_error().map(|error| error.kind())),
        Deed::Reset => {
            if let Some(stream) = end.take() {
                stream.reset();
            }
            Outcome::Done(0)
        }
        Deed::Drop => {
            *end = None;
            Outcome::Done(0)
        }
    }
}

/// The simulation's answers: it is asked first, and never late.
async fn simulated(world: World, deeds: &[(usize, Deed)]) -> Vec<Step> {
    let (dialled, accepted, _listener) = world.pair().await;
    let mut ends = [Some(dialled), Some(accepted)];
    let mut steps = Vec::new();
    for (end, deed) in deeds {
        // Longer than anything is under way.
        world.clock.sleep(Duration::from_millis(1)).await;
        let mut looks = [None; 2];
        for (look, end) in looks.iter_mut().zip(&ends) {
            if let Some(stream) = end {
                *look = Some(stream.ready(all()).await.unwrap());
            }
        }
        let outcome = act(&mut ends[*end], *deed);
        steps.push(Step { looks, outcome });
    }
    steps
}

/// The system's answers, each as soon as what the simulation saw has come to pass:
/// between the two ends of a real connection it takes its time.
async fn real(world: World, deeds: &[(usize, Deed)], expected: &[Step]) -> Vec<Outcome> {
    let (dialled, accepted, _listener) = world.pair().await;
    let mut ends = [Some(dialled), Some(accepted)];
    let mut outcomes = Vec::new();
    for ((end, deed), step) in deeds.iter().zip(expected) {
        for (look, end) in step.looks.iter().zip(&ends) {
            if let (Some(look), Some(stream)) = (look, end) {
                until(stream, *look).await;
            }
        }
        let outcome = match (*deed, &step.outcome, &mut ends[*end]) {
            (Deed::Read(_), Outcome::Done(count), Some(stream)) if *count > 0 => {
                read(stream, *count).await
            }
            (deed, _, end) => act(end, deed),
        };
        outcomes.push(outcome);
    }
    outcomes
}

async fn until(stream: &Stream, look: Ready) {
    let is_there = |ready: Ready| {
        ready.is_read_closed() >= look.is_read_closed()
            && ready.is_readable() >= look.is_readable()
            && ready.is_error() >= look.is_error()
    };
    while !is_there(stream.ready(all()).await.unwrap()) {
        tokio::task::yield_now().await;
    }
}

/// So many bytes, in as many pieces as they come in.
async fn read(stream: &mut Stream, count: usize) -> Outcome {
    let mut read = 0;
    while read < count {
        match stream.try_read(&mut vec![0; count - read]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stream.ready(Interest::READABLE).await.unwrap();
            }
            Err(error) => return Outcome::Failed(error.kind()),
        }
    }
    Outcome::Done(read)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_two_ends_do_both_networks_answer_the_same(
        deeds in prop::collection::vec((0_usize..2, deed()), 1..20),
    ) {
        let simulation = Simulation::new().unwrap();
        let world = World::new(simulation.environment());
        let expected = simulation.run(simulated(world, &deeds)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answers = runtime.block_on(async {
            let world = World::new(Environment::real());
            let clock = world.clock.clone();
            clock.timeout(SOON.min(Duration::from_secs(20)), real(world, &deeds, &expected)).await
        });
        let outcomes: Vec<Outcome> = expected.iter().map(|step| step.outcome.clone()).collect();
        prop_assert_eq!(answers, Ok(outcomes), "{:#?}", expected);
    }
}
