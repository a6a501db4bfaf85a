//! One connection: its two sockets, its two links, and the loop around them.
//!
//! Everything that can move is moved; then the task waits for the first of: the
//! proxy's end, a change of the field, the dial's answer, either socket, or the
//! next due time. [`super::faults`] is what rules do to it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use environment::{Direction, Moment, Stream};
use tokio::io::Ready;
use tokio::sync::watch;

use super::Shared;
use super::attempts::Names;
use super::faults::Entry;
use super::field::Field;
use super::pump::{Lane, Note, Read, Sent, segments};
use super::side::Side;
use super::strikes::Hold;
use crate::event::{Ending, Event, Peer, What};
use crate::link::{End, Link, LinkName};
use crate::websocket::Scanner;

/// How long the peers have to answer FIN with FIN.
const LINGER: Duration = Duration::from_secs(5);
/// Reads and writes before the rest of the program gets its turn.
const ROUNDS: usize = 64;

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
    pub(super) client: Arc<str>,
    pub(super) attempt: u64,
    pub(super) names: Option<Names>,
    pub(super) toward_client: Side,
    pub(super) toward_server: Side,
    /// Whether the dial to the server is still under way.
    pub(super) is_dialling: bool,
    pub(super) held: Vec<Held>,
    pub(super) last_serial: u64,
    pub(super) delivery: Delivery,
    /// When both links had ended.
    ended_at: Option<Moment>,
}

/// How far the server's data has come.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// The answer 101 was delivered: frames may follow.
    is_upgraded: bool,
    has_begun: bool,
    /// A fault has let go and nothing was delivered since.
    pub(super) is_awaited: bool,
}

/// A fault that holds this connection.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) rule: usize,
    pub(super) occurrence: u64,
    pub(super) hold: Hold,
}

type Dial = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

enum Wake {
    Stop,
    Field,
    Dialled(io::Result<Stream>),
    Ready(Peer, io::Result<Ready>),
    Due,
}

/// Carries one accepted connection to its end.
pub(super) async fn run(
    stream: Stream,
    named: Named,
    shared: Arc<Shared>,
    mut field: watch::Receiver<Field>,
) {
    let mut connection = Connection::new(stream, named, shared);
    connection.tell(What::Accepted);
    let entry = {
        let field = field.borrow_and_update();
        connection.enter(&field)
    };
    if entry != Entry::Rejected {
        connection.carry(&mut field).await;
    }
    connection.tell(What::Closed {
        upstream_bytes: connection.toward_server.lane.link.written(),
        downstream_bytes: connection.toward_client.lane.link.written(),
    });
}

