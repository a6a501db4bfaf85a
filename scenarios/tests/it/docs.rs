//! The documents by task: their scenarios are sound, their commands are ones of the
//! program, and their links lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use environment::text::Source;
use scenarios::language::read;

use crate::program::Place;
use crate::readme::{completed, examples};

/// Folders whose pages are looked at, and single pages.
const PAGES: [&str; 12] = [
    "docs",
    "docs/guides",
    "docs/reference",
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "scenarios",
    "scenarios/clients",
    "chaos-proxy",
    "client-sim",
    "server",
    "frontend",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page with its text, by its path.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = BTreeSet::new();
    for page in PAGES.map(|page| root().join(page)) {
        if page.is_file() {
            paths.insert(page);
            continue;
        }
        let inside = std::fs::read_dir(page).unwrap();
        let inside = inside.map(|entry| entry.unwrap().path());
        paths.extend(inside.filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    }
    let text = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(text).collect()
}

/// Those that a user reads, by their names in the repository.
pub(crate) fn documents() -> Vec<(String, String)> {
    let named = pages().into_iter().filter_map(|(path, text)| {
        let name = path.strip_prefix(root()).unwrap().to_str()?.to_owned();
        Some((name, text))
    });
    let mut pages: Vec<_> = named.collect();
    pages.retain(|(name, _)| name.starts_with("docs/") || name == "README.md");
    assert!(pages.len() > 20, "{}", pages.len());
    pages
}

#[test]
fn the_scenarios_of_the_documents_are_sound() {
    let mut count = 0;
    for (path, text) in documents() {
        for (line, example) in examples(&text) {
            count += 1;
            let name = format!("{path}:{line}");
            if let Err(mistakes) = read(&Source::new(name, completed(&example))) {
                panic!("{}", mistakes.rendered);
            }
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_readme_is_read_in_a_minute() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let count = readme.lines().count();
    assert!(count <= 120, "{count} lines");
}

/// As code hosts make it of a heading.
fn anchor(heading: &str) -> String {
    let lower = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

fn links(text: &str) -> Vec<&str> {
    let parts = text.split("](").skip(1);
    parts
        .filter_map(|part| Some(part.split_once(')')?.0))
        .collect()
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let pages = pages();
    let mut count = 0;
    for (path, text) in &pages {
        for link in links(text) {
            if link.contains("://") || link.contains(' ') || link.contains('`') {
                continue;
            }
            count += 1;
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if !part.is_empty() {
                let there = std::fs::read_to_string(&target).unwrap();
                let mut headings = there.lines().filter(|line| line.starts_with('#'));
                let is_there = headings.any(|heading| anchor(heading) == part);
                assert!(is_there, "{}: {link}", path.display());
            }
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn every_document_stands_in_the_summary() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<&str> = links(&summary).into_iter().collect();
    for (path, _) in documents() {
        let own = path.strip_prefix("docs/").unwrap_or("../README.md");
        assert!(own == "SUMMARY.md" || listed.contains(own), "{own}");
    }
}

/// The crowd is too much for a test: it is as it is, but for its count, with the
/// client that it passes and the one that it fails.
#[tokio::test]
async fn the_crowd_passes_the_sound_client_and_fails_the_flawed_one() {
    let text = std::fs::read_to_string(root().join("scenarios/crowd/C01.toml")).unwrap();
    assert!(text.contains("count = 2000\n"));
    let place = Place::new();
    // The fewer they are, the more of them come at once by chance alone.
    let fewer = text.replace("count = 2000\n", "count = 100\n");
    place.file("crowd.toml", &fewer.replace("share = 0.05", "share = 0.12"));
    let run = ["run", "crowd.toml", "--time", "virtual"];
    place.chaos(&run).await.expect(0);
    let words = [&run[..], &["--flaw", "no_jitter"]].concat();
    let flawed = place.chaos(&words).await;
    let flawed = flawed.expect(1);
    assert!(
        flawed.out.contains("first_delay_spread failed"),
        "{}",
        flawed.out
    );
}
