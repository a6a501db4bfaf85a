//! Whether anything in a file can exercise what it expects: a check that has
//! nothing to judge on any run is an error, told before the first one.
//!
//! Invariant: what is refused here can never be judged OK, or, of the clients'
//! own policy, never reliably. What exercises a check is in its
//! [`Check`](crate::checks::Check).

use chaos_proxy::{Fault, Rule};
use client_sim::ClientsConfig;
use environment::text::{Span, Table};

use super::action::{Action, ClientAction};
use super::expect::Expectation;
use super::own_server::OwnServer;

/// What a file sets up, for its expectations to judge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) clients: &'a ClientsConfig,
    pub(super) rules: &'a [Rule],
    pub(super) actions: &'a [Action],
    pub(super) has_server_events: bool,
    /// Who takes the ticker's place, if anybody.
    pub(super) own_server: Option<&'a OwnServer>,
    /// The file names neither a fault nor a server event.
    pub(super) is_undisturbed: bool,
    /// Whether those are all actions of the file: none was left out as wrong.
    pub(super) is_whole: bool,
}

/// Why nothing exercises a check, and what to do about it.
pub(crate) struct Objection {
    why: String,
    help: &'static str,
}

impl Objection {
    pub(crate) fn new(why: impl Into<String>, help: &'static str) -> Self {
        let why = why.into();
        Self { why, help }
    }
}

/// Reports each expectation that nothing in the file can exercise.
pub(super) fn ensure_exercisable(
    table: &Table<'_>,
    expect: &[(Expectation, Span)],
    setting: &Setting<'_>,
) {
    for (expected, span) in expect {
        if let Some(Objection { why, help }) = (expected.check.objection)(setting) {
            let message = format!("nothing in the file can exercise this check: {why}");
            table.error_with_help(span.clone(), message, help);
        }
    }
}

impl Setting<'_> {
    /// Whether a rule has a fault like this.
    pub(crate) fn has_fault(&self, is_like: impl Fn(&Fault) -> bool) -> bool {
        self.rules.iter().any(|rule| is_like(&rule.fault))
    }

    /// Whether the ticker is not the server.
    pub(crate) fn has_own_server(&self) -> bool {
        self.own_server.is_some()
    }

    /// Every fault only slows things down.
    pub(crate) fn is_only_slow(&self) -> bool {
        !self.rules.is_empty()
            && self.rules.iter().all(|rule| rule.fault.is_mild())
            && !self.has_server_events
    }

    /// Some fault keeps a connection open in silence.
    pub(crate) fn silences(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.fault.silences_client())
    }

    /// The objection to what is about harm, where nothing goes wrong.
    pub(crate) fn is_at_peace(&self) -> Option<Objection> {
        self.is_undisturbed.then(|| {
            let why = "nothing goes wrong in it";
            Objection::new(why, "give it a [[fault]], or a [[server_event]]")
        })
    }

    /// The objection to what is about harm.
    pub(crate) fn hurts_nobody(&self) -> Option<Objection> {
        if self.is_undisturbed {
            return self.is_at_peace();
        }
        self.is_only_slow().then(|| {
            let why = "every fault only slows things down, and affects no client";
            let help =
                "what is slow arrives in the end: there is nothing to notice or to recover from";
            Objection::new(why, help)
        })
    }

    /// The objection to what is about `crowd` clients or more.
    pub(crate) fn is_no_crowd(&self, crowd: usize) -> Option<Objection> {
        let count = self.clients.count;
        ((count as usize) < crowd).then(|| {
            let why = format!("it takes {crowd} clients, and there are {count}");
            Objection::new(
                why,
                "a few clients may well dial at the same time by chance",
            )
        })
    }

    /// The objection to what is about clients that are told to do this.
    pub(crate) fn never_told(
        &self,
        action: ClientAction,
        why: &str,
        help: &'static str,
    ) -> Option<Objection> {
        let is_told = self.actions.iter().any(|given| given.deed == action);
        (self.is_whole && !is_told).then(|| Objection::new(why, help))
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
            "no client is ever stopped",
        );
        exercised("quiet_after_stop = true", &action("stop"));
        idle(
            "state_equal = true",
            &action("resume"),
            "no client is ever paused",
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
    fn where_nothing_goes_wrong_there_is_nothing_to_notice_or_to_recover_from() {
        for expect in [
            "recover_within = '1s'",
            "detect_within = '1s'",
            "close_code = 1006",
        ] {
            idle(expect, "# no [[fault]]", "nothing goes wrong in it");
        }
        exercised("max_dials = 0", "# no [[fault]]");
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
