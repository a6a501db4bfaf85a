//! `recover_within`: after every outage the client has data again in time,
//! counted from the later of the outage's start and its heal.

use std::time::Duration;

use super::check::Check;
use super::deadlines::{Beyond, Deadlines, Judged, Words, named};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{Limit, within};
use super::measure::span;
use crate::definitions::Outage;

pub(super) const CHECK: Check = Check {
    key: "recover_within",
    read: within,
    objection: |setting| setting.hurts_nobody(),
    asked: |evidence| {
        let subject = evidence.subject.as_ref();
        subject.and_then(|subject| evidence.scenario.time_to_be_back(subject))
    },
    judge,
    ..Check::BASE
};

const WORDS: Words<Outage> = Words {
    event: "outage",
    reacted: "recovered from",
    too_late,
    nothing: |_, _, _| "no client had an outage to recover from".to_owned(),
};

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let limit = limit.time();
    let judged = Deadlines::of(&evidence.outages, |outage| {
        let (until, is_stopped) = evidence.watched_until(&outage.client);
        Judged::of(
            outage.recovered(),
            until.since(outage.end),
            limit,
            is_stopped,
        )
    });
    match judged.open() {
        Some(outage) if judged.beyond().is_empty() => open(evidence, outage, limit),
        _ => judged.found(evidence, limit, &WORDS),
    }
}

/// An outage that was not watched long enough leaves it open what the rest says.
fn open(evidence: &Evidence<'_>, outage: &Outage, limit: Duration) -> Found {
    let watched = evidence.observed.watched_until().since(outage.end);
    Found::nothing(format!(
        "{} had no data after {}, but was watched for {} only, which is less than {}",
        outage.client,
        named(outage),
        span(watched),
        span(limit)
    ))
}

fn too_late(evidence: &Evidence<'_>, outage: &Outage, worst: Beyond) -> String {
    let client = &outage.client;
    let what = match worst {
        Beyond::Late(taken) => format!("{client} had data only {} after", span(taken)),
        Beyond::Never(watched) => format!("{client} had no data in the {} after", span(watched)),
    };
    let (rules, ended) = (named(outage), evidence.at(outage.end));
    let departed = evidence.departed(client);
    format!("{what} {rules} ended {ended}{departed}")
}
