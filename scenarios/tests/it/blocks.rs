//! Every fenced block of the documents is tested: by what is said here of its
//! language, or it is named with the reason why not. Commands, wherever they stand,
//! have the flags that their program prints in its help (`docs/reference/cli.md`,
//! which other tests keep).

use std::collections::BTreeMap;

use environment::text::Source;
use scenarios::known::Known;
use scenarios::language::read;

use crate::docs::documents;
use crate::program::{Place, catalogue};
use crate::readme::completed;

const PROGRAMS: [&str; 4] = ["chaos", "chaos-proxy", "client-sim", "ticker-server"];

/// By whom the blocks of a language are tested, on which page; any, where none is said.
const TESTED: [(&str, &str, &str); 11] = [
    ("toml", "", "docs.rs and readme.rs read them as scenarios"),
    (
        "sh",
        "docs/reference/api.md",
        "chaos-proxy: api_documentation.rs runs them",
    ),
    (
        "yaml",
        "docs/guides/ci.md",
        "cluster/test.py: the schemas of GitHub and GitLab",
    ),
    (
        "yaml",
        "docs/guides/proxy.md",
        "cluster/test.py: Compose's schema",
    ),
    (
        "js",
        "docs/guides/test-frameworks.md",
        "chaos-proxy: guides.rs runs them",
    ),
    (
        "ts",
        "docs/guides/test-frameworks.md",
        "chaos-proxy: guides.rs runs it",
    ),
    (
        "python",
        "docs/guides/test-frameworks.md",
        "chaos-proxy: guides.rs runs them",
    ),
    (
        "js",
        "docs/guides/browser-apps.md",
        "chaos-proxy: guides.rs runs them",
    ),
    (
        "rust",
        "README.md",
        "chaos-proxy: guide_examples.rs compiles and runs it",
    ),
    (
        "rust",
        "docs/reference/rust.md",
        "chaos-proxy and here: guide_examples.rs compile them",
    ),
    (
        "text",
        "docs/reference/cli.md",
        "keep_help in each program's tests",
    ),
];

/// What cannot be tested: a page, how the block begins, and why.
const UNTESTED: &[(&str, &str, &str)] = &[
    ("README.md", "clients ", "a drawing"),
    ("README.md", "sudo apt-get", "it installs a toolchain"),
    (
        "docs/getting-started.md",
        "git clone",
        "a copy has no address of its own",
    ),
    (
        "docs/guides/browser-apps.md",
        "VITE_WS_URL",
        "a setting of the reader's page",
    ),
    (
        "docs/guides/browser-apps.md",
        "R01 failed",
        "a browser's times; page.rs has such a run",
    ),
    (
        "docs/guides/browser-apps.md",
        "⇒",
        "a browser's times; play.rs has such a line",
    ),
    (
        "docs/guides/scale.md",
        "export CHAOS_OUT",
        "make test-slurm does it on a Slurm",
    ),
    (
        "docs/guides/scale.md",
        "podman build",
        "it needs a cluster; cluster/test.py does what its jobs say",
    ),
    (
        "docs/guides/test-your-client.md",
        "my-client/",
        "names of files",
    ),
    (
        "docs/reference/rust.md",
        "[dev-dependencies]",
        "chaos-proxy/tests/outside has such a manifest",
    ),
    (
        "docs/reference/scenario-file.md",
        "#:schema",
        "a setting of editors",
    ),
    (
        "docs/reference/scenario-file.md",
        "[[rule]]",
        "a setting of editors",
    ),
];

struct Block {
    place: String,
    language: String,
    lines: Vec<String>,
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    place: format!("{page}:{number}"),
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block without an end");
    blocks
}

/// Every block of the documents with its page.
fn all() -> Vec<(String, Block)> {
    let pages = documents().into_iter();
    let of = |(page, text): (String, String)| {
        let blocks = blocks(&page, &text).into_iter();
        blocks
            .map(|block| (page.clone(), block))
            .collect::<Vec<_>>()
    };
    pages.flat_map(of).collect()
}

/// The words of a line that calls one of the programs.
fn command(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.split(" # ").next().unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    PROGRAMS.contains(words.first()?).then_some(words)
}

/// Whether a line calls a program, or something that the Makefile or the page's
/// manifest has.
fn is_command(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line);
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["make", target] => MAKEFILE.contains(&format!("\n{target}: ")),
        ["npm", "run", script] => SCRIPTS.contains(&format!("\"{script}\": ")),
        ["npm", "ci" | "test"] => true,
        _ => command(line).is_some() || line.starts_with('#'),
    }
}

