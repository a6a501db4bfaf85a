//! What a draw's `index` counts: WebSocket frames, or 1,460-byte stretches of a
//! raw stream. Never reads, which the kernel decides.

use std::collections::VecDeque;

/// The payload of an Ethernet frame's TCP segment, without options.
const RAW: u64 = 1460;

/// Where segments of a stream begin and end.
#[derive(Debug)]
pub(crate) enum Segments {
    /// Fixed stretches, counted from 0.
    Raw,
    /// The upgrade's head is 0, frames count from 1.
    Frames(VecDeque<Frame>),
}

/// One frame's place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Which.
    pub index: u64,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset of the first byte after it.
    pub end: u64,
}

impl Segments {
    /// Frames, none of them known yet.
    pub(crate) fn frames() -> Self {
        Self::Frames(VecDeque::new())
    }

    /// Notes a frame; frames come in order.
    pub(crate) fn note(&mut self, frame: Frame) {
        if let Self::Frames(known) = self {
            known.push_back(frame);
        }
    }

    /// The stream is no WebSocket after all.
    pub(crate) fn become_raw(&mut self) {
        *self = Self::Raw;
    }

    /// The segment that the byte at `offset` belongs to, and where it ends.
    pub(super) fn at(&self, offset: u64) -> (u64, u64) {
        let known = match self {
            Self::Raw => return (offset / RAW, (offset / RAW + 1) * RAW),
            Self::Frames(known) => known,
        };
        let position = known.partition_point(|frame| frame.end <= offset);
        match (known.get(position), known.back()) {
            (Some(frame), _) if frame.start <= offset => (frame.index, frame.end),
            (Some(frame), _) => (frame.index.saturating_sub(1), frame.start),
            // A frame whose header is not complete yet.
            (None, Some(last)) => (last.index + 1, u64::MAX),
            (None, None) => (0, u64::MAX),
        }
    }

    /// Whether the byte at `offset` is of the upgrade's head, and where that ends
    /// as far as is known.
    pub(super) fn head_end(&self, offset: u64) -> Option<u64> {
        match self {
            Self::Raw => None,
            Self::Frames(_) => {
                let (index, end) = self.at(offset);
                (index == 0).then_some(end)
            }
        }
    }

    /// Forgets what lies wholly before `offset`, but for the last one, which
    /// says how far the count is.
    pub(super) fn forget_before(&mut self, offset: u64) {
        if let Self::Frames(known) = self {
            while known.len() > 1 && known[0].end <= offset {
                known.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_segments_are_stretches_of_1460() {
        assert_eq!(Segments::Raw.at(0), (0, 1460));
        assert_eq!(Segments::Raw.at(1459), (0, 1460));
        assert_eq!(Segments::Raw.at(1460), (1, 2920));
    }

    #[test]
    fn bytes_belong_to_their_frame() {
        let mut segments = Segments::frames();
        assert_eq!(segments.at(50), (0, u64::MAX));
        segments.note(Frame {
            index: 1,
            start: 100,
            end: 110,
        });
        segments.note(Frame {
            index: 2,
            start: 110,
            end: 150,
        });
        assert_eq!(segments.at(50), (0, 100));
        assert_eq!(segments.at(105), (1, 110));
        assert_eq!(segments.at(110), (2, 150));
        assert_eq!(segments.at(150), (3, u64::MAX));
        segments.forget_before(150);
        assert_eq!(segments.at(150), (3, u64::MAX));
    }
}
