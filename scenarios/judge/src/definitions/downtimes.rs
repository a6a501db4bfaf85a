//! What the loss of the server did to each client.
//!
//! A client is affected that had a connection when the server went, or dialled
//! before it was back. No data of the server comes in between: what arrives
//! then was under way before.

use std::collections::BTreeSet;
use std::sync::Arc;

use environment::Moment;

use super::Observations;
use super::connection::Connection;
use super::effects::{Effect, Notice, noticed};
use super::marks::Downtime;

/// Every downtime as each client felt it.
pub(super) fn downtime_effects(observed: &Observations) -> Vec<Effect> {
    let downtimes = observed.marks.downtimes.iter();
    let clients = || observed.connections.clients();
    downtimes
        .flat_map(|downtime| clients().filter_map(|client| effect(observed, downtime, client)))
        .collect()
}

fn effect(observed: &Observations, downtime: &Downtime, client: &Arc<str>) -> Option<Effect> {
    let until = downtime.until.unwrap_or(observed.last);
    let met = || {
        let connections = observed.connections.of(client);
        connections.filter(|connection| meets(connection, downtime.from, until))
    };
    let since = met().map(|connection| connection.accepted).min()?;
    let was_there = |connection: &&Connection| connection.accepted <= downtime.from;
    let mut hurt: BTreeSet<u64> = met().filter(was_there).map(|c| c.attempt).collect();
    if hurt.is_empty() {
        hurt = met().map(|connection| connection.attempt).collect();
    }
    let start = since.max(downtime.from);
    // Behind a fault the end comes later, and nobody can know it before.
    let told = hurt.iter().filter_map(|attempt| {
        let connection = observed.connections.get(client, *attempt)?;
        let ended = connection.ended?;
        let is_met = connection.left.is_none_or(|left| left > ended);
        is_met.then(|| ended.max(start))
    });
    let start = told.min().unwrap_or(start);
    let notices = hurt
        .iter()
        .filter_map(|attempt| notice(observed, downtime, client, *attempt, &hurt))
        .collect();
    Some(Effect {
        client: Arc::clone(client),
        rule: downtime.name.clone(),
        start,
        end: until.max(start),
        heals: true,
        notices,
        hurt,
        silent_until: until.max(start),
    })
}

/// That an open connection was ended, or fell silent.
fn notice(
    observed: &Observations,
    downtime: &Downtime,
    client: &Arc<str>,
    attempt: u64,
    hurt: &BTreeSet<u64>,
) -> Option<Notice> {
    let connection = observed.connections.get(client, attempt)?;
    let ended = connection.ended.filter(|ended| *ended >= downtime.from);
    let from = ended.unwrap_or_else(|| connection.silent_without_server(downtime.from));
    let is_open = connection.opened().is_some_and(|opened| opened <= from);
    let is_left = connection.left.is_some_and(|left| left < from);
    (is_open && !is_left).then(|| Notice {
        client: Arc::clone(client),
        rule: downtime.name.clone(),
        from,
        until: None,
        is_end: ended.is_some(),
        noticed: noticed(observed, client, from, hurt),
    })
}

