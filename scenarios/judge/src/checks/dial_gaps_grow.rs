//! `dial_gaps_grow`: while a client gets no stable connection, it waits longer
//! and longer before it dials.
//!
//! A *gap* is from when a client was done with one dial, failed or lost, to its
//! next: so a dial that hangs does not hide how the waits grow. A *run* is the
//! gaps of one client without a stable connection between them, one that
//! delivered data and lasted `min_uptime`; being told to reconnect ends a run,
//! too. With jitter one gap may well be shorter than the one before, so what
//! is judged is pooled over all runs of at least [`LENGTH`] gaps, and needs
//! [`RUNS`] of them: **the mean of all gaps from the fourth on must be at least
//! twice the mean of the first two**.
//!
//! Why so. Full jitter with growth 2 draws gap k from 0 to b·2ᵏ. The first two
//! have the mean 0.75 b, the fourth and fifth 6 b: eight times as much, and
//! with a cap of 10 b still six times. Of 4 runs of 5 gaps each mean is known
//! to about a fifth of itself, so the ratio falls below 2 once in a thousand
//! times and, of 5 runs, once in ten thousand; that of waits which do not grow
//! at all rises to 2 once in a hundred times, and of a fixed wait never. Means,
//! because of such draws the median varies almost twice as much. The first two
//! against the rest, because behind the cap nothing grows: halves of a long run
//! are alike. Decorrelated jitter grows too little in the middle to be told
//! from chance like this.

use std::time::Duration;

use client_sim::{Policy, Shape};
use environment::Moment;

use super::check::{Check, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::holds;
use super::measure::{Measure, counted, span};
use crate::definitions::{ClientDials, Fact};
use crate::language::{Objection, Setting};

/// The fewest gaps of a run: two at first, two later, and one between.
const LENGTH: usize = 5;
/// The fewest runs.
const RUNS: usize = 4;
/// So many gaps of a run are its first.
const FIRST: usize = 2;
/// So many are before those that are later.
const BEFORE_LATER: usize = 3;
/// How much longer the later gaps must be.
const GROWTH: f64 = 2.0;
/// Gaps below this are none: what they differ by is the machine's doing.
const RESOLUTION: Duration = Duration::from_millis(5);

pub(super) const CHECK: Check = Check {
    key: "dial_gaps_grow",
    facts: &[Fact::Dials],
    read: holds,
    objection,
    needs: Needs::all_dials,
    judge: |evidence, _| judge(evidence),
    ..Check::BASE
};

fn objection(setting: &Setting<'_>) -> Option<Objection> {
    let why = reluctance(&setting.clients.behaviour.reconnect)?;
    Some(Objection::new(
        why,
        "let the ceiling grow at least sixfold over three retries, as `full_jitter` with a `cap` of ten times its `base` does",
    ))
}

/// Why a policy's waits cannot be told from waits that do not grow; the
/// arithmetic is above.
fn reluctance(policy: &Policy) -> Option<&'static str> {
    /// Of the ceilings of the fourth wait and the first.
    const LEAST_GROWTH: u32 = 6;
    let ceiling = |attempt| policy.bounds(attempt, None).1;
    match policy.shape {
        Shape::Fixed => Some("the clients wait equally long before every dial"),
        Shape::DecorrelatedJitter => Some(
            "the waits of `decorrelated_jitter` grow too little to be distinguished from chance",
        ),
        _ if ceiling(3) < ceiling(0) * LEAST_GROWTH => {
            Some("the clients' waits grow too little to be distinguished from chance")
        }
        _ => None,
    }
}

/// Gaps without a stable connection between them.
#[derive(Debug)]
pub struct Run<'a> {
    client: &'a str,
    from: Moment,
    /// The time from each dial to the next.
    pub gaps: Vec<Duration>,
}

fn judge(evidence: &Evidence<'_>) -> Found {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (client, own) in evidence.dials.iter() {
        runs.extend(runs_of(evidence, client, own));
    }
    runs.retain(|run| run.gaps.len() >= LENGTH);
    if runs.len() < RUNS {
        return Found::nothing(format!(
            "there were {} of {LENGTH} waits or more without a stable connection; it takes {RUNS} to distinguish growth from chance",
            counted(runs.len(), "run")
        ));
    }
    pooled(evidence, &runs)
}

fn pooled(evidence: &Evidence<'_>, runs: &[Run<'_>]) -> Found {
    let (first, later) = means(runs);
    let growth_of_all = growth(runs);
    let observed = Measure::Text(format!("×{growth_of_all:.1}"));
    let told = format!(
        "in {} the waits before dials were {} at first and {} from the fourth on, on the average",
        counted(runs.len(), "run"),
        span(first),
        span(later)
    );
    if growth_of_all >= GROWTH {
        return Found::ok(observed, told);
    }
    let worst = worst(evidence, runs);
    let why = format!("{told}{worst}; expected twice as long or longer");
    let own = |run: &&Run<'_>| growth(std::slice::from_ref(*run));
    let flat = runs.iter().filter(|run| own(run) < GROWTH);
    Found::failed(observed, why, flat.map(|run| run.client))
}

