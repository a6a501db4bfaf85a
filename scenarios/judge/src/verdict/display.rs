//! Reasons in sentences.

use std::fmt;
use std::time::Duration;

use super::firing::LATE_TOLERANCE;
use super::reason::{Figure, Missing, Reason, Seen};
use crate::checks::span;
use crate::journal::Bound;
use crate::language::Needed;
use crate::subject::Ability;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(told) | Self::NotBegun(told) => f.write_str(told),
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
            Self::Control => f.write_str("a negative control: every fault was scheduled and none applied"),
            Self::NoServer(error) => write!(f, "the proxy could not reach the server: {error}"),
            Self::ProcessEnded { client, at, how } => {
                let at = span(*at);
                write!(f, "the process of {client} ended by itself at {at}: {how}")
            }
            Self::ControlOfNothing => {
                f.write_str("a negative control, and the scenario has no fault to leave out")
            }
            Self::ServerKilled { event, after } => write!(
                f,
                "the harness killed the server, which had not ended {} after `{event}`",
                span(*after)
            ),
            Self::MissingAbility(Ability::Resume) => f.write_str(
                "the scenario needs clients that can `resume` their session, which this client cannot",
            ),
            Self::MissingAbility(Ability::Page) => {
                f.write_str("the scenario is about pages in a browser, and this client is none")
            }
            Self::NotObeyed { what } => write!(
                f,
                "the scenario needs {what} of its server, and this client uses a server of its own, which cannot be configured"
            ),
            Self::NoWebSocket { rule } => write!(
                f,
                "`{rule}` acts on WebSockets only, and this client speaks something else"
            ),
            Self::UnseenByPages { what } => write!(
                f,
                "the scenario is about {what}, which browsers do not show to pages"
            ),
            Self::TooManyBrowsers { count, most } => write!(
                f,
                "the scenario has {count} clients, each is a browser, and there are at most {most}"
            ),
            Self::MissingAbility(ability) => write!(
                f,
                "the scenario needs clients that can `{}`, which this client cannot",
                ability.word()
            ),
            Self::OldJournal { rule } => write!(
                f,
                "the journal is of version 1, which does not record what `{rule}` kept from which client; run the scenario again"
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
                "the machine was too busy: the harness had to wait {} at {}, {} in all",
                span(*longest),
                span(*at),
                span(*in_all)
            ),
            Self::NoEffect => f.write_str("no fault had any effect"),
            Self::NothingHeld => f.write_str("no check could be measured as ok"),
            Self::Hidden { check, why } => write!(
                f,
                "the scenario is about `{check}`, which cannot be measured for this client: {why}"
            ),
            Self::Unjudged { check, why } => {
                write!(
                    f,
                    "the scenario is about `{check}`, which could not be measured: {why}"
                )
            }
            Self::NotInSituation {
                situation,
                needed,
                seen,
            } => write!(
                f,
                "no client came into the situation that the scenario is about: `{situation}` {}",
                shortfall(*needed, *seen)
            ),
            Self::Excluded {
                situation,
                figure,
                declared,
                there,
            } => write!(
                f,
                "the client stays out of the situation that the scenario is about (`{situation}`) by what it declares: {}",
                contrast(*figure, *declared, *there)
            ),
            Self::NotBlamed { check } => {
                write!(f, "`{check}` failed, but not because of the client")
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
                "it allows {declared} for an attempt to connect, and none is kept waiting for more than {there}"
            )
        }
        Figure::FirstDelay => {
            format!("it waits {declared} before it reconnects, and that is not less than {there}")
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerKept { event } => write!(f, "`{event}` did not happen to the server"),
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
                "`{rule}` could not act on connection {attempt} of {client}: {reason}"
            ),
            Self::Spared {
                rule,
                client,
                attempt,
            } => write!(
                f,
                "`{rule}` was not applied to connection {attempt} of {client}, which was open"
            ),
            Self::NoTarget { rule } => {
                write!(f, "`{rule}` never found a connection to act on")
            }
        }
    }
}
