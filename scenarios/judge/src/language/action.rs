//! `[[action]]`: what the user does, when, and who does it.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::{Condition, ConditionGrammar, Ordinals, Phase, Target, TargetGrammar};
use client_sim::Command;
use environment::text::{FromToml, Mismatch, Span, Table, Value, choice, format_duration};
use environment::{Key, Realm, Seed};

use super::top::Name;
use crate::subject::Ability;

/// One action, and when it is done.
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
    pub target: Target,
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
    /// Let it believe that there is no network.
    Offline,
    /// And that there is one again.
    Online,
    /// Let its browser freeze it.
    Freeze,
    /// And go on with it.
    Thaw,
    /// Leave it for another page.
    Leave,
    /// And come back to it.
    Back,
    /// Let its machine fall asleep.
    Sleep,
    /// And wake up.
    Wake,
}

impl ClientAction {
    const ALL: [(&'static str, Self); 16] = [
        ("pause", Self::Pause),
        ("resume", Self::Resume),
        ("stop", Self::Stop),
        ("reconnect", Self::Reconnect),
        ("send", Self::Send),
        ("hide", Self::Hide),
        ("show", Self::Show),
        ("remount", Self::Remount),
        ("offline", Self::Offline),
        ("online", Self::Online),
        ("freeze", Self::Freeze),
        ("thaw", Self::Thaw),
        ("leave", Self::Leave),
        ("back", Self::Back),
        ("sleep", Self::Sleep),
        ("wake", Self::Wake),
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
            Self::Offline | Self::Online => Ability::Offline,
            Self::Freeze | Self::Thaw => Ability::Freeze,
            Self::Leave | Self::Back => Ability::Leave,
            Self::Sleep | Self::Wake => Ability::Sleep,
        }
    }

    /// What the simulated client is told; `None` of what it cannot do.
    pub fn command(self) -> Option<Command> {
        match self {
            Self::Pause => Some(Command::Pause),
            Self::Resume => Some(Command::Resume),
            Self::Stop => Some(Command::Stop),
            Self::Reconnect => Some(Command::Reconnect),
            _ => None,
        }
    }
}

impl Action {
    /// Who does it under this seed. A client's draw depends on nobody else's.
    pub fn targets(&self, clients: &[String], seed: Seed) -> BTreeSet<String> {
        self.target.drawn(clients, |client| {
            let key = Key::new(Realm::Proxy, "action", &self.name).client(client);
            seed.draw(&key).unit()
        })
    }
}

impl FromToml for ClientAction {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

/// Where a file says what an action is, for errors found later.
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
            // Its own errors are told as well.
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

/// Of a connection an action waits for less than a rule can.
const CONDITION: ConditionGrammar = ConditionGrammar {
    phase: |value| match value.as_str() {
        Some("upgrade") => {
            let message = "an action cannot wait for `upgrade`: it is not visible";
            Err(Mismatch::new(value.span(), message)
                .with_help("allowed here: connect, open, closing"))
        }
        _ => choice(value, &STAGES),
    },
    counts: false,
    empty: "a condition needs `attempt` or `phase`",
    example: "for example `on = { attempt = 2, phase = \"open\" }`",
};

fn read_condition(on: &mut Table<'_>, after: Duration) -> Option<ActionTime> {
    let condition = Condition::read(on, &CONDITION)?;
    Some(ActionTime::On {
        attempts: condition.attempts,
        stage: condition.phase,
        after,
    })
}

fn read_target(table: &mut Table<'_>, clients: &[String]) -> Option<Target> {
    let grammar = TargetGrammar {
        clients: Some(clients),
        may_be_nobody: false,
        share_help: "more than 0.0 (no client), and at most 1.0 (all clients)",
        empty: "an empty list: no client would do this",
        marks_names: false,
    };
    Target::read(table, grammar)
}