/// Whether the connection was there, and not left, at any time in between.
fn meets(connection: &Connection, from: Moment, until: Moment) -> bool {
    connection.accepted < until && connection.gone().is_none_or(|gone| gone > from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::definitions::{Return, effects, outages};

    const BACK: Return = Return {
        stay: Duration::from_secs(1),
        is_confirmed: false,
    };
    use crate::journal::builder::{JournalBuilder, ms};
    use crate::language::sample::scenario;
    use environment::Seed;

    fn figures() -> super::super::ClientFigures {
        super::super::ClientFigures {
            dial_bound: Duration::from_secs(5),
            longest_dial: Duration::from_secs(5),
            await_answers: false,
        }
    }

    fn killed() -> JournalBuilder {
        JournalBuilder::run(10_000, 15_000, 15_500)
            .connected("c1", 1, 0, 10)
            .server_down("kill", 1000)
            .server_up("kill", 3000)
    }

    /// Each outage: whose, from when until when, and how long after it.
    fn felt(story: &JournalBuilder) -> Vec<(String, Moment, Moment, Option<Duration>)> {
        let plan = scenario("[expect]\nmax_live = 1\n").plan(Seed(1));
        let observed = Observations::of(&story.entries());
        let effects = effects(&observed, &plan, figures());
        let outages = outages(&observed, &effects, BACK);
        let outages = outages.iter();
        outages
            .map(|o| (o.client.to_string(), o.start, o.end, o.recovered()))
            .collect()
    }

    fn outage(
        client: &str,
        start: u64,
        after: Option<u64>,
    ) -> (String, Moment, Moment, Option<Duration>) {
        (
            client.into(),
            ms(start),
            ms(3000),
            after.map(Duration::from_millis),
        )
    }

    #[test]
    fn whoever_was_connected_is_without_data_until_the_server_is_back() {
        let story = killed().closed("c1", 1, 1001);
        assert_eq!(felt(&story), [outage("c1", 1000, None)]);
        let back = story.connected("c1", 2, 3100, 3400);
        assert_eq!(felt(&back), [outage("c1", 1000, Some(400))]);
    }

    #[test]
    fn whoever_dials_in_vain_is_hurt_from_then_on() {
        let story = killed().closed("c1", 1, 900);
        assert_eq!(felt(&story), []);
        let story = story.accepted("c1", 2, 2000).closed("c1", 2, 2001);
        assert_eq!(felt(&story), [outage("c1", 2000, None)]);
        let late = story.accepted("c2", 1, 3000);
        assert_eq!(felt(&late).len(), 1, "c2 dialled a server that is there");
    }

    #[test]
    fn what_arrives_from_a_server_that_is_gone_is_no_recovery() {
        let story = killed()
            .resumed("c1", 1, 1500)
            .connected("c1", 2, 1600, 1700);
        assert_eq!(felt(&story), [outage("c1", 1000, None)]);
    }

    #[test]
    fn a_fault_that_the_loss_of_the_server_follows_is_one_outage_with_it() {
        let story = killed().connected("c1", 2, 3200, 3300);
        let text = "[[fault]]\nat = '900ms'\ninject.reset = {}\n[expect]\nmax_live = 1\n";
        let plan = scenario(text).plan(Seed(1));
        let story = story.struck("c1", 1, "reset", 900);
        let observed = Observations::of(&story.entries());
        let effects = effects(&observed, &plan, figures());
        let [outage] = &outages(&observed, &effects, BACK)[..] else {
            panic!("one outage")
        };
        assert_eq!(outage.rules, ["kill".into(), "reset".into()].into());
        assert_eq!((outage.start, outage.end), (ms(900), ms(3000)));
        assert_eq!(outage.recovered(), Some(Duration::from_millis(300)));
    }

    #[test]
    fn a_loss_is_noticed_by_leaving_or_dialling() {
        let story = killed().left("c1", 1, chaos_proxy::Ending::Fin, 1200);
        let observed = Observations::of(&story.entries());
        let [effect] = &downtime_effects(&observed)[..] else {
            panic!("one effect")
        };
        assert_eq!(effect.notices[0].noticed, Some(ms(1200)));
        assert_eq!(effect.hurt, [1].into());
    }

    /// The server says goodbye a moment after it was told to go, and a slow link keeps
    /// that: until it is out the client hears what trickles.
    #[test]
    fn what_a_going_server_says_late_and_a_link_keeps_is_no_silence_yet() {
        let held = |since, until| {
            let story = killed().server_left("c1", 1, since);
            let story = story.withheld("c1", 1, since, until);
            let story = story.left("c1", 1, chaos_proxy::Ending::Fin, 9000);
            let observed = Observations::of(&story.entries());
            downtime_effects(&observed)[0].notices[0].from
        };
        assert_eq!(held(1001, Some(2500)), ms(2500));
        assert_eq!(held(1000, Some(2500)), ms(2500));
        assert_eq!(held(1001, None), ms(1001), "and then nothing any more");
        assert_eq!(
            held(1900, Some(2500)),
            ms(1000),
            "long after the silence began"
        );
    }
}
