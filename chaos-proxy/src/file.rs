//! A scenario file as the proxy alone reads it: `[[fault]]`, and the few keys
//! beside it that say when and by which seed. The rest is for other readers.

use std::time::Duration;

use environment::Seed;
use environment::text::{Diagnostics, Document, Source};

use crate::plan::FOR_EVER;
use crate::rule::{Reading, Rule, read_rules};

/// Tables and keys of a scenario file that the proxy passes over.
const OTHERS: [&str; 16] = [
    "id",
    "proof",
    "start",
    "case",
    "title",
    "why",
    "source",
    "settle",
    "start_within",
    "requires",
    "server",
    "clients",
    "action",
    "server_event",
    "situation",
    "expect",
];

/// What the proxy obeys of a scenario file.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// The file's seed.
    pub seed: Option<Seed>,
    /// When everything is healed, after t = 0; indefinitely later without.
    pub duration: Option<Duration>,
}

impl Faults {
    /// When a plan of these rules ends.
    pub fn horizon(&self) -> Duration {
        self.duration.unwrap_or(FOR_EVER)
    }
}

/// Reads a scenario for one shared listener.
///
/// # Errors
/// Every error in what the proxy obeys, each at its place.
pub fn read_faults(source: &Source) -> Result<Faults, Diagnostics> {
    read(source, false)
}

/// Reads rules that are added to a shared listener while it runs.
///
/// # Errors
/// As those of [`read_faults`].
pub(crate) fn read_live(source: &Source) -> Result<Vec<Rule>, Diagnostics> {
    read(source, true).map(|faults| faults.rules)
}

fn read(source: &Source, is_live: bool) -> Result<Faults, Diagnostics> {
    let diagnostics = Diagnostics::new();
    let faults = {
        let document = Document::parse(source, &diagnostics);
        let mut root = document.root(&diagnostics);
        for key in OTHERS {
            root.ignore(key);
        }
        let seed = root.optional::<u64>("seed").map(Seed);
        let duration = root.spanned::<Duration>("duration");
        if let Some((Duration::ZERO, span)) = &duration {
            root.error(
                span.clone(),
                "a run of no time at all; give `duration` a length",
            );
        }
        let duration = duration.map(|(duration, _)| duration);
        let reading = Reading {
            clients: None,
            horizon: duration,
            is_shared: true,
            is_live,
        };
        let rules = read_rules(root.tables("fault"), reading);
        Faults {
            rules,
            seed,
            duration,
        }
    };
    if diagnostics.is_empty() {
        Ok(faults)
    } else {
        Err(diagnostics)
    }
}

/// Reads bytes as a file of faults, and as one of proxies. For fuzzing: whatever the
/// bytes are, it returns.
#[cfg(feature = "api")]
pub fn read_as_files(bytes: &[u8]) {
    crate::api::count_readings(bytes);
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let source = Source::new("x.toml", text.to_owned());
    match read_faults(&source) {
        Ok(faults) => {
            let horizon = faults.horizon();
            drop(crate::plan::Plan::new(faults.rules, None, Seed(1), horizon));
        }
        Err(mistakes) => drop(mistakes.render(&source)),
    }
}

#[cfg(all(test, feature = "api"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAULTS: &str = "seed = 7\nduration = '20s'\n\
        [[fault]]\nat = '1s'\nevery = '2s'\nfor = '1s'\ninject.stall = {}\n\
        [[fault]]\non = { attempt = '2..' }\nprobability = 0.5\n\
        inject.cut = { bytes = 300, how = 'reset' }\n";
    const PROXIES: &str =
        r#"[{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:80","enabled":true}]"#;

    #[test]
    fn times_of_a_client_are_refused_where_no_client_is_known() {
        let text = FAULTS.replace("at = '1s'", "at = 'liveness + 2s'");
        let source = Source::new("x.toml", text);
        let rendered = read_faults(&source).unwrap_err().render(&source);
        let begins = "x.toml:4:6: `liveness + 2s` is an expression of a client's figures, and none are known here";
        assert!(rendered.starts_with(begins), "{rendered}");
        assert_eq!(rendered.matches("x.toml:").count(), 1, "{rendered}");
    }

    proptest! {
        #[test]
        fn spoiled_files_are_read_or_have_mistakes(
            is_json in any::<bool>(),
            changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8)
        ) {
            let mut bytes = if is_json { PROXIES } else { FAULTS }.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            read_as_files(&bytes);
        }
    }
}
