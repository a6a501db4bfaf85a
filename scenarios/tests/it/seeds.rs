//! Many seeds of one scenario.

use scenarios::results::Results;
use scenarios::verdict::Verdict;

use crate::program::{Place, SMALL};

#[tokio::test]
async fn every_seed_has_its_verdict_and_its_record_and_the_times_are_summed_up() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    let answer = place.run(&file, &["--seeds", "3..6", "--jobs", "2"]).await;
    answer.expect(0);
    let started = "chaos: 1 scenario × 4 seeds, 2 at a time";
    assert!(answer.err.contains(started), "{}", answer.err);
    assert!(answer.out.contains("4 passed"), "{}", answer.out);
    let results = place.results();
    let seeds: Vec<u64> = results.scenarios.iter().map(|run| run.seed).collect();
    assert_eq!((seeds, results.passed), (vec![3, 4, 5, 6], 4));
    for (run, seed) in results.scenarios.iter().zip(3..) {
        let ends = format!("small.toml --seed {seed}");
        assert!(run.repeat.ends_with(&ends), "{}", run.repeat);
        let journal = place.path(&format!("out/small/sim/{seed}/journal.jsonl"));
        assert!(journal.is_file(), "{}", journal.display());
    }
    let [statistics] = &results.statistics[..] else {
        panic!("one scenario with one subject")
    };
    assert_eq!((statistics.seeds, statistics.judged), (4, 4));
    let (recover, detect) = (statistics.recover.unwrap(), statistics.detect.unwrap());
    // One or both of the clients are struck, once.
    assert!((4..=8).contains(&recover.count), "{recover:?}");
    assert_eq!(recover.count, detect.count);
    assert!(recover.p50_ms > 0.0 && recover.p50_ms <= recover.max_ms);
    judged_again(&place, &results).await;
}

/// Journals alone give the same.
async fn judged_again(place: &Place, results: &Results) {
    let answer = place.chaos(&["judge", "out", "--out", "again"]).await;
    assert!(answer.expect(0).out.contains("4 passed"), "{}", answer.out);
    let text = std::fs::read_to_string(place.path("again/results.json")).unwrap();
    let again: Results = serde_json::from_str(&text).unwrap();
    assert_eq!(again.statistics, results.statistics);
}

#[tokio::test]
async fn a_seed_that_fails_is_told_with_its_command_and_the_last_line_repeats_all() {
    let place = Place::new();
    // Gives up when its connection is lost, so whoever is struck never recovers.
    let words = ["--seeds", "1..5", "--flaw", "stops_on_reset"];
    let file = place.file("small.toml", SMALL);
    let answer = place.run(&file, &words).await;
    answer.expect(1);
    let results = place.results();
    assert_eq!((results.failed, results.scenarios.len()), (5, 5));
    let part = "small failed with 5 of 5 seeds\n  seed 1\n    recover_within failed: ";
    assert!(answer.out.contains(part), "{}", answer.out);
    let path = file.to_str().unwrap();
    let command = format!("chaos run {path} --seed 1 --flaw stops_on_reset\n  seed 2\n");
    assert!(answer.out.contains(&command), "{}", answer.out);
    assert!(answer.out.contains("\n  also 4, 5\n"), "{}", answer.out);
    let all = format!("chaos run {path} --seeds 1..5 --flaw stops_on_reset");
    assert_eq!(answer.last_line(), all);
    let failed = |run: &scenarios::results::ScenarioResult| run.verdict == Verdict::Failed;
    assert!(results.scenarios.iter().all(failed));
}

#[tokio::test]
async fn more_runs_than_anybody_has_time_for_are_refused() {
    let place = Place::new();
    let files: Vec<String> = (0..11).map(|n| format!("{n}.toml")).collect();
    for (n, file) in files.iter().enumerate() {
        place.file(file, &SMALL.replace("\"small\"", &format!("\"s{n}\"")));
    }
    let mut words = vec!["run", "--seeds", "0..9999"];
    words.extend(files.iter().map(String::as_str));
    let answer = place.chaos(&words).await;
    let part = "110000 runs at once; the most is 100000";
    assert!(answer.expect(2).err.contains(part), "{}", answer.err);
}
