//! Runs that the machine has spoiled run again, alone. Here the machine is one that
//! stops the program in the middle of a run, so that its faults come late.

use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use scenarios::archive::read_journal;
use scenarios::journal::{Body, Entry, Mark};
use scenarios::results::Results;
use scenarios::verdict::Verdict;

use crate::processes::{signal, wait_until};
use crate::program::{Answer, MACHINE, Place, SMALL, answer};

/// The fault is due half a second after t = 0.
const TOO_LONG: Duration = Duration::from_millis(1500);

/// Runs it while the machine spoils so many tries.
async fn spoiled(place: &Place, tries: u32, words: &[&str]) -> Answer {
    let _alone = MACHINE.write().await;
    place.file("small.toml", SMALL);
    let words = [&["run", "small.toml", "--out", "out"], words].concat();
    let child = place.command(&words).spawn().unwrap();
    let program = child.id().unwrap();
    for number in 1..=tries {
        let begun = place.record("small", "journal.jsonl");
        let before = place.record("small", &format!("journal.{}.jsonl", number - 1));
        let has_begun =
            || std::fs::read_to_string(&begun).is_ok_and(|text| text.contains("t_zero"));
        wait_until(|| (number == 1 || before.exists()) && has_begun()).await;
        signal(program, Signal::STOP);
        Clock::start().sleep(TOO_LONG).await;
        signal(program, Signal::CONT);
        wait_until(|| {
            let next = place.record("small", &format!("journal.{number}.jsonl"));
            next.exists() || place.path("out/results.json").exists()
        })
        .await;
    }
    answer(child).await
}

fn was_held_up(place: &Place, journal: &str) -> bool {
    let (_, entries) = read_journal(&place.record("small", journal)).unwrap();
    let held_up = |entry: &Entry| match entry.body {
        Body::Harness(Mark::HeldUp { late_us }) => late_us > 1_000_000,
        _ => false,
    };
    entries.iter().any(held_up)
}

fn ensure_counted(results: &Results, retried: usize, verdict: Verdict) {
    assert_eq!(results.retried, retried);
    let [result] = &results.scenarios[..] else {
        panic!("{results:#?}")
    };
    assert_eq!(result.verdict, verdict, "{result:#?}");
    assert_eq!(usize::try_from(result.retried), Ok(retried));
}

fn ensure_told(place: &Place, answer: &Answer, came_to: &str) {
    let sentence = format!(
        "1 run was spoiled by a busy machine and ran again, alone: small (sim, seed 1) {came_to}"
    );
    assert!(answer.out.contains(&sentence), "{}", answer.out);
    for record in ["summary.md", "report.html"] {
        let text = std::fs::read_to_string(place.path("out").join(record)).unwrap();
        assert!(text.contains(&sentence), "{record}: {text}");
    }
    let junit = std::fs::read_to_string(place.path("out/junit.xml")).unwrap();
    assert!(
        junit.contains(r#"<property name="retried" value="1"/>"#),
        "{junit}"
    );
}

#[tokio::test]
async fn a_run_that_the_machine_spoiled_once_ends_green() {
    let place = Place::new();
    let answer = spoiled(&place, 1, &[]).await;
    answer.expect(0);
    ensure_counted(&place.results(), 1, Verdict::Passed);
    ensure_told(&place, &answer, "passed");
    assert!(was_held_up(&place, "journal.1.jsonl"));
    assert!(!was_held_up(&place, "journal.jsonl"));
    // From journals alone it is the same: of tries the last one counts.
    let again = place.chaos(&["judge", "out", "--out", "again"]).await;
    again.expect(0);
    let text = |path: &str| std::fs::read_to_string(place.path(path)).unwrap();
    let results: Results = serde_json::from_str(&text("again/results.json")).unwrap();
    ensure_counted(&results, 1, Verdict::Passed);
}

#[tokio::test]
async fn one_that_it_spoils_again_stays_so_and_says_why() {
    let place = Place::new();
    let answer = spoiled(&place, 2, &[]).await;
    answer.expect(3);
    ensure_counted(&place.results(), 1, Verdict::Inconclusive);
    ensure_told(&place, &answer, "inconclusive");
    assert!(was_held_up(&place, "journal.1.jsonl") && was_held_up(&place, "journal.jsonl"));
    assert!(!place.record("small", "journal.2.jsonl").exists());
}

#[tokio::test]
async fn nothing_runs_again_where_nobody_wants_that() {
    let place = Place::new();
    let answer = spoiled(&place, 1, &["--retry", "0"]).await;
    answer.expect(3);
    ensure_counted(&place.results(), 0, Verdict::Inconclusive);
    assert!(!answer.out.contains("ran again"), "{}", answer.out);
    assert!(!place.record("small", "journal.1.jsonl").exists());
}
