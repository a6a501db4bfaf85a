//! Runs that do not come to their end keep what was written and say why.

use std::path::Path;
use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use scenarios::archive::read_journal;
use scenarios::journal::{self, Body, Mark};
use scenarios::verdict::Verdict;
use tokio::process::Command;

use crate::processes::{signal, wait_until};
use crate::program::{Place, SMALL, answer};

/// Until a file has this.
async fn wait_for(path: &Path, part: &str) {
    let text = || std::fs::read_to_string(path);
    wait_until(|| text().is_ok_and(|text| text.contains(part))).await;
}

#[tokio::test]
async fn an_interrupt_keeps_a_valid_journal_and_exits_130() {
    let place = Place::new();
    let long = SMALL.replace("\"2s\"", "\"60s\"");
    let files = [
        ("a.toml", long.replace("small", "a")),
        ("b.toml", long.replace("small", "b")),
    ];
    for (name, text) in &files {
        place.file(name, text);
    }
    let words = [
        "run", "a.toml", "b.toml", "--jobs", "1", "--out", "out", "--seed", "1",
    ];
    let child = place.command(&words).spawn().unwrap();
    let journal = place.record("a", "journal.jsonl");
    wait_for(&journal, "\"struck\"").await;
    signal(child.id().unwrap(), Signal::INT);
    let answer = answer(child).await;
    answer.expect(130);
    assert_eq!(answer.last_line(), "chaos run a.toml b.toml --seed 1");
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.ends_with('\n'));
    let (header, entries) = read_journal(&journal).unwrap();
    assert_eq!((header.id.as_str(), header.seed), ("a", 1));
    let last = &entries.last().unwrap().body;
    assert_eq!(*last, Body::Harness(Mark::Interrupted));
    let decisions = std::fs::read_to_string(place.record("a", "decisions.jsonl")).unwrap();
    assert_eq!(decisions.lines().count(), 2);
    let results = place.results();
    assert_eq!(
        (results.passed, results.failed, results.inconclusive),
        (0, 0, 2)
    );
    for scenario in results.scenarios {
        assert_eq!(scenario.reasons[0].to_string(), "the run was interrupted");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_begun_is_told_by_name() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    let journal = place.record("small", "journal.jsonl");
    std::fs::create_dir_all(journal.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &journal).unwrap();
    let answer = place.run(&file, &[]).await;
    answer.expect(3);
    let part = "journal out/small/sim/1/journal.jsonl: No space left on device";
    assert!(answer.out.contains(part), "{}", answer.out);
    assert_eq!(
        answer.last_line(),
        "chaos run small.toml --seed 1".replace("small.toml", file.to_str().unwrap())
    );
}

#[tokio::test]
async fn a_disk_that_fills_up_in_mid_run_ends_it_and_is_told() {
    let place = Place::new();
    let file = place.file("small.toml", &SMALL.replace("\"2s\"", "\"60s\""));
    // No file may be larger than 16 blocks, and writing more is an error.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" run \"$1\" --out out";
    let mut command = Command::new("sh");
    place.prepare(&mut command);
    command.args([
        "-c",
        script,
        env!("CARGO_BIN_EXE_chaos"),
        file.to_str().unwrap(),
    ]);
    let clock = Clock::start();
    let answer = answer(command.spawn().unwrap()).await;
    answer.expect(3);
    assert!(
        clock.now().since_origin() < Duration::from_secs(40),
        "at once"
    );
    let part = "journal out/small/sim/1/journal.jsonl: File too large";
    assert!(answer.out.contains(part), "{}\n{}", answer.out, answer.err);
    let result = place.result();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    let text = std::fs::read_to_string(place.record("small", "journal.jsonl")).unwrap();
    let whole = &text[..=text.rfind('\n').unwrap()];
    let (_, entries) = journal::read(Path::new("journal"), whole.as_bytes()).unwrap();
    assert!(entries.len() > 10, "what was written before is there");
}

#[tokio::test]
async fn results_that_cannot_be_written_are_told_by_name() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    std::fs::create_dir_all(place.path("out/results.json/taken")).unwrap();
    let answer = place.run(&file, &[]).await;
    answer.expect(3);
    assert!(answer.err.contains("out/results.json: "), "{}", answer.err);
    assert!(
        answer.last_line().starts_with("chaos run "),
        "{}",
        answer.out
    );
}

#[tokio::test]
async fn clients_that_never_connect_are_named() {
    let place = Place::new();
    let hasty = format!("start_within = \"1ms\"\n{SMALL}");
    let file = place.file(
        "hasty.toml",
        &hasty.replace("count = 2", "count = 2\nramp = \"20s\""),
    );
    let answer = place.run(&file, &[]).await;
    answer.expect(3);
    let part = "client never connected: ";
    assert!(answer.out.contains(part), "{}", answer.out);
    assert!(
        answer.out.contains("c2 had no message within 1ms"),
        "{}",
        answer.out
    );
}
