//! A WebSocket going by (RFC 6455 §4 and §5.2): watched by the scanner, changed
//! by the editor where a rule asks for it, and never terminated.
//!
//! Both read the raw bytes of one direction, in whatever pieces they come.
//! Invariant: a byte that no rule is about goes on as it came.

mod body;
mod data;
mod editor;
mod frame_rule;
mod head;
mod opcode;
mod scanner;
mod shape;

pub use editor::{Editor, Late, Powerless, Step, UNREAD};
pub use frame_rule::{Edits, FrameEdit, FrameRule, FrameRuleId};
pub use head::Head;
pub use opcode::Opcode;

pub(crate) use data::{DataReader, Found};
pub(crate) use head::client_name;
pub(crate) use scanner::{Frame, Scanner, Seen};
