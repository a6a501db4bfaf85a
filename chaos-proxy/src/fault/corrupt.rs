//! `corrupt`: bits flipped at seeded positions of the stream, or a frame made
//! illegal.
//!
//! For the bits, the stream is taken in stretches of 1,460 bytes; in each, `bytes` positions
//! are drawn, and one bit of each is flipped. So what is damaged depends on the
//! offset and the key, not on how the bytes were read.

use environment::Draw;
use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::frames::read_message;
use super::{Frames, Opcodes, Way};

/// The length of a stretch.
const STRETCH: u64 = 1460;

/// Damage.
#[derive(Debug, Clone, PartialEq)]
pub enum Corrupt {
    /// To bytes, whatever they are.
    Bits(FlipBits),
    /// To frames.
    Frames(BadFrame),
}

/// Damage to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlipBits {
    /// Which links.
    pub way: Way,
    /// How many positions are drawn in each stretch of 1,460 bytes.
    pub bytes: u32,
}

/// Frames that break the protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct BadFrame {
    /// Which messages; the first frame of each is damaged.
    pub frames: Frames,
    /// How.
    pub kind: Illegal,
}

/// How a frame breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Illegal {
    /// A reserved opcode (RFC 6455 §5.2): 3 for data, 11 for control frames.
    Opcode,
    /// A mask from the server, or none from the client (§5.1).
    Mask,
    /// The reserved bit RSV2, which no extension in use defines (§5.2).
    Reserved,
    /// A text that begins with the byte 0xff, which is no UTF-8 (§8.1).
    Utf8,
}

impl Corrupt {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        ["kind", "opcode", "index", "message", "bytes"]
            .iter()
            .for_each(|key| table.ignore(key));
        if table.has("kind") {
            if table.has("bytes") {
                let message = "`bytes` and `kind` exclude each other: bytes are damaged, or frames";
                table.error(table.span_of("bytes"), message);
                return None;
            }
            return BadFrame::read(table).map(Self::Frames);
        }
        // What is wrong with it is told wherever it stands.
        let _ = read_message(table, Opcodes::Data);
        for key in ["opcode", "index", "message"] {
            if table.has(key) {
                table.error_with_help(
                    table.key_span(key),
                    format!("`{key}` needs `kind`: it is about frames"),
                    "for example `kind = \"opcode\"`",
                );
                return None;
            }
        }
        FlipBits::read(table).map(Self::Bits)
    }

    /// Whether this way is damaged.
    #[doc(hidden)]
    pub fn way(&self) -> Way {
        match self {
            Self::Bits(bits) => bits.way,
            Self::Frames(bad) => bad.frames.way,
        }
    }
}

impl BadFrame {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let frames = Frames::read(table);
        let kind = table.required("kind")?;
        Some(Self {
            frames: frames?,
            kind,
        })
    }
}

impl FromToml for Illegal {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let kinds = [
            ("opcode", Self::Opcode),
            ("mask", Self::Mask),
            ("reserved", Self::Reserved),
            ("utf8", Self::Utf8),
        ];
        choice(value, &kinds)
    }
}

impl FlipBits {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let bytes = table.or::<u32>("bytes", 1);
        let flip = Self { way, bytes };
        if let Some(mistake) = flip.mistake() {
            table.error(table.span_of("bytes"), mistake);
            return None;
        }
        Some(flip)
    }

    /// What is wrong with its number, if anything is.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let is_possible = (1..=STRETCH).contains(&u64::from(self.bytes));
        (!is_possible).then_some("`bytes` is how many of every 1460 are damaged: 1 to 1460")
    }

    /// Damages `bytes`, which begin at `offset` of the stream; `draw` gives the
    /// draw of a stretch by its number. Gives how many bytes were hit.
    pub(crate) fn damage(&self, bytes: &mut [u8], offset: u64, draw: impl Fn(u64) -> Draw) -> u64 {
        let end = offset + bytes.len() as u64;
        let mut hit = 0;
        for stretch in offset / STRETCH..end.div_ceil(STRETCH) {
            let mut draw = draw(stretch);
            for _ in 0..self.bytes {
                let position = stretch * STRETCH + draw.below(STRETCH);
                let bit = draw.below(8);
                let index = position
                    .checked_sub(offset)
                    .and_then(|index| usize::try_from(index).ok());
                if let Some(byte) = index.and_then(|index| bytes.get_mut(index)) {
                    *byte ^= 1 << bit;
                    hit += 1;
                }
            }
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Key, Realm, Seed};
    use proptest::prelude::*;

    fn draw(stretch: u64) -> Draw {
        Seed(7).draw(&Key::new(Realm::Proxy, "corrupt", "r").index(stretch))
    }

    #[test]
    fn one_position_in_every_stretch_is_hit() {
        let mut bytes = vec![0; 14_600];
        let corrupt = FlipBits {
            way: Way::Both,
            bytes: 1,
        };
        assert_eq!(corrupt.damage(&mut bytes, 0, draw), 10);
        for stretch in bytes.chunks(1460) {
            assert_eq!(stretch.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        }
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(length in 1_usize..8000, offset in 0_u64..5000, cut in 0_usize..8000, count in 1_u32..5) {
            let corrupt = FlipBits { way: Way::Both, bytes: count };
            let mut whole = vec![0; length];
            let hit = corrupt.damage(&mut whole, offset, draw);
            let mut parts = vec![0; length];
            let (first, second) = parts.split_at_mut(cut.min(length));
            let later = offset + first.len() as u64;
            let hits = corrupt.damage(first, offset, draw) + corrupt.damage(second, later, draw);
            prop_assert_eq!(hit, hits);
            prop_assert_eq!(whole, parts);
        }
    }
}
