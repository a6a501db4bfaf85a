//! What a dependency on the crate brings with it.

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

#[test]
fn a_library_does_not_bring_a_programs_dependencies() {
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
        .args(["--package", "chaos-proxy", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains(&"environment"), "{tree}");
    let brought = names.iter().filter(|name| NOT_OURS.contains(name));
    assert_eq!(brought.count(), 0, "{tree}");
}
