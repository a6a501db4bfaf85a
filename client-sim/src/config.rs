//! What clients are told to be like: the `[clients]` table of a scenario file,
//! and one client's share of it.
//!
//! The one invariant: what [`ClientsConfig::from_table`] returns without a
//! diagnostic makes sense (no delay of nothing, no cap below its base). Used by
//! the scenarios, and by the binary through its flags.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Seed;
use environment::text::{FromToml, Mismatch, Table, Value, choice, format_duration};
use environment::tls::{Connector, Trust};

use crate::{Flaw, Policy, Sending, Shape, Upgrade, Url};

/// More clients than descriptors would serve nobody: two per proxied
/// connection, of the 20,000 that a system commonly allows.
pub const MAX_COUNT: u32 = 10_000;

/// The longest message that clients may be told to say, in bytes.
const MAX_SAID: usize = 64 * 1024;

/// The `[clients]` table: how many, and how each behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientsConfig {
    /// How many clients; 1 by default, at most [`MAX_COUNT`].
    pub count: u32,
    /// The time over which they start, evenly spread; 0 by default.
    pub ramp: Duration,
    /// What all of them do.
    pub behaviour: Behaviour,
}

/// How a client behaves. [`Behaviour::default`] is the reference client.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// The delays between dials; full jitter from 1 s to 30 s by default.
    pub reconnect: Policy,
    /// The bound of one attempt, dial and upgrade together; 5 s by default.
    pub connect_timeout: Duration,
    /// Each connect timeout since the last open connection doubles the bound, up
    /// to this; by default the same as `connect_timeout`, which means never.
    pub connect_timeout_cap: Duration,
    /// A connection of which nothing is heard for so long is dead; 10 s by
    /// default. A ping goes out at half of it.
    pub liveness: Duration,
    /// After so long a silence the client flags what it shows as stale; by
    /// default half of `liveness`, as the page has it.
    pub stale_after: Duration,
    /// A connection must stay up this long before the back-off is reset;
    /// 5 s by default.
    pub min_uptime: Duration,
    /// Gives up after so many dials in a row without a connection of
    /// `min_uptime`; by default never.
    pub max_attempts: Option<u32>,
    /// Whether to ask for the old session on a new connection; yes by default.
    pub resume: bool,
    /// What is said first on every connection, as to a server that speaks only
    /// when it is spoken to; by default nothing.
    pub say: Option<Say>,
    /// Numbered messages to a server that acknowledges them, as the ticker does; by
    /// default none.
    pub sending: Option<Sending>,
    /// What is asked for with each upgrade; by default a WebSocket alone.
    pub upgrade: Arc<Upgrade>,
    /// Flaws; none by default.
    pub flaws: BTreeSet<Flaw>,
}

/// A text message, and how often it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// The message.
    pub text: Arc<str>,
    /// From one time to the next; by default it is said once.
    pub every: Option<Duration>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            reconnect: Policy::default(),
            connect_timeout: Duration::from_secs(5),
            connect_timeout_cap: Duration::from_secs(5),
            liveness: Duration::from_secs(10),
            stale_after: Duration::from_secs(5),
            min_uptime: Duration::from_secs(5),
            max_attempts: None,
            resume: true,
            say: None,
            sending: None,
            upgrade: Arc::default(),
            flaws: BTreeSet::new(),
        }
    }
}

impl Default for ClientsConfig {
    /// One reference client.
    fn default() -> Self {
        Self {
            count: 1,
            ramp: Duration::ZERO,
            behaviour: Behaviour::default(),
        }
    }
}

/// One client: its name, where it dials, and how it behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConfig {
    /// Names the client in events and in its draws.
    pub name: Arc<str>,
    /// Where it dials.
    pub url: Url,
    /// How TLS is asked for, where the URL is `wss://`: [`Url::connector`].
    pub tls: Option<Connector>,
    /// What its draws follow from, together with its name.
    pub seed: Seed,
    /// What it does.
    pub behaviour: Behaviour,
}

impl Behaviour {
    /// Whom such a client trusts that is told to trust so: a flawed one anybody.
    pub fn trust(&self, told: Trust) -> Trust {
        match self.flaws.contains(&Flaw::AcceptsAnyCertificate) {
            true => Trust::Anybody,
            false => told,
        }
    }
}

impl ClientsConfig {
    /// Reads the `[clients]` table. Every error is reported to the table's
    /// diagnostics; what is wrong has its default in the result.
    pub fn from_table(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            count: within(table, "count", default.count, 1..=MAX_COUNT),
            ramp: table.or("ramp", default.ramp),
            behaviour: Behaviour::from_table(table),
        }
    }

    /// One of these clients.
    pub fn client(&self, name: Arc<str>, url: Url, seed: Seed) -> ClientConfig {
        ClientConfig {
            name,
            url,
            tls: None,
            seed,
            behaviour: self.behaviour.clone(),
        }
    }

    /// How long after the first client number `index` (from 0) starts.
    pub fn start_delay(&self, index: u32) -> Duration {
        self.ramp
            .mul_f64(f64::from(index) / f64::from(self.count.max(1)))
    }
}

