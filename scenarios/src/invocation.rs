//! The command that repeats a run, to be pasted into a shell.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use chaos_judge::language::{ClientOptions, Origin, Scenario};
use chaos_judge::results::Seeds;
use client_sim::Flaw;
use environment::Seed;

use crate::plain::is_unseen;
use crate::runner::Time;
use crate::shard::Shard;
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
    /// `--page` and `--socket`, as given, in place of `--client`.
    pub page: Option<(String, Option<String>)>,
    /// `--client-arg` and `--client-env`.
    pub options: ClientOptions,
    /// `--time`.
    pub time: Time,
    /// `--check-determinism`.
    pub must_repeat: bool,
    /// `--tls`.
    pub is_tls: bool,
    /// `--ca`, as given.
    pub ca: Option<PathBuf>,
    /// The seeds, if any were given by flag or environment.
    pub seeds: Option<Seeds>,
    /// `--shard`, if only one of several is run.
    pub shard: Option<Shard>,
}

impl Invocation {
    /// Repeats one of its scenarios with one of its clients under test, named as
    /// `--client` has it.
    pub fn repeat_one(
        &self,
        scenario: &Scenario,
        origin: &Origin,
        client: &str,
        seed: Seed,
    ) -> String {
        let which = match origin {
            Origin::File(path) => vec![positional(path)],
            Origin::Embedded => option("--filter", &scenario.id),
        };
        self.line(which, &[client.to_owned()], Some(Seeds::one(seed)))
    }

    /// Repeats all of it, or of this shard.
    pub fn repeat_all(&self) -> String {
        let shard = self.shard.map(|shard| format!(" --shard {shard}"));
        self.repeat_suite() + &shard.unwrap_or_default()
    }

    /// Repeats what all shards are parts of.
    pub fn repeat_suite(&self) -> String {
        let paths = self.paths.iter().map(|path| positional(path));
        let filter = self.filter.iter();
        let filter = filter.flat_map(|glob| option("--filter", glob));
        self.line(paths.chain(filter).collect(), &self.clients, self.seeds)
    }

    fn line(&self, which: Vec<OsString>, clients: &[String], seeds: Option<Seeds>) -> String {
        let mut words: Vec<OsString> = vec!["chaos".into(), "run".into()];
        words.extend(which);
        if self.time == Time::Virtual {
            words.extend(option("--time", self.time.word()));
        }
        if self.must_repeat {
            words.push("--check-determinism".into());
        }
        let seeds = seeds.iter().flat_map(|seeds| seeds.words());
        words.extend(seeds.map(OsString::from));
        if let Some((page, socket)) = &self.page {
            words.extend(option("--page", page));
            let socket = socket.iter();
            words.extend(socket.flat_map(|socket| option("--socket", socket)));
        } else if !matches!(clients, [] | [_]) || clients.iter().any(|name| name != Subject::SIM) {
            words.extend(option("--client", &clients.join(",")));
        }
        for arg in &self.options.args {
            words.push(format!("--client-arg={arg}").into());
        }
        for (name, value) in &self.options.env {
            words.push(format!("--client-env={name}={value}").into());
        }
        for flaw in &self.flaws {
            words.extend(option("--flaw", flaw.word()));
        }
        if self.is_tls {
            words.push("--tls".into());
        }
        if let Some(folder) = &self.ca {
            words.extend(["--ca".into(), folder.into()]);
        }
        if self.is_wire {
            words.extend(option("--control", "wire"));
        }
        shell_line(&words)
    }
}

/// A path that is not taken for a flag.
fn positional(path: &Path) -> OsString {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        return Path::new(".").join(path).into();
    }
    path.into()
}

/// A flag with a value that is not taken for another flag.
fn option(flag: &str, value: &str) -> Vec<OsString> {
    if value.starts_with('-') {
        return vec![format!("{flag}={value}").into()];
    }
    vec![flag.into(), value.into()]
}

/// Defines `n`, a line end, for words that end with one: what a command prints
/// cannot, in a shell.
const LINE_END: &str = r#"n="$(printf '\012.')"; n="${n%.}"; "#;

/// The words as a POSIX shell reads them back: on one line, without a character
/// that a terminal obeys or nobody sees, whatever bytes they are of.
pub fn shell_line(words: &[OsString]) -> String {
    let ends_a_line = |word: &OsString| word.as_encoded_bytes().ends_with(b"\n");
    let before = if words.iter().any(ends_a_line) {
        LINE_END
    } else {
        ""
    };
    let words: Vec<String> = words.iter().map(|word| shell_quoted(word)).collect();
    format!("{before}{}", words.join(" "))
}

