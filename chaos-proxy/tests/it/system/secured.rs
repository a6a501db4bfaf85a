//! TLS as a stranger asks for it: by flags, by a file and by the API, and what is said
//! of an error.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use environment::tls::{Alpn, Authority, Connector, Leaf};
use environment::{Environment, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::program::{echo, run, start};
use crate::world::soon;

fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(soon(future))
}

async fn dial(address: SocketAddr, ca: &Path) -> Stream {
    let authority = Authority::open_or_make(ca).unwrap();
    let connector = Connector::new("127.0.0.1", &authority.trust()).unwrap();
    let dialled = Environment::real().network.dial(&address.to_string()).await;
    let mut stream = connector.connect(dialled.unwrap());
    stream.handshake().await.unwrap();
    stream
}

async fn echoes(stream: &mut Stream) {
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    let mut read = [0; 5];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hello");
}

/// Client ─TLS─▶ proxy ─TLS─▶ proxy ─▶ echo, each by its own flags.
#[test]
fn flags_make_proxies_that_accept_and_ask_for_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, journal) = (
        folder.path().join("ca"),
        folder.path().join("journal.jsonl"),
    );
    let ca_text = ca.to_str().unwrap();
    let upstream = echo().to_string();
    let mut flags = vec!["--listen", "127.0.0.1:0", "--upstream", &upstream];
    flags.extend(["--tls", "--ca", ca_text]);
    let (_inner, address, line) = start(&flags);
    assert!(line.contains(" with TLS, upstream "), "{line}");

    let upstream = format!("tls://localhost:{}", address.port());
    let certificate = ca.join("ca.pem");
    let mut flags = vec!["--listen", "127.0.0.1:0", "--upstream", &upstream];
    flags.extend(["--tls", "--ca", ca_text]);
    flags.extend(["--upstream-ca", certificate.to_str().unwrap()]);
    flags.extend(["--journal", journal.to_str().unwrap()]);
    let (_outer, address, _) = start(&flags);
    block_on(async { echoes(&mut dial(address, &ca).await).await });

    let journal = fs::read_to_string(journal).unwrap();
    for peer in ["client", "server"] {
        let told = format!(r#""event":"tls_established","peer":"{peer}","version":"1.3""#);
        assert!(journal.contains(&told), "{journal}");
    }
    assert!(!journal.contains("PRIVATE"));
}

fn call(api: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(api).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn listen_of(answer: &str) -> SocketAddr {
    let (_, rest) = answer
        .split_once(r#""listen":""#)
        .unwrap_or_else(|| panic!("{answer}"));
    rest.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn the_api_makes_and_changes_proxies_of_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    let (running, _, line) = start_api(&ca);
    let api: SocketAddr = line.trim().rsplit('/').next().unwrap().parse().unwrap();
    let upstream = echo();
    let body = format!(
        r#"{{"name": "a", "listen": "127.0.0.1:0", "upstream": "{upstream}", "tls": true}}"#
    );
    let made = call(api, "POST", "/proxies", &body);
    assert!(made.contains(r#""toxics":[],"tls":true"#), "{made}");
    let address = listen_of(&made);
    block_on(async { echoes(&mut dial(address, &ca).await).await });

    // Another before it, which asks it for TLS and is asked for none.
    let certificate = ca.join("ca.pem");
    let body = format!(
        r#"{{"name": "b", "listen": "127.0.0.1:0", "upstream": "tls://{address}", "upstream_ca": "{}"}}"#,
        certificate.display()
    );
    let made = call(api, "POST", "/proxies", &body);
    let mut plain = TcpStream::connect(listen_of(&made)).unwrap();
    plain.write_all(b"plain").unwrap();
    let mut read = [0; 5];
    plain.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"plain");

    let changed = call(api, "POST", "/proxies/a", r#"{"tls": false}"#);
    assert!(!changed.contains("tls"), "{changed}");
    let mut plain = TcpStream::connect(listen_of(&changed)).unwrap();
    plain.write_all(b"plain").unwrap();
    plain.read_exact(&mut read).unwrap();

    let refused = call(api, "POST", "/proxies/a", r#"{"upstream_insecure": true}"#);
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(
        refused.contains("upstream_insecure is for an upstream of TLS"),
        "{refused}"
    );
    drop(running);
}

fn start_api(ca: &Path) -> (super::program::Running, (), String) {
    let mut command = super::program::program();
    command.args(["--api", "127.0.0.1:0", "--ca", ca.to_str().unwrap()]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    (super::program::Running(child), (), line)
}

#[test]
fn a_mistake_is_told_before_anything_listens() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(place("file"), "no folder").unwrap();
    fs::write(place("empty.pem"), "").unwrap();
    let check = |flags: &[&str], expected: &str| {
        let (code, said) = run(&[&["--listen", "127.0.0.1:0"], flags].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{flags:?}: {said}");
    };
    let under_a_file = place("file/ca");
    let plain = ["--upstream", "127.0.0.1:9"];
    check(
        &[&plain[..], &["--tls", "--ca", &under_a_file]].concat(),
        "give a folder by --ca DIR",
    );
    check(
        &[&plain[..], &["--upstream-insecure"]].concat(),
        "is for an upstream of TLS",
    );
    let secured = ["--upstream", "tls://127.0.0.1:9"];
    let (none, empty) = (place("none.pem"), place("empty.pem"));
    check(
        &[&secured[..], &["--upstream-ca", &none]].concat(),
        "certificates in PEM",
    );
    check(
        &[&secured[..], &["--upstream-ca", &empty]].concat(),
        "no certificate in it",
    );
    let long = format!("tls://{}:443", "a".repeat(300));
    check(&["--upstream", &long], "at most 253");
    check(
        &["--upstream", "wss://example.com/feed"],
        "try tls://example.com:443",
    );
}

#[test]
fn whoever_is_believed_without_a_look_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    Authority::open_or_make(&ca)
        .unwrap()
        .acceptor(Leaf::Valid, Alpn::Http1);
    let mut command = super::program::program();
    command.args(["--listen", "127.0.0.1:0", "--upstream", "tls://127.0.0.1:9"]);
    let command = command.arg("--upstream-insecure");
    let mut child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stderr = child.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    drop(super::program::Running(child));
    assert!(line.contains("none is verified"), "{line}");
}
