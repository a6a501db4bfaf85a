//! Files with broken syntax.
//!
//! Invariant tested: a slip is one diagnostic, and hides no other error.

use super::*;

#[test]
fn syntax_and_meaning_are_both_reported() {
    let text = changed("seed = 7", "seed =")
        .replace("\"fast\"", "fast")
        .replace("\"64KiB\"", "64")
        .replace("[1, 2]", "[1, 2");
    assert_snapshot!(report(&text), @r#"
    case.toml:2:7: missing value
       |
     2 | seed =
       |       ^

    case.toml:4:9: unclosed array
       |
     4 | cases = [1, 2
       |         ^ never closed

    case.toml:5:8: `fast` is not a value
       |
     5 | mode = fast
       |        ^^^^ strings are written in quotes

    case.toml:9:8: expected a size, found an integer
       |
     9 | size = 64
       |        ^^ sizes are written with a unit, such as "64KiB"
    "#);
}

#[test]
fn broken_syntax_is_not_reported_again_as_a_wrong_type() {
    assert_snapshot!(places(&changed("seed = 7", "seed = seven")), @"case.toml:2:8: `seven` is not a value");
    assert_snapshot!(places(&changed("seed = 7", "seed 7")), @"case.toml:2:6: key with no value");
    assert_snapshot!(places(&changed("[limits]", "[limits")), @"case.toml:8:8: unclosed table");
    assert_snapshot!(places(&changed("\"slow\"", "\"slow")), @"case.toml:1:11: invalid basic string");
    assert_snapshot!(places(&changed("seed = 7", "seed = 7\nseed = 8")), @"case.toml:3:1: duplicate key");
}

#[test]
fn what_follows_a_slip_is_still_checked() {
    let text = changed("seed = 7", "seed 7")
        .replace("[limits]", "[limits")
        .replace("{ count = 1 }", "{ count = 1")
        .replace("\"1s 500ms\"", "1");
    assert_snapshot!(report(&text), @r#"
    case.toml:2:6: key with no value
       |
     2 | seed 7
       |      ^ expected `=`

    case.toml:8:8: unclosed table
       |
     8 | [limits
       |        ^ expected `]`

    case.toml:14:15: unclosed inline table
        |
     14 | inject.drop = { count = 1
        |               ^ never closed

    case.toml:17:6: expected a duration, found an integer
        |
     17 | at = 1
        |      ^ durations are written with a unit, such as "250ms"
    "#);
}

#[test]
fn a_slip_over_several_lines_ends_where_a_line_begins_anew() {
    let text = changed("[1, 2]", "[\n  1,\n  2").replace("\"fast\"", "1");
    assert_snapshot!(places(&text), @"
    case.toml:4:9: unclosed array
    case.toml:7:8: expected a string, found an integer
    ");
}

#[test]
fn nothing_is_called_missing_when_the_rest_is_lost() {
    assert_snapshot!(places("id = '''a\nseed = 7\n"), @"case.toml:3:1: invalid multi-line literal string");
    assert_snapshot!(places(&format!("{}id = 1", "a.".repeat(90))), @"case.toml:1:1: recursion limit");
}
