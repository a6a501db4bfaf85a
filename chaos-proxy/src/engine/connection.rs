//! One connection: its two sockets, its two links, and the loop around them.
//!
//! Everything that can move is moved; then the task waits for the first of: the
//! proxy's end, a change of what is in force, the dial's answer, either socket, or
//! the next due time.
//!
//! ```text
//!  sockets ◀─▶ traffic ──▶ notes ──▶ Machine ──▶ ruled ──▶ links and sockets
//! ```

mod cutting;
mod ending;
mod losses;
mod notes;
mod ruled;
mod secured;
mod traffic;

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use environment::{Direction, Follower, Moment, Stream};
use tokio::io::Ready;

use super::attempts::{Named, Names};
use super::config::Apply;
use super::endpoint::Endpoint;
use super::lane::{Lane, Note, segments};
use super::registry::Listed;
use super::rules::{ActiveRules, Machine, RuleSet, Traits};
use super::shared::Shared;
use crate::event::{Ending, Event, EventKind, Peer};
use crate::fault::How;
use crate::link::{End, Link, LinkName};
use crate::rule::Reached;
use crate::websocket::{DataReader, Editor};
use cutting::Cuttings;
use losses::Losses;
use secured::Handshake;

/// An accepted connection, as long as it lives.
struct Connection {
    shared: Arc<Shared>,
    /// Where it is told of, if anywhere.
    listed: Option<Box<Listed>>,
    names: Option<Names>,
    /// Its client has a name, and so may have other connections.
    is_named: bool,
    /// The rules as this connection knows them, and its name.
    machine: Machine,
    toward_client: Endpoint,
    toward_server: Endpoint,
    /// Whether the dial to the server is still under way.
    is_dialling: bool,
    delivery: Delivery,
    /// What the lanes have said and nobody has heard yet.
    notes: Vec<(Direction, Note)>,
    /// What was destroyed of what goes to the server, and to the client.
    losses: (Losses, Losses),
    /// Resets that wait for the system to hand over what came before them.
    cuttings: Cuttings,
    accepted_at: Moment,
    /// When a peer was last heard.
    heard_at: Moment,
    /// When both links had ended.
    ended_at: Option<Moment>,
    /// Whose end was read and is yet to be dealt with.
    ended_by: Option<(Peer, Ending)>,
    /// The client's handshake, while it is not done.
    handshake: Option<Box<Handshake>>,
}

/// How far the connection has come.
#[derive(Debug)]
struct Delivery {
    reached: Reached,
    /// Messages of data that were delivered to the client.
    frames: u64,
    protocol: Protocol,
    /// Requests of HTTP that were read.
    requests: u32,
    has_begun: bool,
    /// The answer 101 has reached the client.
    is_upgraded: bool,
    /// A fault has let go and nothing was delivered since.
    is_awaited: bool,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Nobody knows yet, or nobody looks.
    Unknown,
    /// The answer 101 was read: frames follow.
    WebSocket,
    /// Something else, and it has been told.
    Other,
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
    Change,
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
pub(super) async fn run(
    accepted: Box<Accepted>,
    shared: Arc<Shared>,
    mut in_force: Follower<ActiveRules>,
) {
    let rules = Arc::clone(&in_force.borrow().rules);
    let seen = accepted.seen;
    let mut connection = Connection::new(accepted.stream, accepted.named, shared, rules);
    connection.tell(EventKind::Accepted);
    let is_admitted = {
        let in_force = in_force.borrow_and_update();
        connection.enter(&in_force, seen)
    };
    if is_admitted {
        connection.meet();
        connection.carry(&mut in_force).await;
    } else {
        connection.report_outlived().await;
    }
    connection.forget_own_rules().await;
    connection.tell_losses();
    connection.tell_damage();
    connection.tell(EventKind::Closed {
        upstream_bytes: connection.toward_server.lane.link.written(),
        downstream_bytes: connection.toward_client.lane.link.written(),
    });
}

impl Connection {
    fn new(stream: Stream, named: Named, shared: Arc<Shared>, rules: Arc<RuleSet>) -> Self {
        let lane = |direction| lane(&shared, &named, &rules, direction);
        let (downstream, upstream) = (lane(Direction::Downstream), lane(Direction::Upstream));
        let now = shared.environment.clock.now();
        let registry = shared.control.registry();
        let number = registry.next();
        let listed = shared.lists.then(|| {
            let name = (Arc::clone(&named.client), named.attempt);
            Box::new(Listed::new(registry, number, name, now, shared.frames))
        });
        let traits = Traits {
            number,
            has_frames: shared.frames,
            reads_messages: shared.data.pattern.is_some(),
            is_subject: shared.apply == Apply::Faults,
        };
        Self {
            toward_client: Endpoint::new(Some(stream), downstream),
            toward_server: Endpoint::new(None, upstream),
            shared,
            listed,
            is_named: named.names.is_none(),
            names: named.names,
            machine: Machine::new(rules, named.client, named.attempt, traits),
            is_dialling: true,
            delivery: Delivery::new(),
            notes: Vec::new(),
            losses: Default::default(),
            cuttings: Cuttings::default(),
            accepted_at: now,
            heard_at: now,
            ended_at: None,
            ended_by: None,
            handshake: None,
        }
    }

    fn now(&self) -> Moment {
        self.shared.environment.clock.now()
    }

    fn tell(&self, what: EventKind) {
        let event = Event {
            at: self.now(),
            client: Arc::clone(self.machine.client()),
            attempt: self.machine.attempt(),
            what,
        };
        self.shared.tell.events.tell(event);
    }

