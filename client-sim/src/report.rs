//! The result of a run, as a table for people or as JSON for programs.
//!
//! The JSON's `version` changes with the meaning of its fields. Used by `show`.

use std::fmt;
use std::time::Duration;

use client_sim::fleet::Fleet;
use client_sim::{Recovery, Summary};
use serde::Serialize;

use crate::args::Args;

/// The version of the JSON.
const VERSION: u32 = 1;

/// What was asked and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: u32,
    url: String,
    seed: u64,
    /// The policy's word.
    reconnect: &'static str,
    flaws: Vec<&'static str>,
    /// How many clients were asked for, of this shard.
    asked: u32,
    /// Which shard of them all it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    elapsed_ms: u64,
    #[serde(flatten)]
    pub(crate) summary: Summary,
}

impl Report {
    pub(crate) fn new(args: &Args, fleet: &Fleet, elapsed: Duration, summary: Summary) -> Self {
        let behaviour = &fleet.clients.behaviour;
        Self {
            version: VERSION,
            url: args.url.to_string(),
            seed: args.seed.0,
            reconnect: behaviour.reconnect.shape.word(),
            flaws: behaviour.flaws.iter().map(|flaw| flaw.word()).collect(),
            asked: fleet.count(),
            shard: args.shard.map(|shard| shard.to_string()),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            summary,
        }
    }

    /// One line without its end.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("plain fields with words for keys can be written")
    }

    fn head(&self) -> String {
        let flaws = match self.flaws.as_slice() {
            [] => String::new(),
            flaws => format!(", flaws {}", flaws.join(", ")),
        };
        let shard = self.shard.as_deref();
        let shard = shard.map_or_else(String::new, |shard| format!(", shard {shard}"));
        format!(
            "{} of {} clients connected to {} after {:.1} s (seed {}, {}{flaws}{shard})",
            self.summary.connected,
            self.asked,
            self.url,
            Duration::from_millis(self.elapsed_ms).as_secs_f64(),
            self.seed,
            self.reconnect,
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            connects,
            reconnects,
            failed_dials,
            gave_up,
            messages,
            availability,
            ..
        } = self.summary;
        let (p50, p99, max) = recovery(self.summary.recovery);
        writeln!(f, "{}\n", self.head())?;
        let rows = [
            ("connects", connects.to_string()),
            ("reconnects", reconnects.to_string()),
            ("failed dials", failed_dials.to_string()),
            ("gave up", gave_up.to_string()),
            ("time to recover p50", p50),
            ("                p99", p99),
            ("                max", max),
            ("messages", messages.to_string()),
            ("lost", number(self.summary.lost)),
            ("duplicated", number(self.summary.duplicated)),
            ("repeated, dropped", number(self.summary.repeated)),
            ("availability", format!("{:.2} %", availability * 100.0)),
            ("endings", self.endings()),
        ];
        rows.iter()
            .try_for_each(|(name, value)| writeln!(f, "  {name:<19}  {value:>12}"))
    }
}

impl Report {
    fn endings(&self) -> String {
        let endings = self.summary.endings.iter();
        let counts: Vec<_> = endings
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        if counts.is_empty() {
            return "-".into();
        }
        counts.join(", ")
    }
}

fn recovery(recovery: Option<Recovery>) -> (String, String, String) {
    let show = |of: fn(Recovery) -> f64| match recovery {
        Some(recovery) => format!("{:.0} ms", of(recovery)),
        None => "-".into(),
    };
    (show(|r| r.p50_ms), show(|r| r.p99_ms), show(|r| r.max_ms))
}

/// What no server gave the means to know is not 0.
fn number(number: Option<u64>) -> String {
    number.map_or("-".into(), |number| number.to_string())
}
