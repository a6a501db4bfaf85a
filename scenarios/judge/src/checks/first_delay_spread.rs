//! `first_delay_spread`: after a loss that hit many clients at once, their
//! first dials are spread over at least this time.
//!
//! A loss is the end of a live connection after t = 0, whoever ended it, of a
//! client that was not told to stop: from when the client is told of it, since it may
//! dial again before it closes its own end. It is common where it hits [`CROWD`]
//! clients within [`AT_ONCE`]. A client's delay is from its loss to its next
//! dial; the spread is from the shortest delay to the longest. A client that
//! never reconnects has no delay: that is for `recover_within` to judge.

use std::collections::BTreeMap;
use std::time::Duration;

use environment::Moment;

use super::check::{CROWD, Check, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{Limit, at_least};
use super::measure::{Measure, span};
use crate::definitions::Fact;

/// Losses no further apart than this are one.
const AT_ONCE: Duration = Duration::from_millis(100);

pub(super) const CHECK: Check = Check {
    key: "first_delay_spread",
    facts: &[Fact::Dials],
    read: at_least,
    objection: |setting| setting.is_no_crowd(CROWD),
    needs: Needs::all_dials,
    judge,
    ..Check::BASE
};

/// A loss in common, and how the clients came back.
struct Return<'a> {
    at: Moment,
    /// Each client's delay, the shortest first.
    delays: Vec<(Duration, &'a str)>,
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let returns = returns(evidence);
    match returns.iter().min_by_key(|back| back.spread()) {
        None => Found::nothing(format!(
            "no loss hit {CROWD} clients within {} that reconnected",
            span(AT_ONCE)
        )),
        Some(narrowest) => of_narrowest(evidence, narrowest, limit.time()),
    }
}

fn of_narrowest(evidence: &Evidence<'_>, back: &Return<'_>, limit: Duration) -> Found {
    let spread = back.spread();
    let [(shortest, first), .., (longest, last)] = back.delays[..] else {
        return Found::nothing("one client is no crowd");
    };
    let told = format!(
        "{} clients that lost their connections {} reconnected after {} ({first}) to {} ({last}), a spread of {}",
        back.delays.len(),
        evidence.at(back.at),
        span(shortest),
        span(longest),
        span(spread)
    );
    let observed = Measure::seen(Some(spread));
    if spread >= limit {
        return Found::ok(observed, told);
    }
    let why = format!("{told}; expected at least {}", span(limit));
    Found::failed(observed, why, back.delays.iter().map(|(_, client)| client))
}

impl Return<'_> {
    fn spread(&self) -> Duration {
        let ends = self.delays.first().zip(self.delays.last());
        ends.map_or(Duration::ZERO, |((shortest, _), (longest, _))| {
            *longest - *shortest
        })
    }
}

fn returns<'a>(evidence: &'a Evidence<'_>) -> Vec<Return<'a>> {
    let losses = losses(evidence);
    let mut returns = Vec::new();
    let mut rest = &losses[..];
    while let [(at, _), ..] = rest {
        let together = rest.partition_point(|(other, _)| other.since(*at) <= AT_ONCE);
        let mut hit: BTreeMap<&str, Moment> = BTreeMap::new();
        for (lost, client) in &rest[..together] {
            hit.insert(client, *lost);
        }
        if hit.len() < CROWD {
            rest = &rest[1..];
            continue;
        }
        let delays = delays(evidence, &hit);
        if delays.len() >= CROWD {
            returns.push(Return { at: *at, delays });
        }
        rest = &rest[together..];
    }
    returns
}

/// The shortest first.
fn delays<'a>(
    evidence: &Evidence<'_>,
    hit: &BTreeMap<&'a str, Moment>,
) -> Vec<(Duration, &'a str)> {
    let delays = hit.iter().filter_map(|(client, lost)| {
        let mut dials = evidence.dials.moments(client);
        let next = dials.find(|at| at > lost)?;
        // A dial that somebody asked for comes when he does.
        let mut asked = evidence.observed.marks.told(client, "reconnect");
        let is_asked = asked.any(|at| (*lost..=next).contains(&at));
        (!is_asked).then(|| (next.since(*lost), *client))
    });
    let mut delays: Vec<_> = delays.collect();
    delays.sort_unstable();
    delays
}

