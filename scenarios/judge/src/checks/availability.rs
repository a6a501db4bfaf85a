//! `availability`: the share of the clients' time, from t = 0 to the end of
//! settling, in which they had a live connection and were not deprived.
//!
//! A mean over the clients; one that was told to stop counts until then. While a
//! fault keeps data from a client it is down, until data flows again; a pause or
//! a slow feed is no fault.

use std::time::Duration;

use environment::Moment;
use environment::text::Table;

use super::check::Check;
use super::evidence::Evidence;
use super::found::Found;
use super::limit::Limit;
use super::measure::{Measure, share, span};
use super::result::Excess;

pub(super) const CHECK: Check = Check {
    key: "availability",
    read,
    judge,
    ..Check::BASE
};

fn read(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    let (limit, span) = table.spanned::<f64>(key)?;
    if limit <= 0.0 || limit > 1.0 {
        let message =
            format!("`availability` is {limit}; it must be more than 0 and at most 1, a share");
        table.error(span, message);
        return None;
    }
    Some(Limit::Share(limit))
}

/// One client's time.
struct Time {
    client: String,
    whole: Duration,
    live: Duration,
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let names = evidence.scenario.client_names().into_iter();
    let times: Vec<Time> = names
        .map(|client| time(evidence, client))
        .filter(|time| !time.whole.is_zero())
        .collect();
    if evidence.observed.connections.clients().next().is_none() {
        return Found::nothing("no client ever connected");
    }
    let worst = times.iter().min_by(|a, b| a.share().total_cmp(&b.share()));
    match worst {
        None => Found::nothing("no client had any time after t = 0"),
        Some(worst) => of_all(evidence, &times, worst, limit.share()),
    }
}

fn of_all(evidence: &Evidence<'_>, times: &[Time], worst: &Time, limit: f64) -> Found {
    let mean = times.iter().map(Time::share).sum::<f64>() / times.len() as f64;
    let (from, until) = evidence.period();
    let told = format!(
        "the clients had a live connection for a share of {} of their time up to {}; {} had the least, {} of {}{}",
        share(mean),
        span(until.since(from)),
        worst.client,
        span(worst.live),
        span(worst.whole),
        evidence.departed(&worst.client)
    );
    let observed = Measure::Share(share(mean));
    // Sums of shares are not exact to the last digit.
    let is_below = |share: f64| share < limit - 1e-9;
    if !is_below(mean) {
        return Found::ok(observed, told);
    }
    let below = times.iter().filter(|time| is_below(time.share()));
    let why = format!("{told}; expected at least {limit}");
    // So much longer the clients would have had to be live, on the average.
    let missed = until.since(from).mul_f64((limit - mean).max(0.0));
    Found {
        excess: Some(Excess::Late(missed)),
        ..Found::failed(observed, why, below.map(|time| &time.client))
    }
}

impl Time {
    fn share(&self) -> f64 {
        self.live.as_secs_f64() / self.whole.as_secs_f64()
    }
}

fn time(evidence: &Evidence<'_>, client: String) -> Time {
    let (from, until) = evidence.period();
    let until = until.min(evidence.owes_until(&client));
    let observed = &evidence.observed;
    let mut live = observed.connections.live(&client, observed.last);
    live.sort_unstable();
    let outages = evidence.outages.iter();
    let away: Vec<(Moment, Moment)> = outages
        .filter(|outage| *outage.client == *client)
        .map(|outage| (outage.start, outage.data.unwrap_or(observed.last)))
        .collect();
    Time {
        client,
        whole: until.since(from),
        live: covered(&without(&live, &away), from, until),
    }
}

/// What is left of intervals where nothing was kept away.
fn without(live: &[(Moment, Moment)], away: &[(Moment, Moment)]) -> Vec<(Moment, Moment)> {
    let mut left = live.to_vec();
    for (from, until) in away {
        let parts = left
            .into_iter()
            .flat_map(|(begin, end)| [(begin, end.min(*from)), (begin.max(*until), end)]);
        left = parts.filter(|(begin, end)| begin < end).collect();
    }
    left.sort_unstable();
    left
}

/// How much of the time lies in at least one of the intervals, which are in
/// order of their beginnings.
fn covered(intervals: &[(Moment, Moment)], from: Moment, until: Moment) -> Duration {
    let mut reached = from;
    let mut covered = Duration::ZERO;
    for (begin, end) in intervals {
        let (begin, end) = ((*begin).max(reached), (*end).min(until));
        covered += end.since(begin);
        reached = reached.max(end);
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run};
    use super::*;
    use crate::checks::Finding;
    use crate::journal::Mark;
    use crate::journal::builder::JournalBuilder;

    /// c1 is live all the time; c2 for so many of the 15 s.
    fn story(live: u64) -> JournalBuilder {
        run()
            .connected("c2", 1, 0, 1)
            .closed("c2", 1, 1001)
            .connected("c2", 2, 9000, 10_000)
            .closed("c2", 2, 9000 + live)
    }

    #[test]
    fn a_mean_above_the_limit_is_ok() {
        let why = "the clients had a live connection for a share of 0.666 of their time up to 15s; c2 had the least, 5s of 15s";
        let judged = judge(
            &reset("availability = 0.66"),
            &story(5000),
            Finding::Ok,
            why,
        );
        assert_eq!(judged.limit, Measure::Share(0.66));
        assert_eq!(judged.observed, Measure::Share(0.666));
    }

    #[test]
    fn a_mean_below_the_limit_fails() {
        let why = "the clients had a live connection for a share of 0.666 of their time up to 15s; c2 had the least, 5s of 15s; expected at least 0.67";
        let judged = judge(
            &reset("availability = 0.67"),
            &story(5000),
            Finding::Failed,
            why,
        );
        // 0.67 of 15 s, less what both had on the average.
        let Some(Excess::Late(by)) = judged.excess else {
            panic!("{:?}", judged.excess)
        };
        assert_eq!(by.as_millis(), 55);
    }

    #[test]
    fn two_connections_at_once_count_once() {
        let covers = |intervals: &[(u64, u64)]| {
            let moment = |ms| Moment::after_origin(Duration::from_millis(ms));
            let intervals: Vec<_> = intervals
                .iter()
                .map(|(begin, end)| (moment(*begin), moment(*end)))
                .collect();
            covered(&intervals, moment(100), moment(1000)).as_millis()
        };
        assert_eq!(covers(&[]), 0);
        assert_eq!(
            covers(&[(0, 400), (200, 300), (350, 500), (900, 2000)]),
            500
        );
        assert_eq!(covers(&[(0, 50), (1000, 1100)]), 0);
    }

    #[test]
    fn a_client_counts_until_it_is_told_to_stop() {
        let stop = Mark::Action {
            action: "stop".into(),
            targets: ["c2".to_owned()].into(),
        };
        let why = "the clients had a live connection for a share of 0.999 of their time up to 15s; c2 had the least, 1s of 1001ms";
        let story = story(5000).mark(stop, 1001);
        judge(&reset("availability = 0.99"), &story, Finding::Ok, why);
    }

    #[test]
    fn nobody_is_not_judged() {
        let why = "no client ever connected";
        let nobody = JournalBuilder::run(10_000, 15_000, 15_500);
        judge(
            &reset("availability = 0.9"),
            &nobody,
            Finding::NotObservable,
            why,
        );
    }
}
