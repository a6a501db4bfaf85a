//! Servers of the user's own: there already, started for the run, and bad ones.

use environment::{Environment, Seed};
use rustix::process::Signal;
use scenarios::checks::Finding;
use scenarios::verdict::Verdict;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::processes::{Marked, signal as send};
use crate::program::Place;

/// One simulated client, one reset, two seconds, and this server.
fn file(server: &str) -> String {
    format!(
        "id = \"own\"\nduration = \"2s\"\nsettle = \"2s\"\nstart_within = \"2s\"\n\
         [server]\n{server}\n\
         [clients]\nreconnect = {{ fixed = {{ base = \"100ms\" }} }}\n\
         [[fault]]\nat = \"500ms\"\ninject.reset = {{}}\n\
         [expect]\nrecover_within = \"1s\"\nmax_live = 1\nlost = 0\nno_leak = true\n"
    )
}

/// A ticker that this harness has not started.
#[tokio::test]
async fn one_that_runs_already_is_used_and_what_it_does_not_tell_is_not_judged() {
    let environment = Environment::real();
    let listener = environment
        .network
        .listen(([127, 0, 0, 1], 0).into())
        .unwrap();
    let port = listener.local_addr().port();
    let shutdown = CancellationToken::new();
    let config = ticker_server::Config {
        seed: Some(Seed(1)),
        tick: std::time::Duration::from_millis(100),
        ..ticker_server::Config::default()
    };
    let mut server = JoinSet::new();
    let observer = environment::Observer::none();
    server.spawn(ticker_server::run(
        environment,
        listener,
        config,
        observer,
        shutdown.clone(),
    ));
    let place = Place::new();
    let text = file(&format!("external = \"ws://localhost:{port}/ws\""));
    let answer = place.run(&place.file("own.toml", &text), &[]).await;
    answer.expect(0);
    let result = place.result();
    let findings: Vec<_> = result
        .checks
        .iter()
        .map(|check| (check.name.as_str(), check.result))
        .collect();
    // What is missing between the ticks shows in what the client got.
    let expected = [
        ("recover_within", Finding::Ok),
        ("max_live", Finding::Ok),
        ("lost", Finding::Ok),
        ("no_leak", Finding::NotObservable),
    ];
    assert_eq!(findings, expected);
    shutdown.cancel();
    server.join_next().await;
}

/// What is said of a server that is none.
async fn is_no_server(server: &str, parts: &[&str]) {
    let place = Place::new();
    let answer = place.run(&place.file("own.toml", &file(server)), &[]).await;
    answer.expect(3);
    let result = place.result();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    for part in parts {
        assert!(
            result.reasons[0].to_string().contains(part),
            "{:?}",
            result.reasons
        );
    }
}

#[tokio::test]
async fn one_that_is_not_there_is_told() {
    // Nobody has port 1.
    let parts = [
        "nothing listens on 127.0.0.1:1, which is `external`",
        "Connection refused",
    ];
    is_no_server("external = \"ws://127.0.0.1:1/\"", &parts).await;
}

#[tokio::test]
async fn a_command_that_becomes_no_server_is_told_with_its_last_words() {
    let parts = [
        "ended before it was ready (exit status: 3)",
        "its last output: no config",
    ];
    is_no_server(
        "command = ['sh', '-c', 'echo no config >&2; exit 3']",
        &parts,
    )
    .await;
    let parts = ["was not ready within 500ms (its port was to answer)"];
    is_no_server("command = ['sleep', '100']\nready.within = '500ms'", &parts).await;
}

#[tokio::test]
async fn a_command_that_is_not_there_is_told_before_anything_runs() {
    let place = Place::new();
    let own = place.file("own.toml", &file("command = ['./nobody']"));
    let answer = place.run(&own, &[]).await;
    answer.expect(2);
    let part = "own.toml:6:1: `./nobody` could not be started: No such file";
    assert!(answer.err.contains(part), "{answer:?}");
    assert!(!place.path("out/results.json").exists());
}

/// In the words of `chaos run`, but the file itself is sound.
#[tokio::test]
async fn a_command_that_is_not_there_is_noted_by_check() {
    let place = Place::new();
    place.file("own.toml", &file("command = ['./nobody']"));
    let checked = place.chaos(&["check", "own.toml"]).await;
    checked.expect(0);
    for part in [
        "ok  own  own.toml\n",
        "    note: own.toml:6:1: `./nobody` could not be started: No such file",
        "    6 | command = ['./nobody']\n",
        "      = it runs where `chaos` was typed; `cwd = \"file\"` runs it beside this file\n",
    ] {
        assert!(checked.out.contains(part), "{checked:?}");
    }
    place.file("own.toml", &file("command = ['sh', '-c', 'exit 1']"));
    let sound = place.chaos(&["check", "own.toml"]).await;
    assert!(
        !sound.expect(0).out.contains("could not be started"),
        "{sound:?}"
    );
}

