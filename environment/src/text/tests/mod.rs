//! Whole files through the reader.
//!
//! Invariant tested: places are exact, and one error is one diagnostic.

mod hostile;
mod syntax;
mod values;

use super::*;
use insta::assert_snapshot;
use std::time::Duration;

const GOOD: &str = r#"id = "slow"
seed = 7
duration = "2s"
cases = [1, 2]
mode = "fast"
target.share = 0.6

[limits]
size = "64KiB"
rate = "10KB/s"

[[fault]]
at = "250ms"
inject.drop = { count = 1 }

[[fault]]
at = "1s 500ms"
inject.stall = { for = "1s" }
"#;

/// Reads the format of [`GOOD`] as a crate would.
fn read(root: &mut Table<'_>) -> Option<(String, u64, Duration)> {
    let id = root.required("id");
    let seed = root.required("seed");
    let duration = root.required("duration");
    let _: Option<Vec<u32>> = root.optional("cases");
    let _ = root.optional_with("mode", |v| choice(v, &[("fast", 1), ("slow", 2)]));
    if let Some(mut target) = root.table("target") {
        target.or("share", 1.0_f64);
        target.or("enabled", true);
    }
    if let Some(mut limits) = root.table("limits") {
        limits.required::<ByteSize>("size");
        limits.optional::<Rate>("rate");
    }
    for mut fault in root.tables("fault") {
        fault.required::<Duration>("at");
        let inject = fault.required_table("inject");
        let chosen = inject.and_then(|mut inject| inject.one_of("fault", &["drop", "stall"]));
        match chosen {
            Some(("drop", mut drop)) => drop.or("count", 1_usize).min(1),
            Some((_, mut stall)) => stall.required::<Duration>("for").map_or(0, |_| 1),
            None => 0,
        };
    }
    Some((id?, seed?, duration?))
}

fn diagnose(text: &str) -> (Source, Diagnostics) {
    let source = Source::new("case.toml", text);
    let diagnostics = Diagnostics::new();
    let document = Document::parse(&source, &diagnostics);
    let read = read(&mut document.root(&diagnostics));
    assert!(
        read.is_some() || !diagnostics.is_empty(),
        "no value, no reason"
    );
    (source, diagnostics)
}

fn report(text: &str) -> String {
    let (source, diagnostics) = diagnose(text);
    diagnostics.render(&source)
}

/// The first line of each block.
fn places(text: &str) -> String {
    let report = report(text);
    let places = report.lines().filter(|line| line.starts_with("case.toml:"));
    Vec::from_iter(places).join("\n")
}

fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

#[test]
fn a_good_file_has_no_diagnostics() {
    assert_eq!(report(GOOD), "");
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let text = changed("seed = 7", "sed = 7")
        .replace("\"2s\"", "2")
        .replace("\"fast\"", "\"fats\"")
        .replace("0.6", "nan")
        .replace("count = 1", "count = -1");
    assert_snapshot!(report(&text), @r#"
    case.toml:2:1: unknown key `sed`
       |
     2 | sed = 7
       | ^^^ did you mean `seed`?
       = allowed here: cases, duration, fault, id, limits, mode, seed, target

    case.toml:3:12: expected a duration, found an integer
       |
     3 | duration = 2
       |            ^ durations are written with a unit, such as "250ms"

    case.toml:5:8: `fats` is not allowed here
       |
     5 | mode = "fats"
       |        ^^^^^^ did you mean `fast`?
       = allowed here: fast, slow

    case.toml:6:16: expected a finite number
       |
     6 | target.share = nan
       |                ^^^

    case.toml:14:25: expected an integer of 0 or more, found `-1`
        |
     14 | inject.drop = { count = -1 }
        |                         ^^
    "#);
}

#[test]
fn unknown_keys_list_what_is_allowed() {
    assert_snapshot!(report(&changed("at = \"1s 500ms\"", "at = '1s'\nunheard = 1")), @"
    case.toml:18:1: unknown key `unheard`
        |
     18 | unheard = 1
        | ^^^^^^^
        = allowed here: at, inject
    ");
}

#[test]
fn missing_keys_are_reported_at_the_header() {
    assert_snapshot!(report(&changed("id = \"slow\"\n", "").replace("size = \"64KiB\"\n", "")), @"
    case.toml:1:1: missing key `id`
       |
     1 | seed = 7
       | ^ at the top level of the file

    case.toml:7:1: missing key `size`
       |
     7 | [limits]
       | ^^^^^^^^
    ");
}

#[test]
fn mistakes_in_the_second_entry_are_located_there() {
    assert_snapshot!(report(&changed("\"1s 500ms\"", "\"1 fortnight\"")), @r#"
    case.toml:17:6: unknown unit `fortnight` in `1 fortnight`
        |
     17 | at = "1 fortnight"
        |      ^^^^^^^^^^^^^
        = units: days, h, m, ms, ns, s, us
    "#);
    assert_snapshot!(report(&changed("at = \"1s 500ms\"\n", "")), @"
    case.toml:16:1: missing key `at`
        |
     16 | [[fault]]
        | ^^^^^^^^^
    ");
}

#[test]
fn dotted_tables_have_sensible_places() {
    assert_snapshot!(report(&changed("target.share = 0.6", "target.shear = 0.6")), @"
    case.toml:6:8: unknown key `shear`
       |
     6 | target.shear = 0.6
       |        ^^^^^
       = allowed here: enabled, share
    ");
    assert_snapshot!(report(&changed("target.share = 0.6", "target = 0.6")), @"
    case.toml:6:10: expected a table, found a float
       |
     6 | target = 0.6
       |          ^^^
    ");
    assert_snapshot!(report(&changed("inject.stall = { for = \"1s\" }", "inject.stall.for = 1")), @r#"
    case.toml:18:20: expected a duration, found an integer
        |
     18 | inject.stall.for = 1
        |                    ^ durations are written with a unit, such as "250ms"
    "#);
}

#[test]
fn a_choice_of_none_two_or_misspelt() {
    let stall = "inject.stall = { for = \"1s\" }";
    assert_snapshot!(report(&changed(stall, "inject = {}")), @"
    case.toml:18:10: no fault is given
        |
     18 | inject = {}
        |          ^^
        = exactly one of: drop, stall
    ");
    let both = format!("{stall}\ninject.drop = {{}}");
    assert_snapshot!(report(&changed(stall, &both)), @"
    case.toml:19:8: a second fault, `drop`: only one may be given
        |
     19 | inject.drop = {}
        |        ^^^^ `stall` is given already
    ");
    assert_snapshot!(report(&changed(stall, "inject.stal = {}")), @"
    case.toml:18:8: unknown key `stal`
        |
     18 | inject.stal = {}
        |        ^^^^ did you mean `stall`?
        = allowed here: drop, stall
    ");
    assert_snapshot!(report(&changed(stall, "inject.stall = 1")), @"
    case.toml:18:16: expected a table, found an integer
        |
     18 | inject.stall = 1
        |                ^
    ");
}

#[test]
fn nested_readers_can_leave_keys_to_others() {
    let source = Source::new("a.toml", "a = 1\nb = 2\n[c]\nd = 3\n");
    let diagnostics = Diagnostics::new();
    let document = Document::parse(&source, &diagnostics);
    let mut root = document.root(&diagnostics);
    root.ignore("a");
    assert_eq!(root.spanned::<u32>("b"), Some((2, 10..11)));
    root.table("c").expect("a table").ignore_all();
    assert_eq!(root.keys().count(), 3);
    assert_eq!(root.key_span("c"), 13..14);
    root.finish();
    assert!(diagnostics.is_empty());
}
