//! The pure modules of every crate, as ARCHITECTURE.md lists them, held to what
//! they may know: no tokio, no clock, no file, socket, process or thread.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what it is made of, a panic is the report"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders, with what of each is shell.
const PURE: &[(&str, &[&str])] = &[
    ("environment/src/chance.rs", &[]),
    ("environment/src/shard", &[]),
    ("environment/src/text", &[]),
    ("environment/src/net/simulated/connection.rs", &[]),
    ("chaos-proxy/src/fault", &[]),
    ("chaos-proxy/src/rule", &[]),
    ("chaos-proxy/src/plan.rs", &[]),
    ("chaos-proxy/src/decision.rs", &[]),
    ("chaos-proxy/src/link", &[]),
    ("chaos-proxy/src/websocket", &[]),
    ("chaos-proxy/src/engine/rules", &[]),
    (
        "chaos-proxy/src/api/toxiproxy",
        &["state", "dns_cache", "routes"],
    ),
    ("chaos-proxy/src/api/guard.rs", &[]),
    ("chaos-proxy/src/api/v1/language.rs", &[]),
    ("client-sim/src/session", &[]),
    ("client-sim/src/policy.rs", &[]),
    ("client-sim/src/backoff.rs", &[]),
    ("client-sim/src/message.rs", &[]),
    ("client-sim/src/statistics.rs", &[]),
    ("client-sim/src/recoveries.rs", &[]),
    ("client-sim/src/sending.rs", &[]),
    ("client-sim/src/sources.rs", &[]),
    ("server/src/session.rs", &[]),
    ("server/src/registry.rs", &[]),
    ("server/src/message.rs", &[]),
    ("server/src/origin.rs", &[]),
    ("scenarios/judge/src", &[]),
    ("scenarios/src/report", &[]),
    ("scenarios/src/records", &[]),
    ("scenarios/src/console", &["live"]),
];

/// Names that no pure module may utter.
const NAMES: [&str; 5] = ["tokio", "rustix", "mio", "SystemTime", "Instant"];

/// A set of bits, which waits for nothing.
const VALUE: &str = "tokio::io::Ready";

/// Modules of std that none may import or call; the addresses of `core::net`
/// are values.
const OF_STD: [&str; 4] = ["fs", "net", "process", "thread"];

/// The code of a file without comments and without what is for tests alone;
/// and the modules that it declares for tests.
fn code(source: &str) -> (String, BTreeSet<String>) {
    let (mut code, mut for_tests) = (String::new(), BTreeSet::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        if bare.starts_with("//") {
            continue;
        }
        if !bare.starts_with("#[cfg(test)]") && !bare.starts_with("#[cfg(any(test,") {
            code.extend([line, "\n"]);
            continue;
        }
        let item = lines
            .by_ref()
            .find(|line| !line.trim_start().starts_with('#'));
        let item = item.unwrap_or_default();
        if let Some((_, name)) = item.strip_suffix(';').and_then(|l| l.split_once("mod ")) {
            for_tests.insert(name.to_owned());
        } else if !item.ends_with(';') {
            // As rustfmt has it, the item ends where it began.
            let end = format!("{}}}", &line[..line.len() - bare.len()]);
            lines.by_ref().find(|line| line.starts_with(&end));
        }
    }
    (code, for_tests)
}

/// The names of an import's group, `{fs, io::{self, Read}}`, of its top level.
fn group(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut names) = (0, 1, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(text[from..at].trim());
            from = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// What of the outside some code utters.
fn outside(code: &str) -> Vec<String> {
    let code = code.replace(VALUE, "");
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = code.split(|c| !is_part(c));
    let names = words.by_ref().filter(|word| NAMES.contains(word));
    let mut found: Vec<String> = names.map(str::to_owned).collect();
    for (at, _) in code.match_indices("std::") {
        let rest = &code[at + "std::".len()..];
        let names = if rest.starts_with('{') {
            group(rest)
        } else {
            vec![rest]
        };
        let first = |name: &&str| name.split(|c| !is_part(c)).next().unwrap_or("").to_owned();
        let firsts = names.iter().map(first);
        found.extend(
            firsts
                .filter(|name| OF_STD.contains(&name.as_str()))
                .map(|name| format!("std::{name}")),
        );
    }
    found
}

/// The files beneath, without modules of these names.
fn files(path: &Path, but: &BTreeSet<String>, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    let mut entries: Vec<_> = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        let stem = entry.file_stem().unwrap().to_string_lossy().into_owned();
        if !but.contains(&stem) {
            files(&entry, but, found);
        }
    }
}

#[test]
fn pure_modules_know_nothing_of_the_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, shell) in PURE {
        let path = root.join(path);
        let mut all = Vec::new();
        files(&path, &BTreeSet::new(), &mut all);
        let read = |path: &PathBuf| code(&fs::read_to_string(path).unwrap());
        let mut but: BTreeSet<String> = all.iter().flat_map(|path| read(path).1).collect();
        but.extend(shell.iter().map(|&name| name.to_owned()));
        let mut pure = Vec::new();
        files(&path, &but, &mut pure);
        for file in pure {
            count += 1;
            let names = outside(&read(&file).0);
            wrong.extend(
                names
                    .iter()
                    .map(|name| format!("{}: {name}", file.display())),
            );
        }
    }
    assert!(count > 100, "the test sees no sources: {count}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_knows_the_outside_is_found() {
    let check = |text: &str, expected: &[&str]| assert_eq!(outside(&code(text).0), expected);
    check("use tokio::time;", &["tokio"]);
    check("use tokio::io::Ready;", &[]);
    check("let x = std::fs::read(path);", &["std::fs"]);
    check("use std::{fmt, io::{self, Read}, fs};", &["std::fs"]);
    check(
        "use std::{\n    net::{IpAddr},\n    thread,\n};",
        &["std::net", "std::thread"],
    );
    check("fn now() -> Instant {}", &["Instant"]);
    check("use ::std::process::id;", &["std::process"]);
    check("rustix::io::dup(x)", &["rustix"]);
    check("// tokio\nuse std::fmt;\nlet instant = tokio_like();", &[]);
    let tests = "#[cfg(test)]\nmod tests {\n    use tokio::test;\n    fn a() {}\n}\nuse tokio;\n";
    check(tests, &["tokio"]);
    let helpers = "#[cfg(any(test, feature = \"x\"))]\npub mod sample;\nuse std::thread;\n";
    check(helpers, &["std::thread"]);
    assert_eq!(code(helpers).1, ["sample".to_owned()].into());
}
