//! `peak_dials`: in any window of this length, between t = 0 and the end of
//! settling, at most this share of all clients dials. A client that dials
//! several times in a window counts once.

use std::collections::BTreeMap;

use environment::Moment;
use environment::text::Table;

use super::check::{CROWD, Check, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{DialPeak, Limit, required_time};
use super::measure::{Measure, share, span};
use crate::definitions::Fact;

pub(super) const CHECK: Check = Check {
    key: "peak_dials",
    facts: &[Fact::Dials],
    read,
    objection: |setting| setting.is_no_crowd(CROWD),
    needs: Needs::all_dials,
    counts_dials: true,
    judge,
    ..Check::BASE
};

fn read(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    let mut peak = table.table(key)?;
    let share = peak.required_spanned::<f64>("share");
    let within = required_time(&mut peak, "within");
    let (share, span) = share?;
    if share <= 0.0 || share >= 1.0 {
        let message = format!("`share` is {share}; it must be more than 0 and less than 1");
        let help = "all clients can never be more than a share of 1";
        peak.error_with_help(span, message, help);
        return None;
    }
    Some(Limit::Peak(DialPeak {
        share,
        within: within?,
    }))
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let limit = limit.peak();
    let (from, until) = evidence.period();
    let mut dials: Vec<(Moment, &str)> = Vec::new();
    for (client, own) in evidence.dials.iter() {
        let within = own.dials.iter().map(|dial| dial.at);
        let within = within.filter(|at| (from..=until).contains(at));
        dials.extend(within.map(|at| (at, client)));
    }
    dials.sort_unstable();
    let all = evidence.scenario.clients.count as usize;
    match peak(&dials, limit) {
        None => Found::nothing("no client dialled after t = 0"),
        Some(peak) => of_peak(evidence, &peak, all, limit),
    }
}

/// The window in which the most clients dialled.
struct Peak<'a> {
    clients: Vec<&'a str>,
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
        if peak
            .as_ref()
            .is_none_or(|peak| within.len() > peak.clients.len())
        {
            peak = Some(Peak {
                clients: within.keys().copied().collect(),
                since: dials[first].0,
                last: client,
            });
        }
    }
    peak
}

fn of_peak(evidence: &Evidence<'_>, peak: &Peak<'_>, all: usize, limit: DialPeak) -> Found {
    let (count, within) = (peak.clients.len(), span(limit.within));
    let observed = Measure::Share(share(count as f64 / all as f64));
    // Half of ten is five, whatever the last digit of a product says.
    let is_over = count as f64 > limit.share * all as f64 + 1e-9;
    if !is_over {
        let why = format!("no more than {count} of {all} clients ever dialled within {within}");
        return Found::ok(observed, why);
    }
    let since = evidence.at(peak.since);
    let why = format!(
        "{count} of {all} clients dialled within {within} {since}, {} last; expected at most a share of {}",
        peak.last, limit.share
    );
    Found::failed(observed, why, &peak.clients)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, run};
    use super::*;
    use crate::checks::Finding;
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
