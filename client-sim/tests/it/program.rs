//! The program as a process: what it prints and how it ends.

use std::process::{Output, Stdio};

use environment::{Environment, Listener};
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::kept::keep_help;
use crate::rig::{World, nowhere, welcome, within};

pub(crate) fn program(url: &str, flags: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client-sim"));
    command
        .arg(url)
        .args(flags.split_whitespace())
        .env_remove("CHAOS_SEED")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

pub(crate) async fn output(url: &str, flags: &str) -> Output {
    let running = program(url, flags).output();
    within("the program's end", running).await.unwrap()
}

pub(crate) fn listen() -> Listener {
    World::new(Environment::real()).listen()
}

pub(crate) fn url(listener: &Listener) -> String {
    format!("ws://{}/ws", listener.local_addr())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Ends the one client's first connection after tick 1; on the second, which is
/// kept, skips to tick 4 and says it twice.
async fn serve(listener: Listener) {
    let mut first = welcome(&listener, false).await;
    first.tick(1).await;
    // FIN, which does not overtake the tick as a reset would.
    first.into_stream().shutdown().await.unwrap();
    let mut second = welcome(&listener, true).await;
    second.tick(4).await;
    second.tick(4).await;
    // Answers pings and the close until the client has gone.
    while let Some(Ok(_)) = second.socket.next().await {}
}

#[tokio::test]
async fn json_tells_what_happened() {
    let listener = listen();
    let url = url(&listener);
    let mut server = JoinSet::new();
    server.spawn(serve(listener));
    let flags = "--clients 1 --for 3s --base 10ms --cap 50ms --seed 7 --json";
    let output = output(&url, flags).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| {
        json[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {json}"))
    };
    assert_eq!(number("version"), 1);
    assert_eq!(number("seed"), 7);
    assert_eq!((number("clients"), number("connected")), (1, 1));
    assert_eq!((number("connects"), number("reconnects")), (2, 1));
    assert_eq!(number("failed_dials"), 0);
    assert_eq!((number("messages"), number("lost")), (3, 2));
    assert_eq!((number("repeated"), number("duplicated")), (1, 0));
    assert_eq!(json["endings"], serde_json::json!({"ended": 1}));
    assert_eq!(json["recovery"]["count"], 1);
    assert!(json["recovery"]["p99_ms"].as_f64().unwrap() > 0.0);
    let availability = json["availability"].as_f64().unwrap();
    assert!(availability > 0.0 && availability <= 1.0, "{availability}");
    assert_eq!(json["url"], url);
}

#[tokio::test]
async fn refused_clients_are_a_failure_and_the_table_says_so() {
    let mut listener = listen();
    listener.refuse();
    let output = output(
        &url(&listener),
        "--clients 3 --for 1h --max-attempts 2 --base 1ms",
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    let row = |name: &str| {
        let line = table
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{table}"));
        line.trim_start()[name.len()..].trim().to_owned()
    };
    assert!(
        table.starts_with("0 of 3 clients connected to ws://"),
        "{table}"
    );
    assert_eq!(row("connects"), "0");
    assert_eq!(row("gave up"), "3");
    assert_eq!(row("failed dials"), "6");
    assert_eq!(row("time to recover p50"), "-");
    assert_eq!(row("lost"), "-");
    assert_eq!(row("availability"), "0.00 %");
    assert_eq!(row("endings"), "refused 6");
    assert_eq!(text(&output.stderr), "", "no live line without a terminal");
}

#[tokio::test]
async fn usage_mistakes_end_with_2_and_say_what_is_right() {
    let check = async |url: &str, flags: &str, part: &str| {
        let output = output(url, flags).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(part), "no {part:?} in {told}");
        assert!(output.stdout.is_empty());
    };
    let ca = "--ca is for URLs of TLS; ws://a/ is none";
    check("ws://a/", "--ca /nowhere", ca).await;
    check("ws://a/", "--flaw nothing", "no_liveness").await;
    check(
        "ws://a/",
        "--base 9s --cap 1s",
        "--cap 1s is below --base 9s",
    )
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_early_with_the_table_and_130() {
    let listener = listen();
    let mut command = program(&url(&listener), "--for 1h --liveness 1s");
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let mut served = welcome(&listener, false).await;
    // A ping comes from an open connection only.
    let ping = within("a ping", served.socket.next()).await;
    assert!(ping.unwrap().unwrap().is_ping());
    kill_process(id, Signal::INT).unwrap();
    let output = within("the end", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let table = text(&output.stdout);
    assert!(table.starts_with("1 of 1 clients connected"), "{table}");
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_a_row_of_the_table() {
    let output = output(&nowhere(), "--for 1h --max-attempts 1 --json").await;
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["failed_dials"], 1, "{json}");
    assert_eq!(json["endings"], serde_json::json!({"network": 1}));
}

fn full() -> Stdio {
    let file = std::fs::File::options().write(true).open("/dev/full");
    file.unwrap().into()
}

#[tokio::test]
async fn readme_command_line_is_what_the_program_prints() {
    let one = text(&output("--help", "").await.stdout);
    let merge = text(&output("merge", "--help").await.stdout);
    keep_help("client-sim", &[one, merge]);
}

#[tokio::test]
async fn streams_that_cannot_be_written_change_no_code_but_that_of_who_only_prints() {
    let nobody = nowhere();
    for (flags, code, code_if_full) in [
        ("--help", 0, 2),
        ("--version", 0, 2),
        ("--nobody", 2, 2),
        ("--clients 1 --for 100ms --json -v", 1, 1),
    ] {
        // Not `output`, which takes both streams for itself.
        let mut out = program(&nobody, flags);
        out.stdout(full()).stderr(Stdio::piped());
        let ended = out.spawn().unwrap().wait_with_output();
        let out = within("its end", ended).await.unwrap();
        assert_eq!(out.status.code(), Some(code_if_full), "{flags}");
        let told = text(&out.stderr).contains("client-sim: stdout: No space left on device");
        assert_eq!(told, code != 2, "{flags}");
        let mut err = program(&nobody, flags);
        let ended = err.stdout(Stdio::null()).stderr(full()).status();
        assert_eq!(
            within("its end", ended).await.unwrap().code(),
            Some(code),
            "{flags}"
        );
    }
}
