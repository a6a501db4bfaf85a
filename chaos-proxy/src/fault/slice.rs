//! `slice`: bytes pass in small pieces, with a gap between them.
//!
//! The k-th piece begins at k × size, strayed by at most half of `variation` by
//! the draw of k; so piece lengths are size ± variation, and where pieces begin
//! is a function of the offset alone.

use std::time::Duration;

use environment::Draw;
use environment::text::{ByteSize, Table};

use super::Way;

/// Larger pieces than any stream is cut into; keeps the arithmetic in range.
const LARGEST: u64 = 1 << 30;

/// Small writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Which links.
    pub way: Way,
    /// The middle length of a piece, in bytes; at least 1.
    pub size: u64,
    /// How far lengths stray from it; less than `size`.
    pub variation: u64,
    /// From one piece to the next.
    pub gap: Duration,
}

impl Slice {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let gap = table.or("gap", Duration::ZERO);
        let ByteSize(variation) = table.or("variation", ByteSize(0));
        let ByteSize(size) = table.required("size")?;
        let slice = Self {
            way,
            size,
            variation,
            gap,
        };
        if let Some(mistake) = slice.mistake() {
            let key = if slice.has_size() {
                "variation"
            } else {
                "size"
            };
            table.error(table.span_of(key), mistake);
            return None;
        }
        Some(slice)
    }

    fn has_size(&self) -> bool {
        (1..=LARGEST).contains(&self.size)
    }

    /// What is wrong with its numbers, if anything is.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        if !self.has_size() {
            return Some("a piece has at least 1 byte, and at most 1GiB");
        }
        (self.variation >= self.size)
            .then_some("`variation` must be less than `size`, or pieces would be empty")
    }

    /// Which piece the byte at `offset` is in, and where that piece ends.
    #[doc(hidden)]
    pub fn piece(&self, offset: u64, draw: impl Fn(u64) -> Draw) -> (u64, u64) {
        let begin = |piece: u64| self.begin(piece, &draw);
        // A begin strays by less than half a size: the piece is near.
        let near = offset / self.size;
        let piece = (near.saturating_sub(1)..=near + 1)
            .rev()
            .find(|&piece| begin(piece) <= offset);
        let piece = piece.unwrap_or(0);
        (piece, begin(piece + 1))
    }

    fn begin(&self, piece: u64, draw: &impl Fn(u64) -> Draw) -> u64 {
        if self.variation == 0 || piece == 0 {
            return piece * self.size;
        }
        piece * self.size - self.variation / 2 + draw(piece).below(self.variation + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Key, Realm, Seed};
    use proptest::prelude::*;

    fn draw(piece: u64) -> Draw {
        Seed(7).draw(&Key::new(Realm::Proxy, "slice", "r").index(piece))
    }

    proptest! {
        #[test]
        fn pieces_cover_the_stream_and_keep_their_length(size in 1_u64..50, variation in 0_u64..50) {
            let variation = variation.min(size - 1);
            let slice = Slice { way: Way::Both, size, variation, gap: Duration::ZERO };
            let (mut offset, mut last) = (0, None);
            while offset < 2000 {
                let (piece, end) = slice.piece(offset, draw);
                prop_assert_eq!(piece, last.map_or(0, |last| last + 1));
                prop_assert!(end > offset);
                let length = end - offset;
                prop_assert!(length >= size - variation && length <= size + variation, "{length}");
                prop_assert_eq!(slice.piece(end - 1, draw), (piece, end));
                (offset, last) = (end, Some(piece));
            }
        }
    }
}
