//! The command that repeats a run, to be pasted into a shell.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chaos_judge::language::{Origin, Scenario};
use chaos_judge::results::Seeds;
use client_sim::Flaw;
use environment::Seed;

use crate::runner::Time;
use crate::subjects::Subject;

/// The part of an invocation that decides what is run.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// The paths, as given.
    pub paths: Vec<PathBuf>,
    /// `--filter`, as given.
    pub filter: Option<String>,
    /// `--flaw`, as given.
    pub flaws: BTreeSet<Flaw>,
    /// `--control wire`.
    pub is_wire: bool,
    /// `--client`, as given; of none, the simulated one.
    pub clients: Vec<String>,
    /// `--time`.
    pub time: Time,
    /// `--check-determinism`.
    pub must_repeat: bool,
    /// The seeds, if any were given by flag or environment.
    pub seeds: Option<Seeds>,
}

impl Invocation {
    /// Repeats one of its scenarios with one of its subjects, named as
    /// `--client` has it.
    pub fn repeat_one(
        &self,
        scenario: &Scenario,
        origin: &Origin,
        client: &str,
        seed: Seed,
    ) -> String {
        let which = match origin {
            Origin::File(path) => vec![path.display().to_string()],
            Origin::Embedded => vec!["--filter".to_owned(), scenario.id.clone()],
        };
        self.line(which, &[client.to_owned()], Some(Seeds::one(seed)))
    }

    /// Repeats all of it.
    pub fn repeat_all(&self) -> String {
        let paths = self.paths.iter().map(|path| path.display().to_string());
        let filter = self
            .filter
            .iter()
            .flat_map(|glob| ["--filter".to_owned(), glob.clone()]);
        self.line(paths.chain(filter).collect(), &self.clients, self.seeds)
    }

    fn line(&self, which: Vec<String>, clients: &[String], seeds: Option<Seeds>) -> String {
        let mut words = vec!["chaos".to_owned(), "run".to_owned()];
        words.extend(which);
        if self.time == Time::Virtual {
            words.extend(["--time".to_owned(), self.time.word().to_owned()]);
        }
        if self.must_repeat {
            words.push("--check-determinism".to_owned());
        }
        words.extend(seeds.iter().flat_map(|seeds| seeds.words()));
        if !matches!(clients, [] | [_]) || clients.iter().any(|name| name != Subject::SIM) {
            words.extend(["--client".to_owned(), clients.join(",")]);
        }
        for flaw in &self.flaws {
            words.extend(["--flaw".to_owned(), flaw.word().to_owned()]);
        }
        if self.is_wire {
            words.extend(["--control".to_owned(), "wire".to_owned()]);
        }
        let words: Vec<String> = words.iter().map(|word| shell_quoted(word)).collect();
        words.join(" ")
    }
}

/// The word as a POSIX shell reads it back.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sample::scenario;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        let check = |word: &str, quoted: &str| assert_eq!(shell_quoted(word), quoted);
        check(
            "scenarios/catalogue/R01.toml",
            "scenarios/catalogue/R01.toml",
        );
        check("my file.toml", "'my file.toml'");
        check("it's", r"'it'\''s'");
        check("R23*", "'R23*'");
        check("$(x)", "'$(x)'");
        check("", "''");
    }

    #[test]
    fn the_line_has_all_that_decides_what_is_run() {
        let scenario = scenario("[expect]\nmax_live = 1\n");
        let invocation = Invocation {
            paths: vec!["a b".into()],
            filter: Some("R2*".into()),
            flaws: [Flaw::NoLiveness].into(),
            is_wire: true,
            time: Time::Virtual,
            must_repeat: true,
            ..Invocation::default()
        };
        let file = Origin::File("a b/x.toml".into());
        assert_eq!(
            invocation.repeat_one(&scenario, &file, "sim", Seed(7)),
            "chaos run 'a b/x.toml' --time virtual --check-determinism --seed 7 --flaw no_liveness --control wire"
        );
        assert_eq!(
            invocation.repeat_one(&scenario, &Origin::Embedded, "sim", Seed(7)),
            "chaos run --filter x --time virtual --check-determinism --seed 7 --flaw no_liveness --control wire"
        );
        assert_eq!(
            invocation.repeat_all(),
            "chaos run 'a b' --filter 'R2*' --time virtual --check-determinism --flaw no_liveness --control wire"
        );
    }

    #[test]
    fn subjects_and_seeds_are_kept_where_they_are_not_the_usual() {
        let scenario = scenario("[expect]\nmax_live = 1\n");
        let invocation = Invocation {
            clients: vec!["sim".into(), "my clients/a".into()],
            seeds: Some("1..200".parse().unwrap()),
            ..Invocation::default()
        };
        assert_eq!(
            invocation.repeat_all(),
            "chaos run --seeds 1..200 --client 'sim,my clients/a'"
        );
        let one = |client| invocation.repeat_one(&scenario, &Origin::Embedded, client, Seed(9));
        assert_eq!(one("sim"), "chaos run --filter x --seed 9");
        assert_eq!(
            one("websockets"),
            "chaos run --filter x --seed 9 --client websockets"
        );
        let alone = Invocation {
            clients: vec!["sim".into()],
            seeds: Some(Seeds::one(Seed(3))),
            ..Invocation::default()
        };
        assert_eq!(alone.repeat_all(), "chaos run --seed 3");
    }
}
