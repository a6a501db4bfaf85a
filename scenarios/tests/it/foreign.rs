//! Third-party clients under test, with the verdicts that they
//! deserve. `make test-foreign` runs this; their setup installs what they need.

use std::path::PathBuf;

use scenarios::checks::Finding;
use scenarios::results::ScenarioResult;
use scenarios::verdict::Verdict;

use crate::program::{Place, catalogue};

/// On a busy machine a run may say nothing; it is given more tries.
const TRIES: usize = 4;

/// The page that says how an adapter is written.
const PAGE: &str = include_str!("../../clients/README.md");

/// A case, and what the client is expected to fail in it; usually nothing.
type Expected = (&'static str, &'static [&'static str]);

fn clients() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// All of them side by side: they mostly wait.
async fn ensure(client: &str, expected: &[Expected]) {
    let each = expected
        .iter()
        .map(|expected| ensure_one(client, *expected));
    futures_util::future::join_all(each).await;
}

async fn ensure_one(client: &str, (case, fails): Expected) {
    let result = judged(&Place::new(), client, case).await;
    let verdict = match fails {
        [] => Verdict::Passed,
        _ => Verdict::Failed,
    };
    assert_eq!(result.verdict, verdict, "{result:#?}");
    let failed = result.checks.iter().filter(|c| c.result == Finding::Failed);
    let failed: Vec<&str> = failed.map(|check| &*check.name).collect();
    assert_eq!(failed, *fails, "{result:#?}");
}

async fn judged(place: &Place, client: &str, case: &str) -> ScenarioResult {
    let file = catalogue().join(format!("{case}.toml"));
    for _ in 1..TRIES {
        place.run(&file, &["--client", client]).await;
        let result = place.result();
        if result.verdict != Verdict::Inconclusive {
            return result;
        }
    }
    place.run(&file, &["--client", client]).await;
    place.result()
}

#[tokio::test]
#[ignore = "needs Node and npm; run by `make test-foreign`"]
async fn reconnecting_websocket_recovers_but_dies_of_a_dial_that_hangs() {
    let client = clients().join("reconnecting-websocket");
    let expected: [Expected; 4] = [
        ("R23-reset", &[]),
        ("R20", &[]),
        ("R12", &["min_dial_gap"]),
        ("R05", &["recover_within"]),
    ];
    ensure(client.to_str().unwrap(), &expected).await;
}

#[tokio::test]
#[ignore = "needs Python; run by `make test-foreign`"]
async fn websockets_recovers_but_gives_up_when_it_is_told_to_slow_down() {
    let client = clients().join("websockets");
    let expected: [Expected; 4] = [
        ("R23-reset", &[]),
        ("R19", &[]),
        ("R10", &["recover_within"]),
        ("R15-close", &["max_dials"]),
    ];
    ensure(client.to_str().unwrap(), &expected).await;
}

/// What stands in the page between the comment that names it and the fence's end.
fn example(name: &str) -> &'static str {
    let (_, after) = PAGE
        .split_once(&format!("<!-- example: {name} -->"))
        .unwrap();
    let (_, text) = after.split_once("```").unwrap();
    let (_, text) = text.split_once('\n').unwrap();
    text.split_once("```").unwrap().0
}

#[tokio::test]
#[ignore = "needs Python; run by `make test-foreign`"]
async fn the_adapter_of_the_page_does_what_the_page_says() {
    let place = Place::new();
    let python = clients().join("websockets/.venv/bin/python3");
    let file = example("client.toml").replace("python3", python.to_str().unwrap());
    place.file("client.toml", &file);
    place.file("client.py", example("client.py"));
    let result = judged(&place, ".", "R23-reset").await;
    assert_eq!(result.verdict, Verdict::Passed, "{result:#?}");
    let result = judged(&place, ".", "R18").await;
    assert_eq!(result.verdict, Verdict::Failed, "{result:#?}");
}
