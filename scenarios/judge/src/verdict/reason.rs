//! Why a run says nothing about its clients.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::firing::LATE_TOLERANCE;
use crate::checks::span;
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
    /// The journal is of a version that does not tell what this rule took.
    OldJournal {
        /// Which.
        rule: String,
    },
    /// A rule did not do what it had to.
    Missing(Missing),
    /// A rule acted later than [`LATE_TOLERANCE`].
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
    /// A check failed, and the clients are not to blame.
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
    /// Whether the machine is to blame.
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(told) => f.write_str(told),
            Self::Interrupted => f.write_str("the run was interrupted"),
            Self::Exceeded {
                client,
                bound: Bound::Connections,
                most,
            } => write!(
                f,
                "{client} had more than {most} connections at once, which ended the run"
            ),
            Self::Exceeded {
                client,
                bound: Bound::Dials,
                most,
            } => write!(
                f,
                "{client} dialled more than {most} times, which ended the run"
            ),
            Self::Unfinished => f.write_str("the journal ends before the run does"),
            Self::NeverBegan => f.write_str("the journal has no `t_zero`: the run never began"),
            Self::Control => f.write_str("a control: every fault was planned and none applied"),
            Self::NoServer(error) => write!(f, "the proxy could not reach the server: {error}"),
            Self::ProcessEnded { client, at, how } => {
                let at = span(*at);
                write!(f, "the process of {client} ended by itself at {at}: {how}")
            }
            Self::ControlOfNothing => {
                f.write_str("a control, and the case has no fault to leave out")
            }
            Self::ServerKilled { event, after } => write!(
                f,
                "the server was killed by the harness, for it had not ended {} after `{event}`",
                span(*after)
            ),
            Self::MissingAbility(Ability::Resume) => f.write_str(
                "the case is about clients that `resume` their session, which this client cannot",
            ),
            Self::MissingAbility(ability) => write!(
                f,
                "the case is about clients that `{}` when told to, which this client cannot",
                ability.word()
            ),
            Self::OldJournal { rule } => write!(
                f,
                "the journal is of version 1, which does not tell what `{rule}` kept from whom; run the case again"
            ),
            Self::Missing(missing) => missing.fmt(f),
            Self::Contradiction(contradiction) => contradiction.fmt(f),
            Self::Late { .. }
            | Self::HeldUp { .. }
            | Self::NoEffect
            | Self::NothingHeld
            | Self::Hidden { .. }
            | Self::Unjudged { .. }
            | Self::NotInSituation { .. }
            | Self::Excluded { .. }
            | Self::NotBlamed { .. } => self.fmt_of_what_was_seen(f),
        }
    }
}

impl Reason {
    /// The sentences about what rules, checks and the machine came to.
    fn fmt_of_what_was_seen(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late { rule, by } => {
                let (late, most) = (span(*by), span(LATE_TOLERANCE));
                write!(
                    f,
                    "`{rule}` was {late} late, more than {most}: the machine was too busy"
                )
            }
            Self::HeldUp {
                at,
                longest,
                in_all,
            } => write!(
                f,
                "the machine let the harness wait, for {} at {}, {} in all: it was too busy",
                span(*longest),
                span(*at),
                span(*in_all)
            ),
            Self::NoEffect => f.write_str("no rule had any effect"),
            Self::NothingHeld => f.write_str("no check could be judged ok"),
            Self::Hidden { check, why } => write!(
                f,
                "the case is about `{check}`, which cannot be judged of this client: {why}"
            ),
            Self::Unjudged { check, why } => {
                write!(
                    f,
                    "the case is about `{check}`, which could not be judged: {why}"
                )
            }
            Self::NotInSituation {
                situation,
                needed,
                seen,
            } => write!(
                f,
                "no client came into the situation that the case is about: `{situation}` {}",
                shortfall(*needed, *seen)
            ),
            Self::Excluded {
                situation,
                figure,
                declared,
                there,
            } => write!(
                f,
                "the client stays out of the situation that the case is about (`{situation}`) by what it declares: {}",
                contrast(*figure, *declared, *there)
            ),
            Self::NotBlamed { check } => {
                write!(f, "`{check}` failed, but not by the client's doing")
            }
            // All others have their sentences in `fmt`, which names these.
            _ => Ok(()),
        }
    }
}

/// How much there was of what there must be.
fn shortfall(needed: Needed, seen: Seen) -> String {
    let needed = match needed {
        Needed::Times(times) => format!("at least {times}"),
        Needed::Below(limit) => format!("less than {}", span(limit)),
    };
    match seen {
        Seen::Times(times) => format!("was {times} at most; needed {needed}"),
        Seen::Shortest(Some(shortest)) => {
            format!("was {} at the least; needed {needed}", span(shortest))
        }
        Seen::Shortest(None) => format!("was never measured; needed {needed}"),
    }
}

/// What the client declares, beside what there is.
fn contrast(figure: Figure, declared: Duration, there: Duration) -> String {
    let (declared, there) = (span(declared), span(there));
    match figure {
        Figure::Liveness => {
            format!("it takes {declared} to notice a silence, and none lasts longer than {there}")
        }
        Figure::DialBound => {
            format!(
                "it lets a dial take {declared}, and none is kept waiting for more than {there}"
            )
        }
        Figure::FirstDelay => {
            format!("it waits {declared} before it dials again, and that is not less than {there}")
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerKept { event } => write!(f, "`{event}` did not befall the server"),
            Self::ServerGone { event } => {
                write!(f, "the server did not come back after `{event}`")
            }
            // Of such a one may have come that had nothing for it.
            Self::NeverMet {
                rule,
                condition,
                waits: true,
            } => write!(
                f,
                "no connection came to {condition} with anything for `{rule}` to act on"
            ),
            Self::NeverMet {
                rule, condition, ..
            } => write!(
                f,
                "no connection came to {condition} while `{rule}` was armed"
            ),
            Self::Powerless {
                rule,
                client,
                attempt,
                reason,
            } => write!(
                f,
                "`{rule}` could do nothing to connection {attempt} of {client}: {reason}"
            ),
            Self::Spared {
                rule,
                client,
                attempt,
            } => write!(
                f,
                "`{rule}` did not strike connection {attempt} of {client}, which was there"
            ),
            Self::NoTarget { rule } => {
                write!(f, "`{rule}` never found a connection to act on")
            }
        }
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
