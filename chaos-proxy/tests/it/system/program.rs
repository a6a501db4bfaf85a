//! The program as a stranger uses it: its flags, its errors, and what an
//! independent witness sees through it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::kept::keep_help;

/// Ended with the test, whatever becomes of it.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos-proxy"));
    command
        .env_remove("CHAOS_SEED")
        .env_remove("CHAOS_PROXY_DELAY_BUFFER")
        .env_remove("CHAOS_PROXY_DELAY_BUFFER_TOTAL")
        .env("NO_COLOR", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

pub(crate) fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = program().args(args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Starts the proxy and waits for the line that says where it listens.
pub(crate) fn start(args: &[&str]) -> (Running, SocketAddr, String) {
    let mut child = program().args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .split([' ', ','])
        .nth(2)
        .and_then(|address| address.parse().ok());
    (
        Running(child),
        address.unwrap_or_else(|| panic!("no address in {line:?}")),
        line,
    )
}

/// An echo server on plain threads; gone with the process.
pub(crate) fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(count) = stream.read(&mut bytes) {
                    if count == 0 || stream.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

pub(crate) fn stop(running: &Running) {
    let id = Pid::from_raw(i32::try_from(running.0.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
}

#[test]
fn a_scenario_with_mistakes_shows_them_all_and_runs_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "duration = \"5s\"\n[[fault]]\nat = \"9s\"\ninject.stall = {}\n[[fault]]\nname = \"b\"\nat = 3\n\
                inject.refuse = {}\n[[fault]]\nname = \"c\"\ninject.rest = {}\nat = \"1s\"\n";
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let (code, stderr) = run(&["--upstream", "127.0.0.1:1", "--scenario", path]);
    assert_eq!(code, Some(2), "{stderr}");
    for place in ["3:6", "7:6", "11:8"] {
        assert!(
            stderr.contains(&format!("{path}:{place}: ")),
            "{place} is not in {stderr}"
        );
    }
    assert!(stderr.contains("did you mean `reset`"), "{stderr}");
    assert!(
        stderr.ends_with(&format!("3 errors in {path}\n")),
        "{stderr}"
    );
}

#[test]
fn what_stands_in_the_way_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let check = |args: &[&str], code: i32, words: &str| {
        let (status, stderr) = run(args);
        assert_eq!(status, Some(code), "{stderr}");
        assert!(stderr.contains(words), "{words:?} is not in {stderr}");
    };
    check(
        &["--upstream", "127.0.0.1:1", "--listen", &address],
        2,
        &format!("failed to listen on {address}"),
    );
    check(
        &["--upstream", "nowhere"],
        2,
        "--upstream nowhere: expected HOST:PORT",
    );
    for scheme in ["ws", "http", "redis", "tcp"] {
        let url = format!("{scheme}://127.0.0.1:8080");
        let words = format!("--upstream {url}: expected HOST:PORT, not a URL; try 127.0.0.1:8080");
        check(&["--upstream", &url, "--listen", "127.0.0.1:0"], 2, &words);
    }
    let port = super::ports::free(1);
    let own = format!("localhost:{port}");
    check(
        &["--upstream", &own, "--listen", &own],
        2,
        "this proxy itself listens there",
    );
    check(
        &["--upstream", "127.0.0.1:1", "--listen", "nonsense"],
        2,
        "--listen nonsense",
    );
    check(
        &["--upstream", "127.0.0.1:1", "--scenario", "missing.toml"],
        2,
        "missing.toml",
    );
    check(&["--listen", "127.0.0.1:0"], 2, "--upstream");
    if Path::new("/dev/full").exists() {
        let args = [
            "--upstream",
            "127.0.0.1:1",
            "--listen",
            "127.0.0.1:0",
            "--journal",
            "/dev/full",
        ];
        check(&args, 2, "failed to write the journal /dev/full");
    }
}

#[test]
fn two_proxies_cannot_share_a_port() {
    let upstream = echo().to_string();
    let (_running, address, _) = start(&["--listen", "127.0.0.1:0", "--upstream", &upstream]);
    let (code, stderr) = run(&["--listen", &address.to_string(), "--upstream", &upstream]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("in use"), "{stderr}");
}

#[test]
fn seeds_come_from_the_flag_then_the_environment_then_the_file() {
    let upstream = echo().to_string();
    let base = ["--listen", "127.0.0.1:0", "--upstream", &upstream];
    let check = |args: &[&str], seed: &str| {
        let (_running, _, line) = start(&[&base[..], args].concat());
        assert!(line.contains(&format!("seed {seed},")), "{line}");
    };
    check(&[], "1");
    check(&["--scenario", "tests/probe.toml"], "7");
    check(&["--scenario", "tests/probe.toml", "--seed", "9"], "9");
}

/// ECONNRESET, ECONNREFUSED, silence and FIN at the planned times, by a witness
/// that shares no code with us; and the journal says the same.
#[test]
fn an_independent_probe_sees_what_was_planned() {
    let upstream = echo().to_string();
    let journal = tempfile::NamedTempFile::new().unwrap();
    let journal_path = journal.path().to_str().unwrap();
    let scenario = ["--scenario", "tests/probe.toml", "--journal", journal_path];
    let args = [
        &["--listen", "127.0.0.1:0", "--upstream", &upstream],
        &scenario[..],
    ]
    .concat();
    let (mut running, address, _) = start(&args);
    let probe = Command::new("python3")
        .args([
            "tests/probe.py",
            &address.ip().to_string(),
            &address.port().to_string(),
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        probe.status.success(),
        "{}",
        String::from_utf8_lossy(&probe.stderr)
    );
    let seen: Vec<serde_json::Value> = String::from_utf8(probe.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let what: Vec<String> = seen.iter().map(|line| line["saw"].to_string()).collect();
    let expect = [
        "{\"resets\":100}",
        "\"ECONNREFUSED\"",
        "\"accepted\"",
        "\"silence\"",
        "\"data\"",
        "\"FIN\"",
    ];
    assert_eq!(what, expect);
    // Never before its time, but for what the probe took to start its clock; how
    // long after is the machine's affair, within reason. The journal is exact.
    let planned = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0];
    for (line, planned) in seen.iter().zip(planned) {
        let at = line["at"].as_f64().unwrap();
        assert!(
            (planned - 0.5..planned + 5.0).contains(&at),
            "{line}, planned at {planned}"
        );
    }
    stop(&running);
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let journal = std::fs::read_to_string(journal.path()).unwrap();
    let lines: Vec<serde_json::Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["format"], "chaos-journal");
    let struck = |fault: &str| {
        lines
            .iter()
            .filter(|line| line["event"] == "struck" && line["fault"] == fault)
            .count()
    };
    assert_eq!(
        (
            struck("reset"),
            struck("refuse"),
            struck("stall"),
            struck("close")
        ),
        (100, 1, 1, 1)
    );
}

#[test]
fn a_client_sees_a_reset_when_the_upstream_is_down() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let (_running, address, _) = start(&["--listen", "127.0.0.1:0", "--upstream", &gone]);
    let mut stream = TcpStream::connect(address).unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

fn full() -> Stdio {
    let file = std::fs::File::options().write(true).open("/dev/full");
    file.unwrap().into()
}

/// The exit code with a full stdout, with a full stderr, and into `head`.
fn codes(args: &[&str]) -> [Option<i32>; 3] {
    let out = program().args(args).stdout(full()).output().unwrap();
    let err = program().args(args).stderr(full()).output().unwrap();
    let script = "{ \"$0\" \"$@\"; echo $? >&2; } | head -n 1";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_chaos-proxy")]);
    let piped = shell.args(args).output().unwrap();
    let told = String::from_utf8(piped.stderr).unwrap();
    let code = told.lines().last().and_then(|code| code.parse().ok());
    [out.status.code(), err.status.code(), code]
}

#[test]
fn without_any_word_it_names_all_ways_to_begin() {
    let (code, told) = run(&[]);
    assert_eq!(code, Some(2));
    for way in ["--upstream HOST:PORT", "--api", "--config FILE"] {
        assert!(told.contains(way), "{told}");
    }
}

#[test]
fn readme_command_line_is_what_the_program_prints() {
    let output = program().arg("--help").output().unwrap();
    keep_help("chaos-proxy", &[String::from_utf8(output.stdout).unwrap()]);
}

#[test]
fn streams_that_cannot_be_written_change_no_code_but_that_of_who_only_prints() {
    assert_eq!(codes(&["--help"]), [Some(3), Some(0), Some(0)]);
    assert_eq!(codes(&["--version"]), [Some(3), Some(0), Some(0)]);
    assert_eq!(codes(&["--nobody"]), [Some(2); 3]);
    assert_eq!(codes(&["--upstream", "nowhere"]), [Some(2); 3]);
}

/// What it says first is then on stderr.
#[test]
fn a_full_stdout_is_no_reason_not_to_serve() {
    let upstream = echo().to_string();
    let args = ["--listen", "127.0.0.1:0", "--upstream", &upstream];
    let mut command = program();
    command.args(args).stdout(full()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut line = String::new();
    let mut stderr = BufReader::new(running.0.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    let start = "chaos-proxy: stdout: No space left on device (os error 28); listening on ";
    let rest = line.strip_prefix(start).unwrap_or_else(|| panic!("{line}"));
    let (address, _) = rest.split_once(',').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    stop(&running);
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}
