//! `close_code`: the code that a client reports of each connection that a fault
//! has ended.
//!
//! As browsers have it (RFC 6455 §7.1.5): 1005 stands for a close frame without
//! a code, 1006 for an end without a close frame. What the client ended because
//! it wanted to has no code, and neither has a dial that never became a
//! connection.

use std::collections::BTreeMap;

use environment::text::Table;

use super::check::{Check, Needs};
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::Limit;
use super::measure::{Measure, counted};
use crate::definitions::{Effect, End};
use crate::language::{Objection, Setting};
use crate::subject::Report;

pub(super) const CHECK: Check = Check {
    key: "close_code",
    read,
    objection,
    needs: |_| Needs {
        reports: &[Report::Dial, Report::Open, Report::Close],
        ..Needs::default()
    },
    judge,
    ..Check::BASE
};

/// One that a client can see: RFC 6455 §7.4.2 uses none below 1000, and none
/// above 4999 is given out.
fn read(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    let (code, span) = table.spanned::<u16>(key)?;
    if !(1000..=4999).contains(&code) {
        let message = format!("`close_code` is {code}; it must be from 1000 to 4999");
        let help = "1005 is a close frame without a code, 1006 an end without a close frame";
        table.error_with_help(span, message, help);
        return None;
    }
    Some(Limit::Code(code))
}

fn objection(setting: &Setting<'_>) -> Option<Objection> {
    setting.is_at_peace().or_else(|| {
        setting.is_only_slow().then(|| {
            let why = "every fault only slows things down, and ends no connection";
            Objection::new(why, "add a fault that does, such as `close_frame`")
        })
    })
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let expected = limit.code();
    let ends = ends(evidence);
    if ends.is_empty() {
        return Found::nothing("no client reported the end of a connection that a fault affected");
    }
    let wrong = ends.iter().filter(|(end, _)| end.code != expected);
    let wrong: Vec<_> = wrong.collect();
    let Some((end, effect)) = wrong.first() else {
        let why = format!(
            "{} ended by faults, each reported by its client with close code {expected}",
            counted(ends.len(), "connection")
        );
        return Found::ok(Measure::Count(expected.into()), why);
    };
    let why = format!(
        "{} saw its connection end with close code {} {}, after `{}`; expected {expected}{}",
        effect.client,
        end.code,
        evidence.at(end.at),
        effect.rule,
        and_more(wrong.len())
    );
    let clients = wrong.iter().map(|(_, effect)| &effect.client);
    let rules = wrong.iter().map(|(_, effect)| effect.rule.clone());
    Found {
        rules: Some(rules.collect()),
        ..Found::failed(Measure::Count(end.code.into()), why, clients)
    }
}

/// The ends of connections that were affected, in order of time; each once, with
/// what affected it last.
fn ends<'a>(evidence: &'a Evidence<'_>) -> Vec<(End, &'a Effect)> {
    let observed = &evidence.observed;
    let mut ends = BTreeMap::new();
    for effect in &evidence.effects {
        let hurt = effect.hurt.iter();
        for connection in hurt.filter_map(|n| observed.connections.get(&effect.client, *n)) {
            let end = observed.reports.end(&effect.client, connection.accepted);
            if let Some(end) = end {
                ends.insert((end.at, &effect.client), (end, effect));
            }
        }
    }
    ends.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run};
    use super::*;
    use crate::checks::Finding;
    use crate::journal::builder::JournalBuilder;
    use client_sim::{CloseReason, EventKind};

    /// Client 1 is struck at 1 s and tells of the end so.
    fn ended(why: CloseReason, code: Option<u16>) -> JournalBuilder {
        run()
            .dialled("c1", 1, 0)
            .client("c1", EventKind::Opened { dial: 1 }, 5)
            .struck("c1", 1, "reset", 1000)
            .client("c1", EventKind::Closed { dial: 1, why, code }, 999)
    }

    #[test]
    fn the_code_that_was_expected_is_ok() {
        let check = |why, code, expected: u16| {
            let told = format!(
                "1 connection ended by faults, each reported by its client with close code {expected}"
            );
            let text = reset(&format!("close_code = {expected}"));
            let judged = judge(&text, &ended(why, code), Finding::Ok, &told);
            assert_eq!(judged.limit, Measure::Count(expected.into()));
        };
        check(CloseReason::CloseFrame, Some(1012), 1012);
        check(CloseReason::CloseFrame, None, 1005);
        check(CloseReason::Ended, None, 1006);
        check(CloseReason::Silent, None, 1006);
    }

    #[test]
    fn another_code_fails() {
        let text = reset("close_code = 1014");
        let why =
            "c1 saw its connection end with close code 1002 at 999ms, after `reset`; expected 1014";
        let story = ended(CloseReason::CloseFrame, Some(1002));
        let judged = judge(&text, &story, Finding::Failed, why);
        assert_eq!(judged.observed, Measure::Count(1002));
        assert_eq!(judged.hangs_on, ["reset".to_owned()].into());
        let both = story
            .connected("c2", 1, 0, 10)
            .dialled("c2", 1, 0)
            .client("c2", EventKind::Opened { dial: 1 }, 5)
            .struck("c2", 1, "reset", 1000)
            .told_closed("c2", 1, 1001);
        let why = format!("{why} (and 1 more such)");
        judge(&text, &both, Finding::Failed, &why);
    }

    #[test]
    fn what_no_client_tells_is_not_judged() {
        let why = "no client reported the end of a connection that a fault affected";
        let text = reset("close_code = 1006");
        let silent = run().struck("c1", 1, "reset", 1000);
        judge(&text, &silent, Finding::NotObservable, why);
        let wanted = ended(CloseReason::Wanted, None);
        judge(&text, &wanted, Finding::NotObservable, why);
        let never_open = run()
            .dialled("c1", 1, 0)
            .struck("c1", 1, "reset", 1000)
            .told_closed("c1", 1, 1001);
        judge(&text, &never_open, Finding::NotObservable, why);
    }

    #[test]
    fn the_end_of_another_connection_is_not_looked_at() {
        let story = ended(CloseReason::CloseFrame, Some(1012))
            .dialled("c1", 2, 1100)
            .connected("c1", 2, 1101, 1102)
            .client("c1", EventKind::Opened { dial: 2 }, 1102)
            .told_closed("c1", 2, 5000);
        let why = "1 connection ended by faults, each reported by its client with close code 1012";
        judge(&reset("close_code = 1012"), &story, Finding::Ok, why);
    }
}
