//! The program: what it prints, how it ends, and what it says when it cannot
//! start.

use std::process::{ExitStatus, Output, Stdio};

use environment::Network;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::kept::keep_help;
use crate::support::soon;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ticker-server");

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .env_remove("CHAOS_SEED")
        .env_remove("RUST_LOG")
        .kill_on_drop(true);
    command
}

async fn run(args: &[&str]) -> Output {
    soon(program(args).output()).await.unwrap()
}

async fn first_line(text: impl AsyncRead + Unpin) -> String {
    let mut line = String::new();
    let mut text = BufReader::new(text);
    soon(text.read_line(&mut line)).await.unwrap();
    line
}

/// A running program, killed when it is no longer needed.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    async fn start(args: &[&str]) -> Self {
        let mut command = program(&["--listen", "127.0.0.1:0"]);
        command.args(args);
        Self::spawn(command).await
    }

    async fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let first = first_line(child.stdout.take().unwrap()).await;
        let (_, url) = first
            .split_once("http://")
            .expect("the address comes first");
        let address = url.trim().trim_end_matches('/').to_owned();
        Self { child, address }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    async fn ended(&mut self) -> ExitStatus {
        soon(self.child.wait()).await.unwrap()
    }

    async fn errors(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        soon(stderr.read_to_string(&mut text)).await.unwrap();
        text
    }
}

#[tokio::test]
async fn both_signals_stop_it_politely_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut running = Running::start(&["--tick", "10ms", "--seed", "7"]).await;
        let stream = soon(Network::tcp().dial(&running.address)).await.unwrap();
        let url = format!("ws://{}/ws", running.address);
        let (socket, _) = soon(tokio_tungstenite::client_async(url, stream))
            .await
            .unwrap();
        let mut client = crate::support::Client { socket };
        client.tick().await;
        running.signal(signal);
        assert_eq!(client.closed().await.0, 1001);
        assert_eq!(running.ended().await.code(), Some(0), "{signal:?}");
        let errors = running.errors().await;
        assert!(errors.contains("seed=7"), "{errors}");
    }
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once_with_130() {
    let mut running = Running::start(&["--drain", "1h"]).await;
    // Keeps the drain busy: asleep, it does not answer the Close frame, and
    // what it was sent is taken by the system.
    let stream = soon(Network::tcp().dial(&running.address)).await.unwrap();
    let url = format!("ws://{}/ws", running.address);
    let opened = soon(tokio_tungstenite::client_async(url, stream))
        .await
        .unwrap();
    running.signal(Signal::INT);
    let refused = async { while Network::tcp().dial(&running.address).await.is_ok() {} };
    soon(refused).await;
    running.signal(Signal::INT);
    assert_eq!(running.ended().await.code(), Some(130));
    drop(opened);
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line_and_exit_code_2() {
    let running = Running::start(&[]).await;
    let output = run(&["--listen", &running.address]).await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&running.address), "{errors}");
    assert!(errors.to_lowercase().contains("in use"), "{errors}");
}

#[tokio::test]
async fn a_setting_that_cannot_be_served_is_exit_code_2() {
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
        let output = run(args).await;
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
    let line = first_line(child.stderr.take().unwrap()).await;
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
    shell.kill_on_drop(true);
    let mut running = Running::spawn(shell).await;
    let mut many = Vec::new();
    for _ in 0..64 {
        many.push(soon(Network::tcp().dial(&running.address)).await.unwrap());
    }
    let line = first_line(running.child.stderr.take().unwrap()).await;
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

fn full() -> Stdio {
    let file = std::fs::File::options().write(true).open("/dev/full");
    file.unwrap().into()
}

#[tokio::test]
async fn readme_command_line_is_what_the_program_prints() {
    let output = run(&["--help"]).await;
    let help = String::from_utf8(output.stdout).unwrap();
    keep_help("ticker-server", &[help]);
}

#[tokio::test]
async fn streams_that_cannot_be_written_change_no_code_but_that_of_who_only_prints() {
    for (args, code, code_if_full) in [
        (&["--help"][..], 0, 2),
        (&["--version"], 0, 2),
        (&["--nobody"], 2, 2),
        (&["--listen", "192.0.2.1:1"], 2, 2),
    ] {
        // Not `output`, which takes both streams for itself.
        let mut out = program(args);
        out.stdout(full()).stderr(Stdio::piped());
        let out = soon(out.spawn().unwrap().wait_with_output()).await.unwrap();
        assert_eq!(out.status.code(), Some(code_if_full), "{args:?}");
        let told = String::from_utf8_lossy(&out.stderr).contains("stdout: No space left");
        assert_eq!(told, code != code_if_full, "{args:?}");
        let mut err = program(args);
        let ended = err.stdout(Stdio::null()).stderr(full()).status();
        assert_eq!(soon(ended).await.unwrap().code(), Some(code), "{args:?}");
    }
}

#[tokio::test]
async fn a_full_stdout_is_no_reason_not_to_serve() {
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    let mut child = command
        .stdout(full())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = first_line(child.stderr.take().unwrap()).await;
    let start = "ticker-server: stdout: No space left on device (os error 28); http://";
    let address = line.strip_prefix(start).unwrap_or_else(|| panic!("{line}"));
    let address = address.trim().trim_end_matches('/');
    soon(Network::tcp().dial(address)).await.unwrap();
}
