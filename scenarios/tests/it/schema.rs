//! The shipped schema allows what the decoder allows: the same keys in the
//! same tables, the same words, and every file of the catalogue.

use std::collections::BTreeSet;

use environment::text::Source;
use scenarios::language::read;
use serde_json::Value;

use crate::program::{Place, catalogue};
use crate::validator::{Schema, as_json};

const TEXT: &str = include_str!("../../schema/scenario.schema.json");

/// No word of the language.
const STRANGE: &str = "zzz";

/// Where in a file something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Element,
}

type Path = Vec<Step>;

/// TOML that has `value` there.
fn toml_at(path: &[Step], value: &str) -> String {
    let mut text = value.to_owned();
    for step in path.iter().skip(1).rev() {
        text = match step {
            Step::Key(key) => format!("{{ {key} = {text} }}"),
            Step::Element => format!("[{text}]"),
        };
    }
    match path.first() {
        Some(Step::Key(key)) => format!("{key} = {text}\n"),
        _ => text,
    }
}

fn diagnostics(text: &str) -> String {
    match read(&Source::new("x.toml", text)) {
        Ok(_) => panic!("this should be wrong:\n{text}"),
        Err(mistakes) => mistakes.rendered,
    }
}

/// What the decoder allows in place of something strange, if it says so there.
fn allowed(text: &str, message: &str) -> Option<BTreeSet<String>> {
    let rendered = diagnostics(text);
    let mut blocks = rendered.split("\n\n");
    let block = blocks.find(|block| {
        block
            .lines()
            .next()
            .is_some_and(|line| line.contains(message))
    })?;
    if block.contains("no keys are allowed here") {
        return Some(BTreeSet::new());
    }
    let (_, words) = block.split_once("allowed here: ")?;
    let words = words.lines().next()?.split(", ");
    Some(words.map(str::to_owned).collect())
}

/// Compares every table and every choice at or below `path`.
fn compare(schema: Schema<'_>, path: &Path, seen: &mut (usize, usize)) {
    let strange = |text: &str| format!("{text} there: {path:?}");
    let object = schema.alternatives().find(|one| one.keys().is_some());
    if let Some(keys) = object.and_then(|object| object.keys()) {
        let text = if path.is_empty() {
            format!("{STRANGE} = 1\n")
        } else {
            toml_at(path, &format!("{{ {STRANGE} = 1 }}"))
        };
        let known = allowed(&text, &format!("unknown key `{STRANGE}`"));
        assert_eq!(known, Some(keys.clone()), "{}", strange("keys"));
        seen.0 += 1;
        for key in keys {
            let next = [path.clone(), vec![Step::Key(key.clone())]].concat();
            compare(object.unwrap().property(&key), &next, seen);
        }
    } else if let Some(items) = schema.items() {
        compare(items, &[path.clone(), vec![Step::Element]].concat(), seen);
    } else if let Some(words) = schema.words() {
        let text = toml_at(path, &format!("\"{STRANGE}\""));
        if let Some(known) = allowed(&text, &format!("`{STRANGE}` is not allowed here")) {
            assert_eq!(words, known, "{}", strange("words"));
            seen.1 += 1;
        }
    }
}

#[test]
fn the_schema_has_every_key_and_word_of_the_decoder_and_no_other() {
    let document: Value = serde_json::from_str(TEXT).unwrap();
    let mut seen = (0, 0);
    compare(Schema::root(&document), &Vec::new(), &mut seen);
    let (tables, choices) = seen;
    assert!(
        tables > 35 && choices > 12,
        "{tables} tables, {choices} choices"
    );
}

#[test]
fn a_key_that_only_one_of_them_knows_is_found() {
    let check = |change: fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(TEXT).unwrap();
        change(&mut document);
        let compared = std::panic::catch_unwind(|| {
            compare(Schema::root(&document), &Vec::new(), &mut (0, 0));
        });
        assert!(compared.is_err());
    };
    check(|schema| {
        let cut = "/$defs/fault/properties/inject/properties/cut/properties";
        schema
            .pointer_mut(cut)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove("how");
    });
    check(|schema| schema["$defs"]["server"]["properties"]["more"] = Value::Bool(true));
    check(|schema| {
        schema["$defs"]["flaw"]["oneOf"]
            .as_array_mut()
            .unwrap()
            .pop();
    });
}

#[tokio::test]
async fn the_program_prints_the_shipped_schema() {
    let place = Place::new();
    let answer = place.chaos(&["schema"]).await;
    assert_eq!(answer.expect(0).out, TEXT);
}

#[test]
fn every_file_of_the_catalogue_is_valid() {
    let document: Value = serde_json::from_str(TEXT).unwrap();
    let schema = Schema::root(&document);
    let mut count = 0;
    for entry in std::fs::read_dir(catalogue()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            schema.mistakes(&as_json(&text)),
            [""; 0],
            "{}",
            path.display()
        );
        count += 1;
    }
    assert!(count >= 7);
}

#[test]
fn what_is_wrong_is_invalid_too() {
    let document: Value = serde_json::from_str(TEXT).unwrap();
    let check = |rest: &str, place: &str| {
        let text = format!("id = 'x'\nduration = '4s'\nexpect.max_live = 1\n{rest}\n");
        let mistakes = Schema::root(&document).mistakes(&as_json(&text));
        assert!(
            mistakes.iter().any(|m| m.starts_with(place)),
            "{rest}: {mistakes:?}"
        );
    };
    check("sed = 1", "/sed: ");
    check("settle = '4'", "/settle: ");
    check("settle = 4", "/settle: ");
    check("server.buffer = 100001", "/server/buffer: ");
    check(
        "fault = [{ at = '1s', inject = { reset = {}, close = {} } }]",
        "/fault/0/inject: ",
    );
    check("fault = [{ at = '1s' }]", "/fault/0: ");
    check(
        "fault = [{ on = { attempt = 0 }, inject.reset = {} }]",
        "/fault/0/on/attempt: ",
    );
    check(
        "server_event = [{ at = '1s', do = 'die' }]",
        "/server_event/0/do: ",
    );
    check(
        "fault = [{ at = '1s', inject.upgrade_reply = { status = 503, headers = { X = 1 } } }]",
        "/fault/0/inject/upgrade_reply/headers/X: ",
    );
    check("clients.flaws = ['no_livenes']", "/clients/flaws/0: ");
    check(
        "expect.peak_dials = { share = 1.0, within = '1s' }",
        "/expect/peak_dials/share: ",
    );
}
