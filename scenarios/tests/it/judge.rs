//! Runs are judged again from what they left, and a journal's decisive events
//! decide.

use std::path::{Path, PathBuf};

use scenarios::results::Results;
use scenarios::verdict::Verdict;
use serde_json::Value;

use crate::program::{Answer, Place, SMALL};

/// Runs of a small scenario until the machine was not too busy for one.
async fn passed_run() -> Place {
    const TRIES: usize = 4;
    for attempt in 1..=TRIES {
        let place = Place::new();
        let file = place.file("small.toml", SMALL);
        let answer = place.run(&file, &[]).await;
        if attempt == TRIES || answer.code != Some(3) {
            answer.expect(0);
            return place;
        }
    }
    unreachable!("the last try returns or panics")
}

fn journal(place: &Place) -> PathBuf {
    place.record("small", "journal.jsonl")
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Judges with these lines in the journal's place, which is put back then.
async fn judged_with(place: &Place, changed: &[String]) -> Answer {
    let path = journal(place);
    let before = std::fs::read(&path).unwrap();
    std::fs::write(&path, changed.join("\n") + "\n").unwrap();
    let answer = place.chaos(&["judge", "out", "--out", "again"]).await;
    std::fs::write(&path, before).unwrap();
    answer
}

fn again(place: &Place) -> Results {
    let text = std::fs::read_to_string(place.path("again/results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// The line that tells of the first data of the client that was struck, on its
/// second connection: without it, it never came back.
fn decisive(lines: &[String]) -> usize {
    let mut found = lines.iter().enumerate().filter(|(_, line)| {
        let event = event(line);
        event["from"] == "proxy" && event["event"] == "first_data" && event["attempt"] == 2
    });
    let (index, _) = found.next().expect("a client came back");
    index
}

/// What `chaos run` printed, without the lines that name its records.
fn table(answer: &Answer) -> String {
    let is_record = |line: &&str| line.starts_with("out/");
    let lines = answer.out.lines().filter(|line| !is_record(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn without_results_the_verdicts_are_the_same() {
    let place = Place::new();
    // One that passes, and one whose clients have a flaw of the file's own.
    let broken = SMALL
        .replace("\"small\"", "\"broken\"")
        .replace("count = 2", "count = 2\nflaws = [\"stops_on_reset\"]");
    place.file("small.toml", SMALL);
    place.file("broken.toml", &broken);
    let words = ["run", "broken.toml", "small.toml", "--out", "out"];
    let ran = place.chaos(&words).await;
    let results = place.results();
    std::fs::remove_file(place.path("out/results.json")).unwrap();
    let judged = place.chaos(&["judge", "out"]).await;
    assert_eq!(judged.code, ran.code, "{}\n{}", judged.out, judged.err);
    assert!(!place.path("out/results.json").exists());
    let beside = |id: &str| {
        let name = format!("out/{id}/sim/1/scenario.toml");
        (
            format!("chaos run {id}.toml "),
            format!("chaos run {name} "),
        )
    };
    let expected = ["broken", "small"].iter().fold(table(&ran), |table, id| {
        let (ran, again) = beside(id);
        table.replace(&ran, &again)
    });
    assert_eq!(table(&judged), expected);
    assert!(expected.contains("chaos run out/broken/sim/1/scenario.toml --seed 1\n"));
    place.chaos(&["judge", "out", "--out", "same"]).await;
    for name in ["junit.xml", "summary.md"] {
        let read = |folder: &str| std::fs::read_to_string(place.path(folder).join(name)).unwrap();
        let expected = ["broken", "small"].iter().fold(read("out"), |text, id| {
            let (ran, again) = beside(id);
            text.replace(&ran, &again)
        });
        assert_eq!(read("same"), expected);
    }
    let words = ["judge", "out/small", "out/broken", "out", "--out", "again"];
    place.chaos(&words).await;
    let mut again = again(&place);
    assert_eq!(again.scenarios.len(), 2, "each journal once");
    again.scenarios.reverse();
    for (again, before) in again.scenarios.iter_mut().zip(&results.scenarios) {
        again.repeat.clone_from(&before.repeat);
        assert_eq!(again, before);
    }
}

#[tokio::test]
async fn one_event_deleted_or_moved_flips_the_verdict() {
    let place = passed_run().await;
    let sound = lines(&journal(&place));
    let decisive = decisive(&sound);
    judged_with(&place, &sound).await.expect(0);

    let mut without = sound.clone();
    without.remove(decisive);
    judged_with(&place, &without).await.expect(1);
    let result = &again(&place).scenarios[0];
    assert_eq!(result.verdict, Verdict::Failed);
    assert!(
        result.checks[0].why.contains("had no data in the"),
        "{result:?}"
    );

    let mut late = sound.clone();
    let mut event = event(&late[decisive]);
    event["t_us"] = (event["t_us"].as_u64().unwrap() + 2_000_000).into();
    late[decisive] = event.to_string();
    judged_with(&place, &late).await.expect(1);
    let result = &again(&place).scenarios[0];
    assert!(result.checks[0].why.contains("had data only"), "{result:?}");

    let mut unharmed = sound.clone();
    unharmed.retain(|line| !line.contains("\"event\":\"struck\""));
    judged_with(&place, &unharmed).await.expect(3);
    assert_eq!(again(&place).scenarios[0].verdict, Verdict::Inconclusive);
}

#[tokio::test]
async fn a_journal_that_ends_early_says_nothing() {
    let place = passed_run().await;
    let sound = lines(&journal(&place));
    judged_with(&place, &sound[..sound.len() / 2])
        .await
        .expect(3);
    let result = &again(&place).scenarios[0];
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert_eq!(
        result.reasons[0].to_string(),
        "the journal ends before the run does"
    );
}

#[tokio::test]
async fn what_is_no_journal_is_told_by_file_and_line() {
    let place = passed_run().await;
    let path = journal(&place);
    let shown = "out/small/sim/1/journal.jsonl";
    let sound = std::fs::read_to_string(&path).unwrap();
    let count = sound.lines().count();
    let cut = sound[..sound.len() - 5].to_owned();
    let newer = sound.replacen("\"version\":2", "\"version\":9", 1);
    let garbage = sound.replacen("\n", "\nnonsense\n", 1);
    let other = sound.replacen("\"id\":\"small\"", "\"id\":\"large\"", 1);
    for (text, part) in [
        (cut, format!("{shown}:{count}: the line is cut off: ")),
        (
            newer,
            format!("{shown}:1: format `chaos-journal`, version 9"),
        ),
        (garbage, format!("{shown}:2: expected ")),
        (String::new(), format!("{shown}:1: the journal is empty")),
        (other, format!("{shown}: a run of `large`")),
    ] {
        std::fs::write(&path, text).unwrap();
        let answer = place.chaos(&["judge", "out"]).await;
        answer.expect(2);
        assert!(answer.err.contains(&part), "{part}: {}", answer.err);
        assert_eq!(answer.out, "");
    }
}

#[tokio::test]
async fn what_cannot_be_found_is_told() {
    let place = passed_run().await;
    std::fs::create_dir(place.path("empty")).unwrap();
    for (words, part) in [
        (&["judge", "missing"][..], "missing: No such file"),
        (
            &["judge", "empty"],
            "empty: there is no journal.jsonl beneath",
        ),
        (&["judge", "/dev/null"], "/dev/null: this is not a file"),
        (
            &["judge", "out", "--expect", "out"],
            "--expect out: a folder",
        ),
        (&["judge"], "required"),
    ] {
        let answer = place.chaos(words).await;
        answer.expect(2);
        assert!(answer.err.contains(part), "{words:?}: {}", answer.err);
    }
    // What can be judged is, all the same.
    let answer = place.chaos(&["judge", "empty", "out"]).await;
    assert!(answer.expect(2).out.contains("1 passed, 0 failed"));
    std::fs::remove_file(place.record("small", "scenario.toml")).unwrap();
    let answer = place.chaos(&["judge", "out"]).await;
    let part = "a journal is judged with the scenario.toml of its run beside it";
    assert!(answer.expect(2).err.contains(part), "{}", answer.err);
}

#[tokio::test]
async fn another_files_expectations_decide_instead() {
    let place = passed_run().await;
    let strict = SMALL.replace("max_live = 1", "max_dials = 0");
    place.file("strict.toml", &strict);
    let words = ["judge", "out", "--expect", "strict.toml", "--out", "again"];
    place.chaos(&words).await.expect(1);
    let result = &again(&place).scenarios[0];
    let names: Vec<&str> = result
        .checks
        .iter()
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(names, ["recover_within", "max_dials"]);
    let why = &result.checks[1].why;
    assert!(why.contains(" dialled 1 time from t = 0"), "{why}");
    place.file("wrong.toml", &strict.replace("= 0", "= 'none'"));
    let answer = place
        .chaos(&["judge", "out", "--expect", "wrong.toml"])
        .await;
    assert!(
        answer.expect(2).err.contains("wrong.toml:"),
        "{}",
        answer.err
    );
}
