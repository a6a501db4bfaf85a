//! Third-party clients under test, good and bad: programs of the shell,
//! which is everywhere.

use std::path::PathBuf;

use environment::text::is_unseen;
use rustix::process::Signal;
use scenarios::checks::Finding;
use scenarios::results::ScenarioResult;
use scenarios::verdict::Verdict;

use crate::processes::{Marked, signal as send};
use crate::program::{Answer, Place};

/// One client, one reset, two seconds.
const FILE: &str = "id = \"own\"\nduration = \"2s\"\nsettle = \"1s\"\nstart_within = \"2s\"\n\
    [[fault]]\nat = \"500ms\"\ninject.reset = {}\n\
    [expect]\nrecover_within = \"1s\"\nmax_live = 1\n";

/// A folder with a client that runs this script.
fn client(place: &Place, script: &str, more: &str) -> PathBuf {
    let folder = place.path("mine");
    std::fs::create_dir_all(&folder).unwrap();
    let toml = format!("name = 'mine'\nversion = '1'\ncommand = ['sh', './run.sh']\n{more}\n");
    std::fs::write(folder.join("client.toml"), toml).unwrap();
    std::fs::write(folder.join("run.sh"), script).unwrap();
    folder
}

async fn run(place: &Place, script: &str, more: &str) -> Answer {
    client(place, script, more);
    run_file(place, FILE).await
}

async fn run_file(place: &Place, text: &str) -> Answer {
    let file = place.file("own.toml", text);
    place.run(&file, &["--client", "./mine"]).await
}

/// What is said of a client that never had a message.
async fn never_connected(script: &str, more: &str, parts: &[&str]) {
    let marked = Marked::new();
    let place = Place::new();
    let answer = run(&place, &marked.script(script), more).await;
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
    assert!(answer.last_line().ends_with(" --client ./mine"));
    marked.expect_nobody();
}

#[tokio::test]
async fn one_that_dies_at_once_is_told_with_its_last_words() {
    let script = "echo 'no such module: ws' >&2; exit 7";
    let parts = [
        "client never connected: c1 ended by itself (exit status: 7)",
        "no such module: ws",
    ];
    never_connected(script, "", &parts).await;
}

#[tokio::test]
async fn one_that_ignores_its_url_is_given_its_time_and_no_more() {
    let script = "echo '{\"event\":\"open\"}'; while :; do sleep 1; done";
    let parts = ["c1 had no message within 2s (start_within); not one connection came"];
    never_connected(script, "reports = ['open', 'message']", &parts).await;
}

