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

use bytes::Bytes;
use environment::{Moment, Network, Stream};

use super::bulk::Bulk;
use super::lane::{Lane, Read, SCRATCH};
use crate::link::End;

impl Lane {
    /// Whether bytes may go past the queue now.
    pub(super) fn is_wire(&self) -> bool {
        self.link.is_wire() && !self.is_scanned() && !self.is_blocked
    }

    /// When there is something to do for its pipe: at once if that holds bytes
    /// and the sink may take them, else when it is to be given back.
    pub(super) fn pipe_due(&self) -> Option<Moment> {
        let is_pouring = self.is_piped() && !self.is_blocked;
        let until = self.bulk.as_ref().map(|bulk| bulk.until);
        until.map(|until| if is_pouring { Moment::ORIGIN } else { until })
    }

    /// Reads once from the source and writes it, while this is a wire. In bulk
    /// it takes its pipe from `pipes`, if there is one. What came when `has_news`
    /// says that something else is in force goes nowhere yet.
    pub(super) fn relay(
        &mut self,
        source: &mut Stream,
        sink: &mut Stream,
        now: Moment,
        has_news: impl Fn() -> bool,
        pipes: Option<&Network>,
    ) -> Read {
        match &mut self.bulk {
            Some(bulk) => match bulk.pipe.fill(source) {
                Ok(count) if count > 0 => {
                    bulk.note(count, now);
                    if has_news() {
                        return self.empty_pipe().map_or(Read::Some, Read::Held);
                    }
                    self.pour(sink, now)
                }
                end => Read::nothing_of(end),
            },
            None => self.copy(source, sink, now, has_news, pipes),
        }
    }

    fn copy(
        &mut self,
        source: &mut Stream,
        sink: &mut Stream,
        now: Moment,
        has_news: impl Fn() -> bool,
        pipes: Option<&Network>,
    ) -> Read {
        SCRATCH.with_borrow_mut(|scratch| match source.try_read(scratch) {
            Ok(count) if count > 0 && has_news() => {
                Read::Held(Bytes::copy_from_slice(&scratch[..count]))
            }
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
    fn write_past(&mut self, sink: &mut Stream, bytes: &[u8]) -> usize {
        let went = sink.try_write(bytes).unwrap_or_else(|error| {
            self.is_blocked = error.kind() == io::ErrorKind::WouldBlock;
            0
        });
        self.is_blocked |= sink.has_backlog();
        went
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
                self.bulk.take_if(|bulk| bulk.is_done());
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

    /// Gives its pipe back if that has done nothing for a while.
    pub(super) fn give_back_pipe(&mut self, now: Moment) {
        if self.bulk.as_ref().is_some_and(|bulk| bulk.until <= now) {
            self.drain(now);
        }
    }

    /// Puts what lies in the pipe into the queue, and gives the pipe back.
    pub(super) fn drain(&mut self, now: Moment) {
        if let Some(bytes) = self.empty_pipe() {
            self.link.push(now, bytes);
        }
    }

    /// Takes out what lies in the pipe, and gives the pipe back.
    fn empty_pipe(&mut self) -> Option<Bytes> {
        match self.bulk.take()?.pipe.drain() {
            Ok(bytes) => Some(Bytes::from(bytes)),
            Err(error) => {
                tracing::error!(%error, "failed to empty a pipe");
                // A stream with a hole must not go on.
                self.link.cut(End::Reset);
                None
            }
        }
    }
}
