//! A lane that nothing watches, holds or damages is a wire: what comes in is
//! written at once, past the link's queue, and in bulk the kernel passes it on
//! by itself, through a pipe.
//!
//! ```text
//!  source ──▶ scratch ──▶ sink          messages
//!  source ──▶ pipe ─────▶ sink          bulk
//!               └──▶ the link's queue   when anything is to act on the bytes
//! ```
//!
//! Invariant: while a pipe holds bytes its source is not read, and before a rule
//! or an end acts on its link, they are drained into the queue.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use environment::{Moment, Network, Pipe, Stream};

use super::connection::Connection;
use super::pump::{Lane, Read, SCRATCH};
use crate::link::End;

/// How long a pipe is kept that nothing goes through: an idle connection has none.
const KEEP: Duration = Duration::from_secs(1);
/// A pipe through which less than this goes at a time is not worth its calls.
const WORTH: usize = 16 * 1024;
/// How many times in a row that may be so.
const PATIENCE: u8 = 8;

/// A lane in bulk.
#[derive(Debug)]
pub(super) struct Bulk {
    pipe: Pipe,
    /// When it is given back.
    until: Moment,
    /// How many times in a row it was not worth its calls.
    idled: u8,
}

impl Lane {
    /// Whether bytes may go past the queue now.
    pub(super) fn is_wire(&self) -> bool {
        self.link.is_wire() && !self.is_scanned() && !self.is_blocked
    }

    /// Whether bytes lie in the kernel's pipe.
    pub(super) fn is_piped(&self) -> bool {
        self.bulk.as_ref().is_some_and(|bulk| bulk.pipe.held() > 0)
    }

    /// When there is something to do for its pipe: at once if that holds bytes
    /// and the sink may take them, else when it is to be given back.
    pub(super) fn pipe_due(&self) -> Option<Moment> {
        let is_pouring = self.is_piped() && !self.is_blocked;
        let until = self.bulk.as_ref().map(|bulk| bulk.until);
        until.map(|until| if is_pouring { Moment::ORIGIN } else { until })
    }

    /// Reads once from the source and writes it, while this is a wire. In bulk
    /// it takes its pipe from `pipes`, if there is one.
    pub(super) fn relay(
        &mut self,
        source: &mut Stream,
        sink: &Stream,
        now: Moment,
        pipes: Option<&Network>,
    ) -> Read {
        match &mut self.bulk {
            Some(bulk) => match bulk.pipe.fill(source) {
                Ok(count) if count > 0 => {
                    bulk.note(count, now);
                    self.pour(sink, now)
                }
                end => Read::nothing_of(end),
            },
            None => self.copy(source, sink, now, pipes),
        }
    }

    fn copy(
        &mut self,
        source: &mut Stream,
        sink: &Stream,
        now: Moment,
        pipes: Option<&Network>,
    ) -> Read {
        SCRATCH.with_borrow_mut(|scratch| match source.try_read(scratch) {
            Ok(count) if count > 0 => {
                let went = self.write_past(sink, &scratch[..count]);
                self.passed_by(now, went);
                let rest = &scratch[went..count];
                self.link.push(now, Bytes::copy_from_slice(rest));
                if count == scratch.len() && rest.is_empty() {
                    self.bulk = pipes
                        .and_then(Network::pipe)
                        .map(|pipe| Bulk::new(pipe, now));
                }
                if went > 0 { Read::Passed } else { Read::Some }
            }
            end => Read::nothing_of(end),
        })
    }

    /// How much of it the sink took. If it is dead, writing from the queue will
    /// find that again, and say so.
    fn write_past(&mut self, sink: &Stream, bytes: &[u8]) -> usize {
        sink.try_write(bytes).unwrap_or_else(|error| {
            self.is_blocked = error.kind() == io::ErrorKind::WouldBlock;
            0
        })
    }

    fn passed_by(&mut self, now: Moment, count: usize) {
        if count > 0 {
            self.link.passed_by(now, count);
            self.wrote_at = Some(now);
        }
    }

    /// Writes once what lies in the pipe.
    pub(super) fn pour(&mut self, sink: &Stream, now: Moment) -> Read {
        let Some(bulk) = &mut self.bulk else {
            return Read::Nothing;
        };
        match bulk.pipe.pour(sink) {
            Ok(count) => {
                let is_done = bulk.idled > PATIENCE && bulk.pipe.held() == 0;
                self.bulk.take_if(|_| is_done);
                self.passed_by(now, count);
                Read::Passed
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_blocked = true;
                Read::Some
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Read::Some,
            Err(_) => {
                // The sink is dead: writing from the queue will say so.
                self.drain(now);
                Read::Some
            }
        }
    }

    /// Puts what lies in the pipe into the queue, and gives the pipe back.
    fn drain(&mut self, now: Moment) {
        let Some(bulk) = self.bulk.take() else {
            return;
        };
        match bulk.pipe.drain() {
            Ok(bytes) => self.link.push(now, Bytes::from(bytes)),
            Err(error) => {
                tracing::error!(%error, "failed to empty a pipe");
                // A stream with a hole must not go on.
                self.link.cut(End::Reset);
            }
        }
    }
}

impl Bulk {
    fn new(pipe: Pipe, now: Moment) -> Box<Self> {
        Box::new(Self {
            pipe,
            until: now + KEEP,
            idled: 0,
        })
    }

    fn note(&mut self, count: usize, now: Moment) {
        self.until = now + KEEP;
        self.idled = if count < WORTH { self.idled + 1 } else { 0 };
    }
}

impl Connection {
    /// Before anything acts on the links.
    pub(super) fn drain_pipes(&mut self) {
        let now = self.now();
        self.toward_client.lane.drain(now);
        self.toward_server.lane.drain(now);
    }

    /// Gives back the pipes that have done nothing for a while.
    pub(super) fn give_back_pipes(&mut self, now: Moment) {
        for side in [&mut self.toward_client, &mut self.toward_server] {
            let lane = &mut side.lane;
            if lane.bulk.as_ref().is_some_and(|bulk| bulk.until <= now) {
                lane.drain(now);
            }
        }
    }
}
