//! What came about in a run, as a set of abstract states: which fault struck what
//! in which phase, what its client was doing then, and how that ended; and what a
//! search wants to have seen at all.
//!
//! Pure. Invariant: a function of the journal's entries alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::EventKind as ProxyEvent;
use client_sim::{CloseReason, EventKind as ClientEvent};
use environment::Moment;
use serde::{Deserialize, Serialize};
use ticker_server::EventKind as ServerEvent;

use crate::checks::Evidence;
use crate::journal::{Body, Entry, Mark};

/// Something that came about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A fault struck.
    Struck(Struck),
    /// Whatever else there is to see.
    Came(Came),
}

/// A strike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Struck {
    /// The fault's word.
    pub fault: String,
    /// What it struck.
    pub place: Place,
    /// How many connections its client had had: 1, 2, 3 for three and four, 4 for more.
    pub attempt: u8,
    /// What its client was doing.
    pub doing: Doing,
    /// How many clients had a connection open: none, 1, 2 for more.
    pub open: u8,
    /// How that ended.
    pub end: End,
}

/// What a fault struck.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A listener, or the server.
    #[default]
    Listener,
    /// A connection that was accepted.
    Connect,
    /// One whose request had reached the server.
    Upgrade,
    /// One that had its answer.
    Open,
    /// One that had data.
    Fed,
    /// One of which a side had ended.
    Closing,
}

impl Place {
    /// In the order of a connection's life.
    pub const ALL: [Self; 6] = [
        Self::Listener,
        Self::Connect,
        Self::Upgrade,
        Self::Open,
        Self::Fed,
        Self::Closing,
    ];

    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Connect => "connect",
            Self::Upgrade => "upgrade",
            Self::Open => "open",
            Self::Fed => "fed",
            Self::Closing => "closing",
        }
    }
}

/// What a client was doing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It had not dialled.
    #[default]
    Nothing,
    /// It had dialled.
    Connecting,
    /// Its connection was open.
    Open,
    /// It had its session back, and was sent what it had missed.
    Resuming,
    /// It waited before its next dial.
    Waiting,
    /// It was told to stop.
    Stopped,
}

/// How the client told of the end of what was struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Not at all.
    Stayed,
    /// The dial was refused.
    Refused,
    /// The dial took too long.
    Timeout,
    /// The answer was none of a WebSocket.
    BadUpgrade,
    /// RST.
    Reset,
    /// FIN.
    Ended,
    /// A close frame.
    CloseFrame,
    /// Silence.
    Silent,
    /// The peer broke the protocol.
    Protocol,
    /// Anything else.
    Other,
}

impl From<CloseReason> for End {
    fn from(why: CloseReason) -> Self {
        match why {
            CloseReason::Refused => Self::Refused,
            CloseReason::ConnectTimeout => Self::Timeout,
            CloseReason::BadUpgrade => Self::BadUpgrade,
            CloseReason::Reset => Self::Reset,
            CloseReason::Ended => Self::Ended,
            CloseReason::CloseFrame => Self::CloseFrame,
            CloseReason::Silent => Self::Silent,
            CloseReason::Protocol => Self::Protocol,
            _ => Self::Other,
        }
    }
}

/// What a search wants to have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// A fault struck a client that was not back from another.
    SecondFault,
    /// A fault struck while what had been missed was sent.
    ReplayStruck,
    /// What had been missed was sent.
    Replay,
    /// Two clients were struck within a tenth of a second.
    TwoAtOnce,
    /// A client waited for as long as it ever does.
    LongestDelay,
    /// It was asked to keep its distance, and waited longer than that.
    Distance,
    /// A session was forgotten, or was not known any more.
    SessionGone,
    /// A client was refused what it asked for, by code 4401.
    SessionRefused,
    /// Two dials in a row took too long.
    TwoTimeouts,
    /// A new connection came before the old one had gone.
    Overlap,
    /// Told to stop while it connected.
    StopConnecting,
    /// Told to stop while it waited.
    StopWaiting,
    /// Told to reconnect while it connected.
    ReconnectConnecting,
    /// Told to reconnect while it waited.
    ReconnectWaiting,
    /// Told to pause or go on without a connection.
    WishAway,
    /// A connection lasted, and the next loss was met by a first delay.
    Afresh,
    /// The server was lost while a client was away.
    ServerLostAway,
}