const MAKEFILE: &str = include_str!("../../../Makefile");
const SCRIPTS: &str = include_str!("../../../frontend/package.json");

fn is_of_commands(block: &Block) -> bool {
    let mut lines = block.lines.iter().filter(|line| !line.trim().is_empty());
    block.lines.iter().any(|line| !line.starts_with('#')) && lines.all(|line| is_command(line))
}

fn is_client_file(block: &Block) -> bool {
    let mut first = block.lines.iter().take(2);
    block.language == "text"
        && (is_part_of_client_file(block) || first.any(|line| line.starts_with("name = ")))
}

/// The table that names a client's own server.
fn is_part_of_client_file(block: &Block) -> bool {
    block.lines.first().is_some_and(|line| line == "[server]")
}

/// What `curl` is given to send.
fn body_of(line: &str) -> Option<&str> {
    let (_, after) = line.strip_prefix("curl --json ")?.split_once('\'')?;
    Some(after.split_once('\'')?.0)
}

/// Tested by what it is, below.
fn is_tested_here(block: &Block) -> bool {
    let first = block.lines.first().map_or("", String::as_str);
    is_of_commands(block)
        || is_client_file(block)
        || body_of(first).is_some()
        || first == "[[deviation]]"
        || is_output(block)
}

/// What a run prints.
fn is_output(block: &Block) -> bool {
    block
        .lines
        .iter()
        .any(|line| line.contains(" 0 inconclusive, ") || line.contains("c2 never noticed"))
}

#[test]
fn every_block_of_the_documents_is_tested_or_named() {
    let mut named = vec![0; UNTESTED.len()];
    let mut unknown = Vec::new();
    for (page, block) in all() {
        let of = |(language, on, _): &(&str, &str, &str)| {
            *language == block.language && (on.is_empty() || *on == page)
        };
        if TESTED.iter().any(of) || is_tested_here(&block) {
            continue;
        }
        let first = block.lines.first().map_or("", String::as_str);
        let is_it = |(on, begins, _): &(&str, &str, &str)| *on == page && first.starts_with(begins);
        match UNTESTED.iter().position(is_it) {
            Some(index) => named[index] += 1,
            None => unknown.push(format!("{} ({}): {first}", block.place, block.language)),
        }
    }
    assert!(
        unknown.is_empty(),
        "tested by nothing:\n{}",
        unknown.join("\n")
    );
    let gone: Vec<_> = UNTESTED
        .iter()
        .zip(named)
        .filter(|(_, count)| *count == 0)
        .collect();
    assert!(gone.is_empty(), "no such block: {gone:?}");
}

/// The help of each command, by its words, such as `chaos run`.
fn helps() -> BTreeMap<String, String> {
    let mut helps = BTreeMap::new();
    for (page, block) in all() {
        let usage = block
            .lines
            .iter()
            .find_map(|line| line.strip_prefix("Usage: "));
        if let ("docs/reference/cli.md", Some(usage)) = (page.as_str(), usage) {
            let words = usage
                .split(' ')
                .take_while(|word| !word.starts_with(['[', '<', '-']));
            helps.insert(words.collect::<Vec<_>>().join(" "), block.lines.join("\n"));
        }
    }
    assert!(helps.len() > 15, "{:?}", helps.keys());
    helps
}

/// Whether the help has this flag as a word of its own.
fn has(help: &str, flag: &str) -> bool {
    let is_end = |c: char| !c.is_alphanumeric() && c != '-';
    help.split(is_end).any(|word| word == flag)
}

