//! What clients were deprived of, worked out a second time: from what passed at the
//! outer ends of the simulated network, by brute force over moments, without the
//! proxy's own word; and held to what the judge's folds say of the same run.

mod losses;
mod wires;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use environment::{Moment, Observer, Passed, Seed};
use scenarios::checks::Evidence;
use scenarios::definitions::Connection;
use scenarios::explore::{Base, Schedule};
use scenarios::runner::{Folder, Settings, Time, simulate_tapped};
use scenarios::subjects::Subject;

use losses::{Deprived, EDGE, covers};
use wires::Wires;

/// What one schedule came to.
#[derive(Default)]
struct Compared {
    /// Connections of which both said the same.
    same: usize,
    /// Of them, those that were deprived of something.
    deprived: usize,
    /// Connections of which the oracle cannot tell.
    untold: usize,
    differences: Vec<String>,
}

fn compare(number: u64) -> Compared {
    let mut compared = Compared::default();
    // Of a crowd most are like each other.
    let schedule = Schedule::draw(Seed(1), number, &[Base::Three]);
    let Ok(scenario) = schedule.scenario() else {
        return compared;
    };
    let folder = Folder::new("nowhere".as_ref(), &scenario.id, "sim", Seed(schedule.seed));
    let settings = Settings {
        subject: Subject::Sim,
        time: Time::Virtual,
        must_repeat: false,
        seed: Seed(schedule.seed),
        flaws: Default::default(),
        is_wire: false,
        tls: Default::default(),
        folder,
    };
    let passed: Arc<Mutex<Vec<Passed>>> = Arc::default();
    let tap = {
        let passed = Arc::clone(&passed);
        Observer::new(move |what| {
            passed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(what);
        })
    };
    let trace = simulate_tapped(&scenario, &settings, tap).unwrap();
    let passed = std::mem::take(&mut *passed.lock().unwrap());
    let observed = Evidence::new(&scenario, &trace.header, &trace.entries).observed;
    let wires = Wires::of(&passed);
    for client in observed.connections.clients() {
        for connection in observed.connections.of(client) {
            let Some(wire) = wires.of_client(client, connection.accepted) else {
                compared.untold += 1;
                continue;
            };
            let Some(deprived) = Deprived::of(&wire, observed.last) else {
                compared.untold += 1;
                continue;
            };
            let differs = difference(connection, &deprived);
            let name = || format!("S{number} {client} attempt {}", connection.attempt);
            match differs {
                Some(why) => {
                    let path =
                        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("S{number}.toml"));
                    std::fs::write(path, schedule.to_string()).unwrap();
                    compared.differences.push(format!("{}: {why}", name()));
                }
                None => {
                    compared.same += 1;
                    compared.deprived += usize::from(!deprived.times.is_empty());
                }
            }
        }
    }
    compared
}

/// The first moment of which one says that the client was deprived, and the other
/// that it was not.
fn difference(connection: &Connection, oracle: &Deprived) -> Option<String> {
    let losses = &connection.losses.downstream;
    let ends = losses.iter().flat_map(|loss| [Some(loss.from), loss.until]);
    let mut edges: Vec<Moment> = ends.flatten().collect();
    edges.extend(
        oracle
            .times
            .iter()
            .flat_map(|(from, until)| [*from, *until]),
    );
    let mut at = oracle.from;
    // What comes after the client's own close frame is for nobody, and of a server that
    // was cut off nobody knows what it would have said.
    let ends = [connection.left, connection.severed].into_iter().flatten();
    let until = ends.fold(oracle.until, Moment::min);
    while at + EDGE < until {
        let folded = connection.is_deprived(at);
        let is_near = edges
            .iter()
            .any(|edge| *edge < at + EDGE && at < *edge + EDGE);
        // The rest of a cut is destroyed when it comes, and missed when what is before it
        // is out.
        let is_rest = |(from, end): &(Moment, Moment)| *from <= at && *end >= oracle.until;
        let is_cut = connection.severed.is_some() && oracle.times.iter().any(is_rest);
        let is_unsure = is_cut || covers(&oracle.unsure, at);
        if folded != covers(&oracle.times, at) && !is_near && !is_unsure {
            return Some(format!(
                "at {at:?} the fold says {folded}; it has {losses:?}, the oracle {:?} until {:?}",
                oracle.times, oracle.until
            ));
        }
        at = at + EDGE / 2;
    }
    None
}

fn compare_all(numbers: std::ops::Range<u64>) -> Compared {
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let share = |core: u64| numbers.clone().filter(move |number| number % cores == core);
    let parts = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores)
            .map(|core| scope.spawn(move || share(core).map(compare).collect::<Vec<_>>()))
            .collect();
        let parts = parts.into_iter();
        parts
            .flat_map(|part| part.join().unwrap())
            .collect::<Vec<_>>()
    });
    parts.into_iter().fold(Compared::default(), |mut all, one| {
        all.same += one.same;
        all.deprived += one.deprived;
        all.untold += one.untold;
        all.differences.extend(one.differences);
        all
    })
}

/// As many as a debug build has in some seconds; `make schedules` has 5,000.
#[test]
fn the_folds_agree_with_what_passed_at_the_outer_ends() {
    let numbers = crate::schedules::numbers(60, 5000);
    let compared = compare_all(numbers);
    let (same, deprived, untold) = (compared.same, compared.deprived, compared.untold);
    println!("{same} connections alike, {deprived} of them deprived, {untold} untold");
    assert!(
        compared.differences.is_empty(),
        "{} differences:\n{}",
        compared.differences.len(),
        compared.differences.join("\n")
    );
    // Most are of dials that fail, or of messages alone.
    assert!(deprived * 32 > same, "{deprived} of {same}");
    assert!(untold < 2 * same, "{untold} untold, {same} told");
}
