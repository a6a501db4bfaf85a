//! The plan is the same on every call, changes only where the file does, and
//! is what a run then decides.

use std::collections::BTreeSet;

use crate::program::{Place, SMALL};

const RULES: &str = r#"
[[fault]]
name = "cable"
at = "1s"
every = "400ms"
for = "200ms"
target.share = 0.5
inject.stall = {}

[[fault]]
name = "slow"
at = "100ms"
inject.latency = { delay = "3ms", jitter = "2ms", distribution = "lognormal" }

[[fault]]
name = "second"
on = { attempt = "2..3" }
target.share = 0.7
inject.reject = {}
"#;

async fn plan(place: &Place, name: &str, text: &str, words: &[&str]) -> String {
    place.file(name, text);
    let answer = place.chaos(&[&["plan", name], words].concat()).await;
    answer.expect(0).out.clone()
}

#[tokio::test]
async fn one_seed_gives_identical_bytes() {
    let place = Place::new();
    let text = format!("{SMALL}{RULES}");
    let seven = plan(&place, "a.toml", &text, &["--seed", "7"]).await;
    assert!(seven.lines().count() > 20, "{seven}");
    assert_eq!(plan(&place, "a.toml", &text, &["--seed", "7"]).await, seven);
    assert_ne!(plan(&place, "a.toml", &text, &["--seed", "8"]).await, seven);
    let mut command = place.command(&["plan", "a.toml"]);
    command.env("CHAOS_SEED", "7");
    let answer = crate::program::answer(command.spawn().unwrap()).await;
    assert_eq!(answer.expect(0).out, seven);
}

#[tokio::test]
async fn one_more_rule_or_client_changes_no_other_line() {
    let place = Place::new();
    // So many that no share strikes nobody: then its lowest draw is taken, and
    // that alone depends on who else there is.
    let text = format!("{SMALL}{RULES}").replace("count = 2", "count = 8");
    let before = plan(&place, "a.toml", &text, &["--seed", "7"]).await;
    let more_clients = text.replace("count = 8", "count = 9");
    let rule = "[[fault]]\nname = \"new\"\nat = \"0s\"\ntarget.share = 0.5\ninject.close = {}\n";
    let more_rules = text.replacen("[[fault]]", &format!("{rule}\n[[fault]]"), 1);
    for (changed, mark) in [(more_clients, "  c9  "), (more_rules, "new  ")] {
        assert_ne!(changed, text);
        let after = plan(&place, "b.toml", &changed, &["--seed", "7"]).await;
        let (new, others): (Vec<&str>, Vec<&str>) =
            after.lines().partition(|line| line.contains(mark));
        assert!(!new.is_empty(), "{mark}");
        for (other, line) in others.iter().zip(before.lines()) {
            assert_eq!(*other, line);
        }
        assert_eq!(others.len(), before.lines().count());
    }
}

#[tokio::test]
async fn a_run_decides_what_the_plan_says() {
    let place = Place::new();
    let text = format!("{SMALL}{RULES}");
    let plan = plan(&place, "a.toml", &text, &["--json"]).await;
    let planned: BTreeSet<&str> = plan.lines().collect();
    place.run(&place.path("a.toml"), &[]).await;
    let decisions = std::fs::read_to_string(place.record("small", "decisions.jsonl")).unwrap();
    assert!(decisions.lines().count() > 10, "{decisions}");
    for line in decisions.lines() {
        assert!(planned.contains(line), "not planned: {line}\n{plan}");
        let _: chaos_proxy::Decision = serde_json::from_str(line).unwrap();
    }
    let timed = planned.iter().filter(|line| line.contains("\"at_us\""));
    for line in timed {
        assert!(decisions.contains(line), "planned and not decided: {line}");
    }
}
