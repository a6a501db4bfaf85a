//! `quiet_after_stop`: a client that was told to stop dials no more, until it
//! is told to reconnect, if it ever is.
//!
//! The word needs its time to arrive: a dial counts once the client has said
//! itself that it stopped, or after [`GRACE`], whichever is first; an accepted
//! connection, which may have waited for its accept, after [`GRACE`]. An attempt that
//! was under way is given up: one that is there at the end, and [`GIVEN_UP`] after the
//! word, may still open.

use std::time::Duration;

use environment::Moment;

use super::check::{Check, Needs};
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::holds;
use super::measure::{Measure, counted, span};
use crate::definitions::{Connection, Fact};
use crate::language::ClientAction;
use crate::subject::Ability;

/// As long as a fault may be late before the machine is called too busy.
const GRACE: Duration = Duration::from_millis(250);

/// Nobody needs longer to let go of an attempt.
const GIVEN_UP: Duration = Duration::from_secs(3);

pub(super) const CHECK: Check = Check {
    key: "quiet_after_stop",
    facts: &[Fact::Dials],
    read: holds,
    objection: |setting| {
        let (why, help) = (
            "no client is ever stopped",
            "add an [[action]] with `do = \"stop\"`",
        );
        setting.never_told(ClientAction::Stop, why, help)
    },
    needs: |_| Needs {
        abilities: &[Ability::Stop],
        ..Needs::default()
    },
    judge: |evidence, _| judge(evidence),
    ..Check::BASE
};

/// Something that a client did when it should have been quiet.
struct Noise {
    at: Moment,
    what: &'static str,
    /// What was to be in its stead.
    expected: &'static str,
}

fn judge(evidence: &Evidence<'_>) -> Found {
    let marks = &evidence.observed.marks;
    let mut told_count = 0;
    let mut broken = Vec::new();
    for client in evidence.scenario.client_names() {
        // Told twice, it is the first time that counts.
        let Some(told) = marks.told(&client, "stop").next() else {
            continue;
        };
        told_count += 1;
        if let Some(noise) = first_noise(evidence, &client, told) {
            broken.push((client, told, noise));
        }
    }
    if told_count == 0 {
        return Found::nothing("no client was stopped");
    }
    let Some((client, told, noise)) = broken.first() else {
        let told = counted(told_count, "client");
        let why = format!("{told} stopped, and none dialled after that");
        return Found::ok(Measure::Count(0), why);
    };
    let why = format!(
        "{client} {} {}, {} after it was stopped; expected {}{}",
        noise.what,
        evidence.at(noise.at),
        span(noise.at.since(*told)),
        noise.expected,
        and_more(broken.len())
    );
    let clients = broken.iter().map(|(client, ..)| client);
    Found::failed(Measure::count(broken.len()), why, clients)
}

fn first_noise(evidence: &Evidence<'_>, client: &str, told: Moment) -> Option<Noise> {
    let observed = &evidence.observed;
    let late = told + GRACE;
    let stopped = observed.reports.stopped(client);
    let heard = stopped
        .filter(|at| *at >= told)
        .map_or(late, |at| at.min(late));
    let again = observed
        .marks
        .told(client, "reconnect")
        .find(|at| *at > told);
    let until = again.unwrap_or(observed.last + GRACE);
    let dials = observed.reports.dials(client).map(|(at, _)| at);
    let expected = "no further dial";
    let dials = dials.filter(|at| *at > heard).map(|at| Noise {
        at,
        what: "dialled",
        expected,
    });
    let connections = observed.connections.of(client);
    let accepted = connections.map(|Connection { accepted, .. }| *accepted);
    let accepted = accepted.filter(|at| *at > late).map(|at| Noise {
        at,
        what: "had a connection accepted",
        expected,
    });
    let noises = dials.chain(accepted).chain(kept(evidence, client, told));
    let noises = noises.filter(|noise| noise.at < until);
    noises.min_by_key(|noise| noise.at)
}

