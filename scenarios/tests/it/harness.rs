//! A client that is a function of a Rust test, and what a test sees of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scenarios::archive::judge_again;
use scenarios::archive::read_journal;
use scenarios::checks::Finding;
use scenarios::journal::Body;
use scenarios::{Ability, Client, ClientContext, Outcome, Report, Scenario, Setup, Verdict};
use tempfile::TempDir;

#[path = "../../examples/own_client.rs"]
mod own_client;

fn example() -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/reset.toml");
    Scenario::load(path).unwrap()
}

/// A scenario of this text.
fn scenario(text: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    std::fs::write(&file, text).unwrap();
    Scenario::load(file).unwrap()
}

/// One client that is reset after a second, and half a second to be back in.
fn brief() -> Scenario {
    scenario(
        "id = 'brief'\nduration = '2s'\nsettle = '500ms'\nstart_within = '1s'\n\
         [[fault]]\nat = '500ms'\ninject.reset = {}\n[expect]\nrecover_within = '500ms'\n",
    )
}

#[test]
fn the_example_passes() {
    own_client::main().unwrap();
}

/// The server is on the same runtime, and no ticker.
#[tokio::test]
async fn a_server_of_ones_own_is_judged_by_what_can_be_seen_and_judged_again_alike() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(own_client::serve(listener));
    let scenario = scenario(
        "id = 'own'\nduration = '2s'\nsettle = '2s'\n[server]\ntick = '1s'\n\
         [clients]\ncount = 2\n[[fault]]\nat = '500ms'\ninject.reset = {}\n\
         [expect]\nrecover_within = '1500ms'\nlost = 0\n",
    );
    for client in [Some(own_client::client()), None] {
        let out = tempfile::tempdir().unwrap();
        let setup = Setup::new().server(&url).out(out.path());
        let setup = client.into_iter().fold(setup, Setup::client);
        let outcome = scenario.run(&setup).await.unwrap();
        outcome.assert_passed();
        let findings = outcome.result.checks.iter().map(|check| check.result);
        let findings: Vec<Finding> = findings.collect();
        assert_eq!(findings, [Finding::Ok, Finding::NotObservable], "{outcome}");
        let again = judge_again(&outcome.journal, None).unwrap().result;
        assert_eq!(again.checks, outcome.result.checks);
    }
}

async fn run(scenario: &Scenario, client: Client, out: &TempDir) -> Outcome {
    let setup = Setup::new().client(client).seed(7).out(out.path());
    scenario.run(&setup).await.unwrap()
}

#[tokio::test]
async fn a_client_that_comes_back_passes_and_its_record_is_like_any_other() {
    let out = tempfile::tempdir().unwrap();
    let outcome = run(&example(), own_client::client(), &out).await;
    outcome.assert_passed();
    let result = &outcome.result;
    assert_eq!((result.client.as_str(), result.seed), ("own-client", 7));
    assert_eq!(
        outcome.journal,
        out.path().join("reset/own-client/7/journal.jsonl")
    );
    let (header, entries) = read_journal(&outcome.journal).unwrap();
    assert!(header.subject.unwrap().reports.contains(&Report::Open));
    let told = entries
        .iter()
        .filter(|entry| matches!(entry.body, Body::Client { .. }));
    assert!(
        told.count() >= 12,
        "three clients tell of two connections each"
    );
    let again = judge_again(&outcome.journal, None).unwrap().result;
    assert_eq!(
        (again.verdict, &again.checks),
        (Verdict::Passed, &result.checks)
    );
}

