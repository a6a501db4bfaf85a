//! Standard streams that are full, or whose reader has gone: whatever is said
//! there, the exit code is that of what happened.

use std::fs::File;
use std::process::Stdio;

use tokio::process::Command;

use crate::program::{Answer, Place, SMALL, answer};

/// Every command with its exit code, and that where stdout is full.
const COMMANDS: [(&[&str], i32, i32); 11] = [
    (&["schema"], 0, 3),
    (&["list"], 0, 3),
    (&["plan", "small.toml"], 0, 3),
    (&["--help"], 0, 3),
    (&["--version"], 0, 3),
    (&["check", "small.toml"], 0, 0),
    (&["judge", "before"], 0, 0),
    (
        &[
            "-vv",
            "run",
            "small.toml",
            "--time",
            "virtual",
            "--out",
            "out",
        ],
        0,
        0,
    ),
    (
        &[
            "run",
            "small.toml",
            "--time",
            "virtual",
            "--flaw",
            "stops_on_reset",
        ],
        1,
        1,
    ),
    (&["run", "missing.toml"], 2, 2),
    (&["run", "--no-such-flag"], 2, 2),
];

/// A folder with a scenario and the records of a run.
async fn place() -> Place {
    let place = Place::new();
    place.file("small.toml", SMALL);
    let words = ["run", "small.toml", "--time", "virtual", "--out", "before"];
    place.chaos(&words).await.expect(0);
    place
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

async fn run(place: &Place, words: &[&str], full_out: bool) -> Answer {
    let mut command = place.command(words);
    match full_out {
        true => command.stdout(full()),
        false => command.stderr(full()),
    };
    answer(command.spawn().unwrap()).await
}

#[tokio::test]
async fn a_full_stdout_is_told_and_a_full_stderr_is_not() {
    let place = place().await;
    for (words, code, code_if_full) in COMMANDS {
        let told = run(&place, words, true).await;
        told.expect(code_if_full);
        let is_told = told.err.matches("chaos: stdout: No space left on device");
        let once = usize::from(code != 2 || words.contains(&"missing.toml"));
        assert_eq!(is_told.count(), once, "{words:?}: {}", told.err);
        run(&place, words, false).await.expect(code);
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_error() {
    let place = place().await;
    for (words, code, _) in COMMANDS {
        let mut command = Command::new("sh");
        place.prepare(&mut command);
        let script = "{ \"$0\" \"$@\"; echo $? > code; } | head -n 1";
        command.args(["-c", script, env!("CARGO_BIN_EXE_chaos")]);
        let piped = answer(command.args(words).spawn().unwrap()).await;
        piped.expect(0);
        let told = std::fs::read_to_string(place.path("code")).unwrap();
        assert_eq!(told.trim(), code.to_string(), "{words:?}: {}", piped.err);
        assert!(!piped.err.contains("stdout"), "{words:?}: {}", piped.err);
    }
}
