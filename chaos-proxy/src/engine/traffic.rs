//! The bytes of a connection: read, written, ended, and what they say as they
//! go by.

use std::time::Duration;

use environment::{Direction, Follower, Moment};

use super::connection::{Connection, Protocol};
use super::field::Field;
use super::pump::{Note, Read, Sent};
use super::registry::Carried;
use super::side::Side as Flank;
use crate::event::{Ending, EventKind, Peer};
use crate::fault::Side;
use crate::link::End;
use crate::rule::Phase;

/// What was written longer ago than this has arrived, or never will.
const FRESH: Duration = Duration::from_secs(5);
/// Writes to a peer for one read from it.
const WRITES: usize = 8;
/// Rounds of reads and writes before the rest of the program gets its turn.
const ROUNDS: usize = 16;

impl Connection {
    /// Moves whatever can move, up to a bound that lets others have their turn.
    /// Whether it was this bound that stopped it.
    pub(super) fn pump(&mut self, field: &Follower<Field>) -> bool {
        let now = self.now();
        self.hear(field);
        self.give_back_pipes(now);
        let is_busy = (0..ROUNDS).all(|_| self.round(now, field));
        self.progress(&field.borrow());
        self.count();
        let both =
            self.toward_client.lane.link.is_ended() && self.toward_server.lane.link.is_ended();
        if both && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
        is_busy
    }

    /// Tells those who may ask how far it is.
    fn count(&self) {
        let carried = |side: &Flank| Carried {
            received: side.lane.link.admitted(),
            sent: side.lane.link.written(),
        };
        if let Some(listed) = &self.listed {
            let (up, down) = (carried(&self.toward_server), carried(&self.toward_client));
            listed.count(self.delivery.reached, up, down, self.delivery.frames);
        }
    }

    /// Whether anything moved.
    fn round(&mut self, now: Moment, field: &Follower<Field>) -> bool {
        let mut moved = false;
        for peer in [Peer::Client, Peer::Server] {
            moved |= self.read(peer, now, field);
            // What a fault has held up leaves faster than more comes in, so that
            // a busy link is a wire again some time after the heal.
            moved |= (0..WRITES)
                .take_while(|_| self.write(peer, now, field))
                .count()
                > 0;
        }
        moved
    }

    fn read(&mut self, peer: Peer, now: Moment, field: &Follower<Field>) -> bool {
        let pipes = (!self.is_ruled()).then_some(&self.shared.environment.network);
        let (from, to) = match peer {
            Peer::Client => (&mut self.toward_client, &mut self.toward_server),
            Peer::Server => (&mut self.toward_server, &mut self.toward_client),
        };
        let Some(stream) = from
            .stream
            .as_mut()
            .filter(|_| !from.has_ended && to.lane.wants_input())
        else {
            return false;
        };
        let mut notes = Vec::new();
        let read = match &to.stream {
            Some(sink) if to.lane.is_wire() => to.lane.relay(stream, sink, now, pipes),
            _ => to.lane.read(stream, now, &mut notes),
        };
        if !matches!(read, Read::Nothing) {
            self.heard_at = now;
        }
        let way = match peer {
            Peer::Client => Direction::Upstream,
            Peer::Server => Direction::Downstream,
        };
        self.note(way, notes, field);
        match read {
            Read::Some => true,
            Read::Passed => self.passed_to(peer.other(), field),
            Read::Nothing => false,
            Read::Fin => self.peer_ended(peer, Ending::Fin),
            Read::Reset => self.peer_ended(peer, Ending::Reset),
        }
    }

    fn write(&mut self, peer: Peer, now: Moment, field: &Follower<Field>) -> bool {
        let side = self.side(peer);
        let Some(stream) = side.stream.as_ref().filter(|_| !side.lane.is_blocked) else {
            return false;
        };
        if side.lane.is_piped() {
            let poured = side.lane.pour(stream, now);
            return !matches!(poured, Read::Passed) || self.passed_to(peer, field);
        }
        let mut notes = Vec::new();
        match side.lane.write(stream, now, &mut notes) {
            Ok(None) => return false,
            Ok(Some(Sent::Bytes)) => {}
            Ok(Some(Sent::Fin)) => {
                // Fails only if the peer has reset: then there is nobody to tell.
                let _ = stream.shutdown_write();
                side.lane.link.ended();
            }
            Ok(Some(Sent::Reset)) => {
                side.lane.link.ended();
                self.pass_reset(peer, now);
            }
            Ok(Some(Sent::Cut)) => {
                self.begin_cut(peer, &field.borrow());
            }
            Err(_) => return self.peer_ended(peer, Ending::Reset),
        }
        let way = match peer {
            Peer::Client => Direction::Downstream,
            Peer::Server => Direction::Upstream,
        };
        self.note(way, notes, field);
        if peer == Peer::Client {
            self.progress(&field.borrow());
        }
        true
    }

