//! What cannot be run is told as a whole, at its place, with exit code 2, and
//! nothing runs.

use crate::program::{Answer, Place, SMALL};

const FIVE: &str = r#"
id = "five mistakes"
duration = "soon"
sed = 7

[clients]
count = 0

[[fault]]
at = "1s"
inject.rest = {}

[expect]
max_live = 1
"#;

fn diagnostics(answer: &Answer, file: &str) -> usize {
    let prefix = format!("{file}:");
    let lines = answer.err.lines();
    lines.filter(|line| line.starts_with(&prefix)).count()
}

#[tokio::test]
async fn five_mistakes_are_five_diagnostics_and_nothing_runs() {
    let place = Place::new();
    place.file("five.toml", FIVE);
    place.file("sound.toml", SMALL);
    let words = [
        "run",
        "sound.toml",
        "five.toml",
        "--out",
        "out",
        "--seed",
        "7",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(2);
    assert_eq!(diagnostics(&answer, "five.toml"), 5, "{}", answer.err);
    assert!(
        answer.err.contains("5 mistakes; nothing was run"),
        "{}",
        answer.err
    );
    assert!(!place.path("out").exists());
    assert_eq!(
        answer.last_line(),
        "chaos run sound.toml five.toml --seed 7"
    );
}

#[tokio::test]
async fn check_tells_the_same_and_runs_nothing() {
    let place = Place::new();
    place.file("five.toml", FIVE);
    let answer = place.chaos(&["check", "five.toml"]).await;
    assert_eq!(diagnostics(answer.expect(2), "five.toml"), 5);
    place.file("sound.toml", SMALL);
    let answer = place.chaos(&["check", "sound.toml"]).await;
    assert_eq!(answer.expect(0).out, "ok  small  sound.toml\n");
}

#[tokio::test]
async fn what_is_no_scenario_is_told_by_name() {
    let place = Place::new();
    std::fs::write(place.path("latin.toml"), b"id = '\xe9'").unwrap();
    let words = ["run", "missing.toml", "latin.toml", "--out", "out"];
    let answer = place.chaos(&words).await;
    answer.expect(2);
    for part in [
        "scenario missing.toml: No such file or directory",
        "scenario latin.toml: not UTF-8 from byte 6 on",
    ] {
        assert!(answer.err.contains(part), "{}", answer.err);
    }
    assert!(!place.path("out").exists());
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told() {
    let place = Place::new();
    place.file("small.toml", SMALL);
    for (words, part) in [
        (
            &["--time", "virtual"][..],
            "--time virtual is not available yet",
        ),
        (&["--client", "browser"], "only `sim` is available yet"),
        (
            &["--flaw", "no_livenes"],
            "no flaw is called \"no_livenes\"",
        ),
        (&["--filter", "R99*"], "no scenario has such an id"),
        (&["--filter", "["], "--filter [: not a pattern"),
        (&["--seed", "one"], "invalid digit"),
        (&["--jobs", "0"], "0 is not in 1..=256"),
        (&["--seeds", "1..9"], "unexpected argument"),
    ] {
        let answer = place.chaos(&[&["run", "small.toml"], words].concat()).await;
        answer.expect(2);
        assert!(answer.err.contains(part), "{words:?}: {}", answer.err);
    }
}

#[tokio::test]
async fn one_id_twice_is_told() {
    let place = Place::new();
    place.file("a.toml", SMALL);
    place.file("b.toml", SMALL);
    let answer = place.chaos(&["check", "a.toml", "b.toml"]).await;
    answer.expect(2);
    let part = "b.toml:2:6: the id `small` is taken by a.toml";
    assert!(answer.err.contains(part), "{}", answer.err);
}
