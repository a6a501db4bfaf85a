//! The sessions at work: one lock, one task that ticks, one feed per socket.
//!
//! Invariant: nothing waits under the lock, and events are told under it, so
//! their order is the order in which things happened. A socket whose feed is
//! full falls behind and loses its feed; the sessions go on. Shell around
//! [`crate::registry`]; used by [`crate::routes`] and [`crate::apps`].

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use environment::{Clock, Key, Moment, Observer, Realm, Seed};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::event::{Event, EventKind};
use crate::message::ServerMessage;
use crate::registry::{Full, NotResumed, Registry};
use crate::resume::Resume;
use crate::session::{Happened, Replay, Rules, SessionId, SocketId};
use crate::ticker;

/// Messages that wait for a socket to take them. Full: the socket has fallen
/// behind and is closed; it may come back and resume.
const FEED: usize = 256;

/// Sessions served under one hold of the lock before sockets get a turn.
const BATCH: usize = 256;

/// Why no session can be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// All sessions are in use.
    #[error("all {limit} sessions are in use (--max-sessions); try again later")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The session that is asked for is not there, and that is refused.
    #[error("there is no such session any more")]
    Refused,
    /// No id can be made.
    #[error("the system has no randomness to give")]
    Secret(#[source] io::Error),
}

pub(crate) struct Hub {
    clock: Clock,
    observer: Observer<Event>,
    tick: Duration,
    heartbeat: Duration,
    max_sessions: usize,
    refuses_unknown: bool,
    /// What values follow from.
    values: Seed,
    /// What session ids follow from; without it they are the system's secrets.
    ids: Option<Seed>,
    state: Mutex<State>,
    /// A deadline may have become earlier.
    changed: Notify,
}

struct State {
    registry: Registry,
    feeds: BTreeMap<SocketId, mpsc::Sender<Utf8Bytes>>,
    /// Sockets so far.
    sockets: u64,
    /// Sessions so far.
    sessions: u64,
}

/// A socket's place in a session; dropping it gives the place up.
pub(crate) struct Attachment {
    hub: Arc<Hub>,
    socket: SocketId,
    session: SessionId,
    /// Said first: the complaint, if there is one, then the welcome.
    pub(crate) greeting: Vec<ServerMessage>,
    /// Ticks to be said next, before what comes from the feed.
    pub(crate) replay: Range<u64>,
    /// What the session says from now on; it ends if the socket falls behind.
    pub(crate) feed: mpsc::Receiver<Utf8Bytes>,
}

impl Hub {
    /// # Errors
    /// When values are to be secret and the system has no randomness to give.
    pub(crate) fn new(
        clock: Clock,
        observer: Observer<Event>,
        config: &Config,
    ) -> io::Result<Arc<Self>> {
        let rules = Rules {
            tick: config.tick,
            heartbeat: config.heartbeat,
            buffer: config.buffer as u64,
            expiry: config.session_expiry,
        };
        let state = State {
            registry: Registry::new(rules, config.max_sessions),
            feeds: BTreeMap::new(),
            sockets: 0,
            sessions: 0,
        };
        Ok(Arc::new(Self {
            clock,
            observer,
            tick: config.tick,
            heartbeat: config.heartbeat,
            max_sessions: config.max_sessions,
            refuses_unknown: config.refuse_unknown,
            values: config.seed.map_or_else(secret_seed, Ok)?,
            ids: config.seed,
            state: Mutex::new(state),
            changed: Notify::new(),
        }))
    }