/// A word as a shell takes it: visible, on one line, and nothing but itself.
pub(crate) fn shell_quoted(word: &OsStr) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let bytes = word.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok("") => "''".to_owned(),
        Ok(text) if text.chars().all(is_plain) => text.to_owned(),
        _ => quoted_parts(bytes),
    }
}

/// Part by part: what can be seen in quotes, the rest by its numbers.
fn quoted_parts(bytes: &[u8]) -> String {
    let mut quoted = String::new();
    let mut hidden = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive(is_unseen) {
            let end = part.trim_end_matches(is_unseen).len();
            let (mut text, unseen) = part.split_at(end);
            // With something behind it, the shell keeps a line end.
            if hidden.ends_with(b"\n") {
                let first = text.chars().next().map_or(0, char::len_utf8);
                hidden.extend(&text.as_bytes()[..first]);
                text = &text[first..];
            }
            if !text.is_empty() {
                quoted += &by_numbers(&std::mem::take(&mut hidden));
                quoted += &format!("'{}'", text.replace('\'', r"'\''"));
            }
            hidden.extend(unseen.as_bytes());
        }
        hidden.extend(chunk.invalid());
    }
    quoted + &by_numbers(&hidden)
}

/// What prints these bytes, within a word.
fn by_numbers(bytes: &[u8]) -> String {
    let ends = bytes
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\n')
        .count();
    let (printed, ends) = bytes.split_at(bytes.len() - ends);
    let mut word = String::new();
    if !printed.is_empty() {
        let numbers: String = printed.iter().map(|byte| format!("\\{byte:03o}")).collect();
        word = format!("\"$(printf '{numbers}')\"");
    }
    word + &r#""$n""#.repeat(ends.len())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::language::sample::scenario;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        let check = |word: &str, quoted: &str| assert_eq!(shell_quoted(word.as_ref()), quoted);
        check(
            "scenarios/catalogue/R01.toml",
            "scenarios/catalogue/R01.toml",
        );
        check("my file.toml", "'my file.toml'");
        check("it's", r"'it'\''s'");
        check("R23*", "'R23*'");
        check("$(x)", "'$(x)'");
        check("", "''");
        check("a\nb", r#"'a'"$(printf '\012\142')""#);
        check("a\u{1b}[m", r#"'a'"$(printf '\033')"'[m'"#);
    }

    /// Words back from a true shell, in which `chaos` prints them.
    fn read_back(line: &str) -> Vec<u8> {
        let script = format!("chaos() {{ printf '%s\\0' \"$@\"; }}\n{line}");
        let shell = Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert_eq!(shell.stderr, b"", "{line}");
        shell.stdout
    }

    /// What shells, terminals and encodings make something of, and anything.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let special = "\n\n '\"$`\\!~*?[]{}()<>|&;#=%-\t\r\x1b\u{7f}\u{202e}\u{200b}\u{9b}ä漢x.";
        let special: Vec<char> = special.chars().collect();
        prop_oneof![
            prop::sample::select(special).prop_map(|c| c.to_string().into_bytes()),
            Just(b"$(echo no)".to_vec()),
            (1..=u8::MAX).prop_map(|byte| vec![byte]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_shell_reads_every_word_back_from_one_line_that_can_be_seen(
            words in prop::collection::vec(prop::collection::vec(piece(), 0..8), 1..20),
        ) {
            let words: Vec<OsString> = words.iter().map(|pieces| {
                OsStr::from_bytes(&pieces.concat()).to_owned()
            }).collect();
            let line = shell_line(&[vec!["chaos".into()], words.clone()].concat());
            prop_assert!(!line.chars().any(is_unseen), "{line:?}");
            let expected: Vec<u8> = words.iter().flat_map(|word| {
                [word.as_bytes(), b"\0"].concat()
            }).collect();
            prop_assert_eq!(read_back(&line), expected, "{}", line);
        }
    }

    #[test]
    fn what_begins_like_a_flag_is_taken_for_none() {
        let invocation = Invocation {
            paths: vec!["-x".into(), "a/-x".into()],
            filter: Some("-R*".into()),
            clients: vec!["-mine".into()],
            ..Invocation::default()
        };
        assert_eq!(
            invocation.repeat_all(),
            "chaos run ./-x a/-x '--filter=-R*' --client=-mine"
        );
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
        let page = Some(("http://a/".to_owned(), Some("b:1".to_owned())));
        let of_page = Invocation {
            page,
            ..Invocation::default()
        };
        assert_eq!(
            of_page.repeat_all(),
            "chaos run --page http://a/ --socket b:1"
        );
        let alone = Invocation {
            clients: vec!["sim".into()],
            seeds: Some(Seeds::one(Seed(3))),
            ..Invocation::default()
        };
        assert_eq!(alone.repeat_all(), "chaos run --seed 3");
    }
}
