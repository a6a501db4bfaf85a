//! Virtual time: the same to the byte every time, and nothing of the system's in
//! it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::program::{MACHINE, Place, SMALL, catalogue};

/// Every file beneath, by its path.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(name.to_str().unwrap().to_owned(), text);
            }
        }
    }
    found
}

/// All that the catalogue leaves, run so.
async fn catalogue_leaves(words: &[&str]) -> BTreeMap<String, String> {
    let _shared = MACHINE.read().await;
    let place = Place::new();
    let words = [&["--time", "virtual"], words].concat();
    place.run(&catalogue(), &words).await;
    files(&place.path("out"))
}

#[tokio::test]
async fn the_catalogue_is_the_same_twice_to_the_byte_whatever_runs_beside() {
    let (one, other) = tokio::join!(
        catalogue_leaves(&["--jobs", "1"]),
        catalogue_leaves(&["--jobs", "2"]),
    );
    assert!(one.len() > 3 * 62, "{}", one.len());
    for (name, text) in &one {
        let same = other.get(name) == Some(text);
        assert!(same, "{name} is not the same");
    }
    assert_eq!(one.len(), other.len());
}

#[tokio::test]
async fn another_seed_is_another_run() {
    let (one, other) = tokio::join!(
        catalogue_leaves(&["--filter", "R01"]),
        catalogue_leaves(&["--filter", "R01", "--seed", "2"]),
    );
    assert_ne!(
        one["R01/sim/1/decisions.jsonl"],
        other["R01/sim/2/decisions.jsonl"]
    );
    assert_ne!(
        one["R01/sim/1/journal.jsonl"],
        other["R01/sim/2/journal.jsonl"]
    );
}

#[tokio::test]
async fn check_determinism_runs_everything_twice() {
    let place = Place::new();
    let words = [
        "--time",
        "virtual",
        "--check-determinism",
        "--filter",
        "R0*",
    ];
    let answer = place.run(&catalogue(), &words).await;
    answer.expect(0);
    let results = place.results();
    assert!(results.passed > 5, "{}", results.passed);
    assert_eq!(results.passed, results.scenarios.len());
}

#[tokio::test]
async fn real_time_is_not_checked_for_what_it_cannot_be() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    let answer = place.run(&file, &["--check-determinism"]).await;
    answer.expect(2);
    assert!(answer.err.contains("only --time virtual"), "{}", answer.err);
}

#[tokio::test]
async fn what_only_real_time_can_do_is_told_at_its_line() {
    let place = Place::new();
    let text = SMALL.replace("tick = \"100ms\"", "external = \"ws://127.0.0.1:9/\"");
    let file = place.file("own.toml", &text);
    let answer = place.run(&file, &["--time", "virtual"]).await;
    answer.expect(2);
    let line = format!("{}:7:", file.display());
    assert!(answer.err.contains(&line), "{}", answer.err);
    assert!(
        answer
            .err
            .contains("a custom server runs in real time only"),
        "{}",
        answer.err
    );

    let file = place.file("small.toml", SMALL);
    let words = ["--time", "virtual", "--client", "websockets"];
    let answer = place.run(&file, &words).await;
    answer.expect(2);
    assert!(
        answer.err.contains("run in real time only"),
        "{}",
        answer.err
    );
}

#[tokio::test]
async fn the_clock_is_in_the_records() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    place.run(&file, &["--time", "virtual"]).await.expect(0);
    assert_eq!(place.result().time, "virtual");
    let journal = std::fs::read_to_string(place.record("small", "journal.jsonl")).unwrap();
    let header = journal.lines().next().unwrap();
    assert!(header.contains(r#""time":"virtual""#), "{header}");
    let again = place.chaos(&["judge", "out"]).await;
    again.expect(0);
}

/// Ticks are as many as they must be: clients × time ÷ tick. The time is that of
/// the run and of its settling, and what it takes to begin and to end.
#[tokio::test]
async fn no_tick_is_missing() {
    let place = Place::new();
    let text = "id = \"calm\"\nduration = \"2m\"\nsettle = \"1s\"\n\
        [server]\ntick = \"100ms\"\n[clients]\ncount = 3\n\
        [[fault]]\nat = \"1m\"\ninject.latency = { delay = \"1ms\" }\n[expect]\nlost = 0\n";
    let file = place.file("calm.toml", text);
    place.run(&file, &["--time", "virtual"]).await;
    let journal = std::fs::read_to_string(place.record("calm", "journal.jsonl")).unwrap();
    let ticks = journal.matches(r#""event":"applied""#).count();
    let expected = 3 * 10 * (120 + 1);
    let most = expected + 3 * 5;
    assert!((expected..=most).contains(&ticks), "{ticks} of {expected}");
}