/// The end at which the client still has an attempt that was under way when it was told.
fn kept(evidence: &Evidence<'_>, client: &str, told: Moment) -> Option<Noise> {
    let (_, end) = evidence.period();
    let mut connections = evidence.observed.connections.of(client);
    let is_connecting = |connection: &Connection| {
        let opened = connection.opened();
        connection.spans(told, told) && opened.is_none_or(|at| at > told)
    };
    let is_kept = connections.any(|own| is_connecting(own) && own.spans(told, end));
    (is_kept && end.since(told) >= GIVEN_UP).then_some(Noise {
        at: end,
        what: "still had the attempt",
        expected: "it to be given up",
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, run};
    use crate::checks::Finding;
    use crate::journal::Mark;
    use crate::journal::builder::JournalBuilder;
    use client_sim::EventKind as Client;

    const TEXT: &str = "[[fault]]\nat = '1s'\ninject.reset = {}\n[[action]]\nat = '2s'\n\
                        do = 'stop'\n[expect]\nquiet_after_stop = true\n";
    const QUIET: &str = "1 client stopped, and none dialled after that";

    fn action(word: &str) -> Mark {
        Mark::Action {
            action: word.into(),
            targets: ["c1".to_owned()].into(),
        }
    }

    fn stopped() -> JournalBuilder {
        run().mark(action("stop"), 2000)
    }

    #[test]
    fn silence_is_ok() {
        let story = stopped()
            .dialled("c1", 2, 1999)
            .accepted("c1", 2, 2001)
            .client("c1", Client::Stopped, 2003)
            .dialled("c2", 2, 5000);
        judge(TEXT, &story, Finding::Ok, QUIET);
    }

    #[test]
    fn a_dial_after_the_word_was_heard_fails() {
        let story = stopped()
            .client("c1", Client::Stopped, 2003)
            .dialled("c1", 2, 2150);
        let why = "c1 dialled at 2150ms, 150ms after it was stopped; expected no further dial";
        judge(TEXT, &story, Finding::Failed, why);
        let unheard = stopped().dialled("c1", 2, 2250);
        judge(TEXT, &unheard, Finding::Ok, QUIET);
        let why = "c1 dialled at 2251ms, 251ms after it was stopped; expected no further dial";
        let deaf = stopped()
            .dialled("c1", 2, 2251)
            .client("c1", Client::Stopped, 9000);
        judge(TEXT, &deaf, Finding::Failed, why);
    }

    #[test]
    fn a_connection_that_comes_after_the_stop_fails() {
        judge(TEXT, &stopped().accepted("c1", 2, 2250), Finding::Ok, QUIET);
        let why =
            "c1 had a connection accepted at 3s, 1s after it was stopped; expected no further dial";
        judge(
            TEXT,
            &stopped().accepted("c1", 2, 3000),
            Finding::Failed,
            why,
        );
    }

    #[test]
    fn who_is_told_to_reconnect_may_dial() {
        let story = stopped()
            .mark(action("reconnect"), 4000)
            .dialled("c1", 2, 4001);
        judge(TEXT, &story, Finding::Ok, QUIET);
        let early = story.dialled("c1", 3, 3999);
        let why = "c1 dialled at 3999ms, 1999ms after it was stopped; expected no further dial";
        judge(TEXT, &early, Finding::Failed, why);
    }

    #[test]
    fn nobody_told_is_not_judged() {
        judge(
            TEXT,
            &run(),
            Finding::NotObservable,
            "no client was stopped",
        );
    }

    #[test]
    fn an_attempt_that_was_under_way_is_given_up() {
        let connecting = stopped().accepted("c1", 2, 1500);
        let why =
            "c1 still had the attempt at 15s, 13s after it was stopped; expected it to be given up";
        judge(TEXT, &connecting, Finding::Failed, why);
        let left = |at| {
            connecting
                .clone()
                .left("c1", 2, chaos_proxy::Ending::Fin, at)
        };
        judge(TEXT, &left(2001), Finding::Ok, QUIET);
        judge(TEXT, &left(9000), Finding::Ok, QUIET);
        let open = connecting.opened("c1", 2, 1900);
        judge(TEXT, &open, Finding::Ok, QUIET);
        let late = run().mark(action("stop"), 12_500).accepted("c1", 2, 12_000);
        judge(TEXT, &late, Finding::Ok, QUIET);
    }
}
