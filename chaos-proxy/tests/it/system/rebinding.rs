//! A page in a true browser whose name is bound anew to the API (DNS rebinding).
//! Without a Chromium at hand it is skipped, and says so.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use super::ports;
use super::program::{Running, program};
use crate::world::SOON;

/// Asks the page's own origin, which by then is the API, and reports to `REPORTS`.
const PAGE: &str = r#"<!doctype html><script type="module">
await fetch("http://REPORTS/loaded", { mode: "no-cors" });
const said = [];
for (const [path, options] of [
  ["/proxies", { method: "POST", body: '{"name":"p","upstream":"127.0.0.1:1"}', headers: { "User-Agent": "x" } }],
  ["/proxies", { headers: { "User-Agent": "x" } }],
  ["/chaos/v1/rules", {}],
]) {
  const answer = await fetch(path, options);
  // Not by the agent alone.
  const isByHost = (await answer.text()).includes("--api-host");
  said.push(isByHost ? answer.status : "other");
}
await fetch("http://REPORTS/said/" + said.join("-"), { mode: "no-cors" });
</script>"#;

fn chromium() -> Option<String> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../frontend/browser/chromium.sh"
    );
    let found = Command::new("sh").arg(script).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?;
    Some(path.trim().to_owned()).filter(|path| !path.is_empty())
}

/// Takes the next request for which this is so; gives its path.
fn next(server: &TcpListener, is_meant: impl Fn(&str) -> bool) -> (TcpStream, String) {
    loop {
        let (stream, _) = server.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let path = line.split(' ').nth(1).unwrap_or_default();
        if is_meant(path) {
            return (stream, path.to_owned());
        }
    }
}

fn answer(mut stream: &TcpStream, body: &str) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
    let length = body.len();
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
}

fn browse(browser: &str, url: &str, profile: &std::path::Path) -> Running {
    let profile = format!("--user-data-dir={}", profile.display());
    let child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--disable-dev-shm-usage", &profile])
        .args(["--host-resolver-rules=MAP evil.test 127.0.0.1", url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.unwrap())
}

#[test]
fn a_page_whose_name_is_bound_anew_is_refused_in_chromium() {
    let Some(browser) = chromium() else {
        return eprintln!("SKIPPED, missing Chromium: DNS rebinding");
    };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(said_by_the_page(&browser)));
    assert_eq!(told.recv_timeout(SOON).unwrap(), "/said/403-403-403");
}

fn said_by_the_page(browser: &str) -> String {
    let reports = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], ports::free(1)));
    let page = TcpListener::bind(address).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let url = format!("http://evil.test:{}/page", address.port());
    let _browser = browse(browser, &url, profile.path());

    let (stream, _) = next(&page, |path| path == "/page");
    let report_to = reports.local_addr().unwrap().to_string();
    answer(&stream, &PAGE.replace("REPORTS", &report_to));
    let (loaded, _) = next(&reports, |path| path == "/loaded");
    // Now the name leads to the API.
    drop((stream, page));
    let mut api = program();
    api.args(["--api", &address.to_string()])
        .stdout(Stdio::piped());
    let mut api = Running(api.spawn().unwrap());
    let mut line = String::new();
    let stdout = api.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line, format!("API on http://{address}\n"));
    answer(&loaded, "");
    next(&reports, |path| path.starts_with("/said/")).1
}