impl Came {
    /// Every one, with what it is for people.
    pub const ALL: [(Self, &'static str); 17] = [
        (
            Self::SecondFault,
            "a fault during the recovery from another",
        ),
        (Self::Replay, "a replay under way"),
        (Self::ReplayStruck, "a fault during a replay"),
        (Self::TwoAtOnce, "two clients hit at once"),
        (Self::LongestDelay, "the longest delay reached"),
        (Self::Distance, "a wait longer than the policy's own"),
        (Self::SessionGone, "a session expired or forgotten"),
        (Self::SessionRefused, "a session refused"),
        (Self::TwoTimeouts, "two dials in a row given up"),
        (Self::Overlap, "an old connection beside the new one"),
        (Self::StopConnecting, "stopped while connecting"),
        (Self::StopWaiting, "stopped while waiting"),
        (
            Self::ReconnectConnecting,
            "asked to reconnect while connecting",
        ),
        (Self::ReconnectWaiting, "asked to reconnect while waiting"),
        (
            Self::WishAway,
            "asked to pause or unpause while disconnected",
        ),
        (Self::Afresh, "a first delay after failures and a good time"),
        (
            Self::ServerLostAway,
            "the server lost while a client was away",
        ),
    ];
}

/// The states of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// In their order.
    pub states: BTreeSet<State>,
}

#[derive(Debug, Default)]
struct Client {
    doing: Doing,
    places: BTreeMap<u64, Place>,
    last_attempt: u64,
    /// Strikes whose end is not told yet.
    pending: Vec<Struck>,
    is_hurt: bool,
    timeouts: u32,
    failures: u32,
    has_session: bool,
    opened: Option<Moment>,
    is_rested: bool,
}

struct Fold<'a> {
    clients: BTreeMap<Arc<str>, Client>,
    states: BTreeSet<State>,
    last_strike: Option<(Moment, Arc<str>)>,
    cap: Duration,
    base: Duration,
    min_uptime: Duration,
    evidence: &'a Evidence<'a>,
}

impl Coverage {
    /// Of a journal.
    pub fn of(entries: &[Entry], evidence: &Evidence<'_>) -> Self {
        let behaviour = &evidence.scenario.clients.behaviour;
        let mut fold = Fold {
            clients: BTreeMap::new(),
            states: BTreeSet::new(),
            last_strike: None,
            cap: behaviour.reconnect.cap,
            base: behaviour.reconnect.base,
            min_uptime: behaviour.min_uptime,
            evidence,
        };
        for entry in entries {
            fold.take(entry);
        }
        let Fold {
            clients,
            mut states,
            ..
        } = fold;
        for client in clients.into_values() {
            states.extend(client.pending.into_iter().map(State::Struck));
        }
        Self { states }
    }
}

