//! The guide for test frameworks: the helpers that it gives are run as they stand,
//! against a proxy with an echo behind it.

use std::path::Path;

use chaos_proxy::api::Config;
use environment::{Environment, Seed};
use tokio::process::Command;

use super::api_foreign::echo;
use crate::api::Api;
use crate::world::{World, soon};

const PAGE: &str = include_str!("../../../../docs/guides/test-frameworks.md");

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

/// What stands in the page between the comment that names it and the fence's end.
fn example(name: &str) -> &'static str {
    let (_, after) = PAGE
        .split_once(&format!("<!-- example: {name} -->"))
        .unwrap();
    let (_, text) = after.split_once("```").unwrap();
    let (_, text) = text.split_once('\n').unwrap();
    text.split_once("```").unwrap().0
}

async fn run(program: &str, helper: &str, driver: (&str, &str)) {
    let is_there = Command::new(program).arg("--version").output().await;
    if is_there.is_err() {
        return eprintln!("SKIPPED for want of {program}: {helper}");
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(Path::new(folder.path()).join(name), text).unwrap();
    };
    write(helper, example(helper));
    write(driver.0, driver.1);
    let world = World::new(Environment::real());
    let (api, server) = (Api::with(&world, Seed(1), Config::default()), echo(&world));
    let mut command = Command::new(program);
    command
        .arg(driver.0)
        .current_dir(folder.path())
        .env("CHAOS_API", format!("http://{}", api.address))
        .env("SERVER", server.to_string())
        .env("no_proxy", "*")
        .kill_on_drop(true);
    let output = soon(command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text == "done\n", "{text}{error}");
    api.stop().await;
}

#[tokio::test]
async fn the_helper_for_javascript_does_what_the_guide_says() {
    run("node", "chaos.mjs", ("driver.mjs", DRIVER_JS)).await;
}

#[tokio::test]
async fn the_helper_for_python_does_what_the_guide_says() {
    run("python3", "chaos.py", ("driver.py", DRIVER_PY)).await;
}
