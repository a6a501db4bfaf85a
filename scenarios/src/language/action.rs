//! `[[action]]`: what the person at the client does, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use client_sim::Command;
use environment::text::{FromToml, Mismatch, Table, Value, choice, format_duration};

use super::later;

/// One deed at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// When, after t = 0.
    pub at: Duration,
    /// What.
    pub deed: Deed,
    /// At which clients.
    pub targets: BTreeSet<String>,
}

/// What a person can do at a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// No ticks, please.
    Pause,
    /// Ticks again.
    Resume,
    /// Enough for good.
    Stop,
    /// Dial now.
    Reconnect,
}

impl Deed {
    const ALL: [(&'static str, Self); 4] = [
        ("pause", Self::Pause),
        ("resume", Self::Resume),
        ("stop", Self::Stop),
        ("reconnect", Self::Reconnect),
    ];

    /// The word of scenario files and journals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Reconnect => "reconnect",
        }
    }

    /// What the simulated client is told.
    pub fn command(self) -> Command {
        match self {
            Self::Pause => Command::Pause,
            Self::Resume => Command::Resume,
            Self::Stop => Command::Stop,
            Self::Reconnect => Command::Reconnect,
        }
    }
}

/// Deeds that later versions can do.
const LATER: [&str; 4] = ["send", "hide", "show", "remount"];

impl FromToml for Deed {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        match value.as_str() {
            Some(word) if LATER.contains(&word) => {
                Err(Mismatch::new(value.span(), later::unavailable(word)))
            }
            _ => choice(value, &Self::ALL),
        }
    }
}

/// Reads every `[[action]]`, by time; those of one moment stay in the file's
/// order.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    clients: &[String],
    duration: Option<Duration>,
) -> Vec<Action> {
    let tables = tables.into_iter();
    let mut actions: Vec<Action> = tables
        .filter_map(|mut table| read_one(&mut table, clients, duration))
        .collect();
    actions.sort_by_key(|action| action.at);
    actions
}

fn read_one(
    table: &mut Table<'_>,
    clients: &[String],
    duration: Option<Duration>,
) -> Option<Action> {
    later::refuse(table, &["on"]);
    let is_waiting = table.has("on");
    let at = if is_waiting {
        table.spanned::<Duration>("at")
    } else {
        table.required_spanned::<Duration>("at")
    };
    let deed = table.required::<Deed>("do");
    let targets = read_targets(table, clients);
    let (at, span) = at?;
    if let Some(end) = duration.filter(|end| at >= *end) {
        let (at, end) = (format_duration(at), format_duration(end));
        let message = format!("an action at {at} is never done: the run ends at {end}");
        table.error(span, message);
        return None;
    }
    Some(Action {
        at,
        deed: deed?,
        targets: targets?,
    })
}

/// Everybody, if the file is silent.
fn read_targets(table: &mut Table<'_>, clients: &[String]) -> Option<BTreeSet<String>> {
    if !table.has("target") {
        return Some(clients.iter().cloned().collect());
    }
    let mut target = table.table("target")?;
    later::refuse(&mut target, &["share"]);
    if target.has("share") {
        target.ignore("clients");
        return None;
    }
    let (named, span) = target.required_spanned::<Vec<String>>("clients")?;
    let strangers: Vec<&String> = named
        .iter()
        .filter(|name| !clients.contains(name))
        .collect();
    for name in &strangers {
        let message = format!("there is no client `{}`", name.escape_debug());
        let help = format!("the clients are `c1` to `c{}`", clients.len());
        target.error_with_help(span.clone(), message, help);
    }
    if named.is_empty() {
        target.error(span, "a list of no clients is an action of nobody");
        return None;
    }
    strangers.is_empty().then(|| named.into_iter().collect())
}
