//! `[[action]]`: what the person at the client does, when, and who does it.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::{Ordinals, Phase};
use client_sim::Command;
use environment::text::{FromToml, Mismatch, Span, Table, Value, choice, format_duration};
use environment::{Key, Realm, Seed};

use super::top::Name;
use crate::subject::Ability;

/// One deed, and when it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Part of the draws of its share; by default `action N`, from 1 in the
    /// order of the file.
    pub name: String,
    /// When.
    pub when: ActionTime,
    /// What.
    pub deed: ClientAction,
    /// Who.
    pub target: ActionTarget,
}

/// When an action is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionTime {
    /// So long after t = 0.
    At(Duration),
    /// Each time that a connection of the client comes so far, after t = 0.
    On {
        /// Which connections.
        attempts: Ordinals,
        /// How far.
        stage: Phase,
        /// How much later.
        after: Duration,
    },
}

/// Who does it.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionTarget {
    /// Everybody.
    All,
    /// Each client with this probability, by a draw of its own; if nobody is
    /// drawn, the one with the lowest draw.
    Share(f64),
    /// These.
    Clients(BTreeSet<String>),
}

/// What a person can do at a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAction {
    /// No ticks, please.
    Pause,
    /// Ticks again.
    Resume,
    /// Enough for good.
    Stop,
    /// Dial now.
    Reconnect,
    /// Say something to the server.
    Send,
    /// Put it into the background.
    Hide,
    /// Bring it back from there.
    Show,
    /// Tear it down and set it up again.
    Remount,
}

impl ClientAction {
    const ALL: [(&'static str, Self); 8] = [
        ("pause", Self::Pause),
        ("resume", Self::Resume),
        ("stop", Self::Stop),
        ("reconnect", Self::Reconnect),
        ("send", Self::Send),
        ("hide", Self::Hide),
        ("show", Self::Show),
        ("remount", Self::Remount),
    ];

    /// The word of scenario files and journals.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, deed)| *deed == self)
            .map_or("", |(word, _)| word)
    }

    /// What a client must be able to do for it. Whoever can pause can also end
    /// the pause; to take up a session is another thing.
    pub fn ability(self) -> Ability {
        match self {
            Self::Pause | Self::Resume => Ability::Pause,
            Self::Stop => Ability::Stop,
            Self::Reconnect => Ability::Reconnect,
            Self::Send => Ability::Send,
            Self::Hide => Ability::Hide,
            Self::Show => Ability::Show,
            Self::Remount => Ability::Remount,
        }
    }

    /// What the simulated client is told; `None` of what it cannot do.
    pub fn command(self) -> Option<Command> {
        match self {
            Self::Pause => Some(Command::Pause),
            Self::Resume => Some(Command::Resume),
            Self::Stop => Some(Command::Stop),
            Self::Reconnect => Some(Command::Reconnect),
            Self::Send | Self::Hide | Self::Show | Self::Remount => None,
        }
    }
}

impl Action {
    /// Who does it under this seed. A client's draw depends on nobody else's.
    pub fn targets(&self, clients: &[String], seed: Seed) -> BTreeSet<String> {
        match &self.target {
            ActionTarget::All => clients.iter().cloned().collect(),
            ActionTarget::Clients(named) => named.clone(),
            ActionTarget::Share(share) => self.drawn(*share, clients, seed),
        }
    }

    fn drawn(&self, share: f64, clients: &[String], seed: Seed) -> BTreeSet<String> {
        let draw = |client: &String| {
            let key = Key::new(Realm::Proxy, "action", &self.name).client(client);
            seed.draw(&key).unit()
        };
        let drawn = clients.iter().filter(|client| draw(client) < share);
        let drawn: BTreeSet<String> = drawn.cloned().collect();
        if !drawn.is_empty() {
            return drawn;
        }
        let lowest = clients.iter().min_by(|a, b| draw(a).total_cmp(&draw(b)));
        lowest.cloned().into_iter().collect()
    }
}

impl FromToml for ClientAction {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

/// Where a file says what an action is, for mistakes found later.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: Span,
    /// Of `at` or `on`.
    pub(super) when: Span,
}

/// Reads every `[[action]]`, in the order of the file.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    clients: &[String],
    duration: Option<Duration>,
) -> Vec<(Action, Place)> {
    let tables = (1..).zip(tables);
    let actions = tables.filter_map(|(number, mut table)| {
        let name = table.optional::<Name>("name").map(|Name(name)| name);
        let deed = table.required::<ClientAction>("do");
        let target = read_target(&mut table, clients);
        let when = read_when(&mut table, duration);
        let place = Place {
            name: table.span_of("name"),
            when: table.span_of(if table.has("on") { "on" } else { "at" }),
        };
        let action = Action {
            name: name.unwrap_or_else(|| format!("action {number}")),
            when: when?,
            deed: deed?,
            target: target?,
        };
        Some((action, place))
    });
    actions.collect()
}

