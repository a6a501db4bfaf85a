//! The page that documents the API: its examples are run, top to bottom, and
//! what they print is what the page says.

use std::net::SocketAddr;

use chaos_proxy::api::Config;
use environment::Seed;
use tokio::process::Command;

use super::api_foreign::echo;
use crate::api::Api;
use crate::world::{World, soon};
use environment::Environment;

const PAGE: &str = include_str!("../../../../docs/reference/api.md");

/// A command of the page, and what it says that this prints.
#[derive(Debug)]
struct Example {
    command: String,
    prints: Option<String>,
}

fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for line in PAGE.lines() {
        match line.strip_prefix("# ") {
            _ if line.starts_with("```") => is_inside = line == "```sh",
            _ if !is_inside => {}
            Some(prints) => examples.last_mut().unwrap().prints = Some(prints.to_owned()),
            None => examples.push(Example {
                command: line.to_owned(),
                prints: None,
            }),
        }
    }
    examples
}

/// Whether all parts of a line with gaps (`…`) are there, in their order.
fn is_in(prints: &str, text: &str) -> bool {
    let mut rest = text;
    prints.split('…').all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// A shell that remembers nothing but what it is told.
async fn shell(api: &Api, server: SocketAddr, script: &str) -> (bool, String) {
    let mut shell = Command::new("bash");
    shell
        .args(["-c", script])
        .env("API", format!("http://{}", api.address))
        .env("SERVER", server.to_string())
        .env("no_proxy", "*")
        .kill_on_drop(true);
    let output = soon(shell.output()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

#[tokio::test]
async fn the_examples_do_what_the_page_says() {
    let world = World::new(Environment::real());
    let (api, server) = (Api::with(&world, Seed(1), Config::default()), echo(&world));
    let examples = examples();
    assert!(examples.len() >= 15, "{examples:?}");
    let mut held = Vec::new();
    for Example { command, prints } in &examples {
        // Each command is a shell of its own, so the connection is held here.
        if command.starts_with("exec ") {
            let proxies = api.get("/proxies").await;
            let listen = proxies["db"]["listen"].as_str().unwrap();
            held.push(api.dial_to(listen.parse().unwrap()).await);
            continue;
        }
        let (is_good, text) = shell(&api, server, command).await;
        assert!(is_good, "{command}: {text}");
        if let Some(prints) = prints {
            assert!(is_in(prints, &text), "{command} prints {text}");
        }
    }
    assert_eq!(held.len(), 1);
}

#[test]
fn a_line_with_gaps_is_looked_for_in_order() {
    assert!(is_in("a…c", "xxabbbc"));
    assert!(!is_in("c…a", "abc"));
    assert!(!is_in("abd", "abc"));
}
