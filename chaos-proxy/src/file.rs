//! A scenario file as the proxy alone reads it: `[[fault]]`, and the few keys
//! beside it that say when and by which seed. The rest is other people's.

use std::time::Duration;

use environment::Seed;
use environment::text::{Diagnostics, Document, Source};

use crate::plan::FOR_EVER;
use crate::rule::{Reading, Rule, read_rules};

/// Tables and keys of a scenario file that the proxy passes over.
const OTHERS: [&str; 15] = [
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
    "expect",
];

/// What the proxy obeys of a scenario file.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// The file's seed.
    pub seed: Option<Seed>,
    /// When everything is healed, after t = 0; for ever later without.
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
/// Every mistake in what the proxy obeys, each at its place.
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