/// When live connections ended, in order of time.
fn losses<'a>(evidence: &'a Evidence<'_>) -> Vec<(Moment, &'a str)> {
    let (from, until) = evidence.period();
    let connections = &evidence.observed.connections;
    let mut losses = Vec::new();
    for client in connections.clients() {
        let owed_until = evidence.owes_until(client).min(until);
        let last = evidence.observed.last;
        let live = connections
            .of(client)
            .filter(|own| own.live(last).is_some());
        let ends = live.map(|own| own.end().unwrap_or(last));
        let lost = ends.filter(|end| (from..owed_until).contains(end));
        losses.extend(lost.map(|end| (end, &**client)));
    }
    losses.sort_unstable();
    losses
}

#[cfg(test)]
mod tests {
    use super::super::tests::judge;
    use super::*;
    use crate::checks::Finding;
    use crate::journal::builder::JournalBuilder;

    const TEXT: &str = "[clients]\ncount = 12\n[[fault]]\nat = '1s'\ninject.reset = {}\n\
                        [expect]\nfirst_delay_spread = '500ms'\n";

    /// So many clients lose their connections one after the other from 1 s on,
    /// and come back so much later, each by that again.
    fn lost(count: u64, apart: u64, delay: u64) -> JournalBuilder {
        let story = JournalBuilder::run(10_000, 15_000, 15_500);
        (0..count).fold(story, |story, index| {
            let client = format!("c{}", index + 1);
            let lost = 1000 + index * apart;
            story
                .connected(&client, 1, 0, 10)
                .closed(&client, 1, lost)
                .connected(&client, 2, lost + 100 + index * delay, 5000)
        })
    }

    #[test]
    fn first_dials_far_apart_are_ok() {
        let why = "12 clients that lost their connections at 1s reconnected after 100ms (c1) to 650ms (c12), a spread of 550ms";
        let judged = judge(TEXT, &lost(12, 5, 50), Finding::Ok, why);
        assert_eq!(judged.observed, Measure::Text("550ms".into()));
    }

    #[test]
    fn first_dials_in_step_fail() {
        let why = "12 clients that lost their connections at 1s reconnected after 100ms (c1) to 111ms (c12), a spread of 11ms; expected at least 500ms";
        judge(TEXT, &lost(12, 5, 1), Finding::Failed, why);
    }

    #[test]
    fn dials_that_somebody_asked_for_are_in_step_and_no_fault() {
        let reconnect = crate::journal::Mark::Action {
            action: "reconnect".into(),
            targets: (1..=3).map(|index| format!("c{index}")).collect(),
        };
        let why = "no loss hit 10 clients within 100ms that reconnected";
        let asked = lost(12, 5, 1).mark(reconnect, 1060);
        judge(TEXT, &asked, Finding::NotObservable, why);
    }

    #[test]
    fn losses_of_few_or_of_all_in_turn_are_not_judged() {
        let why = "no loss hit 10 clients within 100ms that reconnected";
        for story in [lost(9, 5, 1), lost(12, 50, 1), lost(12, 12, 1)] {
            judge(TEXT, &story, Finding::NotObservable, why);
        }
    }

    #[test]
    fn a_client_that_was_told_to_stop_lost_nothing() {
        let story = (1..=3).fold(lost(12, 5, 1), |story, client| {
            story.client(&format!("c{client}"), client_sim::EventKind::Stopped, 900)
        });
        let why = "no loss hit 10 clients within 100ms that reconnected";
        judge(TEXT, &story, Finding::NotObservable, why);
    }

    #[test]
    fn who_dials_before_it_has_left_has_lost_its_connection_all_the_same() {
        let story = (1..=12).fold(
            JournalBuilder::run(10_000, 15_000, 15_500),
            |story, index| {
                let client = format!("c{index}");
                story
                    .connected(&client, 1, 0, 10)
                    .ended(&client, 1, chaos_proxy::Ending::Fin, 1000)
                    .connected(&client, 2, 1002 + index % 3, 5000)
                    .left(&client, 1, chaos_proxy::Ending::Fin, 1007)
            },
        );
        let why = "12 clients that lost their connections at 1s reconnected after 2ms (c12) to 4ms (c8), a spread of 2ms; expected at least 500ms";
        judge(TEXT, &story, Finding::Failed, why);
    }
}
