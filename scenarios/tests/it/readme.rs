//! What the reference shows is what there is: its examples are sound and use
//! every key, and its tables are made from the schema, the catalogue and the
//! flaws.
//!
//! `UPDATE_README=1 cargo test -p scenarios readme` writes the tables again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use client_sim::Flaw;
use environment::text::Source;
use scenarios::checks;
use scenarios::files::gather;
use scenarios::language::{Flawed, Scenario, read, read_all};
use serde_json::Value;

use crate::kept::{keep, replaced};
use crate::program::catalogue;
use crate::validator::{Schema, as_json};

const SCHEMA: &str = include_str!("../../schema/scenario.schema.json");

/// Pages about scenario files, whose examples are parts of one.
const PAGES: [&str; 3] = ["scenario-file", "faults", "checks"];

fn path(page: &str) -> PathBuf {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    docs.join(format!("reference/{page}.md"))
}

fn page(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap()
}

/// Every example with where it stands.
fn all_examples() -> Vec<(String, String)> {
    let of = |name: &str| {
        let examples = examples(&page(name)).into_iter();
        let placed = examples.map(|(line, text)| (format!("{name}.md:{line}"), text));
        placed.collect::<Vec<_>>()
    };
    PAGES.iter().flat_map(|name| of(name)).collect()
}

fn cases() -> Vec<Scenario> {
    let given = read_all(gather(&[catalogue()]).unwrap()).unwrap();
    given.into_iter().map(|(_, scenario)| scenario).collect()
}

/// The fenced TOML blocks with their line numbers, in order.
pub(crate) fn examples(readme: &str) -> Vec<(usize, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in (1..).zip(readme.lines()) {
        let text = line.trim_start();
        match &mut open {
            None if text == "```toml" => {
                open = Some((number, line.len() - text.len(), String::new()));
            }
            None => {}
            Some((start, _, block)) if text == "```" => {
                examples.push((*start, std::mem::take(block)));
                open = None;
            }
            Some((_, indent, block)) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
        }
    }
    examples
}

/// What a part of a file lacks to be one.
pub(crate) fn completed(part: &str) -> String {
    let unless = |has: &str, stand_in: &'static str| {
        let there = part.lines().any(|line| line.starts_with(has));
        if there { "" } else { stand_in }
    };
    let harm = unless(
        "[[server_event]]",
        "[[fault]]\nname = 'harm'\nat = '1s'\ninject.reset = {}\n",
    );
    let head = [
        unless("id =", "id = 'x'\n"),
        unless("duration =", "duration = '30s'\n"),
    ];
    let tail = [
        unless("[clients", "[clients]\ncount = 4\n"),
        unless("[[fault]]", harm),
        unless("[expect]", "[expect]\nmax_live = 1\n"),
    ];
    format!("{}\n{part}\n{}", head.concat(), tail.concat())
}

#[test]
fn readme_examples_are_sound() {
    let examples = all_examples();
    assert!(examples.len() > 10);
    for (place, example) in examples {
        if let Err(mistakes) = read(&Source::new(place, completed(&example))) {
            panic!("{}", mistakes.rendered);
        }
    }
}

/// Every table's path with its keys.
fn keys_of(schema: Schema<'_>, path: &str, keys: &mut BTreeSet<String>) {
    let object = schema.alternatives().find(|one| one.keys().is_some());
    for key in object.and_then(Schema::keys).unwrap_or_default() {
        let path = format!("{path}.{key}");
        keys_of(object.unwrap().property(&key), &path, keys);
        keys.insert(path);
    }
    if let Some(items) = schema.items() {
        keys_of(items, path, keys);
    }
}

fn used_keys(value: &Value, path: &str, used: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        used_keys(value, &path, used);
        used.insert(path);
    }
    for element in value.as_array().into_iter().flatten() {
        used_keys(element, path, used);
    }
}

#[test]
fn readme_has_an_example_of_every_key() {
    let document: Value = serde_json::from_str(SCHEMA).unwrap();
    let (mut keys, mut used) = (BTreeSet::new(), BTreeSet::new());
    keys_of(Schema::root(&document), "", &mut keys);
    for (_, example) in all_examples() {
        used_keys(&as_json(&completed(&example)), "", &mut used);
        // Of the policies each example can only have one.
        let shown = example.replace("\n# ", "\n");
        if let Some((_, policies)) = shown.split_once("[clients.reconnect]\n") {
            used_keys(&as_json(policies), ".clients.reconnect", &mut used);
        }
    }
    let common = |key: &&String| {
        // The same keys for every policy, and for both conditions and targets.
        key.starts_with(".clients.reconnect.") && key.matches('.').count() > 3
            || key.starts_with(".fault.until_on.")
            || is_shown_elsewhere(key)
    };
    let missing: Vec<&String> = keys.difference(&used).filter(|key| !common(key)).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
}

/// What a message says is said alike wherever it is asked.
fn is_shown_elsewhere(key: &str) -> bool {
    let asks_for_messages = key.starts_with(".fault.inject.") || key.starts_with(".fault.on.");
    asks_for_messages && key.contains(".message")
}

#[test]
fn readme_explains_every_check() {
    let page = page("checks");
    for check in checks::ALL.map(|check| check.key) {
        assert!(page.contains(&format!("**`{check}`**")), "{check}");
    }
}

