//! `chaos play` as a person uses it, but with a pipe for a keyboard.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::processes::signal;

struct Playing(Child);

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn play() -> (Playing, BufReader<std::process::ChildStdout>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args([
            "play",
            "--server",
            "127.0.0.1:0",
            "--listen",
            "127.0.0.1:0",
            "--quiet",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let page = until(&mut said, "http://");
    let proxy = page
        .split("ws://")
        .nth(1)
        .unwrap()
        .trim_end_matches("/ws")
        .to_owned();
    (Playing(child), said, proxy)
}

/// The next line that has `part`; the program says it, or the test hangs up.
fn until(said: &mut impl BufRead, part: &str) -> String {
    let lines = said.lines().map_while(Result::ok);
    let found = lines.into_iter().find(|line| line.contains(part));
    found
        .unwrap_or_else(|| panic!("it ended without saying {part:?}"))
        .trim()
        .to_owned()
}

#[test]
fn keys_pull_the_wire_and_q_ends_it() {
    let (mut playing, mut said, proxy) = play();
    let mut keys = playing.0.stdin.take().unwrap();
    let mut press = |key: &str| {
        keys.write_all(key.as_bytes()).unwrap();
        keys.flush().unwrap();
    };
    let mut client = TcpStream::connect(&proxy).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    until(&mut said, "connection 1: accepted");
    press("w");
    until(&mut said, "connection 1: network cut (stall)");
    press("h");
    until(&mut said, "connection 1: network cut is over");
    press("R");
    until(&mut said, "connection 1: reset manually (reset)");
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    press("d");
    until(&mut said, "server down (refuse)");
    let refused = TcpStream::connect(&proxy).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    press("q");
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_ends_it_cleanly() {
    let (mut playing, mut said, _) = play();
    until(&mut said, "quit");
    signal(playing.0.id(), Signal::INT);
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}

/// Who reads has gone, and the keys work on.
#[test]
fn a_reader_that_has_gone_is_no_reason_to_stop() {
    let (mut playing, said, _) = play();
    drop(said);
    let mut keys = playing.0.stdin.take().unwrap();
    keys.write_all(b"wdq").unwrap();
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}

/// A WebSocket to the ticker, as far as its first message.
fn open(proxy: &str) -> TcpStream {
    let mut socket = TcpStream::connect(proxy).unwrap();
    let limit = Some(Duration::from_secs(20));
    socket.set_read_timeout(limit).unwrap();
    let head = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

#[test]
fn an_outage_of_somebodys_own_page_has_a_line() {
    let (_ticker, _said, socket) = play();
    // Its server is behind its proxy, and that is as good a server as any.
    let mut child = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args([
            "play",
            "--page",
            "http://localhost:5173/",
            "--socket",
            &socket,
        ])
        .args(["--listen", "127.0.0.1:0", "--quiet"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut playing = Playing(child);
    let mut keys = playing.0.stdin.take().unwrap();
    let rules = until(&mut said, "--host-resolver-rules=");
    let proxy = rules.split("MAP localhost:").nth(1).unwrap();
    let proxy = proxy.split([' ', ',']).nth(1).unwrap();
    let _first = open(proxy);
    until(&mut said, "connection 1: live");
    keys.write_all(b"r").unwrap();
    until(&mut said, "connection 1: reset manually (reset)");
    let _second = open(proxy);
    let line = until(&mut said, "⇒ ");
    assert!(
        line.starts_with("⇒ reset manually: noticed after "),
        "{line}"
    );
    assert!(line.ends_with(", 1 dial, no doubles"), "{line}");
    keys.write_all(b"q").unwrap();
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}
