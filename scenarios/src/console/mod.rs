//! What people see: how far it is while it runs, a table at the end.
//!
//! The table goes to stdout; in a pipe it has no colours and is as wide as it
//! gets. All else goes to stderr, and only to a terminal if it moves.

mod groups;
mod live;
mod matrix;
mod report;
mod running;
mod screen;
mod seeds;
mod style;

pub use live::Live;
pub(crate) use report::indented;
pub use report::report;
pub use screen::Screen;
pub use style::Style;