#[tokio::test]
async fn a_client_that_stays_away_fails_and_the_test_says_all_that_is_to_say() {
    let out = tempfile::tempdir().unwrap();
    let client = Client::new("once", |context: ClientContext| async move {
        let (mut socket, _) = tokio_tungstenite::connect_async(&context.url)
            .await
            .unwrap();
        while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
        context.stop.requested().await;
    });
    let outcome = run(&brief(), client, &out).await;
    assert_eq!(outcome.verdict(), Verdict::Failed);
    let panic = catch_unwind(AssertUnwindSafe(|| outcome.assert_passed())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    let journal = format!("journal: {}", outcome.journal.display());
    let page = outcome.journal.with_file_name("report.html");
    assert!(
        std::fs::read_to_string(&page)
            .unwrap()
            .contains("CHAOS_SEED=7")
    );
    let report = format!("\nreport: {}\n", page.display());
    for part in [
        "brief failed, of the client once with seed 7: brief\n",
        "\n  recover_within failed: c1 had no data in the ",
        &journal,
        "\nagain: CHAOS_SEED=7 cargo test -p scenarios harness::a_client_that_stays_away",
        &report,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test]
async fn whoever_never_connects_or_ends_by_itself_is_told_soon() {
    let idle = |context: ClientContext| async move { context.stop.requested().await };
    let gone = |_: ClientContext| async {};
    let broken = |_: ClientContext| async { panic!("no such key") };
    for (client, part) in [
        (Client::new("idle", idle), "c1 had no message within 1s"),
        (Client::new("gone", gone), "its function returned"),
        (
            Client::new("broken", broken),
            "its function panicked: no such key",
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let outcome = run(&brief(), client, &out).await;
        assert_eq!(outcome.verdict(), Verdict::Inconclusive, "{outcome}");
        let text = outcome.to_string();
        assert!(text.contains("client never connected: c1"), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn what_the_person_does_reaches_a_client_that_can_do_it() {
    let text = "id = 'x'\nduration = '2s'\nsettle = '500ms'\n\
        [[action]]\nat = '200ms'\ndo = 'hide'\n[[action]]\nat = '400ms'\ndo = 'pause'\n\
        [[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nrecover_within = '1s'\n";
    let pause = [Ability::Pause];
    let both = [Ability::Pause, Ability::Hide];
    for (can, words, verdict) in [
        (&both[..], &["hide", "pause"][..], Verdict::Passed),
        // Then nobody is started.
        (&pause, &[], Verdict::NotApplicable),
    ] {
        let (client, heard) = listening();
        let out = tempfile::tempdir().unwrap();
        let outcome = run(&scenario(text), client.can(can.iter().copied()), &out).await;
        assert_eq!(outcome.verdict(), verdict, "{outcome}");
        assert_eq!(*heard.lock().unwrap(), words);
    }
}

/// A client that keeps what it is told to do, and what that is.
fn listening() -> (Client, Arc<Mutex<Vec<&'static str>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let client = Client::new("ears", move |context: ClientContext| {
        let kept = Arc::clone(&kept);
        async move {
            let ClientContext {
                url,
                tell,
                mut commands,
                stop,
                ..
            } = context;
            let listen = async {
                while let Some(command) = commands.next().await {
                    kept.lock().unwrap().push(command.word());
                }
            };
            tokio::select! {
                biased;
                () = stop.requested() => {}
                () = own_client::follow(&url, &tell) => {}
                () = listen => {}
            }
        }
    });
    (client, heard)
}

/// A tick does not say of which of the two it is.
#[tokio::test]
async fn ticks_of_two_connections_at_once_are_told_apart() {
    let client = Client::new("double", |context: ClientContext| async move {
        let ClientContext {
            url,
            tell,
            mut commands,
            stop,
            ..
        } = context;
        let second = async {
            commands.next().await;
            own_client::follow(&url, &tell).await;
        };
        tokio::select! {
            biased;
            () = stop.requested() => {}
            () = own_client::follow(&url, &tell) => {}
            () = second => {}
        }
    });
    let client = client.can([Ability::Show]).reports([Report::Seq]);
    let text = "id = 'x'\nduration = '2s'\nsettle = '500ms'\n[server]\ntick = '50ms'\n\
        [[action]]\nat = '500ms'\ndo = 'show'\n[expect]\nduplicated = 0\nreordered = 0\n";
    let out = tempfile::tempdir().unwrap();
    let outcome = run(&scenario(text), client, &out).await;
    outcome.assert_passed();
    let (_, entries) = read_journal(&outcome.journal).unwrap();
    let applied = entries.iter().filter_map(|entry| match &entry.body {
        Body::Client {
            what: client_sim::EventKind::Applied { session, .. },
            ..
        } => Some(session),
        _ => None,
    });
    let sessions: std::collections::BTreeSet<&String> = applied.collect();
    assert_eq!(sessions.len(), 2);
}

/// It is dropped, a second after it was told.
#[tokio::test]
async fn who_does_not_stop_is_stopped() {
    let client = Client::new("deaf", |context: ClientContext| async move {
        own_client::follow(&context.url, &context.tell).await;
    });
    let out = tempfile::tempdir().unwrap();
    let outcome = run(&brief(), client, &out).await;
    outcome.assert_passed();
}

#[tokio::test]
async fn more_than_a_journal_takes_ends_the_run() {
    let client = Client::new("flood", |context: ClientContext| async move {
        loop {
            context.tell.open();
            tokio::task::yield_now().await;
        }
    });
    let out = tempfile::tempdir().unwrap();
    let mut brief = brief();
    brief.start_within = Duration::from_secs(30);
    let outcome = run(&brief, client.reports([Report::Open]), &out).await;
    let text = outcome.to_string();
    assert_eq!(outcome.verdict(), Verdict::Inconclusive);
    assert!(
        text.contains("client c1: it reports more than 250000"),
        "{text}"
    );
}

#[tokio::test]
async fn the_simulated_client_sits_where_nobody_else_does() {
    let out = tempfile::tempdir().unwrap();
    let setup = Setup::new().out(out.path());
    let outcome = example().run(&setup).await.unwrap();
    outcome.assert_passed();
    assert_eq!(
        (outcome.result.client.as_str(), outcome.result.seed),
        ("sim", 1)
    );
}

#[tokio::test]
async fn what_cannot_be_run_is_told() {
    let out = tempfile::tempdir().unwrap();
    for (name, part) in [
        ("sim", "is the simulated client"),
        ("../x", "name of a folder"),
    ] {
        let client = Client::new(name, |_: ClientContext| async {});
        let setup = Setup::new().client(client).out(out.path());
        let error = brief().run(&setup).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let against = |url: &str| Setup::new().server(url).out(out.path());
    for (url, part) in [
        ("127.0.0.1:80", "http://host:port/path or tcp://host:port"),
        (
            "tcp://127.0.0.1:80",
            "the simulated client speaks WebSocket only",
        ),
    ] {
        let error = brief().run(&against(url)).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let load = |path: &Path| Scenario::load(path).unwrap_err().to_string();
    assert!(load(out.path()).contains("a folder; name one file"));
    assert!(load(&out.path().join("none.toml")).contains("none.toml: No such file"));
    let wrong = out.path().join("wrong.toml");
    std::fs::write(&wrong, "id = 'x'\nduration = 5\nsed = 1\n").unwrap();
    let text = load(&wrong);
    assert!(
        text.contains("wrong.toml:2:12: ") && text.contains("wrong.toml:3:1: "),
        "{text}"
    );
}
