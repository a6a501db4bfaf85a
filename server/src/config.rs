//! The server's settings, their defaults and their bounds.
//!
//! Pure. Invariant: [`crate::run`] serves no configuration that
//! [`Config::mistakes`] complains about. Used by the command line and by the
//! `[server]` section of scenario files.

use std::fmt;
use std::time::Duration;

use environment::Seed;
use environment::text::{Table, format_duration};

use crate::origin;

/// The most ticks that a session may be told to keep: a client that comes back
/// must not be answered with minutes of replay.
const MAX_BUFFER: usize = 100_000;

/// What [`crate::run`] goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// From tick to tick of a session; at least 1 ms.
    pub tick: Duration,
    /// How long a client hears nothing at most; at least 1 ms.
    pub heartbeat: Duration,
    /// How many of a session's latest ticks can be replayed; at most 100,000.
    pub buffer: usize,
    /// How long a session lives without a socket.
    pub session_expiry: Duration,
    /// Whether a client that asks for a session which is not there, or no longer, is
    /// refused; else it gets a fresh one.
    pub refuse_unknown: bool,
    /// How many sessions there are at most. At the limit the one longest
    /// without a socket is dropped; if all have one, the upgrade gets 503.
    pub max_sessions: usize,
    /// How many connections there are at most; more get 503.
    pub max_connections: usize,
    /// After how long a silence a client is sent a ping.
    pub ping_every: Duration,
    /// How long an answer to a ping may take, and a client may take to read.
    pub pong_within: Duration,
    /// How long a request's head may take, and the time between two requests.
    pub header_timeout: Duration,
    /// Web pages that may connect besides those of the own host and of
    /// loopback: origins such as `https://example.org`, `null`, or `*`.
    pub allow_origins: Vec<String>,
    /// Makes session ids and values repeat. For tests: ids can be guessed then.
    pub seed: Option<Seed>,
    /// How long connections may take to end when the server is stopped.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(1),
            heartbeat: Duration::from_secs(1),
            buffer: 1024,
            session_expiry: Duration::from_secs(120),
            refuse_unknown: false,
            max_sessions: 10_000,
            max_connections: 5_000,
            ping_every: Duration::from_secs(10),
            pong_within: Duration::from_secs(10),
            header_timeout: Duration::from_secs(5),
            allow_origins: Vec::new(),
            seed: None,
            drain: Duration::from_secs(3),
        }
    }
}

/// A setting that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key, as in scenario files; the flag is spelt with hyphens.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: &'static str,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}: {}", self.key, self.message, self.help)
    }
}

impl Config {
    /// Reads the `[server]` section: every key is optional, `seed` is not
    /// among them (a run has one seed for all its parts). Errors are
    /// reported, and the default stands in for what is wrong.
    ///
    /// Keys that belong to the caller, such as `external`, are to be taken or
    /// ignored by it.
    pub fn from_table(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            tick: table.or("tick", default.tick),
            heartbeat: table.or("heartbeat", default.heartbeat),
            buffer: table.or("buffer", default.buffer),
            session_expiry: table.or("session_expiry", default.session_expiry),
            refuse_unknown: table.or("refuse_unknown", default.refuse_unknown),
            max_sessions: table.or("max_sessions", default.max_sessions),
            max_connections: table.or("max_connections", default.max_connections),
            ping_every: table.or("ping_every", default.ping_every),
            pong_within: table.or("pong_within", default.pong_within),
            header_timeout: table.or("header_timeout", default.header_timeout),
            allow_origins: table.or("allow_origins", default.allow_origins),
            seed: None,
            drain: table.or("drain", default.drain),
        };
        for mistake in config.mistakes() {
            let Mistake { key, message, help } = mistake;
            table.error_with_help(table.span_of(key), format!("`{key}` {message}"), help);
        }
        config
    }

    /// Every setting that cannot be served; empty if all can.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let long_enough = [
            ("tick", self.tick),
            ("heartbeat", self.heartbeat),
            ("ping_every", self.ping_every),
            ("pong_within", self.pong_within),
            ("header_timeout", self.header_timeout),
        ];
        let some = [
            ("max_sessions", self.max_sessions),
            ("max_connections", self.max_connections),
        ];
        let durations = long_enough.into_iter().filter_map(too_short);
        let counts = some.into_iter().filter_map(none_at_all);
        let buffer = too_many(self.buffer);
        let origins = self.allow_origins.iter().filter_map(no_origin);
        durations
            .chain(counts)
            .chain(buffer)
            .chain(origins)
            .collect()
    }
}

