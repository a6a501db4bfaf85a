//! External programs on both sides of the proxy: Python's `websockets`,
//! as it comes. `make test` installs what they need and says where it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use environment::Environment;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::bench::{Bench, Setup};
use crate::world::{World, soon};

const PEER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/foreign/websockets_peer.py"
);

/// Where external programs were installed.
pub(crate) fn installed(program: &str) -> PathBuf {
    let folder = std::env::var_os("CHAOS_TEST_FOREIGN");
    Path::new(&folder.expect("run by `make test-foreign`")).join(program)
}

/// A Python that has `websockets`.
fn python() -> Command {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(PEER).kill_on_drop(true);
    command
}

/// The server; it ends when dropped.
async fn server() -> (Child, SocketAddr) {
    let mut command = python();
    command.arg("server");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = soon(lines.next_line()).await.unwrap().unwrap();
    (
        child,
        SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
    )
}

/// What a client tells of so many connections, one after another.
async fn connections(bench: &Bench, path: &str, count: usize) -> Vec<Value> {
    let url = format!("ws://{}{path}", bench.addresses[0]);
    let mut command = python();
    command.args(["client", &url, &count.to_string()]);
    let output = soon(command.output()).await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    let told = text.lines().map(|line| serde_json::from_str(line).unwrap());
    told.collect()
}

async fn behind(faults: &str, path: &str, count: usize) -> Vec<Value> {
    let (_server, address) = server().await;
    let setup = Setup {
        frames: true,
        ..Setup::toward(&World::new(Environment::real()), address)
    };
    let bench = setup.start(faults);
    bench.begin().await;
    connections(&bench, path, count).await
}

#[tokio::test]
#[ignore = "needs Python's websockets: make test-foreign"]
async fn faults_come_on_the_attempt_and_the_frame_asked_for() {
    let faults = r#"
        [[fault]]
        on = { attempt = 1, frame = 2 }
        inject.close_frame = { code = 1012, reason = "restart" }

        [[fault]]
        on.attempt = 2
        inject.upgrade_reply = { status = 503, headers = { Retry-After = "7" } }

        [[fault]]
        on.attempt = 3
        inject.cut = { frame = 4, part = "payload" }
    "#;
    let told = behind(faults, "/", 4).await;
    assert_eq!(told[0]["numbers"], serde_json::json!([1, 2]));
    assert_eq!(
        (&told[0]["code"], &told[0]["reason"]),
        (&1012.into(), &"restart".into())
    );
    assert_eq!(
        (&told[1]["status"], &told[1]["retry_after"]),
        (&503.into(), &"7".into())
    );
    // The fourth message was cut: no close frame came, and nothing of it.
    assert_eq!(told[2]["numbers"], serde_json::json!([1, 2, 3]));
    assert_eq!(told[2]["code"], Value::Null);
    assert!(told[2].get("error").is_none(), "{}", told[2]);
    assert_eq!(told[3]["numbers"].as_array().unwrap().len(), 9);
}

#[tokio::test]
#[ignore = "needs Python's websockets: make test-foreign"]
async fn a_message_is_dropped_and_all_others_can_be_read_though_both_would_compress() {
    let faults =
        "[[fault]]\non.attempt = 1\ninject.drop_frame = { index = 3, direction = \"downstream\" }";
    let told = behind(faults, "/all", 2).await;
    let others = serde_json::json!([1, 2, 4, 5, 6, 7, 8, 9]);
    assert_eq!(told[0]["numbers"], others);
    assert_eq!(told[0]["extensions"], serde_json::json!([]));
    assert_eq!(told[1]["numbers"].as_array().unwrap().len(), 9);
}

#[tokio::test]
#[ignore = "needs Python's websockets: make test-foreign"]
async fn compression_goes_on_where_no_rule_minds_it() {
    let faults = "[[fault]]\non.attempt = 1\ninject.delay_frame = { delay = \"200ms\", index = 2 }\n[[fault]]\non.attempt = 1\ninject.slice = { size = \"1B\" }";
    let told = behind(faults, "/", 1).await;
    assert_eq!(
        told[0]["extensions"],
        serde_json::json!(["permessage-deflate"])
    );
    assert_eq!(
        told[0]["numbers"],
        serde_json::json!([1, 2, 3, 4, 5, 6, 7, 8, 9])
    );
}

#[tokio::test]
#[ignore = "needs Python's websockets: make test-foreign"]
async fn illegal_frames_are_refused_by_the_peer_that_gets_them() {
    let faults = r#"
        [[fault]]
        name = "opcode"
        on.attempt = 1
        inject.corrupt = { kind = "opcode", index = 2, direction = "downstream" }

        [[fault]]
        name = "mask"
        on.attempt = 2
        inject.corrupt = { kind = "mask", index = 2, direction = "upstream" }

        [[fault]]
        name = "utf8"
        on.attempt = 3
        inject.corrupt = { kind = "utf8", index = 2, direction = "downstream" }
    "#;
    let told = behind(faults, "/", 3).await;
    assert_eq!(told[0]["numbers"], serde_json::json!([1]));
    // The server says what it was that it could not take.
    assert_eq!(told[1]["code"], 1002);
    assert_eq!(told[2]["numbers"], serde_json::json!([1]));
}
