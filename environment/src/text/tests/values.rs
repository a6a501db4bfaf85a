//! Values of the wrong type, form or range.
//!
//! Invariant tested: each is reported at the value, with what would be right.

use super::*;

#[test]
fn each_bad_element_is_reported_at_its_place() {
    assert_snapshot!(report(&changed("[1, 2]", "[1, 'a', 5_000_000_000,\n 2.0]")), @"
    case.toml:4:13: expected an integer from 0 to 4294967295, found a string
       |
     4 | cases = [1, 'a', 5_000_000_000,
       |             ^^^

    case.toml:4:18: expected an integer from 0 to 4294967295, found `5000000000`
       |
     4 | cases = [1, 'a', 5_000_000_000,
       |                  ^^^^^^^^^^^^^

    case.toml:5:2: expected an integer from 0 to 4294967295, found a float
       |
     5 |  2.0]
       |  ^^^
    ");
}

#[test]
fn wrong_containers_are_reported() {
    let one = GOOD.split("[[fault]]").next().expect("a head").to_owned();
    assert_snapshot!(report(&format!("{one}[fault]\nat = '1s'\n")), @"
    case.toml:12:1: expected an array of tables, found a table
        |
     12 | [fault]
        | ^^^^^^^ write each as `[[fault]]`
    ");
    assert_snapshot!(report(&format!("fault = [1, {{}}]\n{one}")), @"
    case.toml:1:10: expected a table, found an integer
       |
     1 | fault = [1, {}]
       |          ^

    case.toml:1:13: missing key `at`
       |
     1 | fault = [1, {}]
       |             ^^

    case.toml:1:13: missing key `inject`
       |
     1 | fault = [1, {}]
       |             ^^
    ");
}

#[test]
fn the_one_key_that_is_missing_is_what_an_unknown_one_was_to_be() {
    let text = GOOD.replace("{ for = \"1s\" }", "{ latency = \"1s\" }");
    assert_snapshot!(report(&text), @r#"
    case.toml:18:18: unknown key `latency`
        |
     18 | inject.stall = { latency = "1s" }
        |                  ^^^^^^^ did you mean `for`, which is missing?
        = allowed here: for
    "#);
}

#[test]
fn quantities_say_what_they_want() {
    let text = changed("\"64KiB\"", "\"64kib\"")
        .replace("\"10KB/s\"", "\"10KB\"")
        .replace("\"250ms\"", "\"9999999h\"")
        .replace("\"1s 500ms\"", "\"1M\"")
        .replace("\"2s\"", "\"10\"");
    assert_snapshot!(report(&text), @r#"
    case.toml:3:12: `10` is not a duration
       |
     3 | duration = "10"
       |            ^^^^ durations are written with a unit, such as "250ms"

    case.toml:9:8: unknown unit `kib` in `64kib`
       |
     9 | size = "64kib"
       |        ^^^^^^^ did you mean `KiB`?
       = units: B, GB, GiB, KB, KiB, MB, MiB

    case.toml:10:8: `10KB` is not a rate
        |
     10 | rate = "10KB"
        |        ^^^^^^ rates are written per second, such as "1000KB/s"

    case.toml:13:6: `9999999h` is more than 10 years (3650 days)
        |
     13 | at = "9999999h"
        |      ^^^^^^^^^^

    case.toml:17:6: unknown unit `M` in `1M`
        |
     17 | at = "1M"
        |      ^^^^ did you mean `m`?
        = units: days, h, m, ms, ns, s, us
    "#);
}
