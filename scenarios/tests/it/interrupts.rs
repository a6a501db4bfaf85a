//! Signals while external programs run that do not want to end, or while
//! very many runs wait: the whole ends soon all the same, with 130, and nobody
//! is left.

use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use tokio::process::Child;

use crate::processes::{Marked, signal as send, wait_until};
use crate::program::{Place, SMALL, answer};

/// Nothing happens for a long time.
const FILE: &str = "id = \"own\"\nduration = \"600s\"\nstart_within = \"600s\"\n\
    [[fault]]\nat = \"1s\"\ninject.reset = {}\n[expect]\nmax_live = 1\n";

/// Says that it is there, and does not end when told to, nor does its child.
const STUBBORN: &str = "trap '' TERM INT\n(trap '' TERM INT; while :; do sleep 1; done) &\n\
    : > here\nwhile :; do sleep 1; done";

/// Longer than it takes on a busy machine, and shorter than any patience with
/// those who do not end, were it granted.
const SOON: Duration = Duration::from_secs(4);

async fn ends_soon(place: &Place, marked: &Marked, child: Child, sign: &str, how: Signal) {
    let sign = place.path(sign);
    wait_until(|| sign.exists()).await;
    let clock = Clock::start();
    send(child.id().unwrap(), how);
    let ended = answer(child).await;
    let took = clock.now().since_origin();
    ended.expect(130);
    assert!(took < SOON, "{took:?}: {}", ended.err);
    assert!(ended.last_line().starts_with("chaos run "), "{}", ended.out);
    marked.vanish().await;
}

async fn client(more: &str, script: &str, how: Signal) {
    let (place, marked) = (Place::new(), Marked::new());
    place.file("own.toml", FILE);
    std::fs::create_dir(place.path("mine")).unwrap();
    place.file("mine/run.sh", &marked.script(script));
    let toml = format!("name = 'mine'\nversion = '1'\ncommand = ['sh', './run.sh']\n{more}\n");
    place.file("mine/client.toml", &toml);
    let words = ["run", "own.toml", "--client", "./mine", "--out", "out"];
    let mut command = place.command(&words);
    let (name, mark) = marked.herd();
    let child = command.env(name, mark).spawn().unwrap();
    ends_soon(&place, &marked, child, "mine/here", how).await;
}

#[tokio::test]
async fn a_setup_that_will_not_end_does_not_hold_up_an_interrupt() {
    for how in [Signal::INT, Signal::TERM] {
        client("setup = ['sh', './run.sh']", STUBBORN, how).await;
    }
}

#[tokio::test]
async fn a_client_that_will_not_end_does_not_hold_up_an_interrupt() {
    for how in [Signal::INT, Signal::TERM] {
        client("", STUBBORN, how).await;
    }
}

#[tokio::test]
async fn a_server_that_will_not_end_does_not_hold_up_an_interrupt() {
    for how in [Signal::INT, Signal::TERM] {
        let (place, marked) = (Place::new(), Marked::new());
        place.file("server.sh", &marked.script(STUBBORN));
        let server = "[server]\ncommand = ['sh', 'server.sh']\nready.within = '60s'\n";
        place.file("own.toml", &format!("{FILE}{server}"));
        let mut command = place.command(&["run", "own.toml", "--out", "out"]);
        let (name, mark) = marked.herd();
        let child = command.env(name, mark).spawn().unwrap();
        ends_soon(&place, &marked, child, "here", how).await;
    }
}

#[tokio::test]
async fn runs_that_wait_do_not_hold_up_an_interrupt_and_are_counted() {
    for how in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        place.file("small.toml", SMALL);
        let words = [
            "run",
            "small.toml",
            "--time",
            "virtual",
            "--seeds",
            "1..10000",
            "--out",
            "out",
        ];
        let child = place.command(&words).spawn().unwrap();
        // Of the first run, which has ended when it is there.
        let journal = place.record("small", "journal.jsonl");
        wait_until(|| journal.exists()).await;
        let clock = Clock::start();
        send(child.id().unwrap(), how);
        let ended = answer(child).await;
        let took = clock.now().since_origin();
        ended.expect(130);
        assert!(took < SOON, "{took:?}: {}", ended.err);
        let results = place.results();
        let begun = results.scenarios.len();
        assert!((1..5000).contains(&begun), "{begun}");
        assert_eq!(results.not_begun, 10_000 - begun);
        let judged = results.passed + results.failed + results.inconclusive;
        assert_eq!(judged, 10_000, "each of them is counted");
        let sentence = format!("\n{} runs were not begun\n", results.not_begun);
        assert!(ended.out.contains(&sentence), "{}", ended.out);
        let junit = std::fs::read_to_string(place.path("out/junit.xml")).unwrap();
        assert_eq!(
            junit.matches("runs were not begun\"").count(),
            2,
            "as a name, and why"
        );
    }
}