impl Behaviour {
    fn from_table(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let connect_timeout = positive(table, "connect_timeout", default.connect_timeout);
        let liveness = positive(table, "liveness", default.liveness);
        Self {
            reconnect: reconnect(table),
            connect_timeout,
            connect_timeout_cap: connect_timeout_cap(table, connect_timeout),
            liveness,
            stale_after: stale_after(table, liveness),
            min_uptime: table.or("min_uptime", default.min_uptime),
            max_attempts: max_attempts(table),
            resume: table.or("resume", default.resume),
            say: say(table),
            sending: Sending::from_table(table),
            upgrade: Arc::new(Upgrade::from_table(table)),
            flaws: table.or("flaws", Vec::new()).into_iter().collect(),
        }
    }
}

impl FromToml for Flaw {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL.map(|flaw| (flaw.word(), flaw)))
    }
}

fn reconnect(table: &mut Table<'_>) -> Policy {
    let chosen = table.table("reconnect").and_then(|mut reconnect| {
        let shapes = Shape::ALL.map(|(word, _)| word);
        reconnect.one_of("reconnect policy", &shapes)
    });
    let Some((word, mut table)) = chosen else {
        return Policy::default();
    };
    let shape = Shape::ALL.into_iter().find(|(known, _)| *known == word);
    policy(
        &mut table,
        shape.map_or(Shape::FullJitter, |(_, shape)| shape),
    )
}

fn policy(table: &mut Table<'_>, shape: Shape) -> Policy {
    let default = Policy::new(shape);
    let base = positive(table, "base", default.base);
    let factor = match table.spanned::<f64>("factor") {
        Some((factor, span)) if !(1.0..=1000.0).contains(&factor) => {
            table.error(span, format!("factor {factor} must be from 1 to 1000"));
            default.factor
        }
        given => given.map_or(default.factor, |(factor, _)| factor),
    };
    let cap = table.spanned::<Duration>("cap");
    let cap = match cap {
        Some((cap, span)) if cap < base => {
            let (cap, floor) = (format_duration(cap), format_duration(base));
            let message = format!("the cap {cap} is below the base {floor}");
            table.error_with_help(span, message, "no delay is longer than the cap");
            base
        }
        given => given.map_or(default.cap.max(base), |(cap, _)| cap),
    };
    Policy {
        shape,
        base,
        cap,
        factor,
    }
}

fn connect_timeout_cap(table: &mut Table<'_>, connect_timeout: Duration) -> Duration {
    match table.spanned::<Duration>("connect_timeout_cap") {
        Some((cap, span)) if cap < connect_timeout => {
            let (cap, floor) = (format_duration(cap), format_duration(connect_timeout));
            let message = format!("{cap} is below the connect_timeout {floor}");
            table.error(span, message);
            connect_timeout
        }
        given => given.map_or(connect_timeout, |(cap, _)| cap),
    }
}

/// A client that has given a connection up shows nothing of it as live any more.
fn stale_after(table: &mut Table<'_>, liveness: Duration) -> Duration {
    let default = liveness / 2;
    let span = table.span_of("stale_after");
    let given = positive(table, "stale_after", default);
    if given < liveness {
        return given;
    }
    let (late, dead) = (format_duration(given), format_duration(liveness));
    let message = format!("stale_after {late} is not below the liveness {dead}");
    let help = "a connection that is given up is not stale any more";
    table.error_with_help(span, message, help);
    default
}

fn say(table: &mut Table<'_>) -> Option<Say> {
    let said = table.spanned::<String>("say");
    let every = table
        .has("say_every")
        .then(|| positive(table, "say_every", Duration::from_secs(1)));
    table.ignore("say_every");
    match said {
        Some((text, span)) if text.len() > MAX_SAID => {
            table.error(span, format!("say has more than {MAX_SAID} bytes"));
            None
        }
        Some((text, _)) => Some(Say {
            text: text.into(),
            every,
        }),
        None => {
            if every.is_some() && !table.has("say") {
                let span = table.key_span("say_every");
                table.error(span, "say_every needs say: there is nothing to be said");
            }
            None
        }
    }
}

fn max_attempts(table: &mut Table<'_>) -> Option<u32> {
    let (attempts, span) = table.spanned("max_attempts")?;
    if attempts == 0 {
        let help = "leave it out to retry indefinitely";
        table.error_with_help(span, "max_attempts must be at least 1", help);
        return None;
    }
    Some(attempts)
}

fn within(
    table: &mut Table<'_>,
    key: &'static str,
    default: u32,
    allowed: std::ops::RangeInclusive<u32>,
) -> u32 {
    match table.spanned(key) {
        Some((value, span)) if !allowed.contains(&value) => {
            let (low, high) = allowed.into_inner();
            table.error(span, format!("{key} {value} must be from {low} to {high}"));
            default
        }
        given => given.map_or(default, |(value, _)| value),
    }
}

