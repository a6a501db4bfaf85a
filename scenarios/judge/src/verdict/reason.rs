//! Why a run says nothing about its clients.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::definitions::Contradiction;
use crate::journal::Bound;
use crate::language::Needed;
use crate::plain;
use crate::subject::Ability;

/// The longest reason, in characters: many times what any has that a program
/// did not fill.
const LONGEST: usize = 10_000;

/// Why a run says nothing about its clients. It shows itself as a sentence, and
/// in JSON it is one; read back from there it is [`Told`](Self::Told).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// In words, by the harness or by a file.
    Told(String),
    /// The harness could not begin, for this: nothing else was observed.
    NotBegun(String),
    /// Somebody interrupted the run.
    Interrupted,
    /// A client took more than a run has for it.
    Exceeded {
        /// Which.
        client: String,
        /// Of what.
        bound: Bound,
        /// The most that it may.
        most: u64,
    },
    /// The journal ends before the run does.
    Unfinished,
    /// The journal has no t = 0, so nothing in it is after that.
    NeverBegan,
    /// A control, in which no fault was applied.
    Control,
    /// A control of a case that has no fault which could be left out.
    ControlOfNothing,
    /// The server was to stop, took too long, and was killed by the harness.
    ServerKilled {
        /// The server event's name.
        event: String,
        /// After how long.
        after: Duration,
    },
    /// The proxy could not reach the server, with what the system said.
    NoServer(String),
    /// A client's process ended by itself.
    ProcessEnded {
        /// Whose.
        client: String,
        /// After t = 0.
        at: Duration,
        /// Such as "exit status: 1".
        how: String,
    },
    /// The clients cannot do what the case is about.
    MissingAbility(Ability),
    /// The client speaks to one server alone, and the case wants of its server what
    /// that does not obey.
    NotObeyed {
        /// What, in words.
        what: String,
    },
    /// The client and its server speak no WebSocket, on which this rule acts alone.
    NoWebSocket {
        /// Which.
        rule: String,
    },
    /// The case is about something that no browser shows to its pages.
    UnseenByPages {
        /// What, in words.
        what: &'static str,
    },
    /// The case has more clients than there can be browsers.
    TooManyBrowsers {
        /// How many it has.
        count: u32,
        /// How many there can be.
        most: u32,
    },
    /// The journal is of a version that does not tell what this rule took.
    OldJournal {
        /// Which.
        rule: String,
    },
    /// A rule did not do what it had to.
    Missing(Missing),
    /// A rule acted later than [`LATE_TOLERANCE`](super::LATE_TOLERANCE).
    Late {
        /// Which.
        rule: String,
        /// By how much.
        by: Duration,
    },
    /// The machine let the harness wait, and that explains a failure.
    HeldUp {
        /// When the longest wait ended, after t = 0.
        at: Duration,
        /// How long that was.
        longest: Duration,
        /// All that it withheld.
        in_all: Duration,
    },
    /// No rule had any effect.
    NoEffect,
    /// No check could be judged OK.
    NothingHeld,
    /// The check that the case is about cannot be judged of this client.
    Hidden {
        /// Its name.
        check: String,
        /// What the client cannot do or does not tell, in a sentence.
        why: String,
    },
    /// The check that the case is about had nothing to judge.
    Unjudged {
        /// Its name.
        check: String,
        /// Why, in a sentence.
        why: String,
    },
    /// No client came into the situation that the case is about.
    NotInSituation {
        /// Its key.
        situation: &'static str,
        /// How much of it there must be.
        needed: Needed,
        /// The most of it that there was.
        seen: Seen,
    },
    /// What the client declares of itself keeps it out of the situation.
    Excluded {
        /// The situation's key.
        situation: &'static str,
        /// What it declares.
        figure: Figure,
        /// How much that is.
        declared: Duration,
        /// How much there is of it in the case.
        there: Duration,
    },
    /// Witnesses contradict each other about what a check hangs on.
    Contradiction(Contradiction),
    /// A check failed, and not by a bug of the clients.
    NotBlamed {
        /// Its name.
        check: String,
    },
}

/// How much of a situation there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// So often.
    Times(u64),
    /// The shortest; `None`: nothing was ever measured.
    Shortest(Option<Duration>),
}

/// A figure of a client, as it declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// How long it takes to notice a silence.
    Liveness,
    /// How long it lets a dial take.
    DialBound,
    /// How long it waits before the first dial after a loss.
    FirstDelay,
}

/// What a rule or a server event did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A server event never happened.
    ServerKept {
        /// Its name.
        event: String,
    },
    /// The server did not come back.
    ServerGone {
        /// The event's name.
        event: String,
    },
    /// What a rule waits for never came.
    NeverMet {
        /// Its name.
        rule: String,
        /// What it waits for.
        condition: String,
        /// Whether it then waits for something to act on.
        waits: bool,
    },
    /// It could not do what it says.
    Powerless {
        /// Its name.
        rule: String,
        /// To whose connection.
        client: String,
        /// To which.
        attempt: u64,
        /// What the proxy said.
        reason: String,
    },
    /// A connection was there and was not struck.
    Spared {
        /// Its name.
        rule: String,
        /// Whose connection.
        client: String,
        /// Which.
        attempt: u64,
    },
    /// It had a living target, and struck nobody.
    NoTarget {
        /// Its name.
        rule: String,
    },
}

impl Reason {
    /// Whether the machine is the cause.
    fn is_busy_machine(&self) -> bool {
        matches!(self, Self::Late { .. } | Self::HeldUp { .. })
    }

    /// Whether these are the machine's doing alone: it was too busy, and whatever
    /// else stands there may follow from that.
    pub fn are_the_machines(reasons: &[Self]) -> bool {
        reasons.iter().any(Self::is_busy_machine)
            && reasons
                .iter()
                .all(|reason| reason.is_busy_machine() || reason.may_follow())
    }

    /// Whether a machine that was too busy may bring it about.
    fn may_follow(&self) -> bool {
        match self {
            Self::NoEffect
            | Self::NothingHeld
            | Self::Unjudged { .. }
            | Self::NotInSituation { .. }
            | Self::NotBlamed { .. } => true,
            Self::Missing(missing) => matches!(
                missing,
                Missing::NeverMet { .. } | Missing::Spared { .. } | Missing::NoTarget { .. }
            ),
            _ => false,
        }
    }

    /// Whether it says no more than that the case's situation did not come about, or
    /// what follows from that.
    pub(super) fn is_of_situation(&self) -> bool {
        matches!(
            self,
            Self::NotInSituation { .. } | Self::NothingHeld | Self::Unjudged { .. }
        )
    }

    /// Fit to be shown: a journal may be anybody's, and what a program told
    /// stands in it.
    #[must_use]
    pub(crate) fn made_plain(self) -> Self {
        let sentence = self.to_string();
        let plain = plain::lines(&sentence, LONGEST);
        if plain == sentence {
            self
        } else {
            Self::Told(plain)
        }
    }
}

impl<T: Into<String>> From<T> for Reason {
    fn from(told: T) -> Self {
        Self::Told(told.into())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Told)
    }
}