    /// Makes ticks, heartbeats and ends as they fall due, until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        loop {
            let deadline = self.lock().registry.deadline();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = self.clock.sleep_until_some(deadline) => {
                    self.poll();
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Attaches a new socket: to the session asked for, else to a fresh one.
    pub(crate) fn attach(
        self: &Arc<Self>,
        asked: Option<&Resume>,
    ) -> Result<Attachment, AttachError> {
        let (sender, feed) = mpsc::channel(FEED);
        let mut state = self.lock();
        let now = self.clock.now();
        let socket = SocketId(state.sockets + 1);
        let resumed = asked.map(|asked| state.registry.resume(now, socket, asked));
        let (session, replay, complaint) = match resumed {
            Some(Err(NotResumed::Unknown)) if self.refuses_unknown => {
                return Err(AttachError::Refused);
            }
            Some(Ok((session, replay))) => (session, Some(replay), None),
            Some(Err(why)) => (self.create(&mut state, now, socket)?, None, Some(why)),
            None => (self.create(&mut state, now, socket)?, None, None),
        };
        state.sockets = socket.0;
        state.feeds.insert(socket, sender);
        let paused = (state.registry.get(&session)).is_some_and(|it| it.is_paused());
        let resumed = replay.is_some();
        self.tell(
            now,
            EventKind::SocketOpened {
                socket: socket.0,
                session: session.tag(),
                resumed,
            },
        );
        self.changed.notify_one();
        let replay = replay.unwrap_or(NONE);
        let welcome = ServerMessage::Welcome {
            session: session.secret().to_owned(),
            tick_ms: millis(self.tick),
            heartbeat_ms: millis(self.heartbeat),
            next_seq: replay.seqs.start,
            paused,
            resumed,
            lost: complaint.is_none().then_some(replay.lost),
        };
        Ok(Attachment {
            hub: Arc::clone(self),
            socket,
            session,
            greeting: complaint
                .and_then(complain)
                .into_iter()
                .chain([welcome])
                .collect(),
            replay: replay.seqs,
            feed,
        })
    }

    fn create(
        &self,
        state: &mut State,
        now: Moment,
        socket: SocketId,
    ) -> Result<SessionId, AttachError> {
        let ordinal = state.sessions + 1;
        let id = self.session_id(ordinal).map_err(AttachError::Secret)?;
        let limit = self.max_sessions;
        let full = |Full| AttachError::Full { limit };
        let dropped = (state.registry.create(now, socket, id.clone())).map_err(full)?;
        state.sessions = ordinal;
        if let Some(dropped) = dropped {
            tracing::warn!(
                session = dropped.tag(),
                limit,
                "dropped to make room for a session"
            );
            self.tell(
                now,
                EventKind::SessionEnded {
                    session: dropped.tag(),
                },
            );
        }
        Ok(id)
    }

    fn session_id(&self, ordinal: u64) -> io::Result<SessionId> {
        let secret = match self.ids {
            None => environment::secret()?,
            Some(seed) => {
                let key = Key::new(Realm::Server, "session", "").index(ordinal);
                let mut draw = seed.draw(&key);
                format!("{:016x}{:016x}", draw.bits(), draw.bits())
            }
        };
        Ok(SessionId::new(&secret))
    }

    fn poll(&self) {
        let mut state = self.lock();
        let now = self.clock.now();
        for _ in 0..BATCH {
            let Some((session, happened)) = state.registry.poll(now) else {
                return;
            };
            self.act(&mut state, now, &session, happened);
        }
    }

    fn act(&self, state: &mut State, now: Moment, id: &SessionId, happened: Happened) {
        match happened {
            Happened::Tick(seq) => {
                let session = id.tag();
                self.tell(now, EventKind::Ticked { session, seq });
                state.say(id, || self.tick_message(id, seq));
            }
            Happened::Heartbeat => state.say(id, || ServerMessage::Heartbeat),
            Happened::Ended => {
                tracing::debug!(session = id.tag(), "session expired");
                self.tell(now, EventKind::SessionEnded { session: id.tag() });
            }
        }
    }

    fn tick_message(&self, id: &SessionId, seq: u64) -> ServerMessage {
        let value = ticker::value(self.values, id.secret(), seq);
        ServerMessage::Tick { seq, value }
    }

    fn tell(&self, at: Moment, what: EventKind) {
        self.observer.tell(Event { at, what });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock was an observer's; the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hub")
    }
}

impl State {
    /// Says something to every socket of a session.
    fn say(&mut self, id: &SessionId, message: impl FnOnce() -> ServerMessage) {
        let Some(session) = self.registry.get(id) else {
            return;
        };
        let mut sockets = session.sockets().peekable();
        if sockets.peek().is_none() {
            return;
        }
        let text = Utf8Bytes::from(message().encode());
        for socket in sockets {
            say_to(&mut self.feeds, socket, text.clone());
        }
    }
}

/// Says something to one socket, or takes its feed away if that is full.
fn say_to(
    feeds: &mut BTreeMap<SocketId, mpsc::Sender<Utf8Bytes>>,
    socket: SocketId,
    text: Utf8Bytes,
) {
    let Some(feed) = feeds.get(&socket) else {
        return;
    };
    if feed.try_send(text).is_err() {
        feeds.remove(&socket);
    }
}

impl Attachment {
    /// Pauses or resumes the session. A change is said to all its sockets; the
    /// one that asks is answered in any case, through its feed.
    pub(crate) fn set_paused(&self, paused: bool) {
        let hub = &self.hub;
        let mut state = hub.lock();
        let now = hub.clock.now();
        let answer = match paused {
            true => ServerMessage::Paused,
            false => ServerMessage::Resumed,
        };
        if !state.registry.set_paused(now, &self.session, paused) {
            say_to(&mut state.feeds, self.socket, answer.encode().into());
            return;
        }
        let session = self.session.tag();
        hub.tell(now, EventKind::PauseChanged { session, paused });
        state.say(&self.session, || answer);
        hub.changed.notify_one();
    }

    /// Takes in a numbered message of the client's.
    pub(crate) fn received(&self, number: u64) {
        let hub = &self.hub;
        // Events are told under the lock.
        let _state = hub.lock();
        let (socket, session) = (self.socket.0, self.session.tag());
        let what = EventKind::Received {
            socket,
            session,
            number,
        };
        hub.tell(hub.clock.now(), what);
    }

    /// A tick of this session, for replay.
    pub(crate) fn tick_message(&self, seq: u64) -> ServerMessage {
        self.hub.tick_message(&self.session, seq)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let hub = &self.hub;
        let mut state = hub.lock();
        let now = hub.clock.now();
        state.feeds.remove(&self.socket);
        state.registry.detach(now, self.socket, &self.session);
        hub.tell(
            now,
            EventKind::SocketClosed {
                socket: self.socket.0,
                session: self.session.tag(),
            },
        );
        hub.changed.notify_one();
    }
}

/// A fresh session has nothing to replay.
const NONE: Replay = Replay {
    lost: 0,
    seqs: 1..1,
};

/// What is said about a claim that cannot be true. An unknown session is no
/// error of the client's: the welcome alone says so.
fn complain(why: NotResumed) -> Option<ServerMessage> {
    let message = match why {
        NotResumed::Unknown => return None,
        NotResumed::Beyond { last_seq, head } => {
            format!(
                "last_seq is {last_seq}, but the session has only reached {head}; starting a new session"
            )
        }
        NotResumed::Malformed(text) => {
            let text: String = text.chars().take(40).collect();
            format!(
                "last_seq is {text:?}, but must be a whole number from 0; starting a new session"
            )
        }
    };
    Some(ServerMessage::Error { message })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Without a seed, values cannot be told in advance: one secret per process.
fn secret_seed() -> io::Result<Seed> {
    let secret = environment::secret()?;
    let bits = u64::from_str_radix(&secret[..16], 16).map_err(io::Error::other)?;
    Ok(Seed(bits))
}
