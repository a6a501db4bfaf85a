//! The journal: what every part of a run told, in one order, timed.
//!
//! One JSON object a line; the first line is the [`Header`]. Together with the
//! scenario file it is all that a verdict needs, so a run can be judged again
//! from its file alone. Invariant: decoding what was encoded gives it back.

#[cfg(any(test, feature = "testing"))]
pub mod builder;
mod codec;
mod entry;
mod order;
mod reader;

pub use codec::{encode_header, encode_line};
pub use entry::{Body, Bound, Entry, Header, MAX_ENTRIES, Mark};
pub use reader::{ReadError, read};
