//! Whether anything in a file can exercise what it expects: a check that has
//! nothing to judge on any run is a mistake, told before the first one.
//!
//! Invariant: what is refused here can never be judged OK, or, of the clients'
//! own policy, never reliably.

use chaos_proxy::Rule;
use client_sim::{ClientsConfig, Policy, Shape};
use environment::text::{Span, Table};

use super::action::{Action, ClientAction};
use super::expect::{CROWD, Expectation};
use super::server_event::{Place, ServerEvent};

/// The rest of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) clients: &'a ClientsConfig,
    pub(super) rules: &'a [Rule],
    pub(super) actions: &'a [Action],
    pub(super) server_events: &'a [(ServerEvent, Place)],
    /// Whether those are all actions of the file: none was left out as wrong.
    pub(super) is_whole: bool,
}

/// Reports each expectation that nothing in the file can exercise.
pub(super) fn ensure_exercised(
    table: &Table<'_>,
    expect: &[(Expectation, Span)],
    given: Given<'_>,
) {
    for (expected, span) in expect {
        if let Some(Objection { why, help }) = objection(*expected, given) {
            let message = format!("nothing in the file can exercise this check: {why}");
            table.error_with_help(span.clone(), message, help);
        }
    }
}

/// Why not, and what to do about it.
struct Objection {
    why: String,
    help: &'static str,
}

fn objection(expected: Expectation, given: Given<'_>) -> Option<Objection> {
    match expected {
        Expectation::QuietAfterStop if given.is_whole && !given.has(ClientAction::Stop) => {
            Some(Objection {
                why: "no client is ever told to stop".to_owned(),
                help: "add an [[action]] with `do = \"stop\"`",
            })
        }
        Expectation::StateEqual if given.is_whole && !given.has(ClientAction::Pause) => {
            Some(Objection {
                why: "no client is ever told to pause".to_owned(),
                help: "add an [[action]] with `do = \"pause\"`; a session begins without a pause",
            })
        }
        Expectation::PeakDials(_) | Expectation::FirstDelaySpread(_)
            if (given.clients.count as usize) < CROWD =>
        {
            Some(Objection {
                why: format!(
                    "it takes {CROWD} clients, and there are {}",
                    given.clients.count
                ),
                help: "few clients may well dial at one time by chance",
            })
        }
        Expectation::RecoverWithin(_) | Expectation::DetectWithin(_) if given.is_only_slow() => {
            Some(Objection {
                why: "every fault only slows things down, and hurts nobody".to_owned(),
                help: "what is slow arrives in the end: there is nothing to notice or to recover from",
            })
        }
        Expectation::CloseCode(_) if given.is_only_slow() => Some(Objection {
            why: "every fault only slows things down, and ends no connection".to_owned(),
            help: "add a fault that does, such as `close_frame`",
        }),
        Expectation::StaleFlaggedWithin(_) if !given.silences() => Some(Objection {
            why: "no fault keeps a connection open in silence".to_owned(),
            help: "add one that does, such as `stall`",
        }),
        Expectation::DialGapsGrow => {
            let why = reluctance(&given.clients.behaviour.reconnect)?;
            Some(Objection {
                why: why.to_owned(),
                help: "let the ceiling grow at least sixfold over three retries, as `full_jitter` with a `cap` of ten times its `base` does",
            })
        }
        _ => None,
    }
}

impl Given<'_> {
    fn is_only_slow(self) -> bool {
        !self.rules.is_empty()
            && self.rules.iter().all(|rule| rule.fault.is_mild())
            && self.server_events.is_empty()
    }

    fn silences(self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.fault.silences_client())
    }

    fn has(self, deed: ClientAction) -> bool {
        let mut actions = self.actions.iter();
        actions.any(|action| action.deed == deed)
    }
}

