//! `--out`: one run's alone, and made sure of before anything runs.

use std::path::Path;
use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use scenarios::out_folder::OutFolder;

use crate::processes::{signal, wait_until};
use crate::program::{Place, SMALL, answer};

/// Every file beneath, with what is in it.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match std::fs::read(&path) {
            Ok(bytes) => files.push((path, bytes)),
            Err(_) => files.extend(self::files(&path)),
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn what_another_run_has_is_not_touched() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    let words = ["--time", "virtual"];
    place.run(&file, &words).await.expect(0);
    let before = files(&place.path("out"));
    let claimed = OutFolder::claim(&place.path("out")).unwrap();
    for words in [
        &[
            "run",
            "small.toml",
            "--time",
            "virtual",
            "--out",
            "./out",
            "--seed",
            "2",
        ][..],
        &["judge", "out", "--out", "out"],
    ] {
        let refused = place.chaos(words).await;
        let part = "out: another run of chaos writes there; give each a folder of its own";
        assert!(refused.expect(2).err.contains(part), "{}", refused.err);
    }
    assert_eq!(files(&place.path("out")), before);
    drop(claimed);
    place.run(&file, &words).await.expect(0);
    assert_eq!(files(&place.path("out")), before, "nothing else lies there");
}

#[tokio::test]
async fn a_run_has_its_folder_until_it_ends_or_dies() {
    for how in [Signal::INT, Signal::KILL] {
        let place = Place::new();
        place.file("small.toml", &SMALL.replace("\"2s\"", "\"60s\""));
        let words = ["run", "small.toml", "--out", "out"];
        let first = place.command(&words).spawn().unwrap();
        let journal = place.record("small", "journal.jsonl");
        wait_until(|| journal.exists()).await;
        place.chaos(&words).await.expect(2);
        signal(first.id().unwrap(), how);
        answer(first).await;
        OutFolder::claim(&place.path("out")).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_told_before_anything_runs() {
    let place = Place::new();
    place.file("long.toml", &SMALL.replace("\"2s\"", "\"600s\""));
    place.file("taken", "");
    for out in ["taken", "taken/below", "/proc/nobody"] {
        let clock = Clock::start();
        let answer = place.chaos(&["run", "long.toml", "--out", out]).await;
        let part = format!("chaos: --out {out}: nothing can be written there: ");
        assert!(answer.expect(2).err.contains(&part), "{}", answer.err);
        assert!(clock.now().since_origin() < Duration::from_secs(60));
    }
}
