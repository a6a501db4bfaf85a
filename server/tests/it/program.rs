//! The program: what it prints, how it ends, and what it says when it cannot
//! start.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use environment::{Clock, Network};

use crate::support::soon;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ticker-server");

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .env_remove("CHAOS_SEED")
        .env_remove("RUST_LOG");
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// A running program, killed when it is no longer needed.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut command = program(&["--listen", "127.0.0.1:0"]);
        command.args(args);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut first).unwrap();
        let (_, url) = first
            .split_once("http://")
            .expect("the address comes first");
        let address = url.trim().trim_end_matches('/').to_owned();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    async fn ended(&mut self) -> ExitStatus {
        soon(async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                let moment = std::time::Duration::from_millis(10);
                Clock::start().sleep(moment).await;
            }
        })
        .await
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn both_signals_stop_it_politely_with_0() {
    for name in ["TERM", "INT"] {
        let mut running = Running::start(&["--tick", "10ms", "--seed", "7"]);
        let stream = soon(Network::tcp().dial(&running.address)).await.unwrap();
        let url = format!("ws://{}/ws", running.address);
        let (socket, _) = soon(tokio_tungstenite::client_async(url, stream))
            .await
            .unwrap();
        let mut client = crate::support::Client { socket };
        client.tick().await;
        running.signal(name);
        assert_eq!(client.closed().await.0, 1001);
        assert_eq!(running.ended().await.code(), Some(0), "{name}");
        let errors = running.errors();
        assert!(errors.contains("seed=7"), "{errors}");
    }
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once_with_130() {
    let mut running = Running::start(&["--drain", "1h"]);
    // Keeps the drain busy: asleep, it does not answer the Close frame, and
    // what it was sent is taken by the system.
    let stream = soon(Network::tcp().dial(&running.address)).await.unwrap();
    let url = format!("ws://{}/ws", running.address);
    let opened = soon(tokio_tungstenite::client_async(url, stream))
        .await
        .unwrap();
    running.signal("INT");
    let refused = async { while Network::tcp().dial(&running.address).await.is_ok() {} };
    soon(refused).await;
    running.signal("INT");
    assert_eq!(running.ended().await.code(), Some(130));
    drop(opened);
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line_and_exit_code_2() {
    let running = Running::start(&[]);
    let output = run(&["--listen", &running.address]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&running.address), "{errors}");
    assert!(errors.to_lowercase().contains("in use"), "{errors}");
}

#[test]
fn a_setting_that_cannot_be_served_is_exit_code_2() {
    for (args, says) in [
        (&["--tick", "0s"][..], "`tick` is 0s: at least 1ms"),
        (&["--tick", "soon"][..], "such as 250ms"),
        (
            &["--allow-origin", "example.org"][..],
            "https://example.org",
        ),
        (&["--listen", "nowhere"][..], "--listen"),
        (&["--bogus"][..], "--bogus"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(says), "{args:?}: {errors}");
    }
}

#[tokio::test]
async fn listening_beyond_loopback_is_warned_of() {
    let mut child = program(&["--listen", "0.0.0.0:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("WARN"), "{line}");
    assert!(line.contains("other machines"), "{line}");
}

/// Out of descriptors, it waits for some and goes on; that nobody reads its
/// log any more does not end it either.
#[tokio::test]
async fn a_lack_of_descriptors_does_not_end_it() {
    let mut shell = Command::new("sh");
    let line = "ulimit -n 32; exec \"$0\" --listen 127.0.0.1:0";
    shell.args(["-c", line, PROGRAM]).env_remove("RUST_LOG");
    let mut running = Running::spawn(shell);
    let mut many = Vec::new();
    for _ in 0..64 {
        many.push(soon(Network::tcp().dial(&running.address)).await.unwrap());
    }
    let mut line = String::new();
    let stderr = running.child.stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut line).unwrap();
    assert!(
        line.contains("cannot accept a connection, going on"),
        "{line}"
    );
    drop(many);
    let stream = soon(Network::tcp().dial(&running.address)).await.unwrap();
    let url = format!("ws://{}/ws", running.address);
    let upgrade = Box::pin(tokio_tungstenite::client_async(url, stream));
    assert!(soon(upgrade).await.is_ok());
}
