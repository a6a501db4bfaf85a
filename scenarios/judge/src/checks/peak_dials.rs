//! `peak_dials`: in any window of this length, between t = 0 and the end of
//! settling, at most this share of all clients dials. A client that dials
//! several times in a window counts once.

use std::collections::BTreeMap;

use environment::Moment;

use super::evidence::{Evidence, Seen};
use super::measure::{Measure, share, span};
use super::result::{CheckResult, Finding};
use crate::language::{DialPeak, Expectation};

pub(super) fn check(evidence: &Evidence<'_>, limit: DialPeak) -> CheckResult {
    let (from, until) = evidence.period();
    let mut dials: Vec<(Moment, &str)> = Vec::new();
    for (client, own) in evidence.dials.iter() {
        let within = own.dials.iter().map(|dial| dial.at);
        let within = within.filter(|at| (from..=until).contains(at));
        dials.extend(within.map(|at| (at, client)));
    }
    dials.sort_unstable();
    let all = evidence.scenario.clients.count as usize;
    let seen = match peak(&dials, limit) {
        None => Seen::nothing("no client dialled after t = 0"),
        Some(peak) => judge(evidence, &peak, all, limit),
    };
    evidence.overall(Expectation::PeakDials(limit), seen)
}

/// The window in which the most clients dialled.
struct Peak<'a> {
    count: usize,
    since: Moment,
    /// The one that dialled last of them, and made it the fullest.
    last: &'a str,
}

fn peak<'a>(dials: &[(Moment, &'a str)], limit: DialPeak) -> Option<Peak<'a>> {
    let mut within: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = 0;
    let mut peak: Option<Peak<'a>> = None;
    for (at, client) in dials {
        *within.entry(client).or_default() += 1;
        while at.since(dials[first].0) >= limit.within {
            let (_, gone) = dials[first];
            match within.get_mut(gone) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(within.remove(gone)),
            }
            first += 1;
        }
        if peak.as_ref().is_none_or(|peak| within.len() > peak.count) {
            peak = Some(Peak {
                count: within.len(),
                since: dials[first].0,
                last: client,
            });
        }
    }
    peak
}

fn judge(evidence: &Evidence<'_>, peak: &Peak<'_>, all: usize, limit: DialPeak) -> Seen {
    let seen = share(peak.count as f64 / all as f64);
    let (count, within) = (peak.count, span(limit.within));
    // Half of ten is five, whatever the last digit of a product says.
    let is_over = peak.count as f64 > limit.share * all as f64 + 1e-9;
    if is_over {
        let since = evidence.at(peak.since);
        return Seen {
            result: Finding::Failed,
            observed: Measure::Share(seen),
            why: format!(
                "{count} of {all} clients dialled within {within} {since}, {} last; expected at most a share of {}",
                peak.last, limit.share
            ),
        };
    }
    Seen {
        result: Finding::Ok,
        observed: Measure::Share(seen),
        why: format!("no more than {count} of {all} clients ever dialled within {within}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, run};
    use super::*;
    use crate::journal::builder::JournalBuilder;

    const TEXT: &str = "[clients]\ncount = 10\n[[fault]]\nat = '1s'\ninject.reset = {}\n\
                        [expect]\npeak_dials = { share = 0.5, within = '1s' }\n";

    /// Each client's dial, in milliseconds.
    fn dialled(at: &[u64]) -> JournalBuilder {
        at.iter().zip(2..).fold(run(), |story, (at, client)| {
            story.dialled(&format!("c{client}"), 1, *at)
        })
    }

    #[test]
    fn dials_spread_over_time_are_ok() {
        let story = dialled(&[2000, 2100, 2200, 2300, 2999, 3000]);
        let why = "no more than 5 of 10 clients ever dialled within 1s";
        let judged = judge(TEXT, &story, Finding::Ok, why);
        assert_eq!(judged.limit, Measure::Text("0.5 within 1s".into()));
        assert_eq!(judged.observed, Measure::Share(0.5));
    }

    #[test]
    fn dials_in_step_fail() {
        let story = dialled(&[1500, 2000, 2100, 2200, 2300, 2998, 2999]);
        let why =
            "6 of 10 clients dialled within 1s at 2s, c8 last; expected at most a share of 0.5";
        judge(TEXT, &story, Finding::Failed, why);
    }

    #[test]
    fn one_client_counts_once_however_often_it_dials() {
        let story = dialled(&[2000, 2100, 2200, 2300]);
        let story = (2..9).fold(story, |story, dial| story.dialled("c2", dial, 2000 + dial));
        let why = "no more than 4 of 10 clients ever dialled within 1s";
        judge(TEXT, &story, Finding::Ok, why);
    }

    #[test]
    fn no_dial_is_not_judged() {
        let why = "no client dialled after t = 0";
        let story = JournalBuilder::run(10_000, 15_000, 15_500);
        judge(TEXT, &story, Finding::NotObservable, why);
    }
}
