//! Pages under test. What needs a browser is run by `make test-page`; the
//! setup of a page finds one, or has one installed where that is possible.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use environment::{Environment, Observer, Seed};
use rustix::process::Signal;
use scenarios::checks::Finding;
use scenarios::files::gather;
use scenarios::language::{Flawed, Proof, Scenario, read_all};
use scenarios::results::ScenarioResult;
use scenarios::subjects::Ability;
use scenarios::verdict::Verdict;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::processes::{Marked, signal as send, wait_until};
use crate::program::{Answer, Place, catalogue};

/// One client, one reset, four seconds.
const FILE: &str = "id = \"own\"\nduration = \"2s\"\nsettle = \"2s\"\n\
    [[fault]]\nat = \"500ms\"\ninject.reset = {}\n\
    [expect]\nrecover_within = \"2s\"\nmax_live = 1\n";

/// A port on which nobody listens.
fn free() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A ticker that is somebody else's, and where it is.
fn ticker() -> (JoinSet<Result<(), ticker_server::ServeError>>, String) {
    let environment = Environment::real();
    let at = ([127, 0, 0, 1], 0).into();
    let listener = environment.network.listen(at).unwrap();
    let address = listener.local_addr().to_string();
    let config = ticker_server::Config {
        seed: Some(Seed(1)),
        tick: std::time::Duration::from_millis(100),
        ..ticker_server::Config::default()
    };
    let never = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(ticker_server::run(
        environment,
        listener,
        config,
        Observer::none(),
        never,
    ));
    (server, address)
}

/// A folder with one of the pages of `tests/pages`, and a server for it.
///
/// Without a `socket` the page is told what to dial.
fn client(place: &Place, page: &str, socket: &str, more: &str) {
    let folder = place.path("mine");
    std::fs::create_dir_all(&folder).unwrap();
    let pages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pages/serve.mjs");
    let (pages, port) = (pages.display(), free());
    let reached = match socket {
        "" => format!("page = 'http://127.0.0.1:{port}/{page}?{{proxy}}'"),
        socket => format!("page = 'http://127.0.0.1:{port}/{page}'\nsocket = '{socket}'"),
    };
    let toml = format!(
        "name = 'mine'\n{reached}\nserve = ['node', '{pages}', '{port}', '{socket}']\n{more}\n"
    );
    std::fs::write(folder.join("client.toml"), toml).unwrap();
}

async fn run(place: &Place, page: &str, more: &str) -> Answer {
    let (_server, socket) = ticker();
    client(place, page, &socket, more);
    let file = place.file("own.toml", FILE);
    place.run(&file, &["--client", "./mine"]).await
}

/// What of it failed.
fn failed(result: &ScenarioResult) -> Vec<&str> {
    let checks = result.checks.iter();
    let failed = checks.filter(|check| check.result == Finding::Failed);
    failed.map(|check| check.name.as_str()).collect()
}

#[tokio::test]
async fn a_page_or_a_server_that_is_not_there_is_a_mistake_and_nothing_is_run() {
    let place = Place::new();
    let file = place.file("own.toml", FILE);
    let (_server, there) = ticker();
    let nobody = format!("127.0.0.1:{}", free());
    let page = |authority: &str| format!("http://{authority}/");
    for (page, socket, part) in [
        (
            page(&there),
            &nobody,
            format!("nothing answers at {nobody} (`socket`)"),
        ),
        (
            page(&nobody),
            &there,
            format!("nothing answers at {nobody} (`page`)"),
        ),
        (
            page(&there),
            &"8080".to_owned(),
            "--socket: `8080` is no HOST:PORT".to_owned(),
        ),
        ("x".to_owned(), &there, "--page: `x` is no page".to_owned()),
    ] {
        let answer = place
            .run(&file, &["--page", &page, "--socket", socket])
            .await;
        answer.expect(2);
        assert!(answer.err.contains(&part), "{answer:?}");
        assert!(!place.path("out/results.json").exists());
    }
    let both = place
        .run(&file, &["--page", "http://a/", "--client", "sim"])
        .await;
    assert!(
        both.expect(2).err.contains("cannot be used with"),
        "{both:?}"
    );
}

