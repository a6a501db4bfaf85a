//! The harness inside a Rust test: against a custom server and client.
//!
//! See the [crate's first page](crate) for an example. Invariant: what a test
//! gets is judged as `chaos run` judges, by the same runner and the same rules.

mod load;
mod outcome;
mod place;
mod run;
mod scenario;
mod server;
mod setup;

pub use load::LoadError;
pub use outcome::Outcome;
pub use run::RunError;
pub use scenario::Scenario;
pub use setup::Setup;
