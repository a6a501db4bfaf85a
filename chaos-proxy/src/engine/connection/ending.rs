//! How a connection ends: by its peers, by its rules, and when nothing is left.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use environment::{Direction, Follower, Moment};
use tokio::io::Ready;

use super::Connection;
use crate::engine::endpoint::Endpoint;
use crate::engine::rules::ActiveRules;
use crate::event::{Ending, EventKind, Peer};
use crate::fault::Side;
use crate::link::End;
use crate::rule::Phase;

/// How long the peers have to answer FIN with FIN.
const LINGER: Duration = Duration::from_secs(5);
/// What was written longer ago than this has arrived, or never will.
const FRESH: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) fn ready(&mut self, peer: Peer, ready: &io::Result<Ready>) {
        match ready {
            Ok(ready) if ready.is_error() => self.notice_error(peer),
            Ok(_) => self.side(peer).take_up_writing(),
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

    /// An end was read. Nothing moved yet.
    pub(super) fn leave_for_its_turn(&mut self, peer: Peer, how: Ending) -> bool {
        self.ended_by = Some((peer, how));
        false
    }

    /// Deals with ends that were read. Where thousands come in one instant, all
    /// others go on between a few and the next: to end takes longer than to pass a
    /// message on. Whether there is more to do at once.
    pub(super) async fn take_ends(&mut self, in_force: &mut Follower<ActiveRules>) -> bool {
        // It is never closed.
        let turn = Arc::clone(&self.shared.ends).acquire_owned().await;
        let mut is_busy = false;
        while let Some((peer, how)) = self.ended_by.take() {
            self.peer_ended(peer, how);
            // A rule that waits for it comes before what it leads to.
            self.progress_under(in_force);
            is_busy |= self.pump(in_force);
        }
        tokio::task::yield_now().await;
        drop(turn);
        is_busy
    }

    /// The peer's own end, passed on in order behind what it sent before; unless
    /// it answers an end that a rule has meant for this peer.
    pub(super) fn peer_ended(&mut self, peer: Peer, how: Ending) -> bool {
        let now = self.now();
        self.drain_pipes();
        if self.has_answered(peer) {
            self.tell(EventKind::Ended { how: Ending::Fin });
            self.leave_client();
            return true;
        }
        self.tell_tls_end(peer);
        self.tell(EventKind::PeerEnded {
            peer,
            how,
            code: None,
        });
        // Half a handshake has nothing to go on with.
        let is_reset = how == Ending::Reset || self.side(peer).is_handshaking();
        let side = self.side(peer);
        side.has_ended = true;
        let is_told = side.lane.is_told;
        if is_reset {
            side.stream = None;
            side.lane.link.abandon();
        }
        if is_reset && peer == Peer::Client {
            self.forget_dial();
        }
        let end = if is_reset { End::Reset } else { End::Fin };
        let mut notes = Vec::new();
        if !is_told {
            self.opposite(peer).lane.push_end(now, end, &mut notes);
        }
        self.reach(Phase::Closing);
        true
    }

    /// A peer's RST goes on to the other, behind what it sent before: a moment's
    /// patience if something was just written.
    pub(super) fn pass_reset(&mut self, peer: Peer, now: Moment) {
        let side = match peer {
            Peer::Client => Side::Client,
            Peer::Server => Side::Server,
        };
        let wrote_at = self.side(peer).lane.wrote_at;
        if wrote_at.is_some_and(|wrote_at| now.since(wrote_at) < FRESH) {
            self.reset_behind(peer, side);
        } else {
            self.reset(side);
        }
    }

    /// FIN to one or both; what was not yet passed on to them is dropped.
    pub(super) fn close(&mut self, side: Side) {
        if side.is_client() {
            self.toward_client.cut(End::Fin);
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.cut(End::Fin);
        }
    }

    /// RST to one or both, at once.
    pub(super) fn reset(&mut self, side: Side) {
        if side.is_client() {
            if self.toward_client.stream.is_some() {
                self.tell(EventKind::Ended { how: Ending::Reset });
            }
            self.toward_client.reset();
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.reset();
        }
    }

    /// Resets `side` once the system has handed over what was written to `peer`.
    pub(super) fn reset_behind(&mut self, peer: Peer, side: Side) {
        let now = self.now();
        self.cuttings.begin(peer, side, now);
        self.finish_cuts();
    }

    /// Resets what has been handed over, or been given time enough.
    pub(super) fn finish_cuts(&mut self) {
        let now = self.now();
        for cutting in self.cuttings.take_due(now) {
            let stream = self.side(cutting.peer).stream.as_ref();
            let unsent = stream.and_then(environment::Stream::unsent).unwrap_or(0);
            if unsent > 0 && now < cutting.until {
                // Looking may itself take long.
                let looked = self.now();
                self.cuttings.look_again(cutting, now, looked);
                continue;
            }
            if unsent > 0 {
                self.tell(EventKind::Undelivered { bytes: unsent });
            }
            self.reset(cutting.side);
        }
    }

    /// A server that was never reached needs no end.
    fn forget_dial(&mut self) {
        if std::mem::take(&mut self.is_dialling) {
            self.toward_server.lane.link.abandon();
        }
    }

    /// The client has not come as far as to be passed on: nobody hears of it.
    pub(super) fn leave_client(&mut self) {
        self.toward_client.stream = None;
        self.toward_client.lane.link.abandon();
        self.leave_server();
    }

    /// The server gets nothing from this connection, or nothing more.
    pub(super) fn leave_server(&mut self) {
        self.is_dialling = false;
        self.toward_server.stream = None;
        self.toward_server.lane.link.abandon();
    }

    /// Notes when both links have ended.
    pub(super) fn note_end(&mut self, now: Moment) {
        let both =
            self.toward_client.lane.link.is_ended() && self.toward_server.lane.link.is_ended();
        if both && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
    }

    /// When the peers have had time enough for their ends.
    pub(super) fn linger_until(&self) -> Option<Moment> {
        self.ended_at.map(|ended| ended + LINGER)
    }

    /// Whether nothing more can come of this connection.
    pub(super) fn is_over(&self) -> bool {
        let is_late = self.linger_until().is_some_and(|until| self.now() >= until);
        is_late || (self.is_gone(Peer::Client) && self.is_gone(Peer::Server))
    }

    /// Whether this peer will neither say nor hear anything more.
    fn is_gone(&self, peer: Peer) -> bool {
        let (side, other, is_awaited) = match peer {
            Peer::Client => (&self.toward_client, &self.toward_server, false),
            Peer::Server => (&self.toward_server, &self.toward_client, self.is_dialling),
        };
        let will_hear =
            !side.lane.link.is_ended() && (is_there(other) || side.lane.link.holds_anything());
        match &side.stream {
            None => !is_awaited,
            Some(stream) => {
                let will_hear = will_hear || stream.has_backlog();
                side.has_ended && !(will_hear || peer == Peer::Client && self.is_dialling)
            }
        }
    }

    /// The close frame that this way's peer answers to a rule's is not for the
    /// other.
    pub(super) fn hush(&mut self, way: Direction) {
        let peer = match way {
            Direction::Downstream => Peer::Client,
            Direction::Upstream => Peer::Server,
        };
        if self.side(peer).lane.is_told {
            self.opposite(peer).lane.hush();
        }
    }

    pub(super) fn tell_damage(&self) {
        let (up, down) = (
            self.toward_server.lane.link.damage(),
            self.toward_client.lane.link.damage(),
        );
        let (discarded_bytes, corrupted_bytes) =
            (up.discarded + down.discarded, up.corrupted + down.corrupted);
        if discarded_bytes + corrupted_bytes > 0 {
            self.tell(EventKind::Damaged {
                discarded_bytes,
                corrupted_bytes,
            });
        }
    }
}

/// Whether this peer may still say something.
fn is_there(side: &Endpoint) -> bool {
    side.stream.is_some() && !side.has_ended
}
