//! The matrix of other people's clients: what each case weighs, and the program that
//! makes it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use tokio::process::Command;

use crate::program::{Place, catalogue};

fn clients() -> PathBuf {
    catalogue().join("../clients")
}

/// The ids of the catalogue.
fn cases() -> BTreeSet<String> {
    let files = std::fs::read_dir(catalogue()).unwrap();
    let files = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    files
        .map(|text| {
            let file: toml::Table = text.parse().unwrap();
            file["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn every_case_has_a_level_and_what_it_rests_on() {
    let text = std::fs::read_to_string(clients().join("levels.toml")).unwrap();
    let levels: toml::Table = text.parse().unwrap();
    let named: BTreeSet<String> = levels.keys().cloned().collect();
    assert_eq!(named, cases());
    for (case, entry) in &levels {
        let level = entry["level"].as_str().unwrap();
        assert!(
            ["MUST", "SHOULD", "MAY"].contains(&level),
            "{case}: {level}"
        );
        let rests_on = entry["rests_on"].as_str().unwrap();
        assert!(rests_on.ends_with('.'), "{case}: {rests_on}");
        assert_eq!(entry.as_table().unwrap().len(), 2, "{case}");
    }
}

/// One result, with a sentence that means harm.
fn results(case: &str) -> String {
    let check = json!({
        "name": "recover_within", "result": "failed", "why": "<script>alert(1)</script> | never",
    });
    let run = json!({
        "id": case, "title": "A \"title\" | of <b>it</b>", "client": "mine", "seed": 1,
        "verdict": "failed", "checks": [check], "reasons": [], "repeat": "chaos run <x>",
    });
    json!({ "scenarios": [run] }).to_string()
}

async fn matrix(place: &Place, case: &str) -> std::process::Output {
    place.file("results.json", &results(case));
    let mut command = Command::new("python3");
    command.arg(clients().join("matrix.py"));
    command.arg("--html").arg(place.path("matrix.html"));
    command.arg(place.path("results.json"));
    command.output().await.unwrap()
}

/// Needs Python, as every test of this name; see `make test-foreign`.
#[tokio::test]
#[ignore = "foreign: needs Python 3.11"]
async fn foreign_the_matrix_is_told_by_level_and_runs_nothing_that_it_was_told() {
    let place = Place::new();
    let made = matrix(&place, "R18").await;
    let table = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success());
    let row = "\"A 'title' \\| of <b>it</b>\") | SHOULD | **failed** `recover_within` |";
    assert!(table.contains(row), "{table}");
    assert!(table.contains("| *SHOULD failed* | | *1* |"), "{table}");
    let page = std::fs::read_to_string(place.path("matrix.html")).unwrap();
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; | never"));
    assert!(page.contains("<code>chaos run &lt;x&gt;</code>"));
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
}

/// Likewise.
#[tokio::test]
#[ignore = "foreign: needs Python 3.11"]
async fn foreign_the_matrix_refuses_a_case_that_has_no_level() {
    let place = Place::new();
    let refused = matrix(&place, "R99").await;
    let told = String::from_utf8(refused.stderr).unwrap();
    let sentence = "the results tell of R99, which is no case of the catalogue\n";
    assert_eq!(told, sentence);
    assert_eq!(refused.status.code(), Some(1));
}
