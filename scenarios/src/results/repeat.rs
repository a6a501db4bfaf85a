//! The command that repeats a run, to be pasted into a shell.

use std::collections::BTreeSet;
use std::path::PathBuf;

use client_sim::Flaw;
use environment::Seed;

use crate::language::{Origin, Scenario};
use crate::runner::Time;

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
    /// `--time`.
    pub time: Time,
    /// `--check-determinism`.
    pub must_repeat: bool,
    /// The seed, if it was given by flag or environment.
    pub seed: Option<Seed>,
}

impl Invocation {
    /// Repeats one of its scenarios.
    pub fn repeat_one(&self, scenario: &Scenario, origin: &Origin, seed: Seed) -> String {
        let which = match origin {
            Origin::File(path) => vec![path.display().to_string()],
            Origin::Embedded => vec!["--filter".to_owned(), scenario.id.clone()],
        };
        self.line(which, Some(seed))
    }

    /// Repeats all of it.
    pub fn repeat_all(&self) -> String {
        let paths = self.paths.iter().map(|path| path.display().to_string());
        let filter = self
            .filter
            .iter()
            .flat_map(|glob| ["--filter".to_owned(), glob.clone()]);
        self.line(paths.chain(filter).collect(), self.seed)
    }

    fn line(&self, which: Vec<String>, seed: Option<Seed>) -> String {
        let mut words = vec!["chaos".to_owned(), "run".to_owned()];
        words.extend(which);
        if self.time == Time::Virtual {
            words.extend(["--time".to_owned(), self.time.word().to_owned()]);
        }
        if self.must_repeat {
            words.push("--check-determinism".to_owned());
        }
        words.extend(
            seed.iter()
                .flat_map(|seed| ["--seed".to_owned(), seed.to_string()]),
        );
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
            seed: None,
        };
        let file = Origin::File("a b/x.toml".into());
        assert_eq!(
            invocation.repeat_one(&scenario, &file, Seed(7)),
            "chaos run 'a b/x.toml' --time virtual --check-determinism --seed 7 --flaw no_liveness --control wire"
        );
        assert_eq!(
            invocation.repeat_one(&scenario, &Origin::Embedded, Seed(7)),
            "chaos run --filter x --time virtual --check-determinism --seed 7 --flaw no_liveness --control wire"
        );
        assert_eq!(
            invocation.repeat_all(),
            "chaos run 'a b' --filter 'R2*' --time virtual --check-determinism --flaw no_liveness --control wire"
        );
    }
}
