//! `min_dial_gap`: from one dial of a client to its next there is at least
//! this time, after t = 0. A dial that the user asked for may
//! come at any time.

use std::time::Duration;

use environment::Moment;

use super::check::{Check, Needs};
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::{Limit, at_least};
use super::measure::{Measure, counted, span};
use crate::definitions::{ClientDials, Fact};

/// Of a client that does not tell of its dials, two accepted connections are
/// compared, and the first of them may have waited for its accept: so much,
/// but no more than half the limit, counts as observation.
const ACCEPT_DELAY: Duration = Duration::from_millis(50);

pub(super) const CHECK: Check = Check {
    key: "min_dial_gap",
    facts: &[Fact::Dials],
    read: at_least,
    needs: Needs::all_dials,
    counts_dials: true,
    judge,
    ..Check::BASE
};

struct Gap<'a> {
    client: &'a str,
    from: Moment,
    gap: Duration,
    least: Duration,
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let limit = limit.time();
    let mut gaps: Vec<Gap<'_>> = Vec::new();
    for (client, own) in evidence.dials.iter() {
        gaps.extend(gaps_of(evidence, client, own, limit));
    }
    // The first of equals, in the order of names and times.
    let shortest = gaps.iter().min_by_key(|gap| gap.gap);
    let mut short: Vec<&Gap<'_>> = gaps.iter().filter(|gap| gap.gap < gap.least).collect();
    short.sort_by_key(|gap| gap.gap);
    let Some(shortest) = shortest else {
        return Found::nothing("no client dialled twice after t = 0");
    };
    let Some(worst) = short.first() else {
        let why = format!(
            "{} between dials, the shortest {}, of {} {}",
            counted(gaps.len(), "gap"),
            span(shortest.gap),
            shortest.client,
            evidence.at(shortest.from)
        );
        return Found::ok(Measure::seen(Some(shortest.gap)), why);
    };
    let why = format!(
        "{} dialled {} and again {} later; expected at least {}{}",
        worst.client,
        evidence.at(worst.from),
        span(worst.gap),
        span(limit),
        and_more(short.len())
    );
    let clients = short.iter().map(|gap| gap.client);
    Found::failed(Measure::seen(Some(worst.gap)), why, clients)
}

fn gaps_of<'a>(
    evidence: &Evidence<'_>,
    client: &'a str,
    own: &ClientDials,
    limit: Duration,
) -> Vec<Gap<'a>> {
    let (start, end) = evidence.period();
    let tolerance = if own.are_told {
        Duration::ZERO
    } else {
        ACCEPT_DELAY.min(limit / 2)
    };
    let told: Vec<Moment> = evidence.observed.marks.told(client, "reconnect").collect();
    let pairs = own.dials.windows(2).map(|pair| (pair[0].at, pair[1].at));
    pairs
        .filter(|(from, to)| *from >= start && *to <= end)
        .filter(|(from, to)| !told.iter().any(|told| (from..=to).contains(&told)))
        .map(|(from, to)| Gap {
            client,
            from,
            gap: to.since(from),
            least: limit - tolerance,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run};
    use super::*;
    use crate::checks::Finding;
    use crate::journal::Mark;
    use crate::journal::builder::JournalBuilder;

    fn told(second: u64) -> JournalBuilder {
        run().dialled("c2", 1, 1000).dialled("c2", 2, second)
    }

    #[test]
    fn dials_far_enough_apart_are_ok() {
        let why = "1 gap between dials, the shortest 100ms, of c2 at 1s";
        let text = reset("min_dial_gap = '100ms'");
        let judged = judge(&text, &told(1100), Finding::Ok, why);
        assert_eq!(judged.limit, Measure::Text("100ms".into()));
    }

    #[test]
    fn what_a_client_tells_is_taken_exactly() {
        let why = "c2 dialled at 1s and again 99ms later; expected at least 100ms";
        let text = reset("min_dial_gap = '100ms'");
        judge(&text, &told(1099), Finding::Failed, why);
    }

    #[test]
    fn accepted_connections_may_have_waited() {
        let text = reset("min_dial_gap = '400ms'");
        let story = |second| run().accepted("c2", 1, 1000).accepted("c2", 2, second);
        let why = "1 gap between dials, the shortest 350ms, of c2 at 1s";
        judge(&text, &story(1350), Finding::Ok, why);
        let why = "c2 dialled at 1s and again 349ms later; expected at least 400ms";
        judge(&text, &story(1349), Finding::Failed, why);
        let short = reset("min_dial_gap = '20ms'");
        let why = "c2 dialled at 1s and again 9ms later; expected at least 20ms";
        judge(&short, &story(1009), Finding::Failed, why);
    }

    #[test]
    fn a_dial_that_was_asked_for_may_come_at_once() {
        let action = Mark::Action {
            action: "reconnect".into(),
            targets: ["c2".to_owned()].into(),
        };
        let story = told(1001).mark(action, 1000);
        let why = "no client dialled twice after t = 0";
        let text = reset("min_dial_gap = '100ms'");
        judge(&text, &story, Finding::NotObservable, why);
    }
}
