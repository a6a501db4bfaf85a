//! Server and clients of a schedule, and the figures that its draws and its
//! promises follow from.
//!
//! Pure. Two bases are built in, each with variants that are drawn case by case:
//! **three** resuming clients, and a **crowd** of twelve, for what only a crowd
//! shows. A file gives one of its own.

use std::fmt;
use std::time::Duration;

use client_sim::Policy;
use environment::Draw;
use serde::{Deserialize, Serialize};

use crate::language::{Scenario, Start};
use crate::subjects::{Ability, Traits};

/// What the clients and the server go by; times are milliseconds.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any may be with any"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// From tick to tick.
    pub tick: u64,
    /// How long a client hears nothing at most.
    pub heartbeat: u64,
    /// Whether the server pings often enough to drop who does not answer within a
    /// run.
    pub pings: bool,
    /// Whether a session that nobody has is soon forgotten, and who asks for it
    /// refused.
    pub expires: bool,
    /// Whether clients ask for their old session.
    pub resumes: bool,
    /// A connection of which nothing is heard for so long is dead.
    pub liveness: u64,
    /// After so long a silence what is shown is flagged as stale.
    pub stale_after: u64,
    /// The first bound of a dial.
    pub connect_timeout: u64,
    /// The longest bound of a dial.
    pub connect_cap: u64,
    /// How long a connection must last for the back-off to be reset.
    pub min_uptime: u64,
    /// The longest waits before the first dial after a loss, the second, and so on;
    /// the last one is for all that follow.
    pub delays: Vec<u64>,
    /// Whether waits are drawn from nothing up to those.
    pub is_full_jitter: bool,
}

/// Server, clients and the course of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Which base it is of: `three`, `crowd`, or a file's id.
    pub base: String,
    /// Whether t = 0 is before the first dial, and not after the first message.
    pub from_first_dial: bool,
    /// Keys of the top besides those that are written anyway, a line each.
    pub top: Vec<String>,
    /// From t = 0 until everything is healed, in milliseconds.
    pub duration: u64,
    /// From then on until the clients have settled, in milliseconds.
    pub settle: u64,
    /// The lines of `[server]`.
    pub server: Vec<String>,
    /// How many clients there are.
    pub clients: u64,
    /// The lines of `[clients]` but for their number.
    pub behaviour: Vec<String>,
    /// What is expected, by key and line; `None`: what every reference client
    /// promises.
    pub expect: Option<Vec<(String, String)>>,
    /// Actions of the file.
    pub actions: Vec<String>,
    /// Whether the clients are somebody else's, of which only what is declared is
    /// known.
    #[serde(default)]
    pub is_foreign: bool,
    /// What the clients can be told to do.
    pub abilities: Vec<String>,
    /// What all of that comes to.
    pub figures: Figures,
}

/// What the simulated client can be told.
const ABILITIES: [&str; 4] = ["pause", "resume", "stop", "reconnect"];

/// Where a case begins.
#[derive(Debug, Clone)]
pub enum Base {
    /// Three resuming clients, and their like.
    Three,
    /// Twelve clients.
    Crowd,
    /// A file.
    File(Box<Setting>),
}

impl Base {
    /// Those that are built in.
    pub fn built_in() -> Vec<Self> {
        vec![Self::Three, Self::Crowd]
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Three => "three",
            Self::Crowd => "crowd",
            Self::File(setting) => &setting.base,
        }
    }

    /// The one whose turn it is, with its variant.
    pub(super) fn draw_one(bases: &[Self], draw: &mut Draw) -> Setting {
        // A crowd takes four times as long, and shows little more.
        let is_built_in = bases.len() == 2 && matches!(bases[1], Self::Crowd);
        let weights: &[u64] = if is_built_in { &[5, 1] } else { &[] };
        let weight = |index: usize| weights.get(index).copied().unwrap_or(1);
        let all: u64 = (0..bases.len()).map(weight).sum();
        let mut rest = draw.below(all);
        for (index, base) in bases.iter().enumerate() {
            if rest < weight(index) {
                return base.setting(draw);
            }
            rest -= weight(index);
        }
        Variant::draw(3, draw).setting("three")
    }

    /// With nothing that varies.
    pub fn plain(&self) -> Setting {
        match self {
            Self::Three => Variant::plain(3).setting("three"),
            Self::Crowd => Variant::plain(12).setting("crowd"),
            Self::File(setting) => Setting::clone(setting),
        }
    }

    fn setting(&self, draw: &mut Draw) -> Setting {
        match self {
            Self::Three => Variant::draw(3, draw).setting("three"),
            Self::Crowd => {
                let tick = [250, 250, 500][index(draw.below(3))];
                let variant = Variant {
                    tick,
                    ..Variant::plain(12)
                };
                let from_first_dial = draw.chance(0.2);
                Variant {
                    from_first_dial,
                    ..variant
                }
                .setting("crowd")
            }
            Self::File(setting) => Setting::clone(setting),
        }
    }
}

