//! The guide for test frameworks: its helpers and its tests are run as they stand,
//! with stand-ins for the frameworks, against a proxy with an echo behind it.

use std::path::Path;

use chaos_proxy::Tell;
use chaos_proxy::api::Config;
use chaos_proxy::proxies::Proxies;
use environment::{Environment, Seed};
use tokio::process::Command;

use super::api_foreign::echo;
use crate::api::Api;
use crate::world::{World, soon};

const PAGE: &str = include_str!("../../../../docs/guides/test-frameworks.md");
const PAGES: &str = include_str!("../../../../docs/guides/browser-apps.md");

/// Silence is noticed, a heal as well; and a reset reaches who is connected.
const DRIVER_JS: &str = r#"
import net from "node:net";
import { inject, resetAll } from "./chaos.mjs";
const made = await fetch(`${process.env.CHAOS_API}/proxies`, {
  method: "POST",
  body: JSON.stringify({ name: "db", listen: "127.0.0.1:0", upstream: process.env.SERVER }),
});
const [host, port] = (await made.json()).listen.split(":");
const socket = net.connect(Number(port), host);
const events = [];
let wake = () => {};
const told = (what) => { events.push(what); wake(); };
socket.on("data", (data) => told(String(data)));
socket.on("error", (error) => told(error.code));
const next = async () => {
  while (events.length === 0) await new Promise((resolve) => { wake = resolve; });
  return events.shift();
};
const equal = (seen, expected) => {
  if (seen !== expected) throw new Error(`${seen} instead of ${expected}`);
};
socket.write("one");
equal(await next(), "one");
const silence = await inject("silence & more", { stall: {} });
socket.write("two");
await new Promise((resolve) => setTimeout(resolve, 300));
equal(events.length, 0);
await silence.heal();
equal(await next(), "two");
equal(await resetAll(), 1);
equal(await next(), "ECONNRESET");
console.log("done");
"#;

const DRIVER_PY: &str = r#"
import json, os, socket, urllib.request
import chaos

body = {"name": "db", "listen": "127.0.0.1:0", "upstream": os.environ["SERVER"]}
made = urllib.request.urlopen(os.environ["CHAOS_API"] + "/proxies", json.dumps(body).encode())
host, port = json.load(made)["listen"].split(":")
client = socket.create_connection((host, int(port)), timeout=10)
client.sendall(b"one")
assert client.recv(3) == b"one"
with chaos.fault("silence", stall={}):
    client.sendall(b"two")
    client.settimeout(0.3)
    try:
        raise SystemExit(f"{client.recv(3)} in spite of the stall")
    except TimeoutError:
        pass
client.settimeout(10)
assert client.recv(3) == b"two"
assert chaos.reset_all() == 1
try:
    raise SystemExit(f"{client.recv(3)} after the reset")
except ConnectionResetError:
    print("done")
"#;

