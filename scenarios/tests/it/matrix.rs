//! Several clients side by side in the same scenarios.

use scenarios::verdict::Verdict;

use crate::program::{Place, SMALL};

/// A program that runs and never dials.
fn idle(place: &Place, name: &str) {
    let folder = place.path(name);
    std::fs::create_dir(&folder).unwrap();
    let text = format!("name = '{name}'\nversion = '1'\ncommand = ['sleep', '60']\n");
    std::fs::write(folder.join("client.toml"), text).unwrap();
}

fn scenarios(place: &Place) {
    let soon = SMALL.replace("[server]", "start_within = \"1s\"\n[server]");
    place.file("small.toml", &soon);
    place.file("other.toml", &soon.replace("\"small\"", "\"other\""));
}

#[tokio::test]
async fn every_client_has_its_column_its_entries_and_its_commands() {
    let place = Place::new();
    scenarios(&place);
    idle(&place, "idle");
    let words = [
        "run",
        "small.toml",
        "other.toml",
        "--client",
        "sim,./idle",
        "--out",
        "out",
        "--seed",
        "3",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(3);
    let started = "chaos: 2 scenarios × 2 clients, ";
    assert!(answer.err.contains(started), "{}", answer.err);
    let table = "        sim     idle\n\
        small   passed  inconclusive\n\
        other   passed  inconclusive\n\
        passed  2 of 2  0 of 2\n\n\
        small idle inconclusive\n  client never connected: c1, c2";
    assert!(answer.out.starts_with(table), "{}", answer.out);
    let results = place.results();
    let runs = results.scenarios.iter();
    let runs: Vec<_> = runs
        .map(|run| (run.id.as_str(), run.client.as_str(), run.verdict))
        .collect();
    let expected = [
        ("small", "sim", Verdict::Passed),
        ("small", "idle", Verdict::Inconclusive),
        ("other", "sim", Verdict::Passed),
        ("other", "idle", Verdict::Inconclusive),
    ];
    assert_eq!(runs, expected);
    assert_eq!(results.scenarios[0].repeat, "chaos run small.toml --seed 3");
    let ends = "chaos run small.toml --seed 3 --client ./idle\n\
        chaos run other.toml --seed 3 --client ./idle\n";
    assert!(answer.out.ends_with(ends), "{}", answer.out);
    for client in ["sim", "idle"] {
        let journal = place.path(&format!("out/other/{client}/3/journal.jsonl"));
        assert!(journal.is_file(), "{}", journal.display());
    }
    let again = place.chaos(&["judge", "out"]).await;
    assert!(
        again
            .expect(3)
            .out
            .contains("\npassed  0 of 2        2 of 2\n"),
        "{}",
        again.out
    );
}

#[tokio::test]
async fn clients_of_one_name_and_flaws_of_others_are_refused() {
    let place = Place::new();
    scenarios(&place);
    idle(&place, "idle");
    for (words, part) in [
        (&["--client", "idle,./idle"][..], "`idle` is there twice"),
        (
            &["--client", "sim,idle", "--flaw", "no_liveness"],
            "--flaw is for the simulated client alone; `idle` has its own",
        ),
    ] {
        let answer = place.chaos(&[&["run", "small.toml"], words].concat()).await;
        assert!(answer.expect(2).err.contains(part), "{}", answer.err);
    }
}

#[tokio::test]
async fn many_seeds_of_many_clients_are_told_by_client() {
    let place = Place::new();
    scenarios(&place);
    idle(&place, "idle");
    let words = [
        "run",
        "small.toml",
        "--client",
        "idle,sim",
        "--out",
        "out",
        "--seeds",
        "3..4",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(3);
    for part in [
        "small   inconclusive 2/2  passed 2\n",
        "small idle inconclusive with 2 of 2 seeds\n  seed 3\n",
        "    chaos run small.toml --seed 4 --client idle\n",
        "\nsmall sim   detect         2 ",
    ] {
        assert!(answer.out.contains(part), "{part}\n{}", answer.out);
    }
    let all = "chaos run small.toml --seeds 3..4 --client idle,sim";
    assert_eq!(answer.last_line(), all);
}
