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
        answer.err.contains("5 errors; nothing was run"),
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
    let words = ["run", "missing.toml", "latin.toml", "R01", "--out", "out"];
    let answer = place.chaos(&words).await;
    answer.expect(2);
    for part in [
        "scenario missing.toml: No such file or directory",
        "scenario latin.toml: not UTF-8 from byte 6 on",
        "no file or folder `R01`; the built-in scenario of that id: chaos run --filter R01",
    ] {
        assert!(answer.err.contains(part), "{}", answer.err);
    }
    assert!(!place.path("out").exists());
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told() {
    let place = Place::new();
    place.file("small.toml", SMALL);
    let (nested, long) = (
        format!("{}x{}", "{a,".repeat(150), "}".repeat(150)),
        "{".repeat(100_000),
    );
    for (words, part) in [
        (
            &["--client", "browser"][..],
            "there is no client `browser`; there is sim, ",
        ),
        (
            &["--client", "sim,sim"],
            "--client sim,sim: `sim` is there twice",
        ),
        (&["--client", "sim,"], "--client sim,: a name is empty"),
        (&["--client", ""], "--client : a name is empty"),
        (
            &["--flaw", "no_livenes"],
            "no flaw is called \"no_livenes\"",
        ),
        (&["--filter", "R99*"], "no scenario has such an id"),
        (&["--filter", "["], "--filter [: not a pattern"),
        (&["--filter", &nested], ": not a pattern: "),
        (
            &["--filter", &long],
            "--filter: 100000 characters; the most is 1000",
        ),
        (
            &["--filter", "[\u{1b}[31m\u{202e}"],
            "--filter [\\u{1b}[31m\\u{202e}: not a pattern",
        ),
        (&["--seed", "one"], "invalid digit"),
        (&["--jobs", "0"], "0 is not in 1..=256"),
        (&["--seeds", "one"], "such as 1..200"),
        (&["--seeds", "5..1"], "there is no seed from 5 to 1"),
        (&["--seeds", "1..99999999"], "more than 10000 seeds at once"),
        (&["--seeds", "1..9", "--seed", "3"], "exclude each other"),
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

/// What a file that nobody means well may hold; each is told, soon.
#[tokio::test]
async fn hostile_files_are_told_in_bounded_time() {
    let place = Place::new();
    let head = "id = \"x\"\nduration = \"4s\"\n[expect]\nmax_live = 1\n";
    let rule = |keys: &str| format!("{head}[[fault]]\ninject.reset = {{}}\n{keys}\n");
    let named = format!("[\"{}\"]", "c9\", \"".repeat(150_000));
    let many: String = (0..17_000)
        .map(|n| format!("[[fault]]\nname='{n}'\nat='1s'\ninject.close={{}}\n"))
        .collect();
    for (text, part) in [
        (rule("at = \"99999999999999999999s\""), "x.toml:7:6: "),
        (rule("at = \"18446744073709551616ms\""), "x.toml:7:6: "),
        (rule("at = 99999999999999999999"), "x.toml:7:6: "),
        (rule("at = \"-1s\""), "x.toml:7:6: "),
        (
            rule("at = \"1s\"\nfor = \"0s\""),
            "x.toml:8:7: `for` is no time at all",
        ),
        (
            rule("at = \"1s\"\nevery = \"0s\""),
            "x.toml:8:9: `every` must be at least 1ms",
        ),
        (
            rule("at = \"2s\"\nevery = \"1s\"\nuntil = \"1s\""),
            "x.toml:9:9: `until` comes before `at`",
        ),
        (
            rule("on = { attempt = \"5..2\" }"),
            "x.toml:7:18: `5..2` is empty",
        ),
        (
            format!("{head}id = \"y\"\n"),
            "x.toml:5:1: unknown key `id`",
        ),
        (format!("id = \"y\"\n{head}"), "x.toml:2:1: "),
        (rule(&format!("at = {}", "[".repeat(100_000))), "x.toml:7:"),
        (
            rule(&format!("at = \"1s\"\ntarget.clients = {named}")),
            "x.toml:8:19: there is no client `c9`",
        ),
        (
            format!("{head}[clients]\ncount = 10000\n{many}"),
            "too much is planned",
        ),
        (
            format!("{head}{}", "x = 1\n".repeat(100_000)),
            "x.toml:6:1: ",
        ),
        (format!("{head}{}", "a.".repeat(300_000)), "x.toml:5:"),
    ] {
        place.file("x.toml", &text);
        let clock = environment::Clock::start();
        let answer = place.chaos(&["check", "x.toml"]).await;
        let taken = clock.now().since_origin();
        let shown: String = text.chars().take(200).collect();
        let err: String = answer.err.chars().take(2000).collect();
        assert_eq!(answer.code, Some(2), "{shown}\n{err}");
        assert!(answer.err.contains(part), "{part}\n{shown}\n{err}");
        assert!(answer.err.len() < 100_000, "{part}: {}", answer.err.len());
        // A hundred times what it takes.
        assert!(taken.as_secs() < 30, "{part}: {taken:?}");
    }
}

#[tokio::test]
async fn a_file_of_ten_megabytes_is_not_even_read() {
    let place = Place::new();
    place.file("large.toml", &"# nothing\n".repeat(1024 * 1024));
    let answer = place.chaos(&["check", "large.toml"]).await;
    let part = "scenario large.toml: larger than 1048576 bytes";
    assert!(answer.expect(2).err.contains(part), "{}", answer.err);
}

#[tokio::test]
async fn what_is_wrong_for_one_client_alone_is_told_with_its_name() {
    let place = Place::new();
    place.file(
        "own.toml",
        &SMALL.replacen("duration = \"", "duration = \"liveness - 5s + ", 1),
    );
    std::fs::create_dir(place.path("hasty")).unwrap();
    let client = "name = 'hasty'\nversion = '1'\ncommand = ['true']\nliveness = '1s'\n";
    place.file("hasty/client.toml", client);
    let words = ["run", "own.toml", "--client", "./hasty", "--out", "out"];
    let answer = place.chaos(&words).await;
    assert_eq!(
        diagnostics(answer.expect(2), "own.toml"),
        1,
        "{}",
        answer.err
    );
    assert!(
        answer.err.contains("comes to less than nothing"),
        "{}",
        answer.err
    );
    assert!(
        answer.err.contains("by the figures of `hasty`"),
        "{}",
        answer.err
    );
    assert!(!place.path("out").exists());
    place.chaos(&["check", "own.toml"]).await.expect(0);
}

#[tokio::test]
async fn what_no_message_is_of_is_told() {
    let place = Place::new();
    let fault = "inject.drop_frame = { message = { matches = 'a^' } }";
    let text = SMALL.replace("inject.reset = {}", fault);
    assert!(text.contains(fault));
    place.file("x.toml", &text);
    let answer = place.chaos(&["check", "x.toml"]).await;
    let note = "    note: `half of them` never acts: no message matches \"a^\"\n";
    assert!(answer.expect(0).out.contains(note), "{answer:?}");
}

#[tokio::test]
async fn what_hangs_on_the_servers_numbers_is_told() {
    let place = Place::new();
    let own = "[server]\nexternal = \"ws://127.0.0.1:9/\"\n";
    let text = SMALL.replace("[server]\ntick = \"100ms\"\n", own) + "reordered = 0\nlost = 0\n";
    place.file("x.toml", &text);
    let answer = place.chaos(&["check", "x.toml"]).await;
    let note = "note: of sim `lost`, `reordered` can be judged only if this server numbers its messages as the ticker does";
    assert!(answer.expect(0).out.contains(note), "{answer:?}");
}