/// At least a millisecond: nothing shorter can be kept, and 0 is a busy loop.
fn positive(table: &mut Table<'_>, key: &'static str, default: Duration) -> Duration {
    match table.spanned::<Duration>(key) {
        Some((value, span)) if value < Duration::from_millis(1) => {
            table.error(span, format!("{key} must be at least 1ms"));
            default
        }
        given => given.map_or(default, |(value, _)| value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(text: &str) -> (ClientsConfig, String) {
        let source = Source::new("case.toml", text);
        let diagnostics = Diagnostics::new();
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        let mut clients = root.table("clients").unwrap();
        let config = ClientsConfig::from_table(&mut clients);
        drop((clients, root));
        (config, diagnostics.render(&source))
    }

    #[test]
    fn an_empty_table_is_one_sound_client() {
        assert_eq!(
            read("[clients]\n"),
            (ClientsConfig::default(), String::new())
        );
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    #[test]
    fn every_key_is_read() {
        let (config, mistakes) = read(
            r#"
            [clients]
            count = 5
            ramp = "500ms"
            liveness = "2s"
            stale_after = "1500ms"
            reconnect = { decorrelated_jitter = { base = "100ms", cap = "5s", factor = 4 } }
            connect_timeout = "3s"
            connect_timeout_cap = "12s"
            min_uptime = "1s"
            max_attempts = 7
            resume = false
            say = "hello"
            say_every = "250ms"
            send.every = "200ms"
            headers = { Cookie = "a=b" }
            headers_by_attempt = [{ Authorization = "old" }, { Authorization = "new" }]
            host = "feed.test"
            subprotocols = ["graphql-transport-ws"]
            query = { token = "{client}" }
            flaws = ["no_jitter", "no_liveness"]
            "#,
        );
        assert_eq!(mistakes, "");
        let expected = Behaviour {
            reconnect: Policy {
                shape: Shape::DecorrelatedJitter,
                base: Duration::from_millis(100),
                cap: Duration::from_secs(5),
                factor: 4.0,
            },
            connect_timeout: Duration::from_secs(3),
            connect_timeout_cap: Duration::from_secs(12),
            liveness: Duration::from_secs(2),
            stale_after: Duration::from_millis(1500),
            min_uptime: Duration::from_secs(1),
            max_attempts: Some(7),
            resume: false,
            say: Some(Say {
                text: "hello".into(),
                every: Some(Duration::from_millis(250)),
            }),
            sending: Some(Sending::every(Duration::from_millis(200))),
            upgrade: Arc::new(Upgrade {
                headers: pairs([("Cookie", "a=b")]),
                headers_by_attempt: ["old", "new"]
                    .map(|token| pairs([("Authorization", token)]))
                    .into(),
                host: Some("feed.test".into()),
                subprotocols: vec!["graphql-transport-ws".into()],
                query: pairs([("token", "{client}")]),
            }),
            flaws: [Flaw::NoLiveness, Flaw::NoJitter].into(),
        };
        assert_eq!(config.behaviour, expected);
        assert_eq!(config.count, 5);
        assert_eq!(config.start_delay(0), Duration::ZERO);
        assert_eq!(config.start_delay(2), Duration::from_millis(200));
    }

    #[test]
    fn every_mistake_is_reported_at_its_line() {
        let (config, mistakes) = read(
            r#"[clients]
count = 0
liveness = "0s"
reconnect = { full_jitter = { base = "10s", cap = "5s", factor = 0.5 } }
connect_timeout = "3s"
connect_timeout_cap = "1s"
max_attempts = 0
flaws = ["no_jiter"]
livenes = "2s"
stale_after = "10s"
"#,
        );
        for part in [
            "case.toml:2:9: count 0 must be from 1 to 10000",
            "case.toml:3:12: liveness must be at least 1ms",
            "case.toml:4:51: the cap 5s is below the base 10s",
            "case.toml:4:66: factor 0.5 must be from 1 to 1000",
            "case.toml:6:23: 1s is below the connect_timeout 3s",
            "case.toml:7:16: max_attempts must be at least 1",
            "case.toml:8:10: ",
            "no_jitter",
            "case.toml:9:1: unknown key `livenes`",
            "case.toml:10:15: stale_after 10s is not below the liveness 10s",
        ] {
            assert!(mistakes.contains(part), "no {part:?} in:\n{mistakes}");
        }
        assert_eq!(config.count, 1);
    }

    #[test]
    fn what_is_shown_is_stale_at_half_the_liveness_unless_told_otherwise() {
        let (config, mistakes) = read("[clients]\nliveness = '3s'\n");
        assert_eq!(mistakes, "");
        let stale_after = config.behaviour.stale_after;
        assert_eq!(stale_after, Duration::from_millis(1500));
    }

    #[test]
    fn two_policies_or_none_is_a_mistake() {
        let (_, two) = read("[clients]\nreconnect = { fixed = {}, rfc6455 = {} }\n");
        assert!(two.contains("only one may be given"), "{two}");
        let (_, none) = read("[clients]\nreconnect = {}\n");
        assert!(none.contains("no reconnect policy is given"), "{none}");
    }
}