    /// Bytes went to this peer, past its link.
    fn passed_to(&mut self, peer: Peer, field: &Follower<Field>) -> bool {
        if peer == Peer::Client {
            if self.toward_client.lane.is_raw() {
                self.delivered();
            }
            self.progress(&field.borrow());
        }
        true
    }

    /// The peer's own end, passed on in order behind what it sent before.
    pub(super) fn peer_ended(&mut self, peer: Peer, how: Ending) -> bool {
        let now = self.now();
        self.drain_pipes();
        self.tell(EventKind::PeerEnded {
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
        let mut notes = Vec::new();
        self.opposite(peer).lane.push_end(now, end, &mut notes);
        self.reach(Phase::Closing);
        true
    }

    /// Hears what the lanes said when they were last changed.
    pub(super) fn hear(&mut self, field: &Follower<Field>) {
        while !self.notes.is_empty() {
            for (way, note) in std::mem::take(&mut self.notes) {
                self.note(way, vec![note], field);
            }
        }
    }

    fn note(&mut self, way: Direction, notes: Vec<Note>, field: &Follower<Field>) {
        if notes.is_empty() {
            return;
        }
        for note in notes {
            self.heed(way, note, field);
            self.progress(&field.borrow());
        }
        self.hear(field);
    }

    fn heed(&mut self, way: Direction, note: Note, field: &Follower<Field>) {
        match note {
            Note::Request(target) => self.requested(&target, field),
            Note::CloseFrame(code) => self.close_frame_read(way, code),
            Note::AnswerRead {
                status,
                is_compressed,
            } => self.answer_read(status, is_compressed),
            Note::Answered(status) => {
                self.tell(EventKind::Upgraded { status });
                if status == 101 {
                    self.reach(Phase::Open);
                }
            }
            Note::Delivered if way == Direction::Downstream => {
                self.delivery.frames += 1;
                self.delivered();
            }
            Note::DeliveredBytes if way == Direction::Downstream => self.delivered(),
            Note::Delivered | Note::DeliveredBytes => {}
            Note::Raw => self.become_raw(),
            Note::Stripped(offer) => self.tell(EventKind::ExtensionsRefused { offer }),
            Note::Acted { id, index, opcode } => {
                self.acted(way, id, index, opcode, &field.borrow());
            }
            Note::Powerless(id, why) => self.powerless(id, why.reason()),
            Note::Reply(id) => self.answer_upgrade(id, &field.borrow()),
        }
    }

    /// The request was read, and is kept back if a rule might answer it.
    fn requested(&mut self, target: &str, field: &Follower<Field>) {
        self.drain_pipes();
        self.take_name(target, &field.borrow());
        if !self.shared.frames {
            // The name was all that was looked for.
            self.toward_server.lane.forget_frames();
        }
        self.reach(Phase::Upgrade);
        self.progress(&field.borrow());
        let now = self.now();
        let mut notes = Vec::new();
        self.toward_server.lane.decide(now, &mut notes);
        self.keep_notes(Direction::Upstream, notes);
    }

    fn close_frame_read(&mut self, way: Direction, code: Option<u16>) {
        if self.delivery.protocol != Protocol::WebSocket {
            return;
        }
        let peer = match way {
            Direction::Upstream => Peer::Client,
            Direction::Downstream => Peer::Server,
        };
        self.tell(EventKind::PeerEnded {
            peer,
            how: Ending::CloseFrame,
            code,
        });
        self.reach(Phase::Closing);
    }

    fn answer_read(&mut self, status: u16, is_compressed: bool) {
        if status == 101 {
            self.delivery.protocol = Protocol::WebSocket;
            let now = self.now();
            let mut notes = Vec::new();
            self.toward_server.lane.open(now, is_compressed, &mut notes);
            self.keep_notes(Direction::Upstream, notes);
        }
    }

    fn become_raw(&mut self) {
        if !self.shared.frames {
            // Only a name was looked for.
            self.toward_server.lane.forget_frames();
        }
        let before = std::mem::replace(&mut self.delivery.protocol, Protocol::Other);
        if before != Protocol::Other {
            self.tell(EventKind::NotWebSocket);
        }
    }

    pub(super) fn keep_notes(&mut self, way: Direction, notes: Vec<Note>) {
        self.notes.extend(notes.into_iter().map(|note| (way, note)));
    }

    /// A peer's RST goes on to the other, behind what it sent before: a moment's
    /// patience if something was just written.
    fn pass_reset(&mut self, peer: Peer, now: Moment) {
        let side = match peer {
            Peer::Client => Side::Client,
            Peer::Server => Side::Server,
        };
        let wrote_at = self.side(peer).lane.wrote_at;
        if wrote_at.is_some_and(|wrote_at| now.since(wrote_at) < FRESH) {
            self.reset_behind(peer, side);
        } else {
            self.side(peer).reset();
        }
    }

    fn delivered(&mut self) {
        if !std::mem::replace(&mut self.delivery.has_begun, true) {
            self.tell(EventKind::FirstData);
            self.reach(Phase::Open);
        }
        if std::mem::take(&mut self.delivery.is_awaited) {
            self.tell(EventKind::Resumed);
        }
    }
}
