//! What the program says of itself, and of what other tools call otherwise.

use chaos_proxy::Fault;

use crate::kept::keep_help;
use crate::program::{Place, SMALL};

#[tokio::test]
async fn faults_and_checks_are_listed_and_each_is_told_with_an_example() {
    let place = Place::new();
    let all = place.chaos(&["faults"]).await;
    let listed: Vec<&str> = all.expect(0).out.lines().collect();
    for word in Fault::words() {
        let begin = format!("{word} ");
        assert!(listed.iter().any(|line| line.starts_with(&begin)), "{word}");
        let one = place.chaos(&["faults", word]).await;
        let example = format!("  inject.{word} = ");
        assert!(one.expect(0).out.contains(&example), "{}", one.out);
    }
    let one = place.chaos(&["checks", "recover_within"]).await;
    assert!(
        one.expect(0).out.contains("\n  recover_within = "),
        "{}",
        one.out
    );
    for (words, told) in [
        (
            ["faults", "stal"],
            "there is no fault `stal`; did you mean `stall`?",
        ),
        (
            ["faults", "reset_peer"],
            "there is no fault `reset_peer`; here that is `reset`",
        ),
        (
            ["checks", "xyzzy"],
            "there is no check `xyzzy`; `chaos checks` lists them",
        ),
    ] {
        let answer = place.chaos(&words).await;
        assert!(answer.expect(2).err.contains(told), "{}", answer.err);
    }
}

/// Every command that `chaos --help` lists, but for `help`.
fn verbs(help: &str) -> Vec<&str> {
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let named = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let words = named.filter_map(|line| line.split(' ').next());
    words
        .filter(|word| !word.is_empty() && *word != "help")
        .collect()
}

#[tokio::test]
async fn readme_command_line_is_what_chaos_prints() {
    let place = Place::new();
    let all = place.chaos(&["--help"]).await;
    let mut pages = vec![all.expect(0).out.clone()];
    for verb in verbs(&all.out) {
        let page = place.chaos(&[verb, "--help"]).await;
        pages.push(page.expect(0).out.clone());
    }
    assert!(pages.len() > 10, "{}", pages.len());
    keep_help("chaos", &pages);
}

#[tokio::test]
async fn shells_and_man_know_the_command_line() {
    let place = Place::new();
    let bash = place.chaos(&["completions", "bash"]).await;
    assert!(bash.expect(0).out.contains("--shard"), "{}", bash.out);
    place.chaos(&["man", "--out", "man"]).await.expect(0);
    let page = std::fs::read_to_string(place.path("man/chaos-run.1")).unwrap();
    assert!(page.contains("shard"), "{page}");
}

#[tokio::test]
async fn a_word_of_another_tool_is_one_mistake_and_is_answered_with_ours() {
    let place = Place::new();
    for (inject, told) in [
        ("inject.reset_peer = {}", "here that is `reset`"),
        ("inject.packet_loss = {}", "TCP hides lost packets"),
        ("inject = \"reset\"", "for example `inject.reset = {}`"),
    ] {
        let file = place.file("x.toml", &SMALL.replace("inject.reset = {}", inject));
        let answer = place.chaos(&["check", file.to_str().unwrap()]).await;
        let err = &answer.expect(2).err;
        assert!(
            err.contains(told) && err.contains("chaos: 1 error;"),
            "{err}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_nobody_may_ever_open_is_told() {
    let place = Place::new();
    let timed = "at = \"500ms\"\ntarget.share = 0.5\n";
    let third = SMALL.replace(timed, "on = { attempt = 3 }\n");
    let note = "`half of them` is about connection 3, and nothing in this file ends one";
    let told = async |text: &str| {
        let file = place.file("x.toml", text);
        let answer = place.chaos(&["check", file.to_str().unwrap()]).await;
        answer.expect(0).out.contains(note)
    };
    assert!(told(&third).await);
    let ended = "\n[[fault]]\non = { attempt = \"1..2\" }\ninject.close = {}\n";
    assert!(!told(&format!("{third}{ended}")).await);
    assert!(!told(SMALL).await);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_and_nothing_that_follows_from_that() {
    let place = Place::new();
    let server = "[server]\nexternal = \"ws://127.0.0.1:9/ws\"\n";
    let text = SMALL.replace("[server]\ntick = \"100ms\"\n", server);
    let file = place.file("x.toml", &text);
    let answer = place.run(&file, &[]).await;
    let out = &answer.expect(3).out;
    assert!(
        out.contains("nothing listens on 127.0.0.1:9, which is `external`"),
        "{out}"
    );
    assert!(
        out.contains("start your server first, or use `command"),
        "{out}"
    );
    for derived in ["not measured", "no fault had any effect", "too busy"] {
        assert!(!out.contains(derived), "{out}");
    }
}
