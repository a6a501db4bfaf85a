//! The server dies or leaves, and comes back, on real sockets.

use std::path::Path;

use scenarios::checks::Finding;
use scenarios::journal::{self, Body, Mark};
use scenarios::verdict::Verdict;

use crate::program::{Place, SMALL};

/// `SMALL` with this event in place of its fault.
fn with(event: &str) -> String {
    let begin = SMALL.find("[[fault]]").unwrap();
    let end = SMALL.find("[expect]").unwrap();
    let event = format!("[[server_event]]\nat = \"500ms\"\nfor = \"700ms\"\n{event}\n\n");
    format!(
        "{}{event}{}lost = 0\nno_leak = true\n",
        &SMALL[..begin],
        &SMALL[end..]
    )
}

async fn ensure_told_apart(word: &str, flaw: &str) {
    let place = Place::new();
    let file = place.file("small.toml", &with(&format!("do = \"{word}\"")));
    place.run(&file, &[]).await.expect(0);
    let result = place.result();
    assert!(
        result
            .checks
            .iter()
            .all(|check| check.result == Finding::Ok),
        "{result:#?}"
    );
    assert_eq!(
        (result.rules[0].name.as_str(), result.rules[0].strikes),
        (word, 2)
    );
    let text = std::fs::read_to_string(place.record("small", "journal.jsonl")).unwrap();
    ensure_new_sessions(&text);
    place.run(&file, &["--flaw", flaw]).await.expect(1);
    let result = place.result();
    let failed = result
        .checks
        .iter()
        .filter(|check| check.result == Finding::Failed);
    assert!(
        failed
            .map(|check| check.name.as_str())
            .eq(["recover_within"])
    );
    assert_eq!(result.verdict, Verdict::Failed);
}

/// The server that came back knows no session of the one that went.
fn ensure_new_sessions(journal: &str) {
    let (_, entries) = journal::read(Path::new("journal"), journal.as_bytes()).unwrap();
    let is_up = |body: &Body| matches!(body, Body::Harness(Mark::ServerUp { .. }));
    let up = entries.iter().position(|entry| is_up(&entry.body)).unwrap();
    let sessions = |part: &[scenarios::journal::Entry]| -> std::collections::BTreeSet<String> {
        let opened = part.iter().filter_map(|entry| match &entry.body {
            Body::Server(ticker_server::EventKind::SocketOpened { session, .. }) => {
                Some(session.clone())
            }
            _ => None,
        });
        opened.collect()
    };
    let (before, after) = (sessions(&entries[..up]), sessions(&entries[up..]));
    assert_eq!((before.len(), after.len()), (2, 2));
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}

#[tokio::test]
async fn a_server_that_dies_is_dialled_until_it_is_back() {
    ensure_told_apart("kill", "stops_on_clean_close").await;
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_dialled_until_it_is_back() {
    ensure_told_apart("restart", "stops_on_clean_close").await;
}

#[tokio::test]
async fn under_a_control_the_server_stays() {
    let place = Place::new();
    let file = place.file("small.toml", &with("do = \"kill\""));
    place.run(&file, &["--control", "wire"]).await.expect(3);
    let text = std::fs::read_to_string(place.record("small", "journal.jsonl")).unwrap();
    assert!(!text.contains("server_down"));
    assert_eq!(place.result().rules[0].strikes, 0);
}

#[tokio::test]
async fn an_action_waits_for_a_connection() {
    let place = Place::new();
    let action =
        "[[action]]\non = { attempt = 2, phase = \"open\" }\nafter = \"100ms\"\ndo = \"stop\"\n";
    let file = place.file(
        "small.toml",
        &format!("{SMALL}quiet_after_stop = true\n{action}"),
    );
    place.run(&file, &[]).await.expect(0);
    let text = std::fs::read_to_string(place.record("small", "journal.jsonl")).unwrap();
    let (_, entries) = journal::read(Path::new("journal"), text.as_bytes()).unwrap();
    let told = entries.iter().filter_map(|entry| match &entry.body {
        Body::Harness(Mark::Action { action, targets }) => Some((entry.at, action, targets)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let [(at, "stop", targets)] = told
        .iter()
        .map(|(at, a, t)| (*at, a.as_str(), *t))
        .collect::<Vec<_>>()[..]
    else {
        panic!("one of the two was reset: {told:?}")
    };
    let client = targets.first().unwrap();
    let open = entries.iter().find(|entry| {
        matches!(&entry.body, Body::Proxy { client: whose, attempt: 2, what: chaos_proxy::EventKind::Upgraded { .. } } if **whose == **client)
    });
    assert!(at.since(open.unwrap().at) >= std::time::Duration::from_millis(100));
}
