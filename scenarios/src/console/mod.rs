//! What people see: one live line while it runs, a table at the end.
//!
//! The table goes to stdout and is the same in a pipe but for its colours;
//! whatever moves goes to stderr, and only to a terminal.

mod groups;
mod live;
mod matrix;
mod report;
#[cfg(test)]
pub(crate) mod sample;
mod seeds;
mod style;

pub use live::Live;
pub use report::report;
pub(crate) use report::sentences;
pub use style::Style;