#[test]
fn every_command_of_the_documents_has_the_flags_that_it_is_given() {
    let helps = helps();
    let mut count = 0;
    for (page, block) in all() {
        if page == "docs/reference/cli.md" {
            continue;
        }
        for line in &block.lines {
            let Some(words) = command(line) else { continue };
            count += 1;
            let verb = words.get(..2).map(|words| words.join(" "));
            let help = verb
                .and_then(|verb| helps.get(&verb))
                .or_else(|| helps.get(words[0]));
            let help = help.unwrap_or_else(|| panic!("{}: {line}", block.place));
            let is_verb = words
                .get(1)
                .is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            let is_known =
                words[0] != "chaos" || !is_verb || help.contains(&format!("chaos {}", words[1]));
            assert!(is_known, "{}: no such command: {line}", block.place);
            for flag in words.iter().filter(|word| word.starts_with('-')) {
                let flag = flag.split('=').next().unwrap_or(flag);
                assert!(has(help, flag), "{}: no {flag} in {line}", block.place);
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn a_flag_that_is_no_more_would_be_seen() {
    let help = "Usage: x\n      --shard <I/N>\n  -v, --verbose...";
    assert!(has(help, "--shard") && has(help, "-v") && has(help, "--verbose"));
    assert!(!has(help, "--shards") && !has(help, "--verb"));
    assert_eq!(
        command("$ chaos run --tls # why"),
        Some(vec!["chaos", "run", "--tls"])
    );
    assert_eq!(command("cargo run"), None);
}

#[tokio::test]
async fn the_client_files_of_the_documents_are_sound() {
    let mut count = 0;
    for (_, block) in all() {
        if is_client_file(&block) {
            count += 1;
            let head = match is_part_of_client_file(&block) {
                true => "name = 'mine'\ncommand = ['true']\n",
                false => "",
            };
            let place = Place::new();
            std::fs::create_dir(place.path("mine")).unwrap();
            place.file("mine/setup.sh", "");
            let text = format!("{head}{}", block.lines.join("\n"));
            place.file("mine/client.toml", &text);
            place.chaos(&["check", "./mine"]).await.expect(0);
        }
    }
    assert!(count > 2, "{count}");
}

#[test]
fn what_is_known_of_a_client_is_written_as_the_guide_says() {
    let is_it = |block: &Block| {
        block
            .lines
            .first()
            .is_some_and(|line| line == "[[deviation]]")
    };
    let (_, block) = all().into_iter().find(|(_, block)| is_it(block)).unwrap();
    Known::read(&Source::new(block.place, block.lines.join("\n"))).unwrap();
}

/// A rule of the API is a fault of a file, with a time to live.
#[test]
fn what_is_sent_to_the_api_is_a_fault() {
    let mut count = 0;
    for (_, block) in all() {
        // Those of the API's own page are run.
        let lines = block.lines.iter().filter(|_| block.language == "text");
        for body in lines.filter_map(|line| body_of(line)) {
            let mut rule: serde_json::Value = serde_json::from_str(body).unwrap();
            count += usize::from(rule.as_object_mut().unwrap().remove("ttl").is_some());
            rule["at"] = "1s".into();
            let rule: toml::Table = serde_json::from_value(rule).unwrap();
            let fault = format!("[[fault]]\n{}", toml::to_string(&rule).unwrap());
            let fault = fault.replace("[inject", "[fault.inject");
            if let Err(wrong) = read(&Source::new(block.place.clone(), completed(&fault))) {
                panic!("{}", wrong.rendered);
            }
        }
    }
    assert_eq!(count, 2);
}

/// Of the first minutes every word is true.
#[tokio::test]
async fn what_the_documents_show_of_a_run_is_what_it_prints() {
    let place = Place::new();
    let words = ["run", "--time", "virtual", "--filter", "R01"];
    let passed = place.chaos(&words).await;
    let failed = place
        .chaos(&[&words[..], &["--flaw", "no_liveness"]].concat())
        .await;
    let printed = format!("{}{}", passed.expect(0).out, failed.expect(1).out);
    let printed: Vec<String> = printed.lines().map(squeezed).collect();
    let (browsers, sim): (Vec<_>, Vec<_>) = catalogue_files()
        .into_iter()
        .partition(|text| text.contains("\nrequires = [\"page\""));
    let sums = format!(
        "{} passed, 0 failed, 0 inconclusive, {} not applicable",
        sim.len(),
        browsers.len()
    );
    let mut count = 0;
    for (page, block) in all() {
        if !is_output(&block) || page == "docs/guides/browser-apps.md" {
            continue;
        }
        for line in block
            .lines
            .iter()
            .filter(|line| !line.is_empty() && !is_command(line) && *line != "…")
        {
            count += 1;
            let is_printed = squeezed(line) == sums || printed.contains(&squeezed(line));
            assert!(is_printed, "{}: {line}\n{printed:#?}\n{sums}", block.place);
        }
    }
    assert!(count > 5, "{count}");
}

/// Columns are as wide as what stands in them.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn catalogue_files() -> Vec<String> {
    let files = std::fs::read_dir(catalogue()).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect()
}
