//! `[[server_event]]`: what befalls the server itself. The runner's doing, not
//! the proxy's.
//!
//! Invariant: events are in order of time, and in a sound file the server is
//! there when each of them comes.

use std::time::Duration;

use environment::text::{
    Diagnostics, FromToml, Mismatch, Span, Table, Value, choice, format_duration,
};

use super::top::Name;

/// One thing that befalls the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its name in the journal and in results; by default the word of what is
    /// done. Unique among rules and events.
    pub name: String,
    /// When, after t = 0.
    pub at: Duration,
    /// How long the server stays away; zero: it is back at once.
    pub lasting: Duration,
    /// How it ends.
    pub end: ServerEnd,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEnd {
    /// It says 1001 to everyone, and leaves.
    Restart,
    /// It is dead at once, and its system closes the sockets.
    Kill,
}

impl ServerEnd {
    const ALL: [(&'static str, Self); 2] = [("restart", Self::Restart), ("kill", Self::Kill)];

    /// The word of scenario files and journals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Kill => "kill",
        }
    }
}

impl FromToml for ServerEnd {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

impl ServerEvent {
    /// When the server is there again, in a run of this length.
    pub fn until(&self, duration: Duration) -> Duration {
        self.at.saturating_add(self.lasting).min(duration)
    }
}

/// Where a file says what an event is, for errors found later.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: Span,
    pub(super) at: Span,
}

/// Reads every `[[server_event]]`, by time.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    duration: Option<Duration>,
) -> Vec<(ServerEvent, Place)> {
    let tables = tables.into_iter();
    let mut events: Vec<(ServerEvent, Place)> = tables
        .filter_map(|mut table| read_one(&mut table, duration))
        .collect();
    events.sort_by_key(|(event, _)| event.at);
    events
}

fn read_one(table: &mut Table<'_>, duration: Option<Duration>) -> Option<(ServerEvent, Place)> {
    let name = table.optional::<Name>("name").map(|Name(name)| name);
    let lasting = table.or("for", Duration::ZERO);
    let end = table.required::<ServerEnd>("do");
    let (at, at_span) = table.required_spanned::<Duration>("at")?;
    if let Some(over) = duration.filter(|over| at >= *over) {
        let (at, over) = (format_duration(at), format_duration(over));
        let message = format!("this never happens: `at` is {at}, and the run ends at {over}");
        table.error(at_span, message);
        return None;
    }
    let place = Place {
        name: table.span_of("name"),
        at: at_span,
    };
    let end = end?;
    let event = ServerEvent {
        name: name.unwrap_or_else(|| end.word().to_owned()),
        at,
        lasting,
        end,
    };
    Some((event, place))
}

/// The server can only leave when it is there.
pub(super) fn ensure_apart(
    events: &[(ServerEvent, Place)],
    duration: Duration,
    diagnostics: &Diagnostics,
) {
    for pair in events.windows(2) {
        let [(first, _), (second, place)] = pair else {
            continue;
        };
        // At one moment which comes first would be chance.
        if first.until(duration) > second.at || first.at == second.at {
            let until = format_duration(first.until(duration));
            let name = &first.name;
            let message =
                format!("the server is not there then: `{name}` keeps it away until {until}");
            diagnostics.error_with_help(
                place.at.clone(),
                message,
                "server events must not overlap; begin this one later, or give the other a shorter `for`",
            );
        }
    }
}
