//! Signals while other people's programs run that do not want to end: the run
//! ends soon all the same, with 130, and nobody is left.

use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use tokio::process::Child;

use crate::processes::{Marked, signal as send, wait_until};
use crate::program::{Place, answer};

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
