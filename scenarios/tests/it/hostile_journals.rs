//! Journals that nobody means well: told or judged in bounded time, memory and
//! words, and nothing in them reaches the terminal as more than text.

use std::path::PathBuf;
use std::time::Duration;

use environment::Clock;

use crate::program::{Answer, Place, SMALL};

const HEADER: &str = r#"{"format":"chaos-journal","version":2,"id":"small","case":"small","seed":1,"time":"real","client":"sim","clients":["c1","c2"],"flaws":[],"control":null}"#;

/// A hundred times as long as any of these takes.
const SOON: Duration = Duration::from_secs(30);

/// Many times as much as any of them has to say.
const FEW: usize = 4000;

/// A record with this journal.
fn record(journal: &[u8]) -> (Place, PathBuf) {
    let place = Place::new();
    let path = place.file("journal.jsonl", "");
    std::fs::write(&path, journal).unwrap();
    place.file("scenario.toml", SMALL);
    (place, path)
}

async fn judged(place: &Place) -> Answer {
    let clock = Clock::start();
    let answer = place.chaos(&["judge", ".", "--out", "again"]).await;
    assert!(clock.now().since_origin() < SOON, "{answer:?}");
    let told = answer.err.len() + answer.out.len();
    assert!(told < FEW, "{told} bytes");
    let is_obeyed = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!answer.err.contains(is_obeyed), "{}", answer.err);
    assert!(!answer.out.contains(is_obeyed), "{}", answer.out);
    answer
}

#[tokio::test]
async fn what_is_no_journal_is_told_in_few_words() {
    let long = "x".repeat(900_000);
    let evil = r"\u001b[31m\u202e\n";
    let behind = |line: String| format!("{HEADER}\n{line}\n").into_bytes();
    let header = |from: &str, to: &str| HEADER.replacen(from, to, 1).into_bytes();
    for (journal, part) in [
        (vec![0; 10_000_000], ":1: a line of 1048576 bytes or more"),
        (vec![0xff; 1000], ":1: not UTF-8 from byte 0 on"),
        (vec![0; 1000], ":1: this is not the header of a journal"),
        (
            b"\x1f\x8b\x08\x00zipped\n".to_vec(),
            ":1: not UTF-8 from byte 1 on",
        ),
        (b"\n".to_vec(), ":1: this is not the header of a journal"),
        (b"[]\n".to_vec(), ":1: this is not the header of a journal"),
        (header("chaos-journal", evil), r":1: format `\u{1b}[31m"),
        (
            header("\"version\":2", "\"version\":-1"),
            ":1: this is not the header",
        ),
        (
            header("\"version\":2", "\"version\":3"),
            ", version 3; this program reads ",
        ),
        (
            header("\"sim\"", "\"../../etc\""),
            "`../../etc` is nothing that `client` may be",
        ),
        (header("sim", evil), "is nothing that `client` may be"),
        (
            header("\"real\"", "\"borrowed\""),
            "`borrowed` is nothing that `time` may be",
        ),
        (
            header("null", "\"cable\""),
            "`cable` is nothing that `control` may be",
        ),
        (
            header("\"id\":\"small\"", &format!("\"id\":\"{evil}{long}\"")),
            r"a run of `\u{1b}[31m",
        ),
        (
            header("[\"c1\",\"c2\"]", "[]"),
            "a run of `small` with 0 clients",
        ),
        (
            behind(format!(r#"{{"t_us":1,"from":"{evil}{long}"}}"#)),
            r":2: `from` is `\u{1b}[31m",
        ),
        (
            behind(format!(
                r#"{{"t_us":1,"from":"harness","event":"{evil}{long}"}}"#
            )),
            ":2: unknown variant `",
        ),
        (
            behind(format!(
                r#"{{"t_us":1,"from":"harness","event":"{long}{long}"}}"#
            )),
            ":2: a line of 1048576 bytes or more",
        ),
        (
            behind(r#"{"t_us":1e99,"from":"harness","event":"started"}"#.into()),
            ":2: ",
        ),
        (behind("[".repeat(900_000)), ":2: "),
    ] {
        let (place, _) = record(&journal);
        let answer = judged(&place).await;
        assert_eq!(answer.code, Some(2), "{part}: {}", answer.err);
        assert!(answer.err.contains(part), "{part}: {}", answer.err);
    }
}

#[tokio::test]
async fn a_file_with_a_hole_of_ten_gigabytes_is_no_journal() {
    let (place, path) = record(b"");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(10 << 30).unwrap();
    let part = "journal.jsonl:1: a line of 1048576 bytes or more";
    assert!(judged(&place).await.expect(2).err.contains(part));
}

#[tokio::test]
async fn what_a_journal_tells_stays_text_and_is_bounded() {
    let reason = format!(
        "it died:\\n\\u001b[2Jpassed  small\\u202e{}",
        "x".repeat(500_000)
    );
    let lines = [
        HEADER.to_owned(),
        r#"{"t_us":0,"from":"harness","event":"started"}"#.to_owned(),
        format!(r#"{{"t_us":1,"from":"harness","event":"failed","reason":"{reason}"}}"#),
    ];
    let (place, _) = record((lines.join("\n") + "\n").as_bytes());
    let clock = Clock::start();
    let answer = place.chaos(&["judge", ".", "--out", "again"]).await;
    answer.expect(3);
    assert!(clock.now().since_origin() < SOON);
    assert!(answer.out.len() < 30_000, "{}", answer.out.len());
    let expected = "\n  it died:\n    \\u{1b}[2Jpassed  small\\u{202e}xxx";
    assert!(answer.out.contains(expected), "{}", answer.out);
    for name in ["results.json", "junit.xml", "summary.md"] {
        let text = std::fs::read_to_string(place.path("again").join(name)).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{name}: {text}");
        assert!(text.len() < 60_000, "{name}: {}", text.len());
    }
}

/// A journal of marks.
fn journal(marks: &[(u64, &str)]) -> String {
    let lines = marks.iter().map(|(time, mark)| {
        format!("{{\"t_us\":{time},\"from\":\"harness\",\"event\":\"{mark}\"}}\n")
    });
    format!("{HEADER}\n{}", lines.collect::<String>())
}

/// Times at the ends of what a number can be, in an order that cannot be: refused,
/// and the others of the same call are judged.
#[tokio::test]
async fn times_that_cannot_be_are_refused_at_their_line() {
    let far = journal(&[
        (0, "started"),
        ((1 << 63) - 1, "t_zero"),
        (u64::MAX, "ended"),
    ]);
    let back = journal(&[
        (9_000_000, "started"),
        (75, "t_zero"),
        (10_000_000, "ended"),
    ]);
    let sound = journal(&[(0, "started"), (75, "t_zero"), (10_000_000, "ended")]);
    let place = Place::new();
    for (name, text) in [("back", &back), ("far", &far), ("sound", &sound)] {
        std::fs::create_dir_all(place.path(name)).unwrap();
        place.file(&format!("{name}/journal.jsonl"), text);
        place.file(&format!("{name}/scenario.toml"), SMALL);
    }
    let answer = judged(&place).await;
    assert_eq!(answer.code, Some(2), "{}", answer.err);
    for part in [
        "back/journal.jsonl:3: out of order: `t_us` is 75, and a line before it has 9000000",
        "far/journal.jsonl:3: `t_us` is 9223372036854775807, more than a week after the start",
        "nothing is written to again: not every journal could be checked",
    ] {
        assert!(answer.err.contains(part), "{part}: {}", answer.err);
    }
    assert!(
        answer.out.contains("0 passed, 0 failed, 1 inconclusive"),
        "{}",
        answer.out
    );
}
