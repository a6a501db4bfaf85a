//! `queue_at_most`, `sent_lost`, `sent_duplicated`, `sent_reordered`, `sent_early`:
//! what clients have to say themselves, and what becomes of it while nobody takes it.
//!
//! Of a client whose words a rule has changed on their way nobody can say whose
//! doing that is: it is left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use client_sim::{Delivery, Sending};

use super::check::{Check, Needs};
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::count;
use super::measure::{Measure, counted};
use super::result::Unseen;
use crate::definitions::{Outgoing, Receipt};
use crate::language::{Objection, Setting};
use crate::subject::Report;

pub(super) const QUEUE: Check = Check {
    key: "queue_at_most",
    read: count,
    objection: |setting| match setting.has_own_server() {
        // Whoever speaks to that may have something to say of its own accord.
        true => setting.is_at_peace(),
        false => says_nothing(setting),
    },
    needs: |_| Needs {
        reports: &[Report::Queue],
        ..Needs::default()
    },
    judge: |evidence, limit| queue(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const LOST: Check = Check {
    key: "sent_lost",
    read: count,
    objection: says_nothing,
    needs: |_| RECEIPTS,
    judge: |evidence, limit| lost(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const DUPLICATED: Check = Check {
    key: "sent_duplicated",
    read: count,
    objection: says_nothing,
    needs: |_| RECEIPTS,
    judge: |evidence, limit| duplicated(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const REORDERED: Check = Check {
    key: "sent_reordered",
    read: count,
    objection: says_nothing,
    needs: |_| RECEIPTS,
    judge: |evidence, limit| reordered(evidence, limit.count()),
    ..Check::BASE
};

pub(super) const EARLY: Check = Check {
    key: "sent_early",
    read: count,
    objection: says_nothing,
    needs: |_| Needs {
        numbers: true,
        ..Needs::NONE
    },
    judge: |evidence, limit| early(evidence, limit.count()),
    ..Check::BASE
};

const RECEIPTS: Needs = Needs {
    of_server: Some("what it receives"),
    numbers: true,
    ..Needs::NONE
};

fn says_nothing(setting: &Setting<'_>) -> Option<Objection> {
    if setting.clients.behaviour.sending.is_none() {
        let help = "let them say something: `send = { every = \"200ms\" }` in [clients]";
        return Some(Objection::new("the clients have nothing to send", help));
    }
    setting.is_at_peace()
}

/// What the clients are told to send, which the file's objections see to.
fn told(evidence: &Evidence<'_>) -> Sending {
    let told = evidence.scenario.clients.behaviour.sending;
    told.unwrap_or_else(|| Sending::every(std::time::Duration::MAX))
}

const IDLE: &str = "no client had anything to say while it had no connection";

fn queue(evidence: &Evidence<'_>, limit: u64) -> Found {
    let messages = &evidence.observed.messages;
    let own = || messages.clients();
    if evidence.is_sim() && own().all(|(_, own)| own.carried == 0) {
        return Found::nothing(IDLE);
    }
    let peaks = own().filter_map(|(client, own)| Some((own.peak()?, client)));
    let mut peaks: Vec<_> = peaks.collect();
    // The fullest first, and of equals the first by name.
    peaks.sort_by_key(|((held, _), _)| std::cmp::Reverse(*held));
    let Some(((most, at), client)) = peaks.first().copied() else {
        return Found::nothing("no client reported how many messages it holds");
    };
    let at = evidence.at(at);
    if most <= limit {
        let why = format!("no client ever held more than {}", counted_messages(most));
        return Found::ok(Measure::Count(most), why);
    }
    let failed = peaks.iter().filter(|((held, _), _)| *held > limit);
    let failed: Vec<&Arc<str>> = failed.map(|(_, client)| *client).collect();
    let why = format!(
        "{client} held {} {at}; expected at most {limit}{}",
        counted_messages(most),
        and_more(failed.len())
    );
    Found::failed(Measure::Count(most), why, failed)
}

fn lost(evidence: &Evidence<'_>, limit: u64) -> Found {
    let told = told(evidence);
    let lost = |own: &Outgoing| own.lost(told.at_most.into(), is_repeated(evidence));
    judge(evidence, limit, "lost", |client, own| {
        let lost = lost(own);
        let first = lost.first()?;
        let why = format!("message {first} of {client} never came, though a later one did");
        Some((lost.len(), why))
    })
}

fn duplicated(evidence: &Evidence<'_>, limit: u64) -> Found {
    let is_repeated = is_repeated(evidence);
    let although = match is_repeated {
        true => " on a connection that began after it was acknowledged",
        false => "",
    };
    judge(evidence, limit, "sent again", |client, own| {
        let doubled = own.doubled(is_repeated);
        let Receipt { at, number, .. } = doubled.first()?;
        let at = evidence.at(*at);
        let why = format!("{client} sent message {number} again {at}{although}");
        Some((doubled.len(), why))
    })
}

fn reordered(evidence: &Evidence<'_>, limit: u64) -> Found {
    judge(evidence, limit, "sent out of order", |client, own| {
        let strays = own.reordered();
        let Receipt { at, number, .. } = strays.first()?;
        let at = evidence.at(*at);
        let why = format!("message {number} of {client} came after a later one {at}");
        Some((strays.len(), why))
    })
}

fn early(evidence: &Evidence<'_>, limit: u64) -> Found {
    judge(evidence, limit, "sent before the welcome", |client, own| {
        let (number, at) = own.early().first()?;
        let at = evidence.at(*at);
        let why = format!("{client} sent message {number} before it was welcomed {at}");
        Some((own.early().len(), why))
    })
}

fn is_repeated(evidence: &Evidence<'_>) -> bool {
    told(evidence).delivery == Delivery::AtLeastOnce
}

/// Counts what went astray of each client, with a sentence about the first.
fn judge(
    evidence: &Evidence<'_>,
    limit: u64,
    verb: &str,
    strays: impl Fn(&str, &Outgoing) -> Option<(usize, String)>,
) -> Found {
    let altered = altered(evidence);
    let clients = evidence.observed.messages.clients();
    let (left_out, judged): (Vec<_>, Vec<_>) =
        clients.partition(|(client, _)| altered.contains_key(*client));
    let carried = judged.iter().map(|(_, own)| own.carried);
    let carried = carried.fold(0, u64::saturating_add);
    if carried == 0 {
        return match left_out.first() {
            Some((client, _)) => {
                let rule = &altered[*client];
                let why = format!("`{rule}` changed on its way what {client} and the server said");
                Found::unseen(Unseen::Nothing, why)
            }
            None => Found::nothing(IDLE),
        };
    }
    let found = judged.iter().filter_map(|(client, own)| {
        let (count, why) = strays(client, own)?;
        Some((*client, count, why))
    });
    let found: Vec<_> = found.collect();
    let count: usize = found.iter().map(|(_, count, _)| count).sum();
    let Some((_, _, first)) = found.first() else {
        let carried = counted_messages(carried);
        let why = format!("no message was {verb}; clients came back with {carried} to be sent");
        return Found::ok(Measure::count(0), why);
    };
    let why = format!("{first}; {verb} in all: {count}, expected at most {limit}");
    if count as u64 <= limit {
        return Found::ok(Measure::count(count), why);
    }
    let clients: BTreeSet<&Arc<str>> = found.iter().map(|(client, ..)| *client).collect();
    Found::failed(Measure::count(count), why, clients)
}

/// Clients whose words a rule has changed, each with the first that did.
fn altered<'a>(evidence: &'a Evidence<'_>) -> std::collections::BTreeMap<Arc<str>, &'a str> {
    let mut altered = std::collections::BTreeMap::new();
    for strike in evidence.observed.connections.strikes() {
        let mut rules = evidence.plan.rules().iter();
        let rule = rules.find(|rule| rule.name == strike.rule);
        if rule.is_some_and(|rule| rule.fault.alters_messages()) {
            let client = Arc::clone(&strike.client);
            altered.entry(client).or_insert(strike.rule.as_str());
        }
    }
    altered
}

fn counted_messages(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "message")
}
