//! Bytes that wait, in order, with the moment when they came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use environment::Moment;

use super::front::CATCH_UP;
use crate::websocket::Late;

/// What a chunk costs, about, besides its bytes. It counts, or a stream of single
/// bytes would take many times the bound.
pub(super) const CHUNK_COST: usize = 64;

/// When bytes came, and whether it was the link itself that kept them waiting: it
/// had no room. Then the source did not pause, and a limit goes on as if it had not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) at: Moment,
    pub(super) has_waited: bool,
}

impl Arrival {
    /// Since when a limit may count on these bytes.
    pub(super) fn at_limit(self) -> Moment {
        if self.has_waited {
            self.at - CATCH_UP
        } else {
            self.at
        }
    }
}

/// Bytes that came together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// Offset of the first byte in the stream.
    pub(super) offset: u64,
    /// Since when a rule has kept them, here or before they came to the link.
    pub(super) since: Moment,
    /// When they came to the link.
    pub(super) came: Moment,
    pub(super) arrived: Arrival,
    /// Its message is to leave later than it would.
    pub(super) late: Option<Late>,
}

/// What waits, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

impl Queue {
    /// What it takes of a bound.
    pub(super) fn cost(&self) -> usize {
        self.bytes + self.chunks.len() * CHUNK_COST
    }

    pub(super) fn front(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        self.bytes += chunk.bytes.len();
        self.chunks.push_back(chunk);
    }

    /// Adds everything that `other` holds, behind what is here.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.chunks.append(&mut other.chunks);
    }

    /// Takes `length` bytes of the first chunk out.
    pub(super) fn take(&mut self, length: usize) -> Option<Chunk> {
        let chunk = self.chunks.front_mut()?;
        let taken = Chunk {
            bytes: chunk.bytes.slice(..length),
            ..*chunk
        };
        self.drop_front(length);
        Some(taken)
    }

    /// The first `length` bytes of the first chunk are gone.
    pub(super) fn drop_front(&mut self, length: usize) {
        let Some(chunk) = self.chunks.front_mut() else {
            return;
        };
        chunk.bytes.advance(length);
        chunk.offset += length as u64;
        self.bytes -= length;
        if chunk.bytes.is_empty() {
            self.chunks.pop_front();
        }
        if self.chunks.is_empty() {
            // An idle link holds no buffer.
            self.chunks = VecDeque::new();
        }
    }
}