fn read_when(table: &mut Table<'_>, duration: Option<Duration>) -> Option<ActionTime> {
    let at = table.optional::<Duration>("at");
    let on = table.table("on");
    let after = table.or("after", Duration::ZERO);
    match (table.has("at"), table.has("on")) {
        (true, true) => {
            let message =
                "`at` and `on` exclude each other: an action waits for a time or for a connection";
            table.error(table.span_of("at"), message);
            // Its own mistakes are told as well.
            on.and_then(|mut on| read_condition(&mut on, after));
            None
        }
        (false, true) => {
            let condition = read_condition(&mut on?, after);
            ensure_in_time(table, "after", after, duration)?;
            condition
        }
        (_, false) if table.has("after") => {
            let message = "`after` needs `on`: it counts from what a connection does";
            table.error(table.span_of("after"), message);
            None
        }
        (true, false) => {
            ensure_in_time(table, "at", at?, duration)?;
            at.map(ActionTime::At)
        }
        (false, false) => {
            table.error_with_help(
                table.span(),
                "an action needs `at` or `on`",
                "for example `at = \"3s\"`, or `on = { attempt = 2 }`",
            );
            None
        }
    }
}

fn ensure_in_time(
    table: &Table<'_>,
    key: &str,
    time: Duration,
    duration: Option<Duration>,
) -> Option<()> {
    let Some(end) = duration.filter(|end| time >= *end) else {
        return Some(());
    };
    let (time, end) = (format_duration(time), format_duration(end));
    let message =
        format!("this action is never done: `{key}` is {time}, and the run ends at {end}");
    table.error(table.span_of(key), message);
    None
}

/// What the runner can see of a connection while it runs.
const STAGES: [(&str, Phase); 3] = [
    ("connect", Phase::Connect),
    ("open", Phase::Open),
    ("closing", Phase::Closing),
];

fn read_condition(on: &mut Table<'_>, after: Duration) -> Option<ActionTime> {
    let attempts = on.optional::<Ordinals>("attempt");
    let stage = on.optional_with("phase", |value| match value.as_str() {
        Some("upgrade") => {
            let message = "an action cannot wait for `upgrade`: it passes unseen";
            Err(Mismatch::new(value.span(), message)
                .with_help("allowed here: connect, open, closing"))
        }
        _ => choice(value, &STAGES),
    });
    let is_wrong = |key: &str, is_read: bool| on.has(key) && !is_read;
    if is_wrong("attempt", attempts.is_some()) || is_wrong("phase", stage.is_some()) {
        return None;
    }
    if attempts.is_none() && stage.is_none() {
        on.error_with_help(
            on.span(),
            "a condition needs `attempt` or `phase`",
            "for example `on = { attempt = 2, phase = \"open\" }`",
        );
        return None;
    }
    Some(ActionTime::On {
        attempts: attempts.unwrap_or(Ordinals::ALL),
        stage: stage.unwrap_or(Phase::Connect),
        after,
    })
}

fn read_target(table: &mut Table<'_>, clients: &[String]) -> Option<ActionTarget> {
    let Some(mut target) = table.table("target") else {
        return (!table.has("target")).then_some(ActionTarget::All);
    };
    let share = target.spanned::<f64>("share");
    let named = target.spanned::<Vec<String>>("clients");
    match (target.has("share"), target.has("clients")) {
        (true, true) => {
            target.error(target.span(), "`share` and `clients` exclude each other");
            None
        }
        (true, false) => read_share(&target, share?),
        (false, true) => known_clients(&target, named?, clients),
        (false, false) => {
            let message =
                "a target is a `share` or a list of `clients`; without `target`, everybody";
            target.error(target.span(), message);
            None
        }
    }
}

fn read_share(target: &Table<'_>, (share, span): (f64, Span)) -> Option<ActionTarget> {
    if share > 0.0 && share <= 1.0 {
        return Some(ActionTarget::Share(share));
    }
    target.error_with_help(
        span,
        format!("a share of {share} is not possible"),
        "more than 0.0, which would be nobody, and at most 1.0, which is everybody",
    );
    None
}

fn known_clients(
    target: &Table<'_>,
    (named, span): (Vec<String>, Span),
    clients: &[String],
) -> Option<ActionTarget> {
    // A set: both lists may be long.
    let population: BTreeSet<&String> = clients.iter().collect();
    let strangers: Vec<&String> = named
        .iter()
        .filter(|name| !population.contains(name))
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
    strangers
        .is_empty()
        .then(|| ActionTarget::Clients(named.into_iter().collect()))
}
