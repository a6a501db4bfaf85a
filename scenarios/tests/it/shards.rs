//! A suite in parts, and the parts put together.

use std::fs;

use crate::clocks::files;
use crate::program::{Answer, Place, SMALL};

/// Both verdicts: the flaw shows only where a connection is reset.
fn suite(place: &Place) {
    place.file("a.toml", SMALL);
    let other = SMALL.replace("\"small\"", "\"other\"");
    place.file("b.toml", &other.replace("reset = {}", "close = {}"));
    let long = SMALL.replace("\"small\"", "\"long\"");
    place.file("c.toml", &long.replace("\"2s\"", "\"9s\""));
}

const SUITE: [&str; 10] = [
    "run",
    "a.toml",
    "b.toml",
    "c.toml",
    "--time",
    "virtual",
    "--seeds",
    "1..4",
    "--flaw",
    "stops_on_reset",
];

async fn run(place: &Place, words: &[&str]) -> Answer {
    place.chaos(&[&SUITE[..], words].concat()).await
}

async fn three(place: &Place) {
    for shard in ["1/3", "2/3", "3/3"] {
        let out = format!("s{}", &shard[..1]);
        run(place, &["--shard", shard, "--out", &out]).await;
    }
}

async fn refused(place: &Place, words: &[&str], why: &str) {
    let answer = place
        .chaos(&[&["merge", "--out", "m"], words].concat())
        .await;
    let answer = answer.expect(2);
    assert!(answer.err.contains(why), "{}", answer.err);
    assert!(!place.path("m").exists(), "nothing is written");
}

#[tokio::test]
async fn merged_shards_are_to_the_byte_what_one_run_leaves() {
    let place = Place::new();
    suite(&place);
    three(&place).await;
    let one = run(&place, &["--out", "one"]).await;
    let one = one.expect(1);
    let merged = place
        .chaos(&["merge", "s2", "s3", "s1", "--out", "m"])
        .await;
    let merged = merged.expect(1);
    assert_eq!(merged.out.replace("m/", "one/"), one.out);
    assert!(files(&place.path("one")) == files(&place.path("m")));
    let runs = |shard: &str| {
        let text = fs::read_to_string(place.path(shard).join("results.json")).unwrap();
        let results: scenarios::results::Results = serde_json::from_str(&text).unwrap();
        results.scenarios.len()
    };
    let runs = ["s1", "s2", "s3"].map(runs);
    assert_eq!(runs.iter().sum::<usize>(), 12);
    assert!(runs.iter().all(|runs| *runs >= 3), "{runs:?}");
    // In another run of the same folder it is no shard any more.
    run(&place, &["--out", "s1"]).await;
    let again = place
        .chaos(&["merge", "s1", "s2", "s3", "--out", "n"])
        .await;
    let why = "s1: no shard has left its records there";
    assert!(again.expect(2).err.contains(why), "{}", again.err);
}

#[tokio::test]
async fn what_is_not_all_of_one_suite_is_not_merged() {
    let place = Place::new();
    suite(&place);
    three(&place).await;
    refused(&place, &["s1", "s3"], "of 3 shards, 2 is missing").await;
    refused(&place, &["s1"], "of 3 shards, 2, 3 are missing").await;
    refused(
        &place,
        &["s1", "s2", "s2", "s3"],
        "s2 and s2: both are shard 2/3",
    )
    .await;
    refused(&place, &["s1", "s4"], "s4: there is no such folder").await;
    let record = place.path("s3/shard.json");
    let whole = fs::read_to_string(&record).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(whole.contains(from), "{whole}");
        fs::write(&record, whole.replace(from, to)).unwrap();
    };
    let all = ["s1", "s2", "s3"];
    changed("\"not_begun\": 0", "\"not_begun\": 2");
    refused(&place, &all, "s3: shard 3/3 was broken off: 2 of its runs").await;
    changed(env!("CARGO_PKG_VERSION"), "9.9.9");
    refused(&place, &all, "written by chaos ").await;
    changed("--seeds 1..4", "--seeds 1..5");
    refused(&place, &all, "are different suites").await;
    changed("\"id\": \"", "\"id\": \"../");
    refused(&place, &all, "shard.json: there can be no run").await;
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    refused(&place, &all, "shard.json: EOF while parsing").await;
    fs::write(&record, &whole).unwrap();
    fs::write(
        place.path("b.toml"),
        SMALL.replace("\"small\"", "\"other\""),
    )
    .unwrap();
    run(&place, &["--shard", "2/3", "--out", "s2"]).await;
    refused(
        &place,
        &all,
        "the scenarios, clients or seeds were not the same",
    )
    .await;
}