impl Connection {
    fn new(stream: Stream, named: Named, shared: Arc<Shared>) -> Self {
        let lane = |direction| {
            let name = LinkName {
                seed: shared.plan.seed(),
                client: Arc::clone(&named.client),
                attempt: named.attempt,
                direction,
            };
            let wants_name = named.names.is_some() && direction == Direction::Upstream;
            let scanner = (shared.frames || wants_name).then(Scanner::new);
            Lane::new(Link::new(name, segments(shared.frames)), scanner)
        };
        Self {
            toward_client: Side::new(Some(stream), lane(Direction::Downstream)),
            toward_server: Side::new(None, lane(Direction::Upstream)),
            shared,
            client: named.client,
            attempt: named.attempt,
            names: named.names,
            is_dialling: true,
            held: Vec::new(),
            last_serial: 0,
            delivery: Delivery::default(),
            ended_at: None,
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.shared.environment.clock.now()
    }

    pub(super) fn tell(&self, what: What) {
        let event = Event {
            at: self.now(),
            client: Arc::clone(&self.client),
            attempt: self.attempt,
            what,
        };
        self.shared.tell.events.tell(event);
    }

    async fn carry(&mut self, field: &mut watch::Receiver<Field>) {
        let mut dial: Option<Dial> = self.is_dialling.then(|| self.dial());
        loop {
            // Here, so that a connection that is always ready is let go in time.
            self.release_due(&field.borrow());
            self.pump(field);
            if self.is_over() {
                return;
            }
            if !self.is_dialling {
                dial = None;
            }
            match self.wake(field, &mut dial).await {
                Wake::Stop => return,
                Wake::Field => self.change(&field.borrow_and_update()),
                Wake::Dialled(dialled) => self.dialled(dialled),
                Wake::Ready(peer, ready) => self.ready(peer, &ready),
                Wake::Due => {}
            }
        }
    }

    async fn wake(&self, field: &mut watch::Receiver<Field>, dial: &mut Option<Dial>) -> Wake {
        let (client, server) = (&self.toward_client, &self.toward_server);
        let deadline = self.deadline();
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Wake::Stop,
            changed = field.changed() => if changed.is_ok() { Wake::Field } else { Wake::Stop },
            dialled = dialled(dial) => Wake::Dialled(dialled),
            ready = client.readiness(&server.lane) => Wake::Ready(Peer::Client, ready),
            ready = server.readiness(&client.lane) => Wake::Ready(Peer::Server, ready),
            () = self.shared.environment.clock.sleep_until_some(deadline) => Wake::Due,
        }
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
                self.tell(What::UpstreamConnected);
            }
            Err(error) => {
                tracing::warn!(%error, upstream = self.shared.upstream, "failed to reach the upstream");
                self.tell(What::UpstreamFailed {
                    error: error.kind().to_string(),
                });
                self.toward_server.lane.link.abandon();
                self.toward_client.reset();
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
        let is_read = !self.side(peer).has_ended && self.opposite(peer).lane.link.wants_input();
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

    fn opposite(&mut self, peer: Peer) -> &mut Side {
        match peer {
            Peer::Client => &mut self.toward_server,
            Peer::Server => &mut self.toward_client,
        }
    }

    /// Moves whatever can move, up to a bound that lets others have their turn.
    fn pump(&mut self, field: &watch::Receiver<Field>) {
        let now = self.now();
        for _ in 0..ROUNDS {
            let mut moved = false;
            for peer in [Peer::Client, Peer::Server] {
                moved |= self.read(peer, now, field);
                moved |= self.write(peer, now, field);
            }
            if !moved {
                break;
            }
        }
        let both =
            self.toward_client.lane.link.is_ended() && self.toward_server.lane.link.is_ended();
        if both && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
    }

    fn read(&mut self, peer: Peer, now: Moment, field: &watch::Receiver<Field>) -> bool {
        let (from, to) = match peer {
            Peer::Client => (&self.toward_client, &mut self.toward_server),
            Peer::Server => (&self.toward_server, &mut self.toward_client),
        };
        let Some(stream) = from
            .stream
            .as_ref()
            .filter(|_| !from.has_ended && to.lane.link.wants_input())
        else {
            return false;
        };
        let mut notes = Vec::new();
        let read = to.lane.read(stream, now, &mut notes);
        self.note(peer, notes, field);
        match read {
            Read::Some => true,
            Read::Nothing => false,
            Read::Fin => self.peer_ended(peer, Ending::Fin),
            Read::Reset => self.peer_ended(peer, Ending::Reset),
        }
    }

    fn write(&mut self, peer: Peer, now: Moment, field: &watch::Receiver<Field>) -> bool {
        let side = self.side(peer);
        let Some(stream) = side.stream.as_ref().filter(|_| !side.lane.is_blocked) else {
            return false;
        };
        let mut notes = Vec::new();
        match side.lane.write(stream, now, &mut notes) {
            Ok(None) => return false,
            Ok(Some(Sent::Bytes)) => {}
            Ok(Some(Sent::Fin)) => {
                // Fails only if the peer has reset: then there is nobody to tell.
                let _ = stream.shutdown_write();
                side.lane.link.ended();
            }
            Ok(Some(Sent::Reset)) => side.reset(),
            Err(_) => return self.peer_ended(peer, Ending::Reset),
        }
        self.note(peer, notes, field);
        true
    }

    /// The peer's own end, passed on in order behind what it sent before.
    fn peer_ended(&mut self, peer: Peer, how: Ending) -> bool {
        let now = self.now();
        self.tell(What::PeerEnded {
            peer,
            how,
            code: None,
        });
        let is_reset = how == Ending::Reset;
        let side = self.side(peer);
        side.has_ended = true;
        if is_reset {
            side.stream = None;
            side.lane.link.abandon();
        }
        if is_reset && peer == Peer::Client {
            self.forget_dial();
        }
        let end = if is_reset { End::Reset } else { End::Fin };
        self.opposite(peer).lane.link.push_end(now, end);
        true
    }

    fn note(&mut self, peer: Peer, notes: Vec<Note>, field: &watch::Receiver<Field>) {
        for note in notes {
            match note {
                Note::Request(target) => self.take_name(&target, &field.borrow()),
                Note::CloseFrame(code) if self.delivery.is_upgraded => {
                    self.tell(What::PeerEnded {
                        peer,
                        how: Ending::CloseFrame,
                        code,
                    });
                }
                Note::Answered(status) => {
                    self.delivery.is_upgraded = status == 101;
                    self.tell(What::Upgraded { status });
                }
                Note::Delivered if peer == Peer::Client => self.delivered(),
                Note::CloseFrame(_) | Note::Delivered => {}
            }
        }
    }

    fn delivered(&mut self) {
        if !std::mem::replace(&mut self.delivery.has_begun, true) {
            self.tell(What::FirstData);
        }
        if std::mem::take(&mut self.delivery.is_awaited) {
            self.tell(What::Resumed);
        }
    }

    fn deadline(&self) -> Option<Moment> {
        let due = |side: &Side| {
            side.lane
                .link
                .deadline()
                .filter(|_| side.stream.is_some() && !side.lane.is_blocked)
        };
        let holds = self.held.iter().filter_map(|held| held.hold.until());
        let linger = self.ended_at.map(|ended| ended + LINGER);
        [due(&self.toward_client), due(&self.toward_server), linger]
            .into_iter()
            .flatten()
            .chain(holds)
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

async fn dialled(dial: &mut Option<Dial>) -> io::Result<Stream> {
    match dial {
        Some(dial) => dial.as_mut().await,
        None => std::future::pending().await,
    }
}