impl Fold<'_> {
    fn take(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Proxy {
                client,
                attempt,
                what,
            } => self.proxy(client, *attempt, what, entry.at),
            Body::Client { client, what } => self.client(client, what, entry.at),
            Body::Server(ServerEvent::SessionEnded { .. }) => self.came(Came::SessionGone),
            Body::Server(_) => {}
            Body::Harness(mark) => self.mark(mark),
        }
    }

    fn came(&mut self, what: Came) {
        self.states.insert(State::Came(what));
    }

    /// A client that is met for the first time.
    fn of(&mut self, client: &Arc<str>) -> &mut Client {
        if !self.clients.contains_key(client) {
            self.clients.insert(Arc::clone(client), Client::default());
        }
        self.clients.entry(Arc::clone(client)).or_default()
    }

    fn proxy(&mut self, client: &Arc<str>, attempt: u64, what: &ProxyEvent, at: Moment) {
        let place = match what {
            ProxyEvent::Accepted => Place::Connect,
            ProxyEvent::UpstreamConnected => Place::Upgrade,
            ProxyEvent::Upgraded { .. } => Place::Open,
            ProxyEvent::FirstData => Place::Fed,
            ProxyEvent::PeerEnded { .. } | ProxyEvent::Ended { .. } => Place::Closing,
            ProxyEvent::Closed { .. } => {
                self.of(client).places.remove(&attempt);
                return;
            }
            ProxyEvent::Struck { fault, .. } => return self.strike(client, attempt, fault, at),
            _ => return,
        };
        let own = self.of(client);
        own.places.insert(attempt, place);
        own.last_attempt = own.last_attempt.max(attempt);
        let mut places = own.places.values();
        let has_two = places.len() > 1 && places.all(|place| *place != Place::Closing);
        if place == Place::Connect && has_two {
            self.came(Came::Overlap);
        }
        if place == Place::Fed {
            self.of(client).is_hurt = false;
        }
    }

    fn strike(&mut self, client: &Arc<str>, attempt: u64, fault: &str, at: Moment) {
        let open = self.clients.values();
        let open = open.filter(|client| matches!(client.doing, Doing::Open | Doing::Resuming));
        let open = open.take(2).count();
        let last = self.last_strike.replace((at, Arc::clone(client)));
        if let Some((then, other)) = last
            && other != *client
            && at.since(then) < Duration::from_millis(100)
        {
            self.came(Came::TwoAtOnce);
        }
        let own = self.of(client);
        let (doing, was_hurt) = (own.doing, own.is_hurt);
        own.is_hurt = true;
        let struck = Struck {
            fault: fault.to_owned(),
            place: own.places.get(&attempt).copied().unwrap_or_default(),
            attempt: match own.last_attempt {
                few @ 0..=2 => u8::try_from(few).unwrap_or(0),
                3 | 4 => 3,
                _ => 4,
            },
            doing,
            open: u8::try_from(open).unwrap_or(2),
            end: End::Stayed,
        };
        // What strikes again and again is one.
        if !own.pending.contains(&struck) {
            own.pending.push(struck);
        }
        if was_hurt {
            self.came(Came::SecondFault);
        }
        if doing == Doing::Resuming {
            self.came(Came::ReplayStruck);
        }
    }

    fn client(&mut self, client: &Arc<str>, what: &ClientEvent, at: Moment) {
        match what {
            ClientEvent::Applied { .. } => {
                let own = self.of(client);
                if own.doing == Doing::Resuming {
                    own.doing = Doing::Open;
                }
            }
            ClientEvent::Dialled { .. } => self.of(client).doing = Doing::Connecting,
            ClientEvent::Opened { .. } => {
                let own = self.of(client);
                (own.doing, own.opened, own.timeouts) = (Doing::Open, Some(at), 0);
            }
            ClientEvent::Welcomed { resumed, .. } => {
                let own = self.of(client);
                let had = std::mem::replace(&mut own.has_session, true);
                if *resumed {
                    own.doing = Doing::Resuming;
                    self.came(Came::Replay);
                } else if had {
                    self.came(Came::SessionGone);
                }
            }
            ClientEvent::Closed { why, code, .. } => self.closed(client, *why, *code, at),
            ClientEvent::Waiting { delay } => self.waits(client, *delay),
            ClientEvent::Stopped | ClientEvent::GaveUp => self.of(client).doing = Doing::Stopped,
            _ => {}
        }
    }

    fn closed(&mut self, client: &Arc<str>, why: CloseReason, code: Option<u16>, at: Moment) {
        let min_uptime = self.min_uptime;
        let own = self.of(client);
        own.doing = Doing::Waiting;
        let uptime = own.opened.take().map(|opened| at.since(opened));
        own.is_rested = uptime.is_some_and(|uptime| uptime >= min_uptime) && own.failures > 0;
        if uptime.is_none_or(|uptime| uptime < min_uptime) {
            own.failures += 1;
        } else {
            own.failures = 0;
        }
        own.timeouts = match why {
            CloseReason::ConnectTimeout => own.timeouts + 1,
            _ => 0,
        };
        let has_two = own.timeouts == 2;
        let ended: Vec<Struck> = own.pending.drain(..).collect();
        let end = End::from(why);
        let states = ended.into_iter();
        self.states
            .extend(states.map(|struck| State::Struck(Struck { end, ..struck })));
        if has_two {
            self.came(Came::TwoTimeouts);
        }
        if code == Some(4401) {
            self.came(Came::SessionRefused);
        }
    }

    fn waits(&mut self, client: &Arc<str>, delay: Duration) {
        let own = self.of(client);
        own.doing = Doing::Waiting;
        let is_rested = std::mem::take(&mut own.is_rested);
        if is_rested && delay <= self.base {
            self.came(Came::Afresh);
        }
        if delay > self.cap {
            self.came(Came::Distance);
        } else if delay >= self.cap.mul_f64(0.9) {
            self.came(Came::LongestDelay);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        match mark {
            Mark::Action { action, targets } => {
                for target in targets {
                    let doing = self.clients.get(&**target).map(|client| client.doing);
                    let came = match (&**action, doing) {
                        ("stop", Some(Doing::Connecting)) => Came::StopConnecting,
                        ("stop", Some(Doing::Waiting)) => Came::StopWaiting,
                        ("reconnect", Some(Doing::Connecting)) => Came::ReconnectConnecting,
                        ("reconnect", Some(Doing::Waiting)) => Came::ReconnectWaiting,
                        ("pause" | "resume", Some(Doing::Connecting | Doing::Waiting)) => {
                            Came::WishAway
                        }
                        _ => continue,
                    };
                    self.came(came);
                }
            }
            Mark::ServerDown { end, .. } => {
                let names: Vec<Arc<str>> = self.clients.keys().cloned().collect();
                let is_away =
                    |client: &Client| matches!(client.doing, Doing::Connecting | Doing::Waiting);
                if self.clients.values().any(is_away) {
                    self.came(Came::ServerLostAway);
                }
                let at = self.evidence.observed.last;
                for name in names {
                    self.strike(&name, 0, end, at);
                }
            }
            _ => {}
        }
    }
}
