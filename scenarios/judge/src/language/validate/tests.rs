//! What has sense, and what never can.

use crate::language::sample::{mistakes, wrong};

const SMALL: &str = "id = 'x'\nduration = '4s'\n[expect]\nmax_live = 1\n";
const FIRST_DIAL: &str =
    "id = 'x'\nduration = '4s'\nstart = 'first_dial'\n[expect]\nmax_live = 1\n";

fn rule(keys: &str) -> String {
    format!("[[fault]]\n{keys}\n")
}

/// A file that begins so, with this rule in it, is sound.
#[track_caller]
fn sound(head: &str, keys: &str) {
    assert_eq!(mistakes(&format!("{head}{}", rule(keys))), "", "{keys}");
}

#[track_caller]
fn never(head: &str, keys: &str, place: &str, why: &str) {
    let text = format!("{head}{}", rule(keys));
    wrong(&text, &format!("x.toml:{place}: `reset` never acts: {why}"));
}

#[test]
fn a_rule_that_can_never_act_is_told() {
    let reset = |keys: &str| format!("inject.reset = {{}}\n{keys}");
    never(
        SMALL,
        &reset("at = '1s'\nprobability = 0"),
        "8:15",
        "its `probability` is 0",
    );
    never(
        SMALL,
        &reset("at = '1s'\ntarget.share = 0.0"),
        "8:1",
        "a share of 0 is no client",
    );
    never(
        SMALL,
        &reset("on = { attempt = 2 }\nafter = '4s'"),
        "8:9",
        "`after` is 4s, and the run ends at 4s",
    );
    never(
        SMALL,
        &reset("on = { attempt = 1, phase = 'open' }"),
        "7:6",
        "attempt 1 is over",
    );
    sound(FIRST_DIAL, &reset("on = { attempt = 1, phase = 'open' }"));
}

#[test]
fn a_rule_that_is_over_before_it_begins_is_told() {
    let reset = |keys: &str| format!("inject.reset = {{}}\n{keys}");
    never(
        SMALL,
        &reset("at = '1s'\nuntil_on = { attempt = '..3', phase = 'open' }"),
        "8:12",
        "attempt 1 has met its `until_on` when t = 0 begins",
    );
    sound(
        FIRST_DIAL,
        &reset("at = '1s'\nuntil_on = { attempt = '..3', phase = 'open' }"),
    );
    never(
        FIRST_DIAL,
        &reset("on = { attempt = 3 }\nuntil_on = { attempt = 2 }"),
        "9:12",
        "attempt 2 ends it by `until_on` as it is accepted, and it begins with attempt 3",
    );
    sound(
        FIRST_DIAL,
        &reset("on = { attempt = 2 }\nuntil_on = { attempt = 3 }"),
    );
}

#[test]
fn a_rule_on_accepting_needs_a_dial() {
    let text = |refused: &str| {
        let closed = rule(&format!("at = '1s'\n{refused}\ninject.refuse = {{}}"));
        format!(
            "{SMALL}{closed}{}",
            rule("at = '2s'\nfor = '1s'\ninject.reject = {}")
        )
    };
    let why = "`reject` never acts: all that time `refuse` lets no connection through";
    wrong(&text("for = '2s'"), &format!("x.toml:10:6: {why}"));
    wrong(&text("# to the end"), &format!("x.toml:10:6: {why}"));
    for some in [
        "for = '1500ms'",
        "for = '2s'\ntarget.share = 0.5",
        "for = '2s'\nprobability = 0.5",
    ] {
        assert_eq!(mistakes(&text(some)), "");
    }
}

#[test]
fn a_repetition_comes_round_and_comes_to_an_end() {
    let every = |keys: &str| {
        format!(
            "{SMALL}{}",
            rule(&format!("at = '1s'\ninject.reset = {{}}\n{keys}"))
        )
    };
    wrong(
        &every("every = '3s'"),
        "x.toml:8:9: `every` never comes round: the second time would be 4s, and the run ends at 4s",
    );
    wrong(
        &every("every = '1s'\nuntil = '1500ms'"),
        "x.toml:8:9: `every` never comes round: the second time would be 2s, and `until` is 1500ms",
    );
    assert_eq!(mistakes(&every("every = '2s'\nuntil = '1h'")), "");
    let long = every("every = '1ms'").replace("'4s'", "'10m'");
    wrong(
        &long,
        "x.toml:8:9: this fault would be applied more than 100000 times",
    );
    let held = |keys: &str| {
        let text = format!("at = '1s'\ninject.stall = {{}}\n{keys}");
        format!("{SMALL}{}", rule(&text))
    };
    wrong(
        &held("every = '1ms'\nfor = '1h'"),
        "x.toml:9:7: this fault would be in force 3000 times at once; at most 1000 are possible",
    );
    assert_eq!(mistakes(&held("every = '3ms'\nfor = '1h'")), "");
}

#[test]
fn more_than_a_run_can_hold_is_told() {
    let many = |count: u32| {
        let rules: String = (1..=20)
            .map(|n| {
                rule(&format!(
                    "name = 'r{n}'\nat = '1s'\nevery = '10ms'\ninject.reset = {{}}"
                ))
            })
            .collect();
        format!("{SMALL}[clients]\ncount = {count}\n{rules}").replace("'4s'", "'8s'")
    };
    assert_eq!(mistakes(&many(50)), "");
    wrong(&many(100), "x.toml:77:1: too much is planned");
}

#[test]
fn who_was_told_to_stop_does_nothing_more() {
    let stop = "[[action]]\nat = '2s'\ndo = 'stop'\n";
    let pause = "[[action]]\nat = '3s'\ndo = 'pause'\n";
    wrong(
        &format!("{SMALL}{pause}{stop}"),
        "x.toml:6:6: this action is never done: all clients stop at 2s",
    );
    let one = stop.replace("'stop'", "'stop'\ntarget.clients = ['c1']");
    assert_eq!(mistakes(&format!("{SMALL}{pause}{one}")), "");
    let first = "[[action]]\non = { attempt = 1, phase = 'open' }\ndo = 'pause'\n";
    wrong(
        &format!("{SMALL}{first}"),
        "x.toml:6:6: this action is never done: attempt 1 is past `open`",
    );
    assert_eq!(mistakes(&format!("{FIRST_DIAL}{first}")), "");
    assert_eq!(
        mistakes(&format!("{SMALL}{}", first.replace("open", "closing"))),
        ""
    );
}

#[test]
fn names_are_told_apart() {
    let named = |what: &str| format!("{what}\nname = 'x'\nat = '1s'\n");
    let fault = named("[[fault]]\ninject.reset = {}");
    let event = named("[[server_event]]\ndo = 'kill'");
    let action = named("[[action]]\ndo = 'pause'");
    wrong(
        &format!("{SMALL}{fault}{event}"),
        "x.toml:11:8: a second `x`",
    );
    wrong(
        &format!("{SMALL}{action}{action}"),
        "x.toml:11:8: a second `x`",
    );
    assert_eq!(mistakes(&format!("{SMALL}{fault}{action}")), "");
}

#[test]
fn a_file_in_which_nothing_goes_wrong_is_a_case() {
    let text = format!("# no [[fault]] here\n{SMALL}");
    assert_eq!(mistakes(&text), "");
    let acted = format!("{text}[[action]]\nat = '1s'\ndo = 'pause'\n");
    assert_eq!(mistakes(&acted), "");
}