#[tokio::test]
async fn who_is_to_serve_the_page_and_does_not_is_told_with_his_last_words() {
    let place = Place::new();
    let (_server, socket) = ticker();
    let file = place.file("own.toml", FILE);
    std::fs::create_dir_all(place.path("mine")).unwrap();
    let toml = |serve: &str, page: &str| {
        let text = format!(
            "name = 'mine'\npage = 'http://{page}/'\nsocket = '{socket}'\nserve = {serve}\n\
             setup_within = '1s'\n"
        );
        std::fs::write(place.path("mine/client.toml"), text).unwrap();
    };
    let nobody = format!("127.0.0.1:{}", free());
    for (serve, page, code, parts) in [
        (
            "['sh', '-c', 'echo no such port; exit 3']",
            &nobody,
            3,
            ["`serve` ended before", "no such port"],
        ),
        (
            "['sh', '-c', 'echo building; sleep 60']",
            &nobody,
            3,
            ["within 1s (`setup_within`)", "building"],
        ),
        (
            "['./nobody']",
            &nobody,
            2,
            ["serve: `./nobody` could not be started", "No such file"],
        ),
        (
            "['true']",
            &socket,
            2,
            ["is already in use", "leave `serve` out"],
        ),
    ] {
        toml(serve, page);
        let answer = place.run(&file, &["--client", "./mine"]).await;
        answer.expect(code);
        for part in parts {
            assert!(answer.err.contains(part), "{part}: {answer:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Node and a browser; run by `make test-page`"]
async fn browser_a_page_that_comes_back_passes_and_one_that_does_not_fails() {
    let place = Place::new();
    run(&place, "client/sound", "").await.expect(0);
    assert_eq!(place.result().verdict, Verdict::Passed);
    let place = Place::new();
    run(&place, "broken", "").await.expect(1);
    assert_eq!(failed(&place.result()), ["recover_within"]);
}

#[tokio::test]
#[ignore = "needs Node and a browser; run by `make test-page`"]
async fn browser_what_keeps_a_page_from_being_a_client_is_told() {
    let elsewhere = "client/sound?127.0.0.1:9";
    for (page, code, part) in [
        ("nobody", 3, "does not load: its server answers with 404"),
        ("secure", 3, "and TLS is passed through and not spoken here"),
        (elsewhere, 3, "within 20 s: it dials ws://127.0.0.1:9/ws"),
        (
            "dialog",
            1,
            "a dialog (confirm), which was dismissed: may I?",
        ),
    ] {
        let place = Place::new();
        let answer = run(&place, page, "").await;
        answer.expect(code);
        assert!(answer.err.contains(part), "{part}: {answer:?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and a browser; run by `make test-page`"]
async fn browser_none_is_left_behind_when_the_harness_is_killed() {
    let (_server, socket) = ticker();
    let (place, marked) = (Place::new(), Marked::new());
    client(&place, "client/sound", &socket, "");
    place.file(
        "own.toml",
        &FILE.replace("duration = \"2s\"", "duration = \"60s\""),
    );
    let profiles = place.path("profiles");
    std::fs::create_dir_all(&profiles).unwrap();
    let (name, value) = marked.herd();
    let mut command = place.command(&["run", "own.toml", "--client", "./mine"]);
    let mut child = command
        .env(name, value)
        .env("TMPDIR", &profiles)
        .spawn()
        .unwrap();
    let is_there = || profiles.read_dir().unwrap().next().is_some();
    // A browser that is up, and not only about to be.
    let is_up = || {
        let mut all = profiles.read_dir().unwrap().flatten();
        all.any(|profile| profile.path().join("Local State").is_file())
    };
    wait_until(is_up).await;
    send(child.id().unwrap(), Signal::KILL);
    child.wait().await.unwrap();
    wait_until(|| !is_there()).await;
    marked.vanish().await;
}

/// Every case that is about pages, with its page that has one known bug.
fn cases() -> Vec<(PathBuf, Scenario)> {
    let all = read_all(gather(&[catalogue()]).unwrap())
        .unwrap()
        .into_iter();
    let of_pages = all.filter(|(_, scenario)| scenario.requires.contains(&Ability::Page));
    of_pages
        .map(|(given, scenario)| (given.source.name().into(), scenario))
        .collect()
}

/// A machine that had no time for a run is given more tries.
const TRIES: usize = 3;

/// The ticker is the case's own.
async fn judged(path: &Path, page: &str) -> ScenarioResult {
    for _ in 1..=TRIES {
        let place = Place::new();
        client(&place, page, "", "");
        place.run(path, &["--client", "./mine"]).await;
        let result = place.result();
        if result.verdict != Verdict::Inconclusive {
            return result;
        }
    }
    panic!("{}: inconclusive, {TRIES} times over", path.display());
}

#[tokio::test]
#[ignore = "needs Node and a browser; run by `make test-page`"]
async fn browser_every_case_of_pages_fails_its_flawed_page_by_one_check_and_passes_a_sound_one() {
    let cases = cases();
    assert!(cases.len() >= 6);
    for (path, scenario) in cases {
        let Proof { flaw, fails } = scenario.proof.unwrap();
        let Flawed::Page(flaw) = flaw else {
            panic!("{}: of the simulated client", scenario.id);
        };
        let result = judged(&path, "client/sound").await;
        assert_eq!(result.verdict, Verdict::Passed, "{result:#?}");
        let result = judged(&path, &format!("client/{flaw}")).await;
        assert_eq!(failed(&result), [fails], "{result:#?}");
    }
}
