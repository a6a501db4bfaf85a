//! `cut`: the connection ends after so many bytes, in the middle of whatever
//! they are.

use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::{Side, Way};

/// An end after so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which link's bytes are counted, from when the rule takes hold.
    pub way: Way,
    /// How many of them still pass.
    pub bytes: u64,
    /// How the connection ends.
    pub how: How,
    /// For whom.
    pub side: Side,
}

/// FIN or RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

impl Cut {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Downstream);
        let how = table.or("how", How::Close);
        let side = table.or("side", Side::Both);
        let bytes = table.required("bytes")?;
        Some(Self {
            way,
            bytes,
            how,
            side,
        })
    }
}

impl FromToml for How {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &[("close", Self::Close), ("reset", Self::Reset)])
    }
}