/// The run that grew least, in words.
fn worst(evidence: &Evidence<'_>, runs: &[Run<'_>]) -> String {
    let own = |run| growth(std::slice::from_ref(run));
    let Some(run) = runs.iter().min_by(|a, b| own(a).total_cmp(&own(b))) else {
        return String::new();
    };
    let (first, later) = means(std::slice::from_ref(run));
    format!(
        "; {} grew least, {} to {} in the {} waits that began {}",
        run.client,
        span(first),
        span(later),
        run.gaps.len(),
        evidence.at(run.from)
    )
}

/// How many times as long the later gaps are; first ones below [`RESOLUTION`]
/// count as that.
fn growth(runs: &[Run<'_>]) -> f64 {
    let (first, later) = means(runs);
    later.as_secs_f64() / first.max(RESOLUTION).as_secs_f64()
}

/// Of the first gaps, and of the later ones.
fn means(runs: &[Run<'_>]) -> (Duration, Duration) {
    let first = runs.iter().flat_map(|run| run.gaps.iter().take(FIRST));
    let later = runs
        .iter()
        .flat_map(|run| run.gaps.iter().skip(BEFORE_LATER));
    (mean(first), mean(later))
}

fn mean<'a>(gaps: impl Iterator<Item = &'a Duration>) -> Duration {
    let (sum, count) = gaps.fold((Duration::ZERO, 0_u32), |(sum, count), gap| {
        (sum + *gap, count + 1)
    });
    sum / count.max(1)
}

/// One client's runs, of any length, in order of time.
pub fn runs_of<'a>(evidence: &Evidence<'_>, client: &'a str, own: &ClientDials) -> Vec<Run<'a>> {
    let (start, end) = evidence.period();
    let end = end.min(evidence.owes_until(client));
    let told: Vec<Moment> = evidence.observed.marks.told(client, "reconnect").collect();
    let stable = evidence.scenario.clients.behaviour.min_uptime;
    let mut runs: Vec<Run<'a>> = Vec::new();
    let mut goes_on = false;
    for pair in own.dials.windows(2) {
        let [before, next] = [pair[0], pair[1]];
        let is_asked = told.iter().any(|at| (before.at..=next.at).contains(at));
        if is_asked || next.at > end {
            goes_on = false;
            continue;
        }
        let from = before.ended.unwrap_or(before.at);
        let is_stable = before.lasted.is_some_and(|lasted| lasted >= stable);
        if from < start || (is_stable && before.ended.is_none()) {
            goes_on = false;
            continue;
        }
        let gap = next.at.since(from);
        match runs.last_mut().filter(|_| goes_on && !is_stable) {
            Some(run) => run.gaps.push(gap),
            None => runs.push(Run {
                client,
                from,
                gaps: vec![gap],
            }),
        }
        goes_on = true;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset};
    use super::*;
    use crate::checks::Finding;
    use crate::journal::Mark;
    use crate::journal::builder::JournalBuilder;
    use crate::language::sample::{header, scenario};
    use client_sim::{Policy, Shape};
    use environment::{Draw, Key, Realm, Seed};

    const TEXT: &str = "dial_gaps_grow = true\n[clients]\ncount = 5\nmin_uptime = '1s'";

    /// One client's dials that all fail at once, after these waits in
    /// milliseconds.
    fn waits(story: JournalBuilder, client: &str, waits: &[u64]) -> JournalBuilder {
        let begin = story
            .connected(client, 1, 0, 10)
            .dialled(client, 1, 0)
            .told_closed(client, 1, 2000);
        let dialled = waits
            .iter()
            .zip(2..)
            .fold((begin, 2000), |(story, from), (wait, dial)| {
                let at = from + wait;
                let story = story.dialled(client, dial, at);
                (story.told_closed(client, dial, at + 30), at + 30)
            });
        dialled.0
    }

    fn all(count: usize, each: &[u64]) -> JournalBuilder {
        let story = JournalBuilder::run(100_000, 200_000, 200_000);
        (1..=count).fold(story, |story, client| {
            waits(story, &format!("c{client}"), each)
        })
    }

    #[test]
    fn waits_that_double_are_ok() {
        let why = "in 5 runs the waits before dials were 150ms at first and 1200ms from the fourth on, on the average";
        let judged = judge(
            &reset(TEXT),
            &all(5, &[100, 200, 400, 800, 1600]),
            Finding::Ok,
            why,
        );
        assert_eq!(judged.observed, Measure::Text("×8.0".into()));
    }

    #[test]
    fn a_cap_does_not_take_growth_back() {
        let mut long = vec![100, 200, 400, 800];
        long.extend([1000; 40]);
        let why = "in 4 runs the waits before dials were 150ms at first and 995ms from the fourth on, on the average";
        judge(&reset(TEXT), &all(4, &long), Finding::Ok, why);
    }

    #[test]
    fn waits_that_stay_fail() {
        let why = "in 5 runs the waits before dials were 100ms at first and 100ms from the fourth on, on the average; c1 grew least, 100ms to 100ms in the 6 waits that began at 2s; expected twice as long or longer";
        judge(&reset(TEXT), &all(5, &[100; 6]), Finding::Failed, why);
        let why = "in 5 runs the waits before dials were <1ms at first and 3ms from the fourth on, on the average; c1 grew least, <1ms to 3ms in the 6 waits that began at 2s; expected twice as long or longer";
        let hasty = all(5, &[0, 1, 2, 3, 3, 3]);
        judge(&reset(TEXT), &hasty, Finding::Failed, why);
    }

    #[test]
    fn few_waits_are_not_judged() {
        let why = |count: &str| {
            format!(
                "there were {count} of 5 waits or more without a stable connection; it takes 4 to distinguish growth from chance"
            )
        };
        let few = all(3, &[100; 9]);
        judge(&reset(TEXT), &few, Finding::NotObservable, &why("3 runs"));
        let short = waits(all(0, &[]), "c1", &[100; 9]);
        let short = (2..6).fold(short, |story, client| {
            waits(story, &format!("c{client}"), &[100; 4])
        });
        judge(&reset(TEXT), &short, Finding::NotObservable, &why("1 run"));
    }

    fn runs(story: &JournalBuilder) -> Vec<Vec<u128>> {
        let scenario = scenario(&reset(TEXT));
        let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
        let own = evidence.dials.iter().next().unwrap().1;
        let runs = runs_of(&evidence, "c1", own).into_iter();
        let millis = |gaps: Vec<Duration>| gaps.iter().map(Duration::as_millis).collect();
        runs.map(|run| millis(run.gaps)).collect()
    }

    #[test]
    fn a_stable_connection_and_a_wish_begin_a_new_run() {
        let story = all(1, &[100, 200, 400]);
        assert_eq!(runs(&story), [[100, 200, 400]]);
        // The third dial, at 2330 ms, got a connection, for a while or for good.
        let flap = |until| {
            story
                .clone()
                .connected("c1", 2, 2331, 2332)
                .closed("c1", 2, until)
        };
        assert_eq!(runs(&flap(2360)), [[100, 200, 400]]);
        assert_eq!(runs(&flap(4000)), [vec![100, 200], vec![400]]);
        let reconnect = Mark::Action {
            action: "reconnect".into(),
            targets: ["c1".to_owned()].into(),
        };
        let asked = story.mark(reconnect, 2300);
        assert_eq!(runs(&asked), [[100], [400]]);
    }

    /// How many of so many seeds pass, of clients that wait by this policy.
    fn passing(policy: Policy, clients: usize, length: u32, seeds: u64) -> u64 {
        let gaps = |draw: &mut Draw| {
            let mut gaps: Vec<Duration> = Vec::new();
            for attempt in 0..length {
                let previous = gaps.last().copied();
                gaps.push(policy.delay(attempt, previous, draw));
            }
            Run {
                client: "c",
                from: Moment::ORIGIN,
                gaps,
            }
        };
        let passes = |seed: &u64| {
            let mut draw = Seed(*seed).draw(&Key::new(Realm::Client, "backoff", ""));
            let runs: Vec<Run<'_>> = (0..clients).map(|_| gaps(&mut draw)).collect();
            growth(&runs) >= GROWTH
        };
        (0..seeds).filter(passes).count() as u64
    }

    fn policy(shape: Shape, factor: f64, cap: u64) -> Policy {
        Policy {
            shape,
            base: Duration::from_millis(100),
            cap: Duration::from_millis(cap),
            factor,
        }
    }

    #[test]
    fn sound_clients_pass_under_more_than_999_of_1000_seeds() {
        let sound = [
            policy(Shape::FullJitter, 2.0, 30_000),
            policy(Shape::FullJitter, 2.0, 1000),
            policy(Shape::EqualJitter, 2.0, 1000),
            policy(Shape::Exponential, 2.0, 1000),
            policy(Shape::Rfc6455, 2.0, 1000),
        ];
        for policy in sound {
            for length in [5, 6, 12] {
                let passing = passing(policy, 5, length, 5000);
                assert!(passing >= 4995, "{policy:?} with {length} gaps: {passing}");
            }
        }
    }

    #[test]
    fn clients_whose_waits_do_not_grow_fail() {
        for length in [5, 12] {
            let fixed = policy(Shape::Fixed, 1.0, 1000);
            assert_eq!(passing(fixed, 5, length, 100), 0);
            let equal = policy(Shape::EqualJitter, 1.0, 1000);
            assert_eq!(passing(equal, 5, length, 5000), 0);
            // As wide as draws can be: chance alone may look like growth.
            let full = policy(Shape::FullJitter, 1.0, 1000);
            let passing = passing(full, 5, length, 5000);
            assert!(passing < 100, "{length} gaps: {passing}");
        }
    }
}
