//! `lost`, `duplicated`, `reordered`: what became of the numbered ticks.
//!
//! Of a session that no client has heard of, and of ticks made after a client
//! was told to stop, nobody owes anything.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::Moment;

use super::check::{Check, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::count;
use super::measure::Measure;
use super::result::{Excess, Unseen};
use crate::definitions::{Fact, Outage};
use crate::subject::{Ability, Report};

const UNNUMBERED: &str =
    "the messages of this server have no numbers that the simulated client knows";
const UNTOLD: &str = "no client reported the number of a message (`seq` of `message`)";
const SILENT: &str = "no client reported a tick that it applied";

pub(super) const LOST: Check = Check {
    key: "lost",
    facts: &[Fact::Ticks],
    read: count,
    // Of a custom server the clients' numbers say what is missing.
    needs: |_| Needs {
        abilities: &[Ability::Resume],
        reports: &[Report::Seq],
        ..Needs::default()
    },
    judge: |evidence, limit| lost(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const DUPLICATED: Check = Check {
    key: "duplicated",
    facts: &[Fact::Ticks],
    read: count,
    needs: Needs::numbered_ticks,
    judge: |evidence, limit| duplicated(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const REORDERED: Check = Check {
    key: "reordered",
    facts: &[Fact::Ticks],
    read: count,
    needs: Needs::numbered_ticks,
    judge: |evidence, limit| reordered(evidence, limit.count()),
    ..Check::BASE
};

/// Ticks that went astray in one way.
struct Strays<'a> {
    /// "was {verb}".
    verb: &'static str,
    count: usize,
    clients: BTreeSet<&'a str>,
    /// The first of them, in words.
    first: Option<String>,
    /// How long they were waited for, where nothing that came after them was applied.
    waited: Option<Duration>,
}

fn lost(evidence: &Evidence<'_>, limit: u64) -> Found {
    if !evidence.scenario.clients.behaviour.resume {
        let why = "the clients do not declare resume";
        return Found::unseen(Unseen::Client, why);
    }
    let observed = &evidence.observed;
    if evidence.scenario.own_server.is_some() {
        return missing(evidence, limit);
    }
    let Some(settled) = observed.marks.settled else {
        return Found::nothing("the run did not reach the end of settling");
    };
    let owners = observed.reports.owners();
    let mut all: Vec<(&str, u64)> = Vec::new();
    let mut waited = Some(Duration::ZERO);
    for (session, client) in &owners {
        let until = owed_until(evidence, client).map_or(settled, |until| until.min(settled));
        let lost = observed.sequences.lost(session, until);
        if let Some(first) = lost.first() {
            let until = evidence.watched_until(client).0;
            let own = observed.sequences.waited(session, *first, until);
            waited = waited.zip(own).map(|(longest, own)| longest.max(own));
        }
        all.extend(lost.into_iter().map(|seq| (*client, seq)));
    }
    let strays = Strays {
        verb: "lost",
        count: all.len(),
        clients: all.iter().map(|(client, _)| *client).collect(),
        first: all.first().map(|(client, seq)| {
            format!("tick {seq} of {client} was made before the end of settling and never applied")
        }),
        waited,
    };
    judge(evidence, limit, strays)
}

/// What is missing between a client's numbers, where the server does not tell what
/// it made: what came before the first and after the last nobody knows.
fn missing(evidence: &Evidence<'_>, limit: u64) -> Found {
    let gaps = evidence.observed.sequences.gaps();
    let first = gaps.first().map(|gap| {
        let (client, seq) = (&gap.client, gap.first);
        format!("message {seq} of {client} never came, though a later one did")
    });
    let count = gaps
        .iter()
        .fold(0_u64, |sum, gap| sum.saturating_add(gap.count));
    let strays = Strays {
        verb: "lost",
        count: usize::try_from(count).unwrap_or(usize::MAX),
        clients: gaps.iter().map(|gap| &*gap.client).collect(),
        first,
        waited: None,
    };
    judge(evidence, limit, strays)
}

/// Until when ticks were made that a client which was told to stop owes: what was
/// under way then never reached it, and neither did what was kept from it.
fn owed_until(evidence: &Evidence<'_>, client: &str) -> Option<Moment> {
    /// What a network and a busy server may take.
    const UNDER_WAY: Duration = Duration::from_millis(250);
    /// What a client may take after an outage until it has what it missed.
    const CATCHING_UP: Duration = Duration::from_secs(1);
    let observed = &evidence.observed;
    let told = observed.marks.told(client, "stop").next();
    let stopped = told
        .into_iter()
        .chain(observed.reports.stopped(client))
        .chain(evidence.gave_up_well(client))
        .min()?;
    let own = evidence
        .outages
        .iter()
        .filter(|outage| &*outage.client == client);
    let before: Vec<&Outage> = own.filter(|outage| outage.start <= stopped).collect();
    // What was missed in an outage comes behind it, and may be kept away again.
    let from = before.iter().rev().fold(stopped, |from, outage| {
        let is_over = outage.data.is_some_and(|data| data + CATCHING_UP <= from);
        if is_over { from } else { outage.start }
    });
    Some(from - UNDER_WAY)
}

fn duplicated(evidence: &Evidence<'_>, limit: u64) -> Found {
    let strays = evidence.observed.sequences.duplicated();
    let first = strays.first().map(|(_, stray)| {
        let (client, seq, at) = (&stray.client, stray.seq, evidence.at(stray.at));
        format!("{client} applied tick {seq} a second time {at}")
    });
    let strays = Strays {
        verb: "applied again",
        count: strays.len(),
        clients: strays.iter().map(|(_, stray)| &*stray.client).collect(),
        first,
        waited: None,
    };
    judge(evidence, limit, strays)
}

fn reordered(evidence: &Evidence<'_>, limit: u64) -> Found {
    let strays = evidence.observed.sequences.reordered();
    let first = strays.first().map(|(_, stray)| {
        let (client, seq, at) = (&stray.client, stray.seq, evidence.at(stray.at));
        format!("{client} applied tick {seq} after a later one {at}")
    });
    let strays = Strays {
        verb: "applied out of order",
        count: strays.len(),
        clients: strays.iter().map(|(_, stray)| &*stray.client).collect(),
        first,
        waited: None,
    };
    judge(evidence, limit, strays)
}

fn judge(evidence: &Evidence<'_>, limit: u64, strays: Strays<'_>) -> Found {
    let Strays {
        verb,
        count,
        clients,
        first,
        waited,
    } = strays;
    if !evidence.observed.sequences.are_reported() {
        return match evidence.scenario.own_server {
            Some(_) if evidence.is_sim() => Found::unseen(Unseen::Server, UNNUMBERED),
            Some(_) => Found::unseen(Unseen::Client, UNTOLD),
            None => Found::nothing(SILENT),
        };
    }
    let why = match first {
        Some(first) => format!("{first}; {verb} in all: {count}, expected at most {limit}"),
        None => format!("no tick was {verb}"),
    };
    if count as u64 > limit {
        Found {
            // A machine that withheld as much kept the client from coming back for them.
            excess: waited.map(Excess::Never),
            ..Found::failed(Measure::count(count), why, clients)
        }
    } else {
        Found::ok(Measure::count(count), why)
    }
}