fn too_short((key, duration): (&'static str, Duration)) -> Option<Mistake> {
    (duration < Duration::from_millis(1)).then(|| Mistake {
        key,
        message: format!("is {}", format_duration(duration)),
        help: "at least 1ms",
    })
}

fn none_at_all((key, count): (&'static str, usize)) -> Option<Mistake> {
    (count == 0).then(|| Mistake {
        key,
        message: "is 0".to_owned(),
        help: "at least 1",
    })
}

fn too_many(buffer: usize) -> Option<Mistake> {
    (buffer > MAX_BUFFER).then(|| Mistake {
        key: "buffer",
        message: format!("is {buffer}"),
        help: "at most 100000 ticks",
    })
}

fn no_origin(entry: &String) -> Option<Mistake> {
    (!origin::is_origin(entry)).then(|| Mistake {
        key: "allow_origins",
        message: format!("has {entry:?}"),
        help: "an origin such as `https://example.org` (no path), `null`, or `*`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(text: &str) -> (Config, String) {
        let source = Source::new("case.toml", text);
        let diagnostics = Diagnostics::new();
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        let config = {
            let mut table = root.table("server").unwrap();
            Config::from_table(&mut table)
        };
        drop(root);
        (config, diagnostics.render(&source))
    }

    #[test]
    fn the_defaults_can_be_served() {
        assert_eq!(Config::default().mistakes(), []);
        let (config, report) = read("[server]\n");
        assert_eq!((config, report.as_str()), (Config::default(), ""));
    }

    #[test]
    fn every_key_of_the_section_is_read() {
        let (config, report) = read(
            "[server]\n\
             tick = '100ms'\nheartbeat = '2s'\nbuffer = 7\nsession_expiry = '3s'\n\
             refuse_unknown = true\nmax_sessions = 4\nmax_connections = 5\nping_every = '6s'\npong_within = '7s'\n\
             header_timeout = '8s'\nallow_origins = ['https://example.org']\ndrain = '9s'\n",
        );
        assert_eq!(report, "");
        let secs = Duration::from_secs;
        let expected = Config {
            tick: Duration::from_millis(100),
            heartbeat: secs(2),
            buffer: 7,
            session_expiry: secs(3),
            refuse_unknown: true,
            max_sessions: 4,
            max_connections: 5,
            ping_every: secs(6),
            pong_within: secs(7),
            header_timeout: secs(8),
            allow_origins: vec!["https://example.org".to_owned()],
            seed: None,
            drain: secs(9),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn every_mistake_is_reported_at_its_place() {
        let (_, report) = read(
            "[server]\ntick = '0s'\nheartbeat = 5\nbuffer = 100001\nmax_connections = 0\n\
             allow_origins = ['example.org']\ntik = '1s'\n",
        );
        for (line, message) in [
            (2, "`tick` is 0s"),
            (3, "duration"),
            (4, "`buffer` is 100001"),
            (5, "`max_connections` is 0"),
            (6, "`allow_origins` has \"example.org\""),
            (7, "unknown key `tik`"),
        ] {
            let place = format!("case.toml:{line}:");
            let found = report
                .lines()
                .any(|text| text.starts_with(&place) && text.contains(message));
            assert!(found, "line {line} {message}:\n{report}");
        }
    }
}