/// In place of the frameworks: they collect tests, and wait for what is expected.
const FRAMEWORKS: &str = r#"
export const tests = [], endings = [];
export const test = (name, body) => tests.push([name, body]);
export const afterEach = (body) => endings.push(body);
const soon = async (read, expected) => {
  const end = Date.now() + 20_000;
  while (read() !== expected) {
    if (Date.now() > end) throw new Error(`${read()} instead of ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
export const expect = (locator) => ({ toBeVisible: () => soon(() => locator.page.state, locator.text) });
expect.poll = (read) => ({ toBe: (expected) => soon(read, expected) });
"#;

/// A client that asks for a WebSocket at each connection, takes any answer but a 503
/// for one, says something now and then, and notices when nothing comes back.
const CLIENT_JS: &str = r#"
import net from "node:net";
export async function connect() {
  const client = { state: "connecting" };
  const dial = () => {
    const socket = net.connect(Number(process.env.PORT), "127.0.0.1");
    let heard = Date.now();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    socket.on("data", (data) => {
      heard = Date.now();
      client.state = String(data).startsWith("HTTP/1.1 503") ? "reconnecting" : "connected";
    });
    const clock = setInterval(() => {
      socket.write("x");
      if (Date.now() > heard + 500) client.state = "reconnecting";
    }, 50);
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(clock);
      client.state = "reconnecting";
      setTimeout(dial, 100);
    });
  };
  dial();
  while (client.state !== "connected") await new Promise((resolve) => setTimeout(resolve, 20));
  return client;
}
"#;

/// Does the tests of `example.mjs`, through a proxy of its own.
const RUNNER_JS: &str = r#"
const made = await fetch(`${process.env.CHAOS_API}/proxies`, {
  method: "POST",
  body: JSON.stringify({ name: "db", listen: "127.0.0.1:0", upstream: process.env.SERVER }),
});
process.env.PORT = (await made.json()).listen.split(":")[1];
const { connect } = await import("../src/client.js");
const { tests, endings } = await import(process.env.FRAMEWORK);
await import("./example.mjs");
if (tests.length === 0) throw new Error("no test");
for (const [, body] of tests) {
  const page = { state: undefined, getByText: (text) => ({ page, text }) };
  page.goto = async () => {
    const client = await connect();
    Object.defineProperty(page, "state", { get: () => client.state });
  };
  await body({ page });
  for (const ending of endings) await ending();
}
console.log("done");
process.exit();
"#;

const CLIENT_PY: &str = r#"
import json, os, socket, sys, types, urllib.request
import test_reconnect as example

body = {"name": "db", "listen": "127.0.0.1:0", "upstream": os.environ["SERVER"]}
made = urllib.request.urlopen(os.environ["CHAOS_API"] + "/proxies", json.dumps(body).encode())
host, port = json.load(made)["listen"].split(":")


class Client:
    def __init__(self):
        self.socket = socket.create_connection((host, int(port)), timeout=0.3)

    def wait_for(self, state, timeout):
        for _ in range(50):
            self.socket.sendall(b"x")
            try:
                seen = "connected" if self.socket.recv(100) else "closed"
            except TimeoutError:
                seen = "reconnecting"
            if seen == state:
                return
        raise SystemExit(f"{seen} instead of {state}")


tests = [value for name, value in vars(example).items() if name.startswith("test_")]
assert tests
for test in tests:
    test(Client())
print("done")
"#;

/// Whether all that the browser's page shows a page under test is used rightly.
const PAGE_JS: &str = r#"
const told = [], asked = {};
const window = { chaos: { report: (event) => told.push(event) } };
const message = { seq: 7, session: "a" };
const client = { stop: () => told.push("stop") };
const addEventListener = (name, body) => { asked[name] = body; };
EXAMPLE
asked.chaos({ detail: { do: "pause" } });
asked.chaos({ detail: { do: "stop" } });
const expected = JSON.stringify([{ event: "message", seq: 7, session: "a" }, "stop"]);
if (JSON.stringify(told) !== expected) throw new Error(JSON.stringify(told));
console.log("done");
"#;

/// The blocks of a language, in their order.
fn blocks(page: &'static str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    parts
        .filter_map(|part| Some(part.split_once("```")?.0.to_owned()))
        .collect()
}

/// What stands in the page between the comment that names it and the fence's end.
fn example(name: &str) -> &'static str {
    let (_, after) = PAGE
        .split_once(&format!("<!-- example: {name} -->"))
        .unwrap();
    let (_, text) = after.split_once("```").unwrap();
    let (_, text) = text.split_once('\n').unwrap();
    text.split_once("```").unwrap().0
}

/// Runs the driver among these files, with an API and an echo at its side.
async fn run(program: &str, files: &[(&str, &str)], driver: &str, framework: &str) {
    let is_there = Command::new(program).arg("--version").output().await;
    if is_there.is_err() {
        return eprintln!("SKIPPED, missing {program}: {driver}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = Path::new(folder.path()).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let world = World::new(Environment::real());
    let (api, server) = (api_with_frames(&world), echo(&world));
    let mut command = Command::new(program);
    command
        .arg(driver)
        .current_dir(folder.path())
        .env("CHAOS_API", format!("http://{}", api.address))
        .env("SERVER", server.to_string())
        .env("FRAMEWORK", framework)
        .env("no_proxy", "*")
        .kill_on_drop(true);
    let output = soon(command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text == "done\n", "{text}{error}");
    api.stop().await;
}

/// As the guide starts it: `--frames`.
fn api_with_frames(world: &World) -> Api {
    Api::over(world, Config::default(), |environment| {
        Proxies::new(environment.clone(), Seed(1), |_| Tell::nobody()).watching_frames()
    })
}

/// An example of tests in JavaScript, with a framework's stand-in.
async fn run_tests(example: &str, framework: &str) {
    let package = r#"{"type": "module", "exports": "./index.js"}"#;
    let module = format!("tests/node_modules/{framework}");
    let files = [
        ("package.json", r#"{"type": "module"}"#),
        ("src/client.js", CLIENT_JS),
        ("tests/chaos.mjs", self::example("chaos.mjs")),
        ("tests/example.mjs", example),
        ("tests/runner.mjs", RUNNER_JS),
        (&format!("{module}/package.json"), package),
        (&format!("{module}/index.js"), FRAMEWORKS),
    ];
    run("node", &files, "tests/runner.mjs", framework).await;
}

#[tokio::test]
async fn the_helper_for_javascript_does_what_the_guide_says() {
    let files = [
        ("chaos.mjs", example("chaos.mjs")),
        ("driver.mjs", DRIVER_JS),
    ];
    run("node", &files, "driver.mjs", "").await;
}

#[tokio::test]
async fn the_helper_for_python_does_what_the_guide_says() {
    let files = [("chaos.py", example("chaos.py")), ("driver.py", DRIVER_PY)];
    run("python3", &files, "driver.py", "").await;
}

#[tokio::test]
async fn the_example_for_vitest_does_what_the_guide_says() {
    let blocks = blocks(PAGE, "js");
    let [_, vitest] = &blocks[..] else {
        panic!("other blocks: {blocks:?}");
    };
    run_tests(vitest, "vitest").await;
}

/// In a true browser: `frontend/browser/guide.test.ts`.
#[tokio::test]
async fn the_example_for_playwright_does_what_the_guide_says() {
    let blocks = blocks(PAGE, "ts");
    let [playwright] = &blocks[..] else {
        panic!("other blocks: {blocks:?}");
    };
    run_tests(playwright, "@playwright/test").await;
}

#[tokio::test]
async fn the_example_for_pytest_does_what_the_guide_says() {
    let blocks = blocks(PAGE, "python");
    let [helper, test] = &blocks[..] else {
        panic!("other blocks: {blocks:?}");
    };
    let files = [
        ("chaos.py", helper.as_str()),
        ("test_reconnect.py", test),
        ("driver.py", CLIENT_PY),
    ];
    run("python3", &files, "driver.py", "").await;
}

#[tokio::test]
async fn what_a_page_may_say_and_be_told_is_as_the_guide_says() {
    let blocks = blocks(PAGES, "js");
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    let text = PAGE_JS.replace("EXAMPLE", &blocks.concat());
    run("node", &[("page.mjs", &text)], "page.mjs", "").await;
}
