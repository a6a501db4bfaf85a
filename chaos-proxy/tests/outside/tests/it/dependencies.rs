//! What a dependency on the crate brings with it.

use std::collections::BTreeSet;
use std::process::Command;

/// What belongs to the program and its API.
const NOT_OURS: [&str; 9] = [
    "anyhow",
    "axum",
    "clap",
    "hyper",
    "hyper-util",
    "prometheus-client",
    "serde_json",
    "tower",
    "tracing-subscriber",
];

/// More than this it does not add to a project that has tokio and tokio-tungstenite.
/// With axum it is four fewer.
const MOST: usize = 21;

/// The names and versions of what this package of ours depends on, and its own.
fn tree(package: &str) -> BTreeSet<(String, String)> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,dev",
            "--prefix",
            "none",
        ])
        .args(["--package", package, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let named = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    named.collect()
}

#[test]
fn a_library_does_not_bring_a_programs_dependencies() {
    let tree = tree("chaos-proxy");
    assert!(
        tree.iter().any(|(name, _)| name == "environment"),
        "{tree:?}"
    );
    let brought = tree.iter().filter(|(name, _)| NOT_OURS.contains(&&**name));
    assert_eq!(brought.count(), 0, "{tree:?}");
}

#[test]
fn it_adds_little_to_what_a_project_has() {
    let has = &tree("tokio") | &tree("tokio-tungstenite");
    let adds = &tree("chaos-proxy") - &has;
    assert!(adds.len() <= MOST, "{adds:?}");
}