#[tokio::test]
async fn a_record_that_is_gone_is_told_and_nothing_is_written_over() {
    let place = Place::new();
    suite(&place);
    three(&place).await;
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/mine"), "kept").unwrap();
    for (out, why) in [
        ("s1", "--out s1: that is one of the shards"),
        ("full", "--out full: there is something in it already"),
    ] {
        let answer = place
            .chaos(&["merge", "s1", "s2", "s3", "--out", out])
            .await;
        assert!(answer.expect(2).err.contains(why), "{}", answer.err);
    }
    assert_eq!(fs::read_to_string(place.path("full/mine")).unwrap(), "kept");
    let runs = fs::read_dir(place.path("s2")).unwrap().flatten();
    let folder = runs.map(|entry| entry.path()).find(|path| path.is_dir());
    let folder = folder.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let answer = place
        .chaos(&["merge", "s1", "s2", "s3", "--out", "m"])
        .await;
    let shown = folder
        .strip_prefix(place.path(""))
        .unwrap()
        .display()
        .to_string();
    assert!(answer.expect(2).err.contains(&shown), "{}", answer.err);
    assert!(!place.path("m/results.json").exists());
}

#[tokio::test]
async fn a_shard_without_runs_is_well_and_one_is_found_by_what_an_engine_sets() {
    let place = Place::new();
    let file = place.file("a.toml", SMALL);
    let words = [
        "run",
        file.to_str().unwrap(),
        "--time",
        "virtual",
        "--shard",
    ];
    let lone = [&words[..], &["2/2", "--out", "s2"]].concat();
    let answer = place.chaos(&lone).await;
    let began = "chaos: 1 scenario; 0 runs in shard 2/2, 0 at a time";
    assert!(answer.expect(0).err.contains(began), "{}", answer.err);
    let mut auto = place.command(&[&words[..], &["auto", "--out", "s1"]].concat());
    auto.env("CI_NODE_INDEX", "1").env("CI_NODE_TOTAL", "2");
    let answer = crate::program::answer(auto.spawn().unwrap()).await;
    answer.expect(0);
    let merged = place.chaos(&["merge", "s1", "s2", "--out", "m"]).await;
    merged.expect(0);
}

const SEARCH: [&str; 8] = [
    "explore",
    "--cases",
    "50",
    "--seed",
    "3",
    "--unconfirmed",
    "--flaw",
    "stops_on_reset",
];

async fn search(place: &Place, words: &[&str]) -> Answer {
    place.chaos(&[&SEARCH[..], words].concat()).await
}

/// The numbers of the schedules that a shard or a merge has kept.
fn kept(text: &str) -> Vec<u64> {
    let lines = text.lines().filter_map(|line| {
        let schedule: serde_json::Value = serde_json::from_str(line).ok()?;
        schedule["number"].as_u64()
    });
    lines.collect()
}

#[tokio::test]
async fn a_search_in_shards_is_put_together_to_the_byte() {
    let place = Place::new();
    let whole = ["1/3", "2/3", "3/3"];
    for shard in whole {
        let out = format!("s{}", &shard[..1]);
        search(&place, &["--shard", shard, "--out", &out, "--jobs", "2"]).await;
    }
    let merge = async |folders: [&str; 3], out: &str| {
        let words = [&["merge"], &folders[..], &["--out", out]].concat();
        place.chaos(&words).await
    };
    let merged = merge(["s1", "s2", "s3"], "m").await;
    let merged = merged.expect(1);
    assert!(merged.out.contains("\n50 cases: "), "{}", merged.out);
    let again = merge(["s3", "s1", "s2"], "n").await;
    assert_eq!(again.expect(1).out.replace("n/", "m/"), merged.out);
    assert_eq!(files(&place.path("n")), files(&place.path("m")));
    // Each schedule is drawn by one shard.
    let corpus = fs::read_to_string(place.path("m/corpus/corpus.jsonl")).unwrap();
    let numbers = kept(&corpus);
    assert!(numbers.len() > 3, "{numbers:?}");
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    for remainder in 0..3 {
        assert!(numbers.iter().any(|number| number % 3 == remainder));
    }
    // What was found fails again.
    let found: Vec<_> = fs::read_dir(place.path("m/found")).unwrap().collect();
    assert!(!found.is_empty());
    let answer = place
        .chaos(&[
            "run",
            "m/found",
            "--time",
            "virtual",
            "--flaw",
            "stops_on_reset",
        ])
        .await;
    answer.expect(1);
    fs::remove_dir_all(place.path("m")).unwrap();
    refused(&place, &["s1", "s3"], "of 3 shards, 2 is missing").await;
    search(
        &place,
        &["--shard", "2/3", "--out", "s2", "--guide", "random"],
    )
    .await;
    refused(&place, &["s1", "s2", "s3"], "are different suites").await;
}
