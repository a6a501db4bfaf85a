//! What is to be known of a client when it is judged: what it can do, and what
//! it tells of itself. It stands in the header of its journals.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::text::{FromToml, Mismatch, Value, choice};
use serde::{Deserialize, Serialize};

/// Something that a client can do besides connecting and reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Takes its session up again after an outage, with what it missed.
    Resume,
    /// Stops the ticks of its session and lets them go on, when told to.
    Pause,
    /// Ends for good when told to.
    Stop,
    /// Dials at once when told to.
    Reconnect,
    /// Sends a message when told to.
    Send,
    /// Goes to the background when told to.
    Hide,
    /// Comes back from the background when told to.
    Show,
    /// Is torn down and set up again when told to.
    Remount,
    /// Is a page in a browser.
    Page,
    /// Believes that there is no network, and again that there is, when told to.
    Offline,
    /// Is frozen by its browser, and thawed, when told to.
    Freeze,
    /// Is left for another page, and come back to, when told to.
    Leave,
    /// Is on a machine that falls asleep, and wakes up, when told to.
    Sleep,
}

impl Ability {
    /// Every ability with its word, those of the simulated client first.
    pub const ALL: [(&'static str, Self); 13] = [
        ("resume", Self::Resume),
        ("pause", Self::Pause),
        ("stop", Self::Stop),
        ("reconnect", Self::Reconnect),
        ("send", Self::Send),
        ("hide", Self::Hide),
        ("show", Self::Show),
        ("remount", Self::Remount),
        ("page", Self::Page),
        ("offline", Self::Offline),
        ("freeze", Self::Freeze),
        ("leave", Self::Leave),
        ("sleep", Self::Sleep),
    ];

    /// What a browser can do to any page.
    pub const OF_PAGES: [Self; 8] = [
        Self::Page,
        Self::Hide,
        Self::Show,
        Self::Remount,
        Self::Offline,
        Self::Freeze,
        Self::Leave,
        Self::Sleep,
    ];

    /// The word of files.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, ability)| *ability == self)
            .map_or("", |(word, _)| word)
    }

    /// Whether such a client can do it; without traits it is the simulated one.
    pub(crate) fn is_of(self, traits: Option<&Traits>) -> bool {
        traits.map_or_else(|| self.is_simulated(), |traits| traits.can.contains(&self))
    }

    /// Whether the simulated client can do it.
    pub fn is_simulated(self) -> bool {
        matches!(
            self,
            Self::Resume | Self::Pause | Self::Stop | Self::Reconnect
        )
    }
}

impl FromToml for Ability {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

/// Something that a client tells whenever it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It begins to connect.
    Dial,
    /// It is connected.
    Open,
    /// Its application got a message.
    Message,
    /// Its messages carry their text, so that the ticker's sessions and
    /// sequence numbers can be read from them.
    Seq,
    /// A dial failed, or its connection ended.
    Close,
    /// It will not reconnect by itself.
    GaveUp,
    /// It has something to send that it holds, and how many such.
    Queue,
}

impl Report {
    /// Every one with its word.
    pub const ALL: [(&'static str, Self); 7] = [
        ("dial", Self::Dial),
        ("open", Self::Open),
        ("message", Self::Message),
        ("seq", Self::Seq),
        ("close", Self::Close),
        ("gave_up", Self::GaveUp),
        ("queue", Self::Queue),
    ];

    /// The word of files.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, report)| *report == self)
            .map_or("", |(word, _)| word)
    }
}

impl Report {
    /// What the browser tells of any page.
    pub const OF_PAGES: [Self; 4] = [Self::Dial, Self::Open, Self::Message, Self::Close];
}

impl FromToml for Report {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

/// A third-party client, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traits {
    /// The client's version.
    pub version: String,
    /// What it can do.
    pub can: BTreeSet<Ability>,
    /// What it tells of itself.
    pub reports: BTreeSet<Report>,
    /// How long it takes to notice a silent connection, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_us: Option<u64>,
    /// How long it takes to notice that its own pings go unanswered while data still
    /// comes, in microseconds; without it, it awaits no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_liveness_us: Option<u64>,
    /// How long after the last fault it takes until all is as it should be, in
    /// microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_us: Option<u64>,
    /// How long a dial, with its upgrade, takes at most before it is given up, in
    /// microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_bound_us: Option<u64>,
    /// The longest wait before the first dial after a loss, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_delay_us: Option<u64>,
    /// The longest wait before any dial, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_delay_us: Option<u64>,
    /// The URL of the one server that it speaks to, which takes the ticker's place in
    /// every case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What of the ticker's keys that server obeys, and of what befalls a server what
    /// can befall it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub obeys: BTreeSet<String>,
}

impl Traits {
    /// Whether each client is a browser.
    pub(crate) fn is_page(&self) -> bool {
        self.can.contains(&Ability::Page)
    }

    /// Whether it tells of its messages.
    pub(crate) fn tells_messages(&self) -> bool {
        let of_messages = [Report::Message, Report::Seq];
        of_messages
            .iter()
            .any(|report| self.reports.contains(report))
    }

    /// How long it takes to notice a silent connection, if it ever does.
    pub fn liveness(&self) -> Option<Duration> {
        self.liveness_us.map(Duration::from_micros)
    }

    /// How long it takes to notice that its own pings go unanswered, if it ever does.
    pub fn upstream_liveness(&self) -> Option<Duration> {
        self.upstream_liveness_us.map(Duration::from_micros)
    }

    /// How long after the last fault it takes until all is as it should be: if that
    /// is not declared, a dial that is given up and the wait for the next.
    pub fn settle(&self) -> Option<Duration> {
        let declared = self.settle_us.map(Duration::from_micros);
        declared.or_else(|| Some(self.dial_bound()? + self.longest_delay()?))
    }

    /// How long a dial takes at most before it is given up.
    pub fn dial_bound(&self) -> Option<Duration> {
        self.dial_bound_us.map(Duration::from_micros)
    }

    /// The longest wait before the first dial after a loss.
    pub fn first_delay(&self) -> Option<Duration> {
        self.first_delay_us.map(Duration::from_micros)
    }

    /// The longest wait before any dial.
    pub fn longest_delay(&self) -> Option<Duration> {
        self.longest_delay_us.map(Duration::from_micros)
    }
}