/// What varies in a base that is built in.
#[expect(clippy::struct_excessive_bools, reason = "each varies by itself")]
#[derive(Debug, Clone, Copy)]
struct Variant {
    clients: u64,
    from_first_dial: bool,
    tick: u64,
    heartbeat: u64,
    pings: bool,
    expires: bool,
    resumes: bool,
    is_steep: bool,
}

/// Of the clients that are built in.
const LIVENESS: u64 = 1500;
const CONNECT: (u64, u64) = (1000, 3000);
const MIN_UPTIME: u64 = 500;
const DURATION: u64 = 8000;
const SETTLE: u64 = 12_000;

impl Variant {
    fn plain(clients: u64) -> Self {
        Self {
            clients,
            from_first_dial: false,
            tick: 100,
            heartbeat: 400,
            pings: false,
            expires: false,
            resumes: true,
            is_steep: false,
        }
    }

    fn draw(clients: u64, draw: &mut Draw) -> Self {
        let tick = [50, 100, 100, 250, 1000][index(draw.below(5))];
        let mut variant = Self {
            clients,
            from_first_dial: draw.chance(0.5),
            tick,
            heartbeat: 400,
            pings: draw.chance(0.4),
            expires: draw.chance(0.12),
            resumes: draw.chance(0.75),
            is_steep: draw.chance(0.15),
        };
        // A feed on which nothing comes for longer than its clients bear, but for
        // the answers to their pings.
        if draw.chance(0.08) {
            (variant.tick, variant.heartbeat) = (LIVENESS + 1000, LIVENESS + 1000);
        }
        variant
    }

