//! Outages of a client, and its recovery.
//!
//! Effects that follow each other before the client has recovered are one
//! outage: a client that is reset, and then refused for three seconds, cannot
//! be back before the refusing ends, and its recovery counts from there.
//!
//! Recovered is who has data on a connection that **stays**: who is let in and
//! thrown out again and again has not come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::Observations;
use super::connection::Connection;
use super::effects::Effect;

/// An end so soon after somebody at the client did something may be his doing.
const AFTER_AN_ACT: Duration = Duration::from_millis(250);

/// What a client may take until it has told of a message.
const TOLD_WITHIN: Duration = Duration::from_millis(250);

/// From a fault's first effect on a client until all that affected it is healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub client: Arc<str>,
    /// The rules that made it.
    pub rules: BTreeSet<String>,
    /// The first effect.
    pub start: Moment,
    /// The last heal.
    pub end: Moment,
    /// From when on data counts: `start`, or when a lost server was back.
    silent_until: Moment,
    /// When data was delivered to the client after that, on a connection that it
    /// had not left and that stayed.
    pub data: Option<Moment>,
    /// Whether that connection was too young at the end of the run to say that it
    /// stayed, after others that did not.
    pub is_open: bool,
}

impl Outage {
    /// From the later of start and heal to the data; zero if it came during
    /// the outage, on another connection.
    pub fn recovered(&self) -> Option<Duration> {
        self.data.map(|data| data.since(self.end))
    }

    fn goes_on_with(&self, effect: &Effect) -> bool {
        self.client == effect.client && self.data.is_none_or(|data| effect.start < data)
    }

    fn look_for_data(&mut self, observed: &Observations, effects: &[Effect], wanted: Return) {
        let back = Back {
            observed,
            effects,
            client: &self.client,
            wanted,
        };
        (self.data, self.is_open) = back.after(self.silent_until);
    }
}

/// What it takes to be back.
#[derive(Debug, Clone, Copy)]
pub struct Return {
    /// A connection stays that lasts so long from its data on.
    pub stay: Duration,
    /// Whether the client tells of its messages, so that one must confirm the data.
    pub is_confirmed: bool,
}

/// Every outage, by client, then by time, from [`effects`](super::effects())' list.
pub fn outages(observed: &Observations, effects: &[Effect], wanted: Return) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    for effect in effects {
        match outages.last_mut() {
            Some(outage) if outage.goes_on_with(effect) => {
                if effect.heals {
                    outage.end = outage.end.max(effect.end);
                }
                outage.silent_until = outage.silent_until.max(effect.silent_until);
                outage.rules.insert(effect.rule.clone());
            }
            _ => outages.push(Outage {
                client: Arc::clone(&effect.client),
                rules: BTreeSet::from([effect.rule.clone()]),
                start: effect.start,
                end: effect.end,
                silent_until: effect.silent_until,
                data: None,
                is_open: false,
            }),
        }
        if let Some(outage) = outages.last_mut() {
            outage.look_for_data(observed, effects, wanted);
        }
    }
    outages
}

/// Looks for the data with which a client is back.
struct Back<'a> {
    observed: &'a Observations,
    effects: &'a [Effect],
    client: &'a str,
    wanted: Return,
}

impl Back<'_> {
    /// The first data after `start` on a connection that stays, and whether that
    /// is open. What flows into a connection that the client has left reaches
    /// nobody.
    fn after(&self, start: Moment) -> (Option<Moment>, bool) {
        let connections = self.observed.connections.of(self.client);
        let data = connections.flat_map(|connection| {
            let data = connection.data().map(move |at| (at, connection));
            let is_heard = move |at: &Moment| {
                let is_there = connection.left.is_none_or(|left| *at < left);
                *at > start && is_there && !connection.is_deprived(*at)
            };
            data.filter(move |(at, _)| is_heard(at))
        });
        let mut data: Vec<(Moment, &Connection)> = data.collect();
        data.sort_by_key(|(at, connection)| (*at, connection.attempt));
        let mut has_failed = false;
        for (at, connection) in data {
            match self.stays(connection, at) {
                Some(true) => return (Some(at), false),
                Some(false) => has_failed = true,
                None => return (Some(at), has_failed),
            }
        }
        (None, false)
    }

    /// Whether the connection stays from its data on; `None`: the run ended first.
    /// Whoever polls has what it asked for when the answer is complete.
    fn stays(&self, connection: &Connection, data: Moment) -> Option<bool> {
        let watched = self.observed.watched_until();
        let end = connection.end().filter(|end| *end < watched);
        let lasted = end.unwrap_or(watched).since(data);
        match end {
            _ if !self.is_confirmed(connection, data, end.unwrap_or(watched)) => Some(false),
            _ if connection.answers.contains(&data) => Some(true),
            _ if lasted > self.wanted.stay => Some(true),
            None => None,
            Some(end) => Some(self.is_excused(connection, data, end)),
        }
    }

    /// Whether the client told of a message, if it tells of any, from the data until
    /// the connection was over, or little later. Proxy and client write down at once
    /// what passes between them, and either may be the first.
    fn is_confirmed(&self, connection: &Connection, data: Moment, until: Moment) -> bool {
        let from = connection.accepted.max(data - TOLD_WITHIN);
        let until = until + TOLD_WITHIN;
        let reports = &self.observed.reports;
        let message = || reports.message_after(self.client, from);
        !self.wanted.is_confirmed
            || data + TOLD_WITHIN > self.observed.watched_until()
            || self.wants_pause(data)
            || connection.is_damaged(data)
            || message().is_some_and(|at| at <= until)
    }

    /// Whether the client wants no ticks then: heartbeats are all that it is owed, of
    /// which its application hears nothing.
    fn wants_pause(&self, at: Moment) -> bool {
        let told = |word| {
            let told = self.observed.marks.told(self.client, word);
            told.take_while(|told| *told <= at).last()
        };
        self.observed.reports.intended(self.client, at) || told("pause") > told("resume")
    }

    /// Whether a rule, the loss of the server or a person ended it.
    fn is_excused(&self, connection: &Connection, data: Moment, end: Moment) -> bool {
        let is_then = |at: Moment| (data..=end).contains(&at);
        let strikes = self.observed.connections.strikes();
        let mut effects = self.effects.iter();
        let is_struck = effects.any(|effect| {
            let is_its =
                &*effect.client == self.client && effect.hurt.contains(&connection.attempt);
            // A rule that strikes many of its connections affects this one when it does.
            let mut own = strikes.iter().filter(|strike| {
                let is_by_it = strike.rule == effect.rule && &*strike.client == self.client;
                is_by_it && strike.attempt == connection.attempt
            });
            is_its && (is_then(effect.start) || own.any(|strike| is_then(strike.at)))
        });
        // Or it was over before that was.
        let lasts = |until: Option<Moment>| until.is_none_or(|until| until >= end);
        let mut losses = connection.losses.downstream.iter();
        let is_kept = losses.any(|loss| is_then(loss.from) && lasts(loss.until));
        let marks = &self.observed.marks;
        let mut downtimes = marks.downtimes.iter();
        let is_lost = downtimes.any(|downtime| is_then(downtime.from));
        let mut acts = marks.instructions.iter();
        let is_acted = acts.any(|act| {
            act.targets.contains(self.client) && (end - AFTER_AN_ACT..=end).contains(&act.at)
        });
        is_struck || is_kept || is_lost || is_acted
    }
}
