//! One connection: its two sockets, its two links, and the loop around them.
//!
//! Everything that can move is moved; then the task waits for the first of: the
//! proxy's end, a change of the field, the dial's answer, either socket, or the
//! next due time. [`super::faults`] is what rules do to it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use environment::{Direction, Follower, Moment, Stream};
use tokio::io::Ready;

use super::Shared;
use super::attempts::Names;
use super::cause::{Cause, Rules};
use super::faults::Entry;
use super::field::Field;
use super::pump::{Lane, Note, segments};
use super::registry::Listed;
use super::side::Side;
use super::strikes::Hold;
use super::triggers::{Cutting, Waiting};
use crate::event::{Ending, Event, EventKind, Peer};
use crate::link::{End, Link, LinkName};
use crate::rule::Reached;
use crate::websocket::{Editor, FrameRuleId};

/// How long the peers have to answer FIN with FIN.
const LINGER: Duration = Duration::from_secs(5);

/// What a connection is called.
#[derive(Debug)]
pub(super) struct Named {
    client: Arc<str>,
    attempt: u64,
    /// Where it may still take a name of its own.
    names: Option<Names>,
}

impl Named {
    pub(super) fn known(client: Arc<str>, attempt: u64) -> Self {
        Self {
            client,
            attempt,
            names: None,
        }
    }

    pub(super) fn ordinal(ordinal: u64, names: Names) -> Self {
        Self {
            client: Arc::from(ordinal.to_string()),
            attempt: ordinal,
            names: Some(names),
        }
    }
}

/// See the module.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    /// Its number within the proxy, from 1.
    pub(super) id: u64,
    /// Where it is told of, if anywhere.
    pub(super) listed: Option<Box<Listed>>,
    /// The rules as this connection knows them.
    pub(super) rules: Arc<Rules>,
    pub(super) client: Arc<str>,
    pub(super) attempt: u64,
    pub(super) names: Option<Names>,
    /// Its client has a name, and so may have other connections.
    pub(super) is_named: bool,
    /// It was there before the rules were armed.
    pub(super) is_old: bool,
    pub(super) toward_client: Side,
    pub(super) toward_server: Side,
    /// Whether the dial to the server is still under way.
    pub(super) is_dialling: bool,
    pub(super) held: Vec<Held>,
    pub(super) last_serial: u64,
    /// Which round of the plan it knows its rules of; `None` before t = 0.
    pub(super) armed_round: Option<u64>,
    pub(super) delivery: Delivery,
    /// What the lanes have said and nobody has heard yet.
    pub(super) notes: Vec<(Direction, Note)>,
    /// Added rules from this number on are still unknown here.
    pub(super) next_rule: usize,
    /// Rules that wait for this connection to come further, or for their time.
    pub(super) waiting: Vec<Waiting>,
    /// Rules that this connection has ended for its client.
    pub(super) outlived: Vec<usize>,
    /// Those of them that the conductor does not know of yet.
    pub(super) unreported: Vec<usize>,
    /// Rules whose end was past before they were armed.
    pub(super) passed: Vec<usize>,
    /// Resets that wait for the system to hand over what came before them.
    pub(super) cutting: Vec<Cutting>,
    pub(super) accepted_at: Moment,
    /// When a peer was last heard.
    pub(super) heard_at: Moment,
    /// When both links had ended.
    pub(super) ended_at: Option<Moment>,
}

/// How far the connection has come.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) reached: Reached,
    /// Messages of data that were delivered to the client.
    pub(super) frames: u64,
    pub(super) protocol: Protocol,
    pub(super) has_begun: bool,
    /// A fault has let go and nothing was delivered since.
    pub(super) is_awaited: bool,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Nobody knows yet, or nobody looks.
    Unknown,
    /// The answer 101 was read: frames follow.
    WebSocket,
    /// Something else, and it has been told.
    Other,
}

/// A fault that holds this connection.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) cause: Cause,
    pub(super) occurrence: u64,
    pub(super) hold: Hold,
    /// When it should take effect, if that had a time.
    pub(super) planned: Option<Moment>,
    /// It has taken effect: those that wait for a frame have not at once.
    pub(super) has_struck: bool,
    /// It was told that it can do nothing here.
    pub(super) is_powerless: bool,
    /// From when, and from which offsets of the streams upstream and downstream.
    pub(super) since: Moment,
    pub(super) offsets: (u64, u64),
}

impl Held {
    pub(super) fn id(&self) -> FrameRuleId {
        FrameRuleId {
            rule: self.cause.id,
            occurrence: self.occurrence,
        }
    }
}

type Dial = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// A timer that is there only while something is due. It may ring before the
/// deadline, if that has moved: setting it anew would cost more.
struct Alarm {
    due: Moment,
    rings: Pin<Box<dyn Future<Output = ()> + Send>>,
}

enum Wake {
    Stop,
    Field,
    Dialled(io::Result<Stream>),
    Ready(Peer, io::Result<Ready>),
    Due,
}

