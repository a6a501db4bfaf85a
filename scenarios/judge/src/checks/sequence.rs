//! `lost`, `duplicated`, `reordered`: what became of the numbered ticks.
//!
//! Of a session that no client has heard of, and of ticks made after a client
//! was told to stop, nobody owes anything.

use super::evidence::{Evidence, Seen};
use super::measure::Measure;
use super::result::{CheckResult, Finding};
use crate::language::Expectation;

const SILENT: &str = "no client told of any tick that it applied";

/// One kind of stray.
struct Kind {
    expected: Expectation,
    limit: u64,
    /// "was {verb}".
    verb: &'static str,
}

pub(super) fn lost(evidence: &Evidence<'_>, limit: u64) -> CheckResult {
    let expected = Expectation::Lost(limit);
    if !evidence.scenario.clients.behaviour.resume {
        let why = "the clients do not declare resume";
        return evidence.overall(expected, Seen::nothing(why));
    }
    let observed = &evidence.observed;
    let Some(settled) = observed.marks.settled else {
        let why = "the run did not reach the end of settling";
        return evidence.overall(expected, Seen::nothing(why));
    };
    let owners = observed.reports.owners();
    let all: Vec<(&str, u64)> = owners
        .iter()
        .flat_map(|(session, client)| {
            let stopped = observed.reports.stopped(client);
            let until = stopped.map_or(settled, |stopped| stopped.min(settled));
            let lost = observed.sequences.lost(session, until);
            lost.into_iter().map(|seq| (*client, seq))
        })
        .collect();
    let first = all.first().map(|(client, seq)| {
        format!("tick {seq} of {client} was made before the end of settling and never applied")
    });
    judge(
        evidence,
        &Kind {
            expected,
            limit,
            verb: "lost",
        },
        all.len(),
        first,
    )
}

pub(super) fn duplicated(evidence: &Evidence<'_>, limit: u64) -> CheckResult {
    let strays = evidence.observed.sequences.duplicated();
    let first = strays.first().map(|(_, stray)| {
        let at = evidence.at(stray.at);
        format!(
            "{} applied tick {} a second time {at}",
            stray.client, stray.seq
        )
    });
    judge(
        evidence,
        &Kind {
            expected: Expectation::Duplicated(limit),
            limit,
            verb: "applied again",
        },
        strays.len(),
        first,
    )
}

pub(super) fn reordered(evidence: &Evidence<'_>, limit: u64) -> CheckResult {
    let strays = evidence.observed.sequences.reordered();
    let first = strays.first().map(|(_, stray)| {
        let at = evidence.at(stray.at);
        format!(
            "{} applied tick {} after a later one {at}",
            stray.client, stray.seq
        )
    });
    judge(
        evidence,
        &Kind {
            expected: Expectation::Reordered(limit),
            limit,
            verb: "applied out of order",
        },
        strays.len(),
        first,
    )
}

fn judge(evidence: &Evidence<'_>, kind: &Kind, count: usize, first: Option<String>) -> CheckResult {
    let Kind {
        expected,
        limit,
        verb,
    } = *kind;
    if !evidence.observed.sequences.are_reported() {
        return evidence.overall(expected, Seen::nothing(SILENT));
    }
    let is_failed = count as u64 > limit;
    let seen = Seen {
        result: if is_failed {
            Finding::Failed
        } else {
            Finding::Ok
        },
        observed: Measure::count(count),
        why: match first {
            Some(first) => {
                format!("{first}; {verb} in all: {count}, expected at most {limit}")
            }
            None => format!("no tick was {verb}"),
        },
    };
    evidence.overall(expected, seen)
}