/// Why a policy's waits cannot be told from waits that do not grow; see
/// `checks/dial_gaps_grow.rs` for the arithmetic.
fn reluctance(policy: &Policy) -> Option<&'static str> {
    /// Of the ceilings of the fourth wait and the first.
    const LEAST_GROWTH: u32 = 6;
    let ceiling = |attempt| policy.bounds(attempt, None).1;
    match policy.shape {
        Shape::Fixed => Some("the clients wait equally long before every dial"),
        Shape::DecorrelatedJitter => {
            Some("the waits of `decorrelated_jitter` grow too little to be told from chance")
        }
        _ if ceiling(3) < ceiling(0) * LEAST_GROWTH => {
            Some("the clients' waits grow too little to be told from chance")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::language::sample::{mistakes, wrong};

    const WHY: &str = "nothing in the file can exercise this check: ";

    fn with(expect: &str, rest: &str) -> String {
        format!("id = 'x'\nduration = '4s'\n[expect]\n{expect}\n{rest}\n")
    }

    #[track_caller]
    fn idle(expect: &str, rest: &str, why: &str) {
        let column = expect.find('=').unwrap() + 3;
        wrong(
            &with(expect, rest),
            &format!("x.toml:4:{column}: {WHY}{why}"),
        );
    }

    #[track_caller]
    fn exercised(expect: &str, rest: &str) {
        assert_eq!(mistakes(&with(expect, rest)), "");
    }

    #[test]
    fn what_a_person_never_does_cannot_be_judged() {
        let action = |deed: &str| format!("[[action]]\nat = '1s'\ndo = '{deed}'");
        idle(
            "quiet_after_stop = true",
            &action("pause"),
            "no client is ever told to stop",
        );
        exercised("quiet_after_stop = true", &action("stop"));
        idle(
            "state_equal = true",
            &action("resume"),
            "no client is ever told to pause",
        );
        exercised("state_equal = true", &action("pause"));
    }

    #[test]
    fn a_crowd_is_more_than_a_few() {
        let clients = |count: u32| format!("[clients]\ncount = {count}");
        let spread = "first_delay_spread = '1s'";
        idle(spread, &clients(9), "it takes 10 clients, and there are 9");
        exercised(spread, &clients(10));
        let peak = "peak_dials = { share = 0.5, within = '1s' }";
        idle(peak, "", "it takes 10 clients, and there are 1");
    }

    #[test]
    fn what_only_slows_things_down_needs_no_recovery() {
        let slow = "[[fault]]\nat = '1s'\ninject.latency = { delay = '10ms' }\n";
        for expect in [
            "recover_within = '1s'",
            "detect_within = '1s'",
            "close_code = 1006",
        ] {
            idle(expect, slow, "every fault only slows things down");
            exercised(
                expect,
                &format!("{slow}[[server_event]]\nat = '1s'\ndo = 'kill'"),
            );
            exercised(
                expect,
                &format!("{slow}[[fault]]\nat = '1s'\ninject.reset = {{}}"),
            );
        }
    }

    #[test]
    fn without_silence_nothing_goes_stale() {
        let stall =
            |way: &str| format!("[[fault]]\nat = '1s'\ninject.stall = {{ direction = '{way}' }}\n");
        let why = "no fault keeps a connection open in silence";
        idle("stale_flagged_within = '1s'", &stall("upstream"), why);
        exercised("stale_flagged_within = '1s'", &stall("downstream"));
    }

    #[test]
    fn waits_that_hardly_grow_cannot_be_seen_to_grow() {
        let policy = |policy: &str| format!("[clients]\nreconnect.{policy}");
        let grow = "dial_gaps_grow = true";
        idle(
            grow,
            &policy("fixed = { base = '1s' }"),
            "the clients wait equally long",
        );
        idle(
            grow,
            &policy("full_jitter = { base = '1s', cap = '2s' }"),
            "the clients' waits grow too little",
        );
        idle(
            grow,
            &policy("decorrelated_jitter = {}"),
            "the waits of `decorrelated_jitter`",
        );
        exercised(
            grow,
            &policy("full_jitter = { base = '100ms', cap = '1s' }"),
        );
    }
}