/// A connection that was just accepted.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) named: Named,
    /// What began after this serial is new to it.
    pub(super) seen: u64,
}

/// Carries one accepted connection to its end. It comes in a box: what a task is
/// given takes room in it as long as it lives.
pub(super) async fn run(accepted: Box<Accepted>, shared: Arc<Shared>, mut field: Follower<Field>) {
    let rules = Arc::clone(&field.borrow().rules);
    let seen = accepted.seen;
    let mut connection = Connection::new(accepted.stream, accepted.named, shared, rules);
    connection.tell(EventKind::Accepted);
    let entry = {
        let field = field.borrow_and_update();
        connection.enter(&field, seen)
    };
    if entry == Entry::Rejected {
        connection.report_outlived().await;
    } else {
        connection.carry(&mut field).await;
    }
    connection.forget_own_rules().await;
    connection.tell_damage();
    connection.tell(EventKind::Closed {
        upstream_bytes: connection.toward_server.lane.link.written(),
        downstream_bytes: connection.toward_client.lane.link.written(),
    });
}

impl Connection {
    fn new(stream: Stream, named: Named, shared: Arc<Shared>, rules: Arc<Rules>) -> Self {
        let lane = |direction| {
            let name = LinkName {
                seed: rules.seed(),
                client: Arc::clone(&named.client),
                attempt: named.attempt,
                direction,
            };
            let wants_name = named.names.is_some() && direction == Direction::Upstream;
            let editor = (shared.frames || wants_name).then(|| Editor::new(name.clone()));
            let link = Link::new(name, segments(shared.frames), shared.under_way.clone());
            Lane::new(link, editor)
        };
        let heard_at = shared.environment.clock.now();
        let registry = shared.control.registry();
        let id = registry.next();
        let listed = shared.lists.then(|| {
            let name = (Arc::clone(&named.client), named.attempt);
            Box::new(Listed::new(registry, id, name, heard_at, shared.frames))
        });
        Self {
            toward_client: Side::new(Some(stream), lane(Direction::Downstream)),
            toward_server: Side::new(None, lane(Direction::Upstream)),
            shared,
            id,
            listed,
            next_rule: 0,
            rules,
            client: named.client,
            attempt: named.attempt,
            is_named: named.names.is_none(),
            is_old: false,
            names: named.names,
            is_dialling: true,
            held: Vec::new(),
            last_serial: 0,
            armed_round: None,
            delivery: Delivery {
                reached: Reached::ACCEPTED,
                frames: 0,
                protocol: Protocol::Unknown,
                has_begun: false,
                is_awaited: false,
            },
            notes: Vec::new(),
            waiting: Vec::new(),
            outlived: Vec::new(),
            unreported: Vec::new(),
            passed: Vec::new(),
            cutting: Vec::new(),
            accepted_at: heard_at,
            heard_at,
            ended_at: None,
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.shared.environment.clock.now()
    }

    pub(super) fn tell(&self, what: EventKind) {
        let event = Event {
            at: self.now(),
            client: Arc::clone(&self.client),
            attempt: self.attempt,
            what,
        };
        self.shared.tell.events.tell(event);
    }

    async fn carry(&mut self, field: &mut Follower<Field>) {
        let (mut dial, mut alarm): (Option<Dial>, Option<Alarm>) = (None, None);
        loop {
            // Here, so that a connection that is always ready is not forgotten.
            if self.is_ruled() {
                self.obey_due(&field.borrow());
            }
            let is_busy = self.pump(field);
            if !self.unreported.is_empty() {
                Box::pin(self.report_outlived()).await;
            }
            if self.is_over() {
                return;
            }
            if !self.is_dialling {
                dial = None;
            } else if dial.is_none() && self.dial_at() <= self.now() {
                dial = Some(self.dial());
            }
            // Even if what it waits for is always there already.
            tokio::task::consume_budget().await;
            if is_busy {
                // Others have their turn even if this one is always ready.
                tokio::task::yield_now().await;
            }
            match self.wake(field, &mut dial, &mut alarm).await {
                Wake::Stop => return,
                Wake::Field => {
                    self.drain_pipes();
                    self.change(&field.borrow_and_update());
                }
                Wake::Dialled(dialled) => self.dialled(dialled),
                Wake::Ready(peer, ready) => self.ready(peer, &ready),
                Wake::Due => {}
            }
        }
    }

    /// Waits for what comes first. The field also ends with the proxy.
    async fn wake(
        &self,
        field: &mut Follower<Field>,
        dial: &mut Option<Dial>,
        alarm: &mut Option<Alarm>,
    ) -> Wake {
        let (client, server) = (&self.toward_client, &self.toward_server);
        let dial_at = (self.is_dialling && dial.is_none()).then(|| self.dial_at());
        let deadline = self.deadline().into_iter().chain(dial_at).min();
        self.set(alarm, deadline);
        tokio::select! {
            biased;
            changed = field.changed() => if changed.is_ok() { Wake::Field } else { Wake::Stop },
            dialled = dialled(dial) => Wake::Dialled(dialled),
            ready = client.readiness(&server.lane) => Wake::Ready(Peer::Client, ready),
            ready = server.readiness(&client.lane) => Wake::Ready(Peer::Server, ready),
            () = ring(alarm) => Wake::Due,
        }
    }

    fn set(&self, alarm: &mut Option<Alarm>, deadline: Option<Moment>) {
        let is_early_enough =
            |alarm: &mut Alarm| deadline.is_some_and(|deadline| alarm.due <= deadline);
        if alarm.as_mut().is_some_and(is_early_enough) {
            return;
        }
        *alarm = deadline.map(|due| {
            let shared = Arc::clone(&self.shared);
            Alarm {
                due,
                rings: Box::pin(async move { shared.environment.clock.sleep_until(due).await }),
            }
        });
    }

    fn dial(&self) -> Dial {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let dial = shared.environment.network.dial(&shared.upstream);
            let dialled = shared
                .environment
                .clock
                .timeout(shared.dial_timeout, dial)
                .await;
            dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }

    fn dialled(&mut self, dialled: io::Result<Stream>) {
        self.is_dialling = false;
        match dialled {
            Ok(stream) => {
                self.toward_server.stream = Some(stream);
                self.tell(EventKind::UpstreamConnected);
            }
            Err(error) => {
                tracing::warn!(%error, upstream = self.shared.upstream, "failed to reach the upstream");
                self.tell(EventKind::UpstreamFailed {
                    error: error.kind().to_string(),
                });
                self.toward_server.lane.link.abandon();
                // In order behind what holds it, as the server's own would be.
                let now = self.now();
                self.toward_client.lane.link.push_end(now, End::Reset);
            }
        }
    }

    fn ready(&mut self, peer: Peer, ready: &io::Result<Ready>) {
        let side = self.side(peer);
        match ready {
            Ok(ready) if ready.is_error() => self.notice_error(peer),
            Ok(_) => side.lane.is_blocked = false,
            Err(_) => {
                self.peer_ended(peer, Ending::Reset);
            }
        }
    }

    /// A peer's RST, seen although nobody reads. While its bytes are still
    /// being read, reading comes to it in order.
    fn notice_error(&mut self, peer: Peer) {
        self.drain_pipes();
        let is_read = !self.side(peer).has_ended && self.opposite(peer).lane.wants_input();
        let side = self.side(peer);
        side.had_error = true;
        side.lane.is_blocked = false;
        if !is_read
            && side
                .stream
                .as_ref()
                .is_some_and(|stream| stream.take_error().is_some())
        {
            self.peer_ended(peer, Ending::Reset);
        }
    }

    pub(super) fn side(&mut self, peer: Peer) -> &mut Side {
        match peer {
            Peer::Client => &mut self.toward_client,
            Peer::Server => &mut self.toward_server,
        }
    }

    pub(super) fn opposite(&mut self, peer: Peer) -> &mut Side {
        match peer {
            Peer::Client => &mut self.toward_server,
            Peer::Server => &mut self.toward_client,
        }
    }

    fn deadline(&self) -> Option<Moment> {
        let due = |side: &Side| {
            side.lane
                .link
                .deadline()
                .filter(|_| side.stream.is_some() && !side.lane.is_blocked)
        };
        let linger = self.ended_at.map(|ended| ended + LINGER);
        let pipes = [&self.toward_client, &self.toward_server].map(|side| side.lane.pipe_due());
        [due(&self.toward_client), due(&self.toward_server), linger]
            .into_iter()
            .chain(pipes)
            .flatten()
            .chain(self.rules_due())
            .min()
    }

    /// Whether nothing more can come of this connection.
    fn is_over(&self) -> bool {
        let is_late = self
            .ended_at
            .is_some_and(|ended| self.now() >= ended + LINGER);
        is_late || (self.is_gone(Peer::Client) && self.is_gone(Peer::Server))
    }

    /// Whether this peer will neither say nor hear anything more.
    fn is_gone(&self, peer: Peer) -> bool {
        let (side, other, is_awaited) = match peer {
            Peer::Client => (&self.toward_client, &self.toward_server, false),
            Peer::Server => (&self.toward_server, &self.toward_client, self.is_dialling),
        };
        let will_hear = !side.lane.link.is_ended()
            && (other.stream.is_some() || side.lane.link.holds_anything());
        match &side.stream {
            None => !is_awaited,
            Some(_) => side.has_ended && !(will_hear || peer == Peer::Client && self.is_dialling),
        }
    }
}

async fn ring(alarm: &mut Option<Alarm>) {
    match alarm {
        Some(ringing) => ringing.rings.as_mut().await,
        None => std::future::pending().await,
    }
    *alarm = None;
}

async fn dialled(dial: &mut Option<Dial>) -> io::Result<Stream> {
    match dial {
        Some(dial) => dial.as_mut().await,
        None => std::future::pending().await,
    }
}
