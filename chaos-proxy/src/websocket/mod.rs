//! Watching a WebSocket go by, without ever being one of its ends.
//!
//! The scanner reads the raw bytes of one direction, in whatever pieces they
//! come, and says where the upgrade's head and the frames begin and end (RFC
//! 6455 §4 and §5.2). It changes no byte and holds at most a head's worth.

mod head;
mod scanner;

pub use head::{Head, client_name};
pub use scanner::{Opcode, Scanner, Seen};
