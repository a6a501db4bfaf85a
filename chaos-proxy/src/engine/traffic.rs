//! The bytes of a connection: read, written, ended, and what they say as they
//! go by.

use std::time::Duration;

use environment::Moment;
use tokio::sync::watch;

use super::connection::Connection;
use super::field::Field;
use super::pump::{Note, Read, Sent};
use crate::event::{Ending, Peer, What};
use crate::fault::Side;
use crate::link::End;
use crate::rule::Stage;

/// What was written longer ago than this has arrived, or never will.
const FRESH: Duration = Duration::from_secs(5);
/// Writes to a peer for one read from it.
const WRITES: usize = 8;
/// Rounds of reads and writes before the rest of the program gets its turn.
const ROUNDS: usize = 16;

impl Connection {
    /// Moves whatever can move, up to a bound that lets others have their turn.
    /// Whether it was this bound that stopped it.
    pub(super) fn pump(&mut self, field: &watch::Receiver<Field>) -> bool {
        let now = self.now();
        self.give_back_pipes(now);
        let is_busy = (0..ROUNDS).all(|_| self.round(now, field));
        self.progress(&field.borrow());
        let both =
            self.toward_client.lane.link.is_ended() && self.toward_server.lane.link.is_ended();
        if both && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
        is_busy
    }

    /// Whether anything moved.
    fn round(&mut self, now: Moment, field: &watch::Receiver<Field>) -> bool {
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

    fn read(&mut self, peer: Peer, now: Moment, field: &watch::Receiver<Field>) -> bool {
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
        self.note(peer, notes, field);
        match read {
            Read::Some => true,
            Read::Passed => self.passed_to(peer.other(), field),
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
        self.note(peer, notes, field);
        if peer == Peer::Client {
            self.progress(&field.borrow());
        }
        true
    }

    /// Bytes went to this peer, past its link.
    fn passed_to(&mut self, peer: Peer, field: &watch::Receiver<Field>) -> bool {
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
        self.reach(Stage::Closing);
        true
    }

    fn note(&mut self, peer: Peer, notes: Vec<Note>, field: &watch::Receiver<Field>) {
        for note in notes {
            match note {
                Note::Request(target) => {
                    self.drain_pipes();
                    self.take_name(&target, &field.borrow());
                    if !self.shared.frames {
                        // The name was all that was looked for.
                        self.toward_server.lane.stop_scanning();
                    }
                    self.reach(Stage::Upgrade);
                }
                Note::CloseFrame(code) if self.delivery.is_upgraded => {
                    self.tell(What::PeerEnded {
                        peer,
                        how: Ending::CloseFrame,
                        code,
                    });
                    self.reach(Stage::Closing);
                }
                Note::AnswerRead(status) => self.delivery.is_upgraded = status == 101,
                Note::Answered(status) => {
                    self.tell(What::Upgraded { status });
                    if status == 101 {
                        self.reach(Stage::Open);
                    }
                }
                Note::Delivered if peer == Peer::Client => self.delivered(),
                Note::CloseFrame(_) | Note::Delivered => {}
            }
            self.progress(&field.borrow());
        }
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
            self.tell(What::FirstData);
            self.reach(Stage::Open);
        }
        if std::mem::take(&mut self.delivery.is_awaited) {
            self.tell(What::Resumed);
        }
    }
}
