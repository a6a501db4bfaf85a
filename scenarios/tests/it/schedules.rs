//! The checker on random schedules: the reference client passes every
//! one of them, or nothing is said, with a reason that is true.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use environment::{Observer, Seed};
use scenarios::explore::{Base, Schedule};
use scenarios::runner::{Folder, Settings, Time, simulate};
use scenarios::subjects::Subject;
use scenarios::verdict::{Judgement, Reason, Verdict, judge};
use tokio_util::sync::CancellationToken;

/// How many schedules are run, and from which number on: `CHAOS_TEST_SCHEDULES`
/// may say `COUNT` or `FROM..UNTIL`.
const SCHEDULES: &str = "CHAOS_TEST_SCHEDULES";

/// As many as a debug build has in half a minute; `make schedules` has 20,000.
const USUAL: u64 = 300;

/// As many as usual, or as many as were asked for, but no more than that.
pub(crate) fn numbers(usual: u64, most: u64) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var(SCHEDULES) else {
        return 0..usual;
    };
    let numbers: std::ops::Range<u64> = match asked.split_once("..") {
        Some((from, until)) => from.parse().unwrap()..until.parse().unwrap(),
        None => 0..asked.parse().unwrap(),
    };
    numbers.start..numbers.end.min(numbers.start.saturating_add(most))
}

/// The schedule of this number.
fn drawn(number: u64) -> Schedule {
    Schedule::draw(Seed(1), number, &Base::built_in())
}

fn run(schedule: &Schedule) -> Option<Judgement> {
    let scenario = schedule.scenario().ok()?;
    let settings = Settings {
        subject: Subject::Sim,
        time: Time::Virtual,
        must_repeat: false,
        seed: Seed(schedule.seed),
        flaws: Default::default(),
        is_wire: false,
        tls: Default::default(),
        folder: Folder::new("nowhere".as_ref(), &scenario.id, "sim", Seed(schedule.seed)),
    };
    let never = CancellationToken::new();
    let trace = simulate(&scenario, &settings, &Observer::none(), &never);
    assert!(trace.problem.is_none(), "{schedule}\n{:?}", trace.problem);
    Some(judge(&scenario, &trace.header, &trace.entries))
}

/// Runs them on all cores.
fn judge_all(numbers: std::ops::Range<u64>) -> BTreeMap<u64, Option<Judgement>> {
    let next = AtomicU64::new(numbers.start);
    let judged = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            let judgement = run(&drawn(number));
            let mut judged = judged.lock().unwrap_or_else(PoisonError::into_inner);
            judged.insert(number, judgement);
        }
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    judged.into_inner().unwrap()
}

/// Whether a run may say nothing for this reason: nobody was struck, or nothing
/// that was promised came to be judged.
fn is_true(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NoEffect | Reason::NothingHeld | Reason::Missing(_)
    )
}

#[test]
fn the_sound_client_is_never_blamed() {
    let judged = judge_all(numbers(USUAL, u64::MAX));
    let (mut blamed, mut unsound, mut refused) = (Vec::new(), Vec::new(), 0);
    for (number, judgement) in &judged {
        let Some(judgement) = judgement else {
            refused += 1;
            continue;
        };
        let failed = judgement.checks.iter();
        let failed = failed.filter(|check| check.result == scenarios::checks::Finding::Failed);
        match judgement.verdict {
            Verdict::Failed => {
                let whys = failed.map(|check| format!("{}: {}", check.name, check.why));
                blamed.push(format!("S{number} {}", whys.collect::<Vec<_>>().join("; ")));
            }
            Verdict::Inconclusive if !judgement.reasons.iter().all(is_true) => {
                let reasons = judgement.reasons.iter().map(ToString::to_string);
                unsound.push(format!(
                    "S{number} {}",
                    reasons.collect::<Vec<_>>().join("; ")
                ));
            }
            _ => {}
        }
    }
    let count = judged.len();
    let whys = judged
        .keys()
        .filter_map(|number| drawn(*number).scenario().err());
    let whys: Vec<String> = whys
        .take(if refused * 10 < count { 0 } else { 20 })
        .collect();
    assert!(
        whys.is_empty(),
        "{refused} of {count}:\n{}",
        whys.join("\n")
    );
    for number in judged.keys().filter(|number| {
        let begins = format!("S{number} ");
        blamed
            .iter()
            .chain(&unsound)
            .any(|told| told.starts_with(&begins))
    }) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("S{number}.toml"));
        std::fs::write(path, drawn(*number).to_string()).unwrap();
    }
    assert!(
        blamed.is_empty() && unsound.is_empty(),
        "of {count}, {} blamed and {} inconclusive for no true reason, now files of {}:\n{}\n{}",
        blamed.len(),
        unsound.len(),
        env!("CARGO_TARGET_TMPDIR"),
        blamed.join("\n"),
        unsound.join("\n"),
    );
}
