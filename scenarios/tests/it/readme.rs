//! What the README shows is what there is.

use environment::text::Source;
use scenarios::language::{CHECKS, gather, read, read_all};

use crate::program::catalogue;

const README: &str = include_str!("../../README.md");

/// The fenced TOML blocks, in order.
fn examples() -> Vec<&'static str> {
    let blocks = README.split("```toml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

#[track_caller]
fn ensure_sound(text: String) {
    if let Err(mistakes) = read(&Source::new("README.md", text)) {
        panic!("{}", mistakes.rendered);
    }
}

#[test]
fn the_table_of_cases_is_the_catalogue() {
    let rows: String = read_all(gather(&[catalogue()]).unwrap())
        .unwrap()
        .iter()
        .map(|(_, scenario)| {
            let proof = scenario.proof.as_ref().unwrap();
            let (id, title, source) = (&scenario.id, &scenario.title, &scenario.source);
            let (flaw, fails) = (proof.flaw, proof.fails);
            format!(
                "| [{id}](catalogue/{id}.toml) | {title} | `{flaw}` | `{fails}` | [seen]({source}) |\n"
            )
        })
        .collect();
    assert!(
        README.contains(&rows),
        "the table should have these rows:\n{rows}"
    );
}

#[test]
fn the_examples_are_sound() {
    let [whole, faults, action, proof] = examples()[..] else {
        panic!("four examples")
    };
    ensure_sound(whole.to_owned());
    ensure_sound(format!("{whole}\n{action}"));
    ensure_sound(format!("{whole}\n{proof}"));
    for fault in faults.lines() {
        ensure_sound(format!(
            "{whole}\n[[fault]]\nname = 'x'\nat = '1s'\nfor = '1s'\n{fault}\n"
        ));
    }
}

#[test]
fn every_check_is_explained() {
    for check in CHECKS {
        assert!(README.contains(&format!("`{check}")), "{check}");
    }
}
