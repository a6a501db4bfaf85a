//! The program with its API, as a stranger starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{ChildStdout, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::program::{Running, echo, program, run, stop};
use crate::world::SOON;

/// A program and what it says.
struct Started {
    running: Running,
    lines: BufReader<ChildStdout>,
}

impl Started {
    fn new(args: &[&str]) -> Self {
        let mut command = program();
        command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self {
            running: Running(child),
            lines,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    /// The address in the line `API on http://…`.
    fn api(&mut self) -> SocketAddr {
        let line = self.line();
        let address = line.trim_end().strip_prefix("API on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}"));
        address.parse().unwrap()
    }

    fn stop(mut self) -> String {
        stop(&self.running);
        assert_eq!(self.running.0.wait().unwrap().code(), Some(0));
        let mut errors = String::new();
        let mut stderr = self.running.0.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        errors
    }
}

fn call(api: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn get(api: SocketAddr, path: &str) -> Value {
    let (status, body) = call(api, "GET", path, "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Says something; whether it comes back within this time.
fn comes_back(address: &str, within: Duration) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(within)).unwrap();
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut [0; 4]).is_ok()
}

fn echoes(address: &str) -> bool {
    comes_back(address, SOON)
}

fn holds(address: &str) -> bool {
    !comes_back(address, Duration::from_millis(300))
}

#[test]
fn with_the_api_alone_it_starts_empty_and_ends_on_a_signal() {
    let upstream = echo().to_string();
    let mut started = Started::new(&["--api", "127.0.0.1:0"]);
    let api = started.api();
    assert_eq!(get(api, "/proxies"), json!({}));
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream}).to_string();
    let (status, made) = call(api, "POST", "/proxies", &body);
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let listen = made["listen"].as_str().unwrap();
    assert!(echoes(listen));
    // A connection that is open, and a reader of events, keep nothing from ending.
    let mut open = TcpStream::connect(listen).unwrap();
    open.write_all(b"x").unwrap();
    open.read_exact(&mut [0; 1]).unwrap();
    let mut events = TcpStream::connect(api).unwrap();
    events
        .write_all(b"GET /chaos/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    events.read_exact(&mut [0; 15]).unwrap();
    assert_eq!(started.stop(), "", "nothing to warn of");
    assert!(TcpStream::connect(listen).is_err());
    // FIN or RST; but an end.
    assert!(open.read(&mut [0; 1]).map_or(true, |count| count == 0));
}

#[test]
fn its_own_proxy_can_be_put_under_toxics_beside_its_scenario() {
    let upstream = echo().to_string();
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &upstream,
        "--api",
        "127.0.0.1:0",
    ];
    let mut started = Started::new(&args);
    let api = started.api();
    let line = started.line();
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
    let proxies = get(api, "/proxies");
    let listen = proxies["main"]["listen"].as_str().unwrap();
    assert_eq!(proxies["main"]["upstream"], upstream);
    assert!(echoes(listen));
    let (status, _) = call(
        api,
        "POST",
        "/proxies/main/toxics",
        "{\"type\":\"bandwidth\"}",
    );
    assert_eq!(status, 200);
    assert!(holds(listen));
    started.stop();
}

#[test]
fn a_configuration_is_honoured_toxics_and_all() {
    let upstream = echo().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = json!([
        {"name": "open", "listen": "127.0.0.1:0", "upstream": upstream},
        {"name": "held", "listen": "127.0.0.1:0", "upstream": upstream,
         "toxics": [{"type": "bandwidth", "attributes": {"rate": 0}}]},
        {"name": "off", "listen": "127.0.0.1:1", "upstream": upstream, "enabled": false},
    ]);
    std::fs::write(file.path(), config.to_string()).unwrap();
    let journal = tempfile::NamedTempFile::new().unwrap();
    let paths = (
        file.path().to_str().unwrap(),
        journal.path().to_str().unwrap(),
    );
    // Without --api no other port is open.
    let mut started = Started::new(&["--config", paths.0, "--journal", paths.1]);
    let mut listening = |name: &str| {
        let line = started.line();
        let words: Vec<&str> = line.trim_end().split([' ', ',']).collect();
        assert_eq!(
            (words[0], *words.last().unwrap()),
            ("listening", name),
            "{line}"
        );
        words[2].to_owned()
    };
    let (open, held) = (listening("open"), listening("held"));
    assert_eq!(listening("off"), "127.0.0.1:1");
    assert!(echoes(&open));
    assert!(holds(&held));
    started.stop();
    let journal = std::fs::read_to_string(journal.path()).unwrap();
    assert!(journal.contains("\"proxy\":\"open\""), "{journal}");
    assert!(
        journal.contains("\"rule\":\"held/bandwidth_downstream\""),
        "{journal}"
    );
}