#[tokio::test]
async fn one_that_cannot_be_started_is_told() {
    let place = Place::new();
    client(&place, "", "");
    let toml = "name = 'mine'\nversion = '1'\ncommand = ['./nobody']\n";
    std::fs::write(place.path("mine/client.toml"), toml).unwrap();
    let file = place.file("own.toml", FILE);
    let answer = place.run(&file, &["--client", "./mine"]).await;
    answer.expect(2);
    let part = "client mine: `./nobody` could not be started: No such file";
    assert!(answer.err.contains(part), "{answer:?}");
    assert!(!place.path("out/results.json").exists());
    let checked = place.chaos(&["check", "./mine"]).await;
    checked.expect(2);
    assert!(
        checked.err.contains("`./nobody` could not be started"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn an_adapter_is_checked_without_running_it() {
    let place = Place::new();
    client(&place, "exit 1", "");
    for path in ["./mine", "mine/client.toml"] {
        let answer = place.chaos(&["check", path]).await;
        answer.expect(0);
        assert!(answer.out.starts_with("ok  mine  "), "{answer:?}");
    }
    place.file("own.toml", FILE);
    let both = place.chaos(&["check", "own.toml", "./mine"]).await;
    assert!(both.expect(0).out.contains("ok  own  own.toml"), "{both:?}");
    let text = format!("{FILE}duplicated = 0\n");
    place.file("own.toml", &text);
    let blind = place.chaos(&["check", "own.toml", "./mine"]).await;
    let note = "note: `duplicated` cannot be measured for mine: this client does not report `seq`";
    assert!(blind.expect(0).out.contains(note), "{blind:?}");
    let sim = place.chaos(&["check", "own.toml"]).await;
    assert!(!sim.expect(0).out.contains("cannot be judged"), "{sim:?}");
    std::fs::write(
        place.path("mine/client.toml"),
        "name = 'a/b'\ncomand = ['x']\n",
    )
    .unwrap();
    let wrong = place.chaos(&["check", "./mine"]).await;
    wrong.expect(2);
    for part in ["client.toml:1:8:", "client.toml:2:1: unknown key `comand`"] {
        assert!(wrong.err.contains(part), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_adapter_is_told_more_by_the_file_and_by_the_command_line() {
    let place = Place::new();
    client(&place, "echo \"$* $MODE $CHAOS_CLIENT\" >&2; exit 7", "");
    let toml = "name = 'mine'\ncommand = ['sh', './run.sh', 'own']\n";
    std::fs::write(place.path("mine/client.toml"), toml).unwrap();
    let text = format!("{FILE}[clients]\nargs = ['file']\nenv = {{ MODE = 'file' }}\n");
    let file = place.file("own.toml", &text);
    let words = [
        "--client",
        "./mine",
        "--client-arg",
        "--line",
        "--client-env",
        "MODE=line",
    ];
    let answer = place.run(&file, &words).await;
    answer.expect(3);
    let reasons = place.result().reasons;
    let part = "own file --line line c1";
    assert!(reasons[0].to_string().contains(part), "{reasons:?}");
    let repeats = " --client ./mine --client-arg=--line --client-env=MODE=line";
    assert!(answer.last_line().ends_with(repeats), "{answer:?}");
    let wrong = place
        .run(&file, &["--client", "./mine", "--client-env", "MODE"])
        .await;
    assert!(wrong.expect(2).err.contains("NAME=VALUE"), "{wrong:?}");
    let sim = place.run(&file, &["--client-arg", "x"]).await;
    assert!(
        sim.expect(2).err.contains("the simulated client is none"),
        "{sim:?}"
    );
}

#[tokio::test]
async fn one_that_floods_its_stdout_is_stopped() {
    for (script, part) in [
        (
            "yes '{\"event\":\"open\"}'",
            "client c1: it reports more than 250000 events",
        ),
        (
            "cat /dev/zero",
            "client c1: it floods its stdout: more than 256 MiB",
        ),
        (
            "yes >&2",
            "client c1: it floods its stderr: more than 256 MiB",
        ),
    ] {
        let (marked, place) = (Marked::new(), Place::new());
        client(&place, &marked.script(script), "reports = ['open']");
        // Time enough for a flood on a busy machine.
        let text = FILE.replace("start_within = \"2s\"", "start_within = \"2m\"");
        run_file(&place, &text).await.expect(3);
        let reasons = place.result().reasons;
        assert_eq!(reasons[0].to_string(), part);
        marked.expect_nobody();
        // Of a client whose other output is empty nothing is noted.
        if let Ok(said) = std::fs::read_to_string(place.path("out/own/mine/1/output.log")) {
            let how = part.replace("client c1: it", "== c1: killed, for it");
            assert!(said.starts_with(&how), "{said}");
        }
    }
}

/// Prints what a terminal would obey, and what nobody would see.
const STEERING: &str = r"printf 'a\033[31mb\033]0;x\007c\302\233d\342\200\256e\342\201\246f\342\200\213g\357\273\277h\n' >&2";

#[tokio::test]
async fn nothing_that_it_says_steers_a_terminal() {
    let place = Place::new();
    let script = format!("{STEERING}; exit 7");
    let ended = run(&place, &script, "").await;
    let texts = ["junit.xml", "summary.md", "report.html", "results.json"]
        .map(|name| std::fs::read_to_string(place.path("out").join(name)).unwrap());
    let set_up = run(&place, &script, "setup = ['sh', './run.sh']").await;
    for text in texts.iter().chain([&ended.out, &ended.err, &set_up.err]) {
        assert!(text.contains("a[31mb]0;xcdefgh"), "{text}");
        let is_seen = |c: char| matches!(c, '\n' | '\t') || !is_unseen(c);
        assert!(text.chars().all(is_seen), "{text:?}");
    }
}

#[tokio::test]
async fn one_that_will_not_end_is_killed_with_all_that_it_has_started() {
    let marked = Marked::new();
    let place = Place::new();
    // Children of its own, one of them in the background, and nobody listens.
    let script = "trap '' TERM\n(trap '' TERM; while :; do sleep 1; done) &\n\
        head -c 300000 /dev/urandom\nprintf '\\n\\377\\n{}\\n'\nwhile :; do sleep 1; done";
    let answer = run(&place, &marked.script(script), "").await;
    answer.expect(3);
    marked.expect_nobody();
    let said = std::fs::read_to_string(place.path("out/own/mine/1/output.log")).unwrap();
    let parts = [
        "== c1: killed, for it did not end within 5s of SIGTERM",
        "no report that it declares: ",
    ];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[tokio::test]
async fn nobody_is_left_when_the_run_is_broken_off_or_the_program_killed() {
    for signal in [Signal::INT, Signal::KILL] {
        let marked = Marked::new();
        let place = Place::new();
        let script = "(while :; do sleep 1; done) &\nwhile :; do sleep 1; done";
        client(&place, &marked.script(script), "");
        place.file("own.toml", &FILE.replace("start_within = \"2s\"\n", ""));
        let words = ["run", "own.toml", "--client", "./mine", "--out", "out"];
        let mut command = place.command(&words);
        let (name, mark) = marked.herd();
        let mut child = command.env(name, mark).spawn().unwrap();
        marked.appear().await;
        send(child.id().unwrap(), signal);
        child.wait().await.unwrap();
        marked.vanish().await;
    }
}

#[tokio::test]
async fn a_setup_is_done_once_and_before_anything_and_its_failure_is_told() {
    let place = Place::new();
    let setup =
        "setup = ['sh', '-c', 'echo done >> setup.log; echo cannot reach the registry; exit 4']";
    let answer = run(&place, "", setup).await;
    answer.expect(3);
    let parts = [
        "the setup of client mine failed: exit status: 4",
        "cannot reach the registry",
    ];
    assert!(
        parts.iter().all(|part| answer.err.contains(part)),
        "{}",
        answer.err
    );
    let log = std::fs::read_to_string(place.path("mine/setup.log")).unwrap();
    assert_eq!(log, "done\n");
}

#[tokio::test]
async fn a_setup_that_does_not_end_or_floods_is_killed_with_all_that_it_has_started() {
    for (script, more, part) in [
        (
            "(trap '' TERM; while :; do sleep 1; done) & trap '' TERM; wait",
            "setup_within = '500ms'",
            "the setup of client mine failed: it did not end within 500ms (`setup_within`)",
        ),
        (
            "cat /dev/zero",
            "",
            "the setup of client mine failed: it floods its stdout: more than 256 MiB",
        ),
    ] {
        let (marked, place) = (Marked::new(), Place::new());
        let more = format!("setup = ['sh', './setup.sh']\n{more}");
        client(&place, "", &more);
        std::fs::write(place.path("mine/setup.sh"), marked.script(script)).unwrap();
        let answer = run_file(&place, FILE).await;
        assert!(answer.expect(3).err.contains(part), "{}", answer.err);
        marked.vanish().await;
    }
}

#[tokio::test]
async fn one_that_is_not_there_or_not_described_is_a_mistake_of_the_command_line() {
    let place = Place::new();
    let file = place.file("own.toml", FILE);
    let answer = place.run(&file, &["--client", "nobody"]).await;
    answer.expect(2);
    assert!(
        answer
            .err
            .contains("there is no client `nobody`; there is sim"),
        "{}",
        answer.err
    );
    client(&place, "", "cna = ['pause']");
    let answer = place.run(&file, &["--client", "./mine"]).await;
    answer.expect(2);
    let part = "mine/client.toml:4:1: unknown key `cna`";
    assert!(answer.err.contains(part), "{}", answer.err);
}

fn finding(result: &ScenarioResult, name: &str) -> Finding {
    let mut checks = result.checks.iter();
    checks.find(|check| check.name == name).unwrap().result
}

/// Needs Python, as every test of this name; see `make test-foreign`.
#[tokio::test]
#[ignore = "foreign: needs Python 3"]
async fn foreign_one_in_python_recovers_on_plain_tcp_and_is_told_apart_from_one_that_does_not() {
    for (script, verdict) in [("client.py", Verdict::Passed), ("once.py", Verdict::Failed)] {
        let place = Place::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
        let toml = format!(
            "name = 'mine'\nversion = '1'\ncommand = ['python3', '{folder}/{script}']\n\
             reports = ['dial', 'open', 'message', 'close']\n"
        );
        client(&place, "", "");
        std::fs::write(place.path("mine/client.toml"), toml).unwrap();
        let server = format!(
            "[server]\ncommand = ['python3', '{folder}/lines.py', '{{port}}']\n\
             url = 'tcp://127.0.0.1:{{port}}'\nready = {{ line = 'ready' }}\n"
        );
        let restart = "[[server_event]]\nat = '1s'\nfor = '200ms'\ndo = 'restart'\n";
        let expect = "detect_within = '1s'\nmax_dials = 9\nno_leak = true\n";
        let file = place.file("own.toml", &format!("{FILE}{expect}{server}{restart}"));
        let refused = place.run(&file, &[]).await;
        refused.expect(2);
        assert!(
            refused
                .err
                .contains("own.toml:15:1: the simulated client speaks WebSocket only"),
            "{}",
            refused.err
        );
        place.run(&file, &["--client", "./mine"]).await;
        let result = place.result();
        assert_eq!(result.verdict, verdict, "{result:?}");
        assert_eq!(
            (result.client.as_str(), result.case.as_str()),
            ("mine", "own")
        );
        assert_eq!(finding(&result, "no_leak"), Finding::NotObservable);
    }
}

/// Likewise. Its server obeys the tick, and nothing else that a file may want of one.
#[tokio::test]
#[ignore = "foreign: needs Python 3"]
async fn foreign_one_brings_its_server_and_a_file_that_wants_more_of_that_is_not_for_it() {
    let place = Place::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
    let toml = format!(
        "name = 'mine'\ncommand = ['python3', '{folder}/client.py']\n\
         reports = ['dial', 'open', 'message', 'close']\n[server]\n\
         command = ['sh', './serve.sh', '{{port}}']\nurl = 'tcp://127.0.0.1:{{port}}'\n\
         ready.line = 'ready'\nobeys = ['tick', 'restart']\n"
    );
    client(&place, "", "");
    std::fs::write(place.path("mine/client.toml"), toml).unwrap();
    let serve = format!("echo $CHAOS_TICK_MS > told\nexec python3 {folder}/lines.py $1\n");
    std::fs::write(place.path("mine/serve.sh"), serve).unwrap();
    let restart = "[[server_event]]\nat = '1s'\nfor = '200ms'\ndo = 'restart'\n";
    let verdict = async |name: &str, server: &str| {
        let text = format!("{FILE}{restart}[server]\ntick = '5s'\n{server}");
        let file = place.file(name, &text);
        place.run(&file, &["--client", "./mine"]).await;
        place.result()
    };
    let result = verdict("own.toml", "").await;
    assert_eq!(result.verdict, Verdict::Passed, "{result:?}");
    let told = std::fs::read_to_string(place.path("mine/told")).unwrap();
    assert_eq!(told, "5000\n");
    let result = verdict("more.toml", "ping_every = '1s'\n").await;
    assert_eq!(result.verdict, Verdict::NotApplicable);
    let why = result.reasons[0].to_string();
    assert!(why.contains("`ping_every`"), "{why}");
}