    fn setting(self, base: &str) -> Setting {
        let ms = |key: &str, millis: u64| format!("{key} = \"{millis}ms\"");
        let mut server = vec![
            ms("tick", self.tick),
            ms("heartbeat", self.heartbeat),
            "buffer = 1000".to_owned(),
        ];
        if self.pings {
            server.push(ms("ping_every", 3000));
            server.push(ms("pong_within", 3000));
        }
        if self.expires {
            server.push(ms("session_expiry", 500));
            server.push("refuse_unknown = true".to_owned());
        }
        let policy = if self.is_steep {
            "reconnect = { exponential = { base = \"50ms\", cap = \"5s\", factor = 10 } }"
        } else {
            "reconnect = { full_jitter = { base = \"100ms\", cap = \"1s\" } }"
        };
        let mut behaviour = vec![
            ms("connect_timeout", CONNECT.0),
            ms("connect_timeout_cap", CONNECT.1),
            ms("liveness", LIVENESS),
            ms("min_uptime", MIN_UPTIME),
            policy.to_owned(),
        ];
        if !self.resumes {
            behaviour.push("resume = false".to_owned());
        }
        let delays: &[u64] = if self.is_steep {
            &[50, 500, 5000]
        } else {
            &[100, 200, 400, 800, 1000]
        };
        Setting {
            base: base.to_owned(),
            from_first_dial: self.from_first_dial,
            top: Vec::new(),
            duration: DURATION,
            settle: if self.is_steep { SETTLE + 6000 } else { SETTLE },
            server,
            clients: self.clients,
            behaviour,
            expect: None,
            actions: Vec::new(),
            is_foreign: false,
            abilities: ABILITIES.map(str::to_owned).to_vec(),
            figures: Figures {
                tick: self.tick,
                heartbeat: self.heartbeat,
                pings: self.pings,
                expires: self.expires,
                resumes: self.resumes,
                liveness: LIVENESS,
                stale_after: LIVENESS / 2,
                connect_timeout: CONNECT.0,
                connect_cap: CONNECT.1,
                min_uptime: MIN_UPTIME,
                delays: delays.to_vec(),
                is_full_jitter: !self.is_steep,
            },
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

impl Figures {
    /// What a file comes to.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let (server, behaviour) = (&scenario.server, &scenario.clients.behaviour);
        let pinged = server.ping_every + server.pong_within;
        Self {
            tick: millis(server.tick),
            heartbeat: millis(server.heartbeat),
            pings: pinged <= scenario.duration,
            expires: server.refuse_unknown || server.session_expiry < scenario.duration,
            resumes: behaviour.resume,
            liveness: millis(behaviour.liveness),
            stale_after: millis(behaviour.stale_after),
            connect_timeout: millis(behaviour.connect_timeout),
            connect_cap: millis(behaviour.connect_timeout_cap),
            min_uptime: millis(behaviour.min_uptime),
            delays: delays(&behaviour.reconnect),
            is_full_jitter: behaviour.reconnect.shape == client_sim::Shape::FullJitter,
        }
    }

    /// The longest wait before a dial.
    pub fn longest_delay(&self) -> u64 {
        self.delays.iter().copied().max().unwrap_or_default()
    }

    /// The longest wait before the first dial after a loss.
    pub fn first_delay(&self) -> u64 {
        self.delays.first().copied().unwrap_or_default()
    }

    /// The longest wait after so many failures in a row, from 0.
    pub fn delay(&self, failures: usize) -> u64 {
        let last = self.delays.len().saturating_sub(1);
        self.delays
            .get(failures.min(last))
            .copied()
            .unwrap_or_default()
    }

    /// Times at which something changes for a client: draws fall next to them.
    pub(super) fn edges(&self) -> [u64; 8] {
        [
            self.liveness,
            self.stale_after,
            self.connect_timeout,
            self.connect_cap,
            self.min_uptime,
            self.heartbeat,
            self.tick,
            self.longest_delay(),
        ]
    }
}

/// Until they grow no more.
fn delays(policy: &Policy) -> Vec<u64> {
    let mut delays: Vec<u64> = Vec::new();
    for attempt in 0..16 {
        let ceiling = millis(policy.bounds(attempt, Some(policy.cap)).1);
        if delays.last() == Some(&ceiling) {
            break;
        }
        delays.push(ceiling);
    }
    delays
}

/// Rounded up.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

impl Setting {
    /// A file's server, clients, actions and expectations; its faults and server
    /// events are left out, for others are drawn.
    pub fn of(scenario: &Scenario) -> Self {
        let parts = super::parts::Parts::of(&scenario.text);
        let without_count = |line: &&String| !line.trim_start().starts_with("count");
        Self {
            base: scenario.id.clone(),
            from_first_dial: scenario.start == Start::FirstDial,
            top: parts.top,
            duration: millis(scenario.duration),
            settle: millis(scenario.settle),
            server: parts.server,
            clients: scenario.clients.count.into(),
            behaviour: parts
                .clients
                .iter()
                .filter(without_count)
                .cloned()
                .collect(),
            expect: Some(parts.expect),
            actions: parts.actions,
            is_foreign: false,
            abilities: ABILITIES.map(str::to_owned).to_vec(),
            figures: Figures::of(scenario),
        }
    }

    /// Whether the server is one that can be ended and started again.
    pub(super) fn can_lose_server(&self) -> bool {
        let mut lines = self.server.iter();
        !lines.any(|line| line.trim_start().starts_with("external"))
    }

    /// The top of the file, under this id and title.
    pub(super) fn head(&self, id: &str, title: &str) -> String {
        let mut text = format!("id = \"{id}\"\ntitle = \"{title}\"\n");
        for line in &self.top {
            text += &format!("{line}\n");
        }
        if self.from_first_dial {
            text += "start = \"first_dial\"\n";
        }
        let (duration, settle) = (self.duration, self.settle);
        text + &format!(
            "duration = {}\nsettle = {}\n",
            super::entry::quoted(duration),
            super::entry::quoted(settle)
        )
    }
}

impl fmt::Display for Setting {
    /// `[server]` and `[clients]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[server]")?;
        for line in &self.server {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "\n[clients]\ncount = {}", self.clients)?;
        for line in &self.behaviour {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// Of somebody else's clients.
impl Base {
    /// Three of them and twelve, with what such clients promise by what they
    /// declare; what they do not declare is the usual.
    pub fn for_traits(traits: &Traits) -> Vec<Self> {
        let foreign = |clients: u64, name: &str| {
            let mut setting = Variant {
                resumes: traits.can.contains(&Ability::Resume),
                ..Variant::plain(clients)
            }
            .setting(name);
            setting.limit(Some(traits));
            let usual = |declared: Option<Duration>, usual| declared.map_or(usual, millis);
            let figures = &mut setting.figures;
            figures.liveness = usual(traits.liveness(), 30_000);
            figures.stale_after = u64::MAX / 4;
            figures.connect_cap = usual(traits.dial_bound(), 20_000);
            figures.connect_timeout = figures.connect_cap;
            let first = usual(traits.first_delay(), 5000);
            let longest = usual(traits.longest_delay(), 60_000).max(first);
            figures.delays = vec![first, longest];
            figures.min_uptime = 5000;
            figures.is_full_jitter = false;
            // Else the judge would wait for less than is promised.
            setting.settle = figures.liveness + figures.connect_cap + longest + 5000;
            setting.is_foreign = true;
            Self::File(Box::new(setting))
        };
        vec![foreign(3, "three")]
    }
}

impl Setting {
    /// Tells its clients nothing that they cannot do.
    pub fn limit(&mut self, traits: Option<&Traits>) {
        if let Some(traits) = traits {
            let can = |word: &String| {
                let mut all = traits.can.iter();
                all.any(|able| able.word() == word)
            };
            self.abilities.retain(can);
        }
    }
}