/// Every generated table with its page and its name.
fn tables() -> Vec<(&'static str, &'static str, String)> {
    const SECTIONS: &[&str] = &[
        "server",
        "clients",
        "fault",
        "action",
        "server_event",
        "situation",
        "expect",
        "proof",
    ];
    let document: Value = serde_json::from_str(SCHEMA).unwrap();
    let root = Schema::root(&document);
    let part = |name: &str| keys_table(root.property(name), &[]);
    let element = |name: &str| root.property(name).items().unwrap();
    let file = "scenario-file";
    let events = keys_table(element("server_event"), &[]);
    vec![
        (file, "top", keys_table(root, SECTIONS)),
        (file, "server", part("server")),
        (file, "clients", part("clients")),
        (file, "actions", keys_table(element("action"), &[])),
        (file, "server events", events),
        (file, "situation", part("situation")),
        (file, "proof", part("proof")),
        ("faults", "faults", faults_table(element("fault"))),
        ("checks", "checks", part("expect")),
        ("scenarios", "cases", cases_table(&cases())),
        ("flaws", "flaws", flaws_table(&cases())),
    ]
}

#[test]
fn readme_tables_are_what_there_is() {
    let tables = tables();
    let pages: BTreeSet<&str> = tables.iter().map(|(page, ..)| *page).collect();
    for name in pages {
        let found = page(name);
        let own = tables.iter().filter(|(page, ..)| *page == name);
        let made = own.fold(found.clone(), |page, (_, name, table)| {
            replaced(&page, name, table)
        });
        keep(&path(name), &found, &made);
    }
}

/// `key | form | meaning`, with what is in a table below it.
fn keys_table(table: Schema<'_>, leave_out: &[&str]) -> String {
    let mut rows = String::from("| key | form | meaning |\n|---|---|---|\n");
    add_rows(table, "", leave_out, &mut rows);
    rows
}

/// All policies have the same keys: told once, of the usual one.
const POLICIES: &[&str] = &[
    "fixed.*",
    "exponential.*",
    "equal_jitter.*",
    "decorrelated_jitter.*",
    "rfc6455.*",
];

fn add_rows(table: Schema<'_>, prefix: &str, leave_out: &[&str], rows: &mut String) {
    let required = table.required();
    for key in table.keys_in_order() {
        if leave_out.contains(&key.as_str()) {
            continue;
        }
        let value = table.property(&key);
        let meaning = table.description_of(&key);
        let must = if required.contains(&key) {
            " (needed)"
        } else {
            ""
        };
        *rows += &format!("| `{prefix}{key}`{must} | {} | {meaning} |\n", value.form());
        if value.keys().is_some() && !leave_out.contains(&format!("{key}.*").as_str()) {
            let inner = format!("{prefix}{key}.");
            let leave_out = if key == "reconnect" {
                POLICIES
            } else {
                leave_out
            };
            add_rows(value, &inner, leave_out, rows);
        }
    }
}

fn faults_table(fault: Schema<'_>) -> String {
    let mut rules = String::from("| key | form | meaning |\n|---|---|---|\n");
    add_rows(fault, "", &["inject"], &mut rules);
    rules += "\n| fault | what it does | keys |\n|---|---|---|\n";
    let inject = fault.property("inject");
    for word in inject.keys_in_order() {
        let what = inject.description_of(&word);
        let table = inject.property(&word);
        let required = table.required();
        let keys = table.keys_in_order().into_iter().map(|key| {
            let must = if required.contains(&key) {
                " (needed)"
            } else {
                ""
            };
            let form = table.property(&key).form();
            format!("`{key}`{must}, {form}: {}", table.description_of(&key))
        });
        let keys = keys.collect::<Vec<_>>().join("<br>");
        rules += &format!("| `inject.{word}` | {what} | {keys} |\n");
    }
    rules
}

/// As links of the reference lead there.
const CATALOGUE: &str = "../../scenarios/catalogue";

fn cases_table(cases: &[Scenario]) -> String {
    let mut rows = String::from(
        "| scenario | what a correct client does | flaw that it catches | by the check | source |\n|---|---|---|---|---|\n",
    );
    for scenario in cases {
        let proof = scenario.proof.as_ref().unwrap();
        let (id, title, source) = (&scenario.id, &scenario.title, &scenario.source);
        let fails = proof.fails;
        let flaw = match &proof.flaw {
            Flawed::Sim(flaw) => format!("`{flaw}`"),
            Flawed::Page(name) => format!("a page that `{name}`"),
        };
        rows += &format!(
            "| [{id}]({CATALOGUE}/{id}.toml) | {title} | {flaw} | `{fails}` | [seen]({source}) |\n"
        );
    }
    rows
}

fn flaws_table(cases: &[Scenario]) -> String {
    let mut rows = String::from("| flaw | a client with it … | is caught by |\n|---|---|---|\n");
    for flaw in Flaw::ALL {
        let caught = cases.iter().filter_map(|scenario| {
            let proof = scenario.proof.as_ref()?;
            let id = &scenario.id;
            (proof.flaw.sim() == Some(flaw))
                .then(|| format!("[{id}]({CATALOGUE}/{id}.toml) by `{}`", proof.fails))
        });
        let caught: Vec<String> = caught.collect();
        let caught = if caught.is_empty() {
            "no scenario yet".to_owned()
        } else {
            caught.join(", ")
        };
        rows += &format!("| `{flaw}` | … {} | {caught} |\n", flaw.description());
    }
    rows
}
