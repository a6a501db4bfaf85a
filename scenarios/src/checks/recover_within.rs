//! `recover_within`: after every outage the client has data again in time,
//! counted from the later of the outage's start and its heal.

use std::time::Duration;

use super::evidence::{Evidence, Judged, Seen, and_more};
use super::measure::{Measure, counted, span};
use super::result::{CheckResult, Finding};
use crate::definitions::Outage;
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>, limit: Duration) -> CheckResult {
    let judged: Vec<(&Outage, Judged)> = evidence
        .outages
        .iter()
        .map(|outage| (outage, judge(evidence, outage, limit)))
        .collect();
    let beyond = worst(&judged);
    let mut result = evidence.overall(
        Expectation::RecoverWithin(limit),
        match beyond.first() {
            Some((outage, taken)) => too_late(evidence, outage, *taken, beyond.len(), limit),
            None => in_time(evidence, &judged, limit),
        },
    );
    if !beyond.is_empty() {
        let rules = beyond.iter().flat_map(|(outage, _)| outage.rules.clone());
        result.hangs_on = rules.collect();
        let worst = beyond.first().and_then(|(_, taken)| *taken);
        result.excess = worst.map(|taken| taken.saturating_sub(limit));
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

/// The outages beyond the limit; never comes first, then the longest.
fn worst<'a>(judged: &[(&'a Outage, Judged)]) -> Vec<(&'a Outage, Option<Duration>)> {
    let mut beyond: Vec<_> = judged
        .iter()
        .filter_map(|(outage, judged)| match judged {
            Judged::Beyond(taken) => Some((*outage, *taken)),
            Judged::Within(_) | Judged::Open | Judged::Excused => None,
        })
        .collect();
    beyond.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.unwrap_or(Duration::MAX)));
    beyond
}

fn too_late(
    evidence: &Evidence<'_>,
    outage: &Outage,
    taken: Option<Duration>,
    count: usize,
    limit: Duration,
) -> Seen {
    let client = &outage.client;
    let rules = named(outage);
    let (ended, most) = (evidence.at(outage.end), span(limit));
    let more = and_more(count);
    let what = match taken {
        Some(taken) => format!("{client} had data only {} after", span(taken)),
        None => {
            let (until, _) = evidence.watched_until(client);
            let watched = until.since(outage.end);
            format!("{client} had no data in the {} after", span(watched))
        }
    };
    Seen {
        result: Finding::Failed,
        observed: Measure::seen(taken),
        why: format!("{what} {rules} ended {ended}; expected within {most}{more}"),
    }
}

fn in_time(evidence: &Evidence<'_>, judged: &[(&Outage, Judged)], limit: Duration) -> Seen {
    if let Some((outage, _)) = judged.iter().find(|(_, j)| matches!(j, Judged::Open)) {
        let watched = evidence.observed.watched_until().since(outage.end);
        return Seen::nothing(format!(
            "{} had no data after {}, but was watched for {} only, which is less than {}",
            outage.client,
            named(outage),
            span(watched),
            span(limit)
        ));
    }
    let taken: Vec<(Duration, &Outage)> = judged
        .iter()
        .filter_map(|(outage, judged)| match judged {
            Judged::Within(taken) => Some((*taken, *outage)),
            Judged::Beyond(_) | Judged::Open | Judged::Excused => None,
        })
        .collect();
    let Some((longest, outage)) = taken.iter().max_by_key(|(taken, _)| *taken) else {
        return Seen::nothing("no client had an outage to recover from");
    };
    Seen {
        result: Finding::Ok,
        observed: Measure::seen(Some(*longest)),
        why: format!(
            "{}, each recovered from within {}; {} took longest, {} after {}",
            counted(taken.len(), "outage"),
            span(limit),
            outage.client,
            span(*longest),
            named(outage)
        ),
    }
}

fn named(outage: &Outage) -> String {
    let rules = outage.rules.iter().map(|rule| format!("`{rule}`"));
    rules.collect::<Vec<_>>().join(" and ")
}
