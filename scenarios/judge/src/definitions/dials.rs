//! Dials: every time that a client tried to connect.
//!
//! What a client tells of its dials counts, if it tells of any; else its
//! accepted connections do. A refused dial of a client that tells nothing
//! cannot be seen by anybody. Invariant: a client's dials are in order of time.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::Observations;
use super::connection::Connection;

/// A client's own words may come this much after what they tell of.
const REPORT_DELAY: Duration = Duration::from_millis(50);

/// One try to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial {
    /// When it began; of a client that does not tell, when it was accepted.
    pub at: Moment,
    /// When the client was done with it, failed or lost, before its next dial.
    pub ended: Option<Moment>,
    /// How long the connection that came of it lasted, if it ever delivered
    /// data.
    pub lasted: Option<Duration>,
}

/// One client's dials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientDials {
    /// Whether the client itself told of them.
    pub are_told: bool,
    /// Each of them.
    pub dials: Vec<Dial>,
}

/// Every client's dials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dials(BTreeMap<Arc<str>, ClientDials>);

impl Dials {
    /// From all that was observed.
    pub fn of(observed: &Observations) -> Self {
        let seen = observed.connections.clients();
        let clients: BTreeSet<&Arc<str>> = seen.chain(observed.reports.clients()).collect();
        let clients = clients.into_iter();
        Self(
            clients
                .map(|client| (Arc::clone(client), of_client(observed, client)))
                .collect(),
        )
    }

    /// Every client of which anything is known, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClientDials)> {
        self.0.iter().map(|(client, dials)| (&**client, dials))
    }

    /// One client's.
    pub fn get(&self, client: &str) -> Option<&ClientDials> {
        self.0.get(client)
    }

    /// When one client dialled, in order.
    pub fn moments(&self, client: &str) -> impl Iterator<Item = Moment> {
        let dials = self.0.get(client).into_iter();
        dials.flat_map(|own| own.dials.iter().map(|dial| dial.at))
    }
}

fn of_client(observed: &Observations, client: &str) -> ClientDials {
    let mut told: Vec<(Moment, Option<Moment>)> = observed.reports.dials(client).collect();
    told.sort_unstable();
    let end = observed.last;
    let connections = observed.connections.of(client);
    if told.is_empty() {
        let mut seen: Vec<&Connection> = connections.collect();
        seen.sort_by_key(|connection| connection.accepted);
        let next = seen
            .iter()
            .skip(1)
            .map(|connection| Some(connection.accepted));
        let dials = seen
            .iter()
            .zip(next.chain([None]))
            .map(|(connection, next)| Dial {
                at: connection.accepted,
                ended: before(connection.gone(), next),
                lasted: lasted(connection, end),
            });
        return ClientDials {
            are_told: false,
            dials: dials.collect(),
        };
    }
    let mut connections = connections.peekable();
    let next = told.iter().skip(1).map(|(at, _)| Some(*at));
    let dials = told
        .iter()
        .zip(next.chain([None]))
        .map(|((at, closed), next)| {
            let own = made_before(&mut connections, next);
            let gone = own.iter().filter_map(|connection| connection.gone()).max();
            Dial {
                at: *at,
                ended: before(closed.or(gone), next),
                lasted: own.iter().filter_map(|own| lasted(own, end)).max(),
            }
        });
    ClientDials {
        are_told: true,
        dials: dials.collect(),
    }
}

/// The connections not taken yet that were made before the next dial.
fn made_before<'a>(
    connections: &mut Peekable<impl Iterator<Item = &'a Connection>>,
    next: Option<Moment>,
) -> Vec<&'a Connection> {
    let is_own = |connection: &&Connection| {
        next.is_none_or(|next| connection.accepted + REPORT_DELAY < next)
    };
    std::iter::from_fn(|| connections.next_if(is_own)).collect()
}

fn before(ended: Option<Moment>, next: Option<Moment>) -> Option<Moment> {
    ended.filter(|ended| next.is_none_or(|next| *ended <= next))
}

fn lasted(connection: &Connection, end: Moment) -> Option<Duration> {
    connection.first_data?;
    let gone = connection.gone().unwrap_or(end);
    Some(gone.since(connection.accepted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::{JournalBuilder, ms};
    use chaos_proxy::Ending;

    #[track_caller]
    fn check(story: &JournalBuilder, are_told: bool, expect: &[(u64, Option<u64>, Option<u64>)]) {
        let dials = Dials::of(&Observations::of(&story.entries()));
        let (client, own) = dials.iter().next().unwrap();
        let expect = expect.iter().map(|(at, ended, lasted)| Dial {
            at: ms(*at),
            ended: ended.map(ms),
            lasted: lasted.map(Duration::from_millis),
        });
        assert_eq!((client, own.are_told), ("c1", are_told));
        assert_eq!(own.dials, expect.collect::<Vec<_>>());
    }

    #[test]
    fn a_client_that_tells_nothing_dialled_what_was_accepted() {
        let story = JournalBuilder::new()
            .connected("c1", 1, 0, 10)
            .left("c1", 1, Ending::Fin, 500)
            .accepted("c1", 2, 700)
            .closed("c1", 2, 1000);
        check(
            &story,
            false,
            &[(0, Some(500), Some(500)), (700, Some(1000), None)],
        );
    }

    #[test]
    fn what_a_client_tells_counts_and_its_connections_do_not() {
        let story = JournalBuilder::new()
            .dialled("c1", 1, 0)
            .connected("c1", 1, 1, 10)
            .told_closed("c1", 1, 500)
            .left("c1", 1, Ending::Fin, 501)
            .dialled("c1", 2, 600)
            .told_closed("c1", 2, 601)
            .dialled("c1", 3, 900)
            .connected("c1", 2, 901, 910)
            .mark(crate::journal::Mark::Ended, 2000);
        check(
            &story,
            true,
            &[
                (0, Some(500), Some(500)),
                (600, Some(601), None),
                (900, None, Some(1099)),
            ],
        );
    }

    #[test]
    fn a_client_that_tells_only_of_its_dials_is_done_when_its_connection_is() {
        let story = JournalBuilder::new()
            .dialled("c1", 1, 10)
            .connected("c1", 1, 0, 20)
            .closed("c1", 1, 500)
            .dialled("c1", 2, 800)
            .accepted("c1", 2, 790);
        check(
            &story,
            true,
            &[(10, Some(500), Some(500)), (800, None, None)],
        );
    }

    #[test]
    fn what_ends_after_the_next_dial_did_not_end_before_it() {
        let story = JournalBuilder::new()
            .dialled("c1", 1, 0)
            .dialled("c1", 2, 100)
            .told_closed("c1", 1, 150);
        check(&story, true, &[(0, None, None), (100, None, None)]);
    }
}
