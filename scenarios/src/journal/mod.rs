//! The journal: what every part of a run told, in one order, timed.
//!
//! One JSON object a line; the first line is the [`Header`]. Together with the
//! scenario file it is all that a verdict needs, so a run can be judged again
//! from its file alone. Invariant: decoding what was encoded gives it back.

mod codec;
mod entry;
mod reader;
mod recorder;
#[cfg(test)]
pub(crate) mod story;
mod writer;

pub use codec::{CodecError, decode, decode_line, encode_header, encode_line};
pub use entry::{Body, Entry, Header, Mark};
pub use reader::{ReadError, read};
pub use recorder::{MAX_ENTRIES, Recorder};
pub use writer::{JournalError, Writer};