    async fn carry(&mut self, in_force: &mut Follower<ActiveRules>) {
        let (mut dial, mut alarm): (Option<Dial>, Option<Alarm>) = (None, None);
        loop {
            // Here, so that a connection that is always ready is not forgotten.
            if self.is_ruled() {
                self.obey_due(&in_force.borrow());
            }
            let mut is_busy = self.pump(in_force);
            if self.ended_by.is_some() {
                is_busy |= Box::pin(self.take_ends(in_force)).await;
            }
            if self.machine.has_unreported() {
                Box::pin(self.report_outlived()).await;
            }
            if self.is_over() {
                return;
            }
            if !self.is_dialling {
                dial = None;
            } else if dial.is_none() && self.may_dial() && self.dial_at() <= self.now() {
                dial = Some(self.dial());
            }
            // Even if what it waits for is always there already.
            tokio::task::consume_budget().await;
            if is_busy {
                // Others have their turn even if this one is always ready.
                tokio::task::yield_now().await;
            }
            match self.wake(in_force, &mut dial, &mut alarm).await {
                Wake::Stop => return,
                Wake::Change => {
                    self.drain_pipes();
                    self.change(&in_force.borrow_and_update());
                }
                Wake::Dialled(dialled) => self.dialled(dialled),
                Wake::Ready(peer, ready) => self.ready(peer, &ready),
                Wake::Due => {}
            }
        }
    }

    /// Waits for what comes first. What is in force also ends with the proxy.
    async fn wake(
        &self,
        in_force: &mut Follower<ActiveRules>,
        dial: &mut Option<Dial>,
        alarm: &mut Option<Alarm>,
    ) -> Wake {
        let (client, server) = (&self.toward_client, &self.toward_server);
        let waits_to_dial = self.is_dialling && dial.is_none() && self.may_dial();
        let dial_at = waits_to_dial.then(|| self.dial_at());
        let deadline = self.deadline().into_iter().chain(dial_at).min();
        self.set(alarm, deadline);
        tokio::select! {
            biased;
            changed = in_force.changed() => if changed.is_ok() { Wake::Change } else { Wake::Stop },
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

    /// When the rules in force let the server be dialled.
    fn dial_at(&self) -> Moment {
        self.machine.dial_at(self.accepted_at)
    }

    fn dial(&self) -> Dial {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let dial = secured::dial(&shared);
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
                self.tell_handshake(Peer::Server);
            }
            Err(error) => {
                self.tell_tls_failure(Peer::Server, &error);
                tracing::warn!(%error, upstream = self.shared.upstream, "failed to reach the upstream");
                self.tell(EventKind::UpstreamFailed {
                    error: error.kind().to_string(),
                });
                self.toward_server.lane.link.abandon();
                // In order behind what holds it, as the server's own would be.
                let end = match self.shared.on_dial_failure {
                    How::Close => End::Fin,
                    How::Reset => End::Reset,
                };
                let now = self.now();
                self.toward_client.lane.link.push_end(now, end);
            }
        }
    }

    /// The endpoint of this peer.
    fn side(&mut self, peer: Peer) -> &mut Endpoint {
        match peer {
            Peer::Client => &mut self.toward_client,
            Peer::Server => &mut self.toward_server,
        }
    }

    fn opposite(&mut self, peer: Peer) -> &mut Endpoint {
        self.side(peer.other())
    }

    fn deadline(&self) -> Option<Moment> {
        let due = |side: &Endpoint| {
            side.lane
                .link
                .deadline()
                .filter(|_| side.stream.is_some() && !side.lane.is_blocked)
        };
        let sides = [&self.toward_client, &self.toward_server];
        let pipes = sides.map(|side| side.lane.pipe_due());
        let rules = self.machine.deadline(self.heard_at);
        let timers = [
            self.linger_until(),
            rules,
            self.cuttings.next_look(),
            self.handshake
                .as_ref()
                .and_then(|handshake| handshake.until),
        ];
        timers
            .into_iter()
            .chain(sides.map(due))
            .chain(pipes)
            .flatten()
            .min()
    }
}

impl Delivery {
    fn new() -> Self {
        Self {
            reached: Reached::ACCEPTED,
            frames: 0,
            protocol: Protocol::Unknown,
            requests: 0,
            has_begun: false,
            is_upgraded: false,
            is_awaited: false,
        }
    }
}

fn lane(shared: &Shared, named: &Named, rules: &RuleSet, direction: Direction) -> Lane {
    let name = LinkName {
        seed: rules.seed(),
        client: Arc::clone(&named.client),
        attempt: named.attempt,
        direction,
    };
    let wants_name = named.names.is_some() && direction == Direction::Upstream;
    let editor = (shared.frames || wants_name).then(|| Editor::new(name.clone()));
    let link = Link::new(name, segments(shared.frames), shared.under_way.clone());
    let pattern = shared.data.pattern.clone();
    let reader = match (direction, shared.frames) {
        (Direction::Upstream, _) => None,
        (Direction::Downstream, true) => Some(DataReader::new(pattern)),
        (Direction::Downstream, false) => pattern.map(DataReader::raw),
    };
    Lane::new(link, editor, reader)
}

/// The link that leads to this peer.
fn toward(peer: Peer) -> Direction {
    match peer {
        Peer::Client => Direction::Downstream,
        Peer::Server => Direction::Upstream,
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

#[cfg(test)]
mod tests;
