//! What is shown on a terminal, and what in a pipe.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use environment::Clock;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::{LIMIT, Place, SMALL};

/// A place with a scenario that passes and one that fails.
fn place() -> Place {
    let place = Place::new();
    let broken = SMALL
        .replace("\"small\"", "\"broken\"")
        .replace("count = 2", "count = 2\nflaws = [\"stops_on_reset\"]");
    place.file("small.toml", SMALL);
    place.file("broken.toml", &broken);
    place
}

const RUN: [&str; 5] = ["run", "small.toml", "broken.toml", "--out", "out"];

#[tokio::test]
async fn in_a_pipe_each_end_is_a_line_and_nothing_has_colours() {
    let place = place();
    let answer = place.chaos(&RUN).await;
    let told: Vec<&str> = answer.err.lines().collect();
    assert_eq!(told.len(), 3, "{}", answer.err);
    assert_eq!(told[0], "chaos: 2 scenarios, 2 at a time");
    assert!(
        told[1].contains("s  1/2  ") && told[2].contains("s  2/2  "),
        "{told:?}"
    );
    for id in ["small", "broken"] {
        let of = told
            .iter()
            .filter(|line| line.ends_with(&format!("  {id}")));
        assert_eq!(of.count(), 1, "{told:?}");
    }
    assert!(!answer.err.contains('\u{1b}') && !answer.out.contains('\u{1b}'));
}

#[tokio::test]
async fn colours_can_be_forced_and_forbidden() {
    let place = place();
    place.chaos(&RUN).await;
    let has_colours = async |variables: &[(&str, &str)]| {
        let mut command = place.command(&["judge", "out"]);
        command.envs(variables.iter().copied());
        let output = command.output().await.unwrap();
        output.stdout.contains(&b'\x1b')
    };
    assert!(!has_colours(&[]).await);
    assert!(has_colours(&[("CLICOLOR_FORCE", "1")]).await);
    assert!(!has_colours(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).await);
    assert!(!has_colours(&[("NO_COLOR", "1")]).await);
}

/// A terminal of forty columns: the end that shows, and the program's end.
fn terminal() -> (File, OwnedFd) {
    let shows = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&shows).unwrap();
    unlockpt(&shows).unwrap();
    let name = ptsname(&shows, Vec::new()).unwrap();
    let name = name.into_string().unwrap();
    let theirs = File::options().read(true).write(true).open(name).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 40,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size).unwrap();
    (shows.into(), theirs.into())
}

/// What is shown until the program's end is closed.
fn watch(mut shows: File) -> String {
    let (mut shown, mut some) = (Vec::new(), [0; 4096]);
    // A terminal whose other end is closed answers with an error.
    while let Ok(count @ 1..) = shows.read(&mut some) {
        shown.extend(&some[..count]);
    }
    String::from_utf8(shown).unwrap()
}

/// The lines that stay when the codes are taken out.
fn lines(shown: &str) -> Vec<String> {
    let plain = console::strip_ansi_codes(shown).replace('\r', "\n");
    plain
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[tokio::test]
async fn a_terminal_shows_what_runs_and_then_a_table_that_fits() {
    let place = place();
    let (shows, theirs) = terminal();
    let watching = tokio::task::spawn_blocking(move || watch(shows));
    let mut command = place.command(&RUN);
    command
        .env("TERM", "xterm")
        .stdout(Stdio::from(theirs.try_clone().unwrap()))
        .stderr(Stdio::from(theirs));
    let mut child = command.spawn().unwrap();
    // It holds the program's end open.
    drop(command);
    let ended = Clock::start().timeout(LIMIT, child.wait()).await;
    assert!(ended.expect("the program ends in time").is_ok());
    let shown = watching.await.unwrap();
    assert!(shown.contains('\u{1b}'), "{shown}");
    let lines = lines(&shown);
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(has("  small   running "), "{lines:?}");
    assert!(has("  broken  settling"), "{lines:?}");
    assert!(has("  2/2  "), "{lines:?}");
    let rows = lines.iter().filter(|line| line.contains(" checks"));
    let rows: Vec<&String> = rows.collect();
    assert_eq!(rows.len(), 2, "{lines:?}");
    for row in rows {
        assert!(row.chars().count() <= 40 && row.ends_with('…'), "{row}");
    }
}