#[tokio::test]
async fn a_server_beside_its_file_is_told_where_its_client_reaches_it() {
    let place = Place::new();
    std::fs::create_dir(place.path("beside")).unwrap();
    place.file("beside/serve.sh", "echo \"$1 $CHAOS_VIA_C1\" >&2; exit 3");
    let command = "command = ['sh', './serve.sh', '{proxy}']\ncwd = 'file'";
    let answer = place
        .run(&place.file("beside/own.toml", &file(command)), &[])
        .await;
    answer.expect(3);
    let reason = place.result().reasons[0].to_string();
    let (_, said) = reason.split_once("its last output: ").unwrap();
    let (one, other) = said.trim().split_once(' ').unwrap();
    assert!(one.starts_with("127.0.0.1:") && one == other, "{reason}");
}

/// From where `chaos` was typed the file has a folder in its name, and so has the
/// program from where the file is.
#[tokio::test]
async fn a_program_beside_its_file_is_found_from_anywhere() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::create_dir(place.path("beside")).unwrap();
    let script = place.file("beside/serve.sh", "#!/bin/sh\necho \"$PWD\" >&2; exit 3\n");
    std::fs::set_permissions(script, PermissionsExt::from_mode(0o755)).unwrap();
    place.file(
        "beside/own.toml",
        &file("command = ['./serve.sh']\ncwd = 'file'"),
    );
    let words = ["run", "beside/own.toml", "--out", "out"];
    place.chaos(&words).await.expect(3);
    let reason = place.result().reasons[0].to_string();
    assert!(reason.trim_end().ends_with("/beside"), "{reason}");
}

#[tokio::test]
async fn a_command_that_floods_is_killed_and_told() {
    for (script, pipe) in [("cat /dev/zero", "stdout"), ("cat /dev/zero >&2", "stderr")] {
        for ready in ["'60s'", "'60s'\nready.line = 'never'"] {
            let (marked, place) = (Marked::new(), Place::new());
            place.file("server.sh", &marked.script(script));
            let command = format!("command = ['sh', 'server.sh']\nready.within = {ready}");
            let answer = place
                .run(&place.file("own.toml", &file(&command)), &[])
                .await;
            answer.expect(3);
            let reason = place.result().reasons[0].to_string();
            let part = format!("the server `sh server.sh` floods its {pipe}: more than 256 MiB");
            assert!(reason.starts_with(&part), "{reason}");
            marked.expect_nobody();
        }
    }
}

#[tokio::test]
async fn nothing_of_a_command_is_left() {
    for signal in [Signal::INT, Signal::KILL] {
        let marked = Marked::new();
        let place = Place::new();
        let script = "trap '' TERM\n(while :; do sleep 1; done) &\nyes";
        place.file("server.sh", &marked.script(script));
        place.file(
            "own.toml",
            &file("command = ['sh', 'server.sh']\nready.within = '60s'"),
        );
        let words = ["run", "own.toml", "--out", "out"];
        let mut command = place.command(&words);
        let (name, mark) = marked.herd();
        let mut child = command.env(name, mark).spawn().unwrap();
        marked.appear().await;
        send(child.id().unwrap(), signal);
        child.wait().await.unwrap();
        marked.vanish().await;
    }
}

/// Needs Python, as every test of this name; see `make test-foreign`.
#[tokio::test]
#[ignore = "foreign: needs Python 3 with websockets"]
async fn foreign_echo_server_in_python_is_spoken_to_and_dies_and_comes_back() {
    // The setup of that client has put it there.
    let python = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/clients/websockets/.venv/bin/python"
    );
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
    let marked = Marked::new();
    let place = Place::new();
    let script = format!("exec {python} {folder}/echo.py $PORT");
    place.file("server.sh", &marked.script(&script));
    let server = "command = ['sh', 'server.sh']\nurl = 'ws://127.0.0.1:{port}/echo?x=1'";
    let say = "[clients]\nsay = \"hello\"\nsay_every = \"50ms\"\n";
    let kill = "[[server_event]]\nat = '1s'\nfor = '200ms'\ndo = 'kill'\n";
    let text = file(server).replace("[clients]\n", say);
    let answer = place
        .run(&place.file("own.toml", &format!("{text}{kill}")), &[])
        .await;
    answer.expect(0);
    let journal = std::fs::read_to_string(place.record("own", "journal.jsonl")).unwrap();
    assert!(journal.contains("\"event\":\"received\""));
    assert!(journal.contains("\"event\":\"server_up\""));
    marked.expect_nobody();
    // It ends in the middle, and that is nobody else's fault.
    let dying = file(&format!(
        "command = ['timeout', '8', '{python}', '{folder}/echo.py', '{{port}}']"
    ));
    let dying = dying
        .replace("[clients]\n", say)
        .replace("duration = \"2s\"", "duration = \"60s\"");
    let answer = place.run(&place.file("own.toml", &dying), &[]).await;
    answer.expect(3);
    let reasons = place.result().reasons;
    assert!(
        reasons[0]
            .to_string()
            .contains("ended by itself (exit status: 124)"),
        "{reasons:?}"
    );
    // Nobody speaks: that nothing comes is not the client's fault.
    let mute = file(server);
    let answer = place.run(&place.file("own.toml", &mute), &[]).await;
    answer.expect(3);
    let reasons = place.result().reasons;
    assert!(
        reasons[0]
            .to_string()
            .contains("the server said nothing on them"),
        "{reasons:?}"
    );
}