#[test]
fn a_configuration_with_a_mistake_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let check = |text: &str, words: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let path = file.path().to_str().unwrap();
        let (code, stderr) = run(&["--api", "127.0.0.1:0", "--config", path]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains(&format!("configuration {path}")),
            "{stderr}"
        );
        assert!(stderr.contains(words), "{words:?} is not in {stderr}");
    };
    check("", "EOF");
    check("{\"name\": \"a\"}", "cannot unmarshal object");
    check(
        "[{\"name\": \"a\"}]",
        "missing required field: upstream at proxy 1",
    );
    let toxic = "[{\"name\":\"a\",\"upstream\":\"x:1\",\"toxics\":[{\"type\":\"x\"}]}]";
    check(toxic, "invalid toxic type at proxy 1");
    let port = format!("[{{\"name\":\"a\",\"upstream\":\"x:1\",\"listen\":\"{taken}\"}}]");
    check(&port, "bind: address already in use at proxy 1");
    check("[] []", "trailing characters");
    check("[]\n# a comment", "trailing characters");
    let twice = "[{\"name\":\"a\",\"upstream\":\"x:1\"},{\"name\":\"a\",\"upstream\":\"y:1\"}]";
    check(twice, "proxies 1 and 2 are both called `a`");
    let url = "[{\"name\":\"a\",\"upstream\":\"redis://x:1\"}]";
    check(
        url,
        "upstream redis://x:1 of proxy 1: expected HOST:PORT, not a URL; try x:1",
    );
    check(
        "[{\"name\": \"${NOT_SET_ANYWHERE}\"}]",
        "${NOT_SET_ANYWHERE} is not set in the environment",
    );
    let (code, stderr) = run(&["--config", "missing.json"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("missing.json"), "{stderr}");
}

#[test]
fn flags_that_need_another_say_so() {
    let check = |args: &[&str], words: &str| {
        let (code, stderr) = run(args);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(words), "{words:?} is not in {stderr}");
    };
    check(&[], "--upstream");
    check(&["--api", "--scenario", "x.toml"], "--upstream");
    check(&["--upstream", "a:1", "--api-host", "x"], "--api");
    check(&["--api", "nonsense"], "--api nonsense");
}

#[test]
fn an_api_that_others_can_reach_is_warned_of() {
    let mut started = Started::new(&["--api", "0.0.0.0:0"]);
    let api = started.api();
    assert_eq!(
        get(SocketAddr::from(([127, 0, 0, 1], api.port())), "/proxies"),
        json!({})
    );
    let errors = started.stop();
    assert!(errors.contains("is not on loopback"), "{errors}");
}

#[test]
fn a_configuration_that_never_ends_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for path in [fifo.as_path(), "/dev/zero".as_ref(), folder.path()] {
        let path = path.to_str().unwrap();
        let (code, stderr) = run(&["--config", path]);
        assert_eq!(code, Some(2), "{stderr}");
        let words = format!("configuration {path}: not a file");
        assert!(stderr.contains(&words), "{stderr}");
    }
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let ended = program()
        .args(["--config", "-"])
        .stdin(zero)
        .output()
        .unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("configuration of stdin: too large"),
        "{stderr}"
    );
}

#[test]
fn stdin_and_variables_do_for_files_and_flags() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[{\"name\": \"p\", \"listen\": \"127.0.0.1:0\", \"upstream\": \"${SERVER}\",\n\
                \"toxics\": [{\"type\": \"latency\", \"attributes\": {\"latency\": ${DELAY}}}]}]";
    std::fs::write(file.path(), text).unwrap();
    let mut child = program()
        .env("SERVER", echo().to_string())
        .env("DELAY", "1")
        .env("CHAOS_PROXY_API", "127.0.0.1:0")
        .env("CHAOS_PROXY_API_HOST", "a.test,b.test")
        .env("CHAOS_PROXY_PROXY_METRICS", "1")
        .env("CHAOS_PROXY_CONFIG", "-")
        .stdin(std::fs::File::open(file.path()).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let mut started = Started {
        running: Running(child),
        lines,
    };
    let api = started.api();
    let proxies = get(api, "/proxies");
    assert!(echoes(proxies["p"]["listen"].as_str().unwrap()));
    assert_eq!(proxies["p"]["toxics"][0]["attributes"]["latency"], 1);
    assert_eq!(call(api, "GET", "/metrics", "").0, 200);
    started.stop();
}
