//! `recover_within`: after every outage the client has data again in time,
//! counted from the later of the outage's start and its heal.

use std::time::Duration;

use super::deadlines::{Beyond, Deadlines, Judged};
use super::evidence::{Evidence, Seen, and_more};
use super::measure::{Measure, counted, span};
use super::result::{CheckResult, Finding};
use crate::definitions::Outage;
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>, limit: Duration) -> CheckResult {
    let judged = Deadlines::of(&evidence.outages, |outage| judge(evidence, outage, limit));
    let beyond = judged.beyond();
    let seen = match beyond.first() {
        Some((outage, worst)) => too_late(evidence, outage, *worst, beyond.len(), limit),
        None => in_time(evidence, &judged, limit),
    };
    let mut result = evidence.overall(Expectation::RecoverWithin(limit), seen);
    if let Some((_, worst)) = beyond.first() {
        let rules = beyond.iter().flat_map(|(outage, _)| outage.rules.clone());
        result.hangs_on = rules.collect();
        result.excess = Some(worst.excess(limit));
    }
    result
}

fn judge(evidence: &Evidence<'_>, outage: &Outage, limit: Duration) -> Judged {
    let (until, is_stopped) = evidence.watched_until(&outage.client);
    Judged::of(
        outage.recovered(),
        until.since(outage.end),
        limit,
        is_stopped,
    )
}

fn too_late(
    evidence: &Evidence<'_>,
    outage: &Outage,
    worst: Beyond,
    count: usize,
    limit: Duration,
) -> Seen {
    let client = &outage.client;
    let rules = named(outage);
    let (ended, most) = (evidence.at(outage.end), span(limit));
    let more = and_more(count);
    let what = match worst {
        Beyond::Late(taken) => format!("{client} had data only {} after", span(taken)),
        Beyond::Never(watched) => format!("{client} had no data in the {} after", span(watched)),
    };
    Seen {
        result: Finding::Failed,
        observed: Measure::seen(worst.taken()),
        why: format!(
            "{what} {rules} ended {ended}{}; expected within {most}{more}",
            evidence.departed(client)
        ),
    }
}

fn in_time(evidence: &Evidence<'_>, judged: &Deadlines<'_, Outage>, limit: Duration) -> Seen {
    if let Some(outage) = judged.open() {
        let watched = evidence.observed.watched_until().since(outage.end);
        return Seen::nothing(format!(
            "{} had no data after {}, but was watched for {} only, which is less than {}",
            outage.client,
            named(outage),
            span(watched),
            span(limit)
        ));
    }
    let Some((count, longest, outage)) = judged.within() else {
        return Seen::nothing("no client had an outage to recover from");
    };
    Seen {
        result: Finding::Ok,
        observed: Measure::seen(Some(longest)),
        why: format!(
            "{}, each recovered from within {}; {} took longest, {} after {}",
            counted(count, "outage"),
            span(limit),
            outage.client,
            span(longest),
            named(outage)
        ),
    }
}

fn named(outage: &Outage) -> String {
    let rules = outage.rules.iter().map(|rule| format!("`{rule}`"));
    rules.collect::<Vec<_>>().join(" and ")
}
