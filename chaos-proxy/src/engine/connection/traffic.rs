//! The bytes of a connection: read and written.
//!
//! Invariant: what is in force is looked at after each read and before what it
//! brought goes on. Whoever sends after a change was answered finds that obeyed,
//! however busy the connection is.

use bytes::Bytes;
use environment::{Direction, Follower, Moment};

use super::{Connection, toward};
use crate::engine::endpoint::Endpoint;
use crate::engine::lane::{Read, Sent};
use crate::engine::registry::Carried;
use crate::engine::rules::ActiveRules;
use crate::event::{Ending, EventKind, Peer};

/// Writes to a peer for one read from it.
const WRITES: usize = 8;
/// Rounds of reads and writes before the rest of the program gets its turn.
const ROUNDS: usize = 16;

impl Connection {
    /// Moves whatever can move, up to a bound that lets others have their turn.
    /// Whether it was this bound that stopped it.
    pub(super) fn pump(&mut self, in_force: &mut Follower<ActiveRules>) -> bool {
        let now = self.now();
        self.hear(in_force);
        for side in [&mut self.toward_client, &mut self.toward_server] {
            side.lane.give_back_pipe(now);
        }
        let is_busy = (0..ROUNDS).all(|_| self.round(now, in_force));
        self.note_handshake(now, in_force);
        self.note_losses();
        self.progress_under(in_force);
        self.count();
        self.note_end(now);
        is_busy
    }

    /// Tells those who may ask how far it is.
    fn count(&self) {
        let carried = |side: &Endpoint| Carried {
            received: side.lane.link.admitted(),
            sent: side.lane.link.written(),
        };
        if let Some(listed) = &self.listed {
            let (up, down) = (carried(&self.toward_server), carried(&self.toward_client));
            listed.count(self.delivery.reached, up, down, self.delivery.frames);
        }
    }

    /// Whether anything moved.
    fn round(&mut self, now: Moment, in_force: &mut Follower<ActiveRules>) -> bool {
        let mut moved = false;
        for peer in [Peer::Client, Peer::Server] {
            moved |= self.read(peer, now, in_force);
            // What a fault has held up leaves faster than more comes in, so that
            // a busy link is a wire again some time after the heal.
            moved |= (0..WRITES)
                .take_while(|_| self.write(peer, now, in_force))
                .count()
                > 0;
        }
        moved
    }

    fn read(&mut self, peer: Peer, now: Moment, in_force: &mut Follower<ActiveRules>) -> bool {
        let is_spliced = !self.is_ruled() && !self.speaks_tls();
        let pipes = is_spliced.then_some(&self.shared.environment.network);
        let (from, to) = match peer {
            Peer::Client => (&mut self.toward_client, &mut self.toward_server),
            Peer::Server => (&mut self.toward_server, &mut self.toward_client),
        };
        let Some(stream) = from
            .stream
            .as_mut()
            .filter(|_| !from.has_ended && self.ended_by.is_none() && to.lane.wants_input())
        else {
            return false;
        };
        let mut notes = Vec::new();
        let has_news = || in_force.has_news();
        let read = match &mut to.stream {
            Some(sink) if to.lane.is_wire() => to.lane.relay(stream, sink, now, has_news, pipes),
            _ => to.lane.read(stream, now, has_news, &mut notes),
        };
        if !matches!(read, Read::Nothing) {
            self.heard_at = now;
        }
        self.note(toward(peer.other()), notes, in_force);
        match read {
            Read::Some => true,
            Read::Passed => self.passed_to(peer.other(), in_force),
            Read::Held(bytes) => self.take_held(peer, bytes, now, in_force),
            Read::Nothing => false,
            Read::Fin => self.leave_for_its_turn(peer, Ending::Fin),
            Read::Reset => self.leave_for_its_turn(peer, Ending::Reset),
        }
    }

    /// Takes up what is in force now, and then what `peer` has sent.
    fn take_held(
        &mut self,
        peer: Peer,
        bytes: Bytes,
        now: Moment,
        in_force: &mut Follower<ActiveRules>,
    ) -> bool {
        self.take_up(in_force);
        // Of a peer that has been reset meanwhile nothing goes on.
        if self.side(peer).stream.is_some() {
            let mut notes = Vec::new();
            self.opposite(peer).lane.take(bytes, now, &mut notes);
            self.note(toward(peer.other()), notes, in_force);
        }
        true
    }

    /// Brings the connection under what is in force now, if it is not.
    pub(super) fn take_up(&mut self, in_force: &mut Follower<ActiveRules>) {
        if in_force.has_news() {
            self.drain_pipes();
            self.change(&in_force.borrow_and_update());
        }
    }

    fn write(&mut self, peer: Peer, now: Moment, in_force: &mut Follower<ActiveRules>) -> bool {
        self.take_up(in_force);
        let side = self.side(peer);
        let Some(stream) = side.stream.as_mut().filter(|_| !side.lane.is_blocked) else {
            return false;
        };
        if side.lane.is_piped() {
            let poured = side.lane.pour(stream, now);
            return !matches!(poured, Read::Passed) || self.passed_to(peer, in_force);
        }
        let mut notes = Vec::new();
        match side.lane.write(stream, now, &mut notes) {
            Ok(None) => return false,
            Ok(Some(Sent::Bytes)) => self.note_written(toward(peer)),
            Ok(Some(Sent::Fin)) => {
                if peer == Peer::Client {
                    self.tell(EventKind::Ended { how: Ending::Fin });
                }
                let side = self.side(peer);
                let Some(stream) = &mut side.stream else {
                    return false;
                };
                // Fails only if the peer has reset: then there is nobody to tell.
                let _ = stream.shutdown_write();
                side.lane.is_blocked = stream.has_backlog();
                side.lane.link.ended();
                if peer == Peer::Client {
                    // The server's side may go on for long.
                    self.tell_losses_of(Direction::Downstream);
                }
            }
            Ok(Some(Sent::Reset)) => {
                self.side(peer).lane.link.ended();
                self.pass_reset(peer, now);
            }
            Ok(Some(Sent::Cut)) => {
                self.begin_cut(peer, &in_force.borrow());
            }
            Err(_) => return self.peer_ended(peer, Ending::Reset),
        }
        self.note(toward(peer), notes, in_force);
        if peer == Peer::Client {
            self.progress_under(in_force);
        }
        true
    }

    /// Bytes went to this peer, past its link.
    fn passed_to(&mut self, peer: Peer, in_force: &Follower<ActiveRules>) -> bool {
        self.note_written(toward(peer));
        if peer == Peer::Client {
            if self.toward_client.lane.is_raw() {
                self.delivered_any();
            }
            self.progress_under(in_force);
        }
        true
    }

    /// Before anything acts on the links.
    pub(super) fn drain_pipes(&mut self) {
        let now = self.now();
        self.toward_client.lane.drain(now);
        self.toward_server.lane.drain(now);
    }
}
