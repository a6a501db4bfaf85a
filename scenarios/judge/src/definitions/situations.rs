//! Whether a client was in the situation that a case is about: counted from what
//! proxy, harness and client told, whatever the checks say of it.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::Moment;

use super::connection::Connection;
use super::effects::{Effect, Notice};
use super::{ClientDials, Observations};

/// How many attempts the client gave up: connections that it left before they had
/// opened, and before anything else ended them, until it was told to end.
pub fn attempts_given_up(observed: &Observations, client: &str, until: Moment) -> usize {
    let connections = observed.connections.of(client);
    let is_given_up = |connection: &&Connection| {
        let Some(left) = connection.left.filter(|left| *left < until) else {
            return false;
        };
        let before = [connection.opened(), connection.ended, connection.reset];
        before.into_iter().flatten().all(|at| at > left)
    };
    connections.filter(is_given_up).count()
}

/// How many connections had their first data while an older one, which had been
/// open, had not been ended toward the client, and was not gone.
pub fn overlapping_connections(observed: &Observations, client: &str) -> usize {
    let connections = || observed.connections.of(client);
    let is_beside = |connection: &&Connection| {
        connection.first_data.is_some_and(|at| {
            let mut older = connections().filter(|older| older.attempt < connection.attempt);
            older.any(|older| is_left_over(older, at))
        })
    };
    connections().filter(is_beside).count()
}

fn is_left_over(older: &Connection, at: Moment) -> bool {
    let ends = [older.ended, older.reset, older.closed];
    older.opened().is_some_and(|opened| opened < at)
        && ends.into_iter().flatten().all(|end| end > at)
}

/// How many silences of open connections went on until the client noticed them, or
/// for longer than it takes by its own word, if there is one.
pub fn silences_outlasted(
    observed: &Observations,
    effects: &[Effect],
    client: &str,
    liveness: Option<Duration>,
) -> usize {
    let notices = effects.iter().flat_map(|effect| &effect.notices);
    let own = notices.filter(|notice| &*notice.client == client && !notice.is_end);
    let is_outlasted = |notice: &&Notice| {
        let until = notice.until.unwrap_or(observed.watched_until());
        let was_noticed = notice.noticed.is_some_and(|noticed| noticed <= until);
        was_noticed || liveness.is_some_and(|liveness| until.since(notice.from) >= liveness)
    };
    own.filter(is_outlasted).count()
}

/// How often the client was told something while it was connecting: it had no
/// open connection, and an attempt was under way.
pub fn told_while_connecting(observed: &Observations, client: &str) -> usize {
    let told = told(observed, client).into_iter();
    told.filter(|at| !is_connected(observed, client, *at) && is_dialling(observed, client, *at))
        .count()
}

/// How often the client was told something while it waited for its next dial.
pub fn told_while_waiting(observed: &Observations, client: &str) -> usize {
    let told = told(observed, client).into_iter();
    let has_dialled = |at: &Moment| {
        let mut connections = observed.connections.of(client);
        connections.any(|connection| connection.accepted <= *at)
    };
    told.filter(has_dialled)
        .filter(|at| !is_connected(observed, client, *at) && !is_dialling(observed, client, *at))
        .count()
}

/// How many connections had data and were ended by the server before they had lasted
/// so long: it let the client in, and threw it out again.
pub fn thrown_out(observed: &Observations, client: &str, to_stay: Duration) -> usize {
    let connections = observed.connections.of(client);
    let is_thrown_out = |connection: &&Connection| {
        let (Some(data), Some(end)) = (connection.first_data, connection.server_left) else {
            return false;
        };
        let before = [connection.left, connection.reset, connection.closed];
        let was_there = before.into_iter().flatten().all(|at| at >= end);
        was_there && end.since(data) < to_stay
    };
    connections.filter(is_thrown_out).count()
}

fn told(observed: &Observations, client: &str) -> BTreeSet<Moment> {
    let given = observed.marks.instructions.iter();
    let own = given.filter(|given| given.targets.contains(client));
    own.map(|given| given.at).collect()
}

fn is_over(connection: &Connection, at: Moment) -> bool {
    connection.end().is_some_and(|end| end <= at)
}

fn is_connected(observed: &Observations, client: &str, at: Moment) -> bool {
    let mut connections = observed.connections.of(client);
    connections.any(|connection| {
        connection.opened().is_some_and(|opened| opened <= at) && !is_over(connection, at)
    })
}

/// An attempt is under way that the proxy has accepted, or the client tells of one.
fn is_dialling(observed: &Observations, client: &str, at: Moment) -> bool {
    let mut connections = observed.connections.of(client);
    let is_accepted = connections.any(|connection| {
        connection.accepted < at
            && connection.opened().is_none_or(|opened| opened > at)
            && !is_over(connection, at)
    });
    let mut dials = observed.reports.dials(client);
    is_accepted || dials.any(|(from, until)| from < at && until.is_none_or(|until| until >= at))
}

/// The shortest wait that the client chose: between the loss of a connection that
/// had had data and the next dial, if nobody told it anything in between.
pub fn own_delay(observed: &Observations, client: &str, dials: &ClientDials) -> Option<Duration> {
    let told = told(observed, client);
    let pairs = dials.dials.iter().zip(dials.dials.iter().skip(1));
    let waits = pairs.filter_map(|(lost, next)| {
        let ended = lost.ended.filter(|_| lost.lasted.is_some())?;
        let was_told = told.range(ended..=next.at).next().is_some();
        (!was_told).then(|| next.at.since(ended))
    });
    waits.min()
}
