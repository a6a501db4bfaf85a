//! Journals for tests, told in a few words. Times are milliseconds.

use std::ops::RangeInclusive;
use std::time::Duration;

use chaos_proxy::{Ending, EventKind as Proxy, Peer};
use client_sim::{CloseReason, EventKind as Client};
use environment::Moment;
use ticker_server::EventKind as Server;

use super::entry::{Body, Entry, Mark};

/// The moment so many milliseconds after the origin.
pub fn ms(at: u64) -> Moment {
    Moment::after_origin(Duration::from_millis(at))
}

/// A journal being told.
#[derive(Debug, Clone, Default)]
pub struct JournalBuilder(Vec<Entry>);

impl JournalBuilder {
    /// Nothing yet; t = 0 is the origin unless marked.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been told so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.clone()
    }

    fn add(mut self, at: u64, body: Body) -> Self {
        self.0.push(Entry { at: ms(at), body });
        self
    }

    /// An event of the proxy's, about a client's connection.
    pub fn proxy(self, client: &str, attempt: u64, what: Proxy, at: u64) -> Self {
        let client = client.into();
        self.add(
            at,
            Body::Proxy {
                client,
                attempt,
                what,
            },
        )
    }

    /// An event of a client.
    pub fn client(self, client: &str, what: Client, at: u64) -> Self {
        let client = client.into();
        self.add(at, Body::Client { client, what })
    }

    /// An event of the server.
    pub fn server(self, what: Server, at: u64) -> Self {
        self.add(at, Body::Server(what))
    }

    /// A mark of the harness's.
    pub fn mark(self, mark: Mark, at: u64) -> Self {
        self.add(at, Body::Harness(mark))
    }

    /// This server event takes the server away.
    pub fn server_down(self, name: &str, at: u64) -> Self {
        let (name, end) = (name.into(), name.into());
        self.mark(Mark::ServerDown { name, end }, at)
    }

    /// The server is back after that event.
    pub fn server_up(self, name: &str, at: u64) -> Self {
        let (name, end) = (name.into(), name.into());
        self.mark(Mark::ServerUp { name, end }, at)
    }

    /// A run that went through all its parts: t = 0 at 0, everything else then.
    pub fn run(healed: u64, settled: u64, ended: u64) -> Self {
        Self::new()
            .mark(Mark::Started, 0)
            .mark(Mark::TZero, 0)
            .mark(Mark::Healed, healed)
            .mark(Mark::Settled, settled)
            .mark(Mark::Drained, ended.saturating_sub(100))
            .mark(Mark::ClientsStopped, ended)
            .mark(Mark::Ended, ended)
    }

    /// The proxy accepts a connection.
    pub fn accepted(self, client: &str, attempt: u64, at: u64) -> Self {
        self.proxy(client, attempt, Proxy::Accepted, at)
    }

    /// The first data goes to the client.
    pub fn first_data(self, client: &str, attempt: u64, at: u64) -> Self {
        self.proxy(client, attempt, Proxy::FirstData, at)
    }

    /// Accepted, and live later.
    pub fn connected(self, client: &str, attempt: u64, at: u64, data: u64) -> Self {
        self.accepted(client, attempt, at)
            .first_data(client, attempt, data)
    }

    /// Data flows again; what was withheld until now is out.
    pub fn resumed(mut self, client: &str, attempt: u64, at: u64) -> Self {
        let micros = ms(at).as_micros();
        for entry in &mut self.0 {
            let Body::Proxy {
                client: whose,
                attempt: which,
                what:
                    Proxy::Withheld {
                        first_us,
                        until_us,
                        silent_from_us,
                        silent_until_us,
                        silent_since_us,
                        ..
                    },
            } = &mut entry.body
            else {
                continue;
            };
            if &**whose == client && *which == attempt && until_us.is_none() {
                first_us.get_or_insert(micros);
                *until_us = Some(micros);
                *silent_from_us = silent_since_us.take();
                *silent_until_us = Some(micros);
            }
        }
        self.proxy(client, attempt, Proxy::Resumed, at)
    }

    /// The rule `stall` strikes a connection while there is something for its
    /// client at every moment.
    pub fn stalled(self, client: &str, attempt: u64, at: u64) -> Self {
        self.struck(client, attempt, "stall", at)
            .withheld(client, attempt, at, None)
    }

    /// The server's answer 101 is delivered.
    pub fn opened(self, client: &str, attempt: u64, at: u64) -> Self {
        self.proxy(client, attempt, Proxy::Upgraded { status: 101 }, at)
    }

    /// FIN or RST goes to the client.
    pub fn ended(self, client: &str, attempt: u64, how: Ending, at: u64) -> Self {
        self.proxy(client, attempt, Proxy::Ended { how }, at)
    }

    /// A rule destroys data for the client between these; something is heard
    /// next then, and data comes again then.
    pub fn destroyed(
        self,
        client: &str,
        attempt: u64,
        (first, last): (u64, u64),
        heard: Option<u64>,
        until: Option<u64>,
    ) -> Self {
        let micros = |at: u64| ms(at).as_micros();
        let what = Proxy::Destroyed {
            direction: "downstream".into(),
            first_us: micros(first),
            last_us: micros(last),
            heard_us: heard.map(micros),
            until_us: until.map(micros),
        };
        self.proxy(client, attempt, what, until.unwrap_or(last))
    }

    /// Bytes for the client that came at `since` waited until then, or indefinitely.
    pub fn withheld(self, client: &str, attempt: u64, since: u64, until: Option<u64>) -> Self {
        self.withheld_of("downstream", client, attempt, since, until)
    }

    /// Likewise on the way to the server.
    pub fn withheld_upstream(
        self,
        client: &str,
        attempt: u64,
        since: u64,
        until: Option<u64>,
    ) -> Self {
        self.withheld_of("upstream", client, attempt, since, until)
    }

    fn withheld_of(
        self,
        direction: &str,
        client: &str,
        attempt: u64,
        since: u64,
        until: Option<u64>,
    ) -> Self {
        let until_us = until.map(|until| ms(until).as_micros());
        let what = Proxy::Withheld {
            direction: direction.into(),
            since_us: ms(since).as_micros(),
            first_us: until_us,
            until_us,
            bytes: 1,
            silent_from_us: until_us.map(|_| ms(since).as_micros()),
            silent_until_us: until_us,
            silent_since_us: until_us.is_none().then(|| ms(since).as_micros()),
        };
        self.proxy(client, attempt, what, until.unwrap_or(since))
    }

    /// The client ends its connection.
    pub fn left(self, client: &str, attempt: u64, how: Ending, at: u64) -> Self {
        let what = Proxy::PeerEnded {
            peer: Peer::Client,
            how,
            code: None,
        };
        self.proxy(client, attempt, what, at)
    }

    /// The server ends a connection.
    pub fn server_left(self, client: &str, attempt: u64, at: u64) -> Self {
        let what = Proxy::PeerEnded {
            peer: Peer::Server,
            how: Ending::Fin,
            code: None,
        };
        self.proxy(client, attempt, what, at)
    }

    /// The connection is over.
    pub fn closed(self, client: &str, attempt: u64, at: u64) -> Self {
        let what = Proxy::Closed {
            upstream_bytes: 1,
            downstream_bytes: 1,
        };
        self.proxy(client, attempt, what, at)
    }

    /// As planned, or unplanned, in time.
    pub fn struck(self, client: &str, attempt: u64, rule: &str, at: u64) -> Self {
        self.struck_late(client, attempt, rule, at, at)
    }

    /// Later than planned.
    pub fn struck_late(
        self,
        client: &str,
        attempt: u64,
        rule: &str,
        planned: u64,
        at: u64,
    ) -> Self {
        let what = Proxy::Struck {
            rule: rule.into(),
            fault: rule.into(),
            occurrence: 1,
            planned_us: Some(planned * 1000),
            actual_us: at * 1000,
        };
        self.proxy(client, attempt, what, at)
    }

    /// What a rule held is over.
    pub fn healed(self, client: &str, attempt: u64, rule: &str, at: u64) -> Self {
        let what = Proxy::Healed {
            rule: rule.into(),
            occurrence: 1,
        };
        self.proxy(client, attempt, what, at)
    }

    /// The client dials.
    pub fn dialled(self, client: &str, dial: u64, at: u64) -> Self {
        self.client(client, Client::Dialled { dial }, at)
    }

    /// The client tells that a connection was reset.
    pub fn told_closed(self, client: &str, dial: u64, at: u64) -> Self {
        let what = Client::Closed {
            dial,
            why: CloseReason::Reset,
            code: None,
        };
        self.client(client, what, at)
    }

    /// The server gives the client a session.
    pub fn welcomed(self, client: &str, dial: u64, session: &str, at: u64) -> Self {
        let what = Client::Welcomed {
            dial,
            session: session.into(),
            resumed: false,
            lost: None,
            next_seq: 1,
            paused: false,
        };
        self.client(client, what, at)
    }

    /// Applied one a millisecond from `at` on.
    pub fn applied(
        self,
        client: &str,
        session: &str,
        seqs: impl IntoIterator<Item = u64>,
        at: u64,
    ) -> Self {
        seqs.into_iter().zip(at..).fold(self, |story, (seq, at)| {
            let session = session.into();
            let what = Client::Applied {
                dial: 1,
                session,
                seq,
            };
            story.client(client, what, at)
        })
    }

    /// Made one a millisecond from `at` on.
    pub fn ticks(self, session: &str, seqs: RangeInclusive<u64>, at: u64) -> Self {
        seqs.zip(at..).fold(self, |story, (seq, at)| {
            let session = session.into();
            story.server(Server::Ticked { session, seq }, at)
        })
    }

    /// The server has a socket of this session.
    pub fn socket_opened(self, socket: u64, session: &str, at: u64) -> Self {
        let session = session.into();
        let what = Server::SocketOpened {
            socket,
            session,
            resumed: false,
        };
        self.server(what, at)
    }

    /// That socket is gone.
    pub fn socket_closed(self, socket: u64, session: &str, at: u64) -> Self {
        let session = session.into();
        self.server(Server::SocketClosed { socket, session }, at)
    }

    /// The server stops the ticks of a session, or lets them go on.
    pub fn server_paused(self, session: &str, paused: bool, at: u64) -> Self {
        let session = session.into();
        self.server(Server::PauseChanged { session, paused }, at)
    }
}
