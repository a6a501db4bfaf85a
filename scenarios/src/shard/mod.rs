//! A suite in parts, one for each machine, and the parts put together again.
//!
//! ```text
//! Suite ─▶ partition ─▶ this shard's runs ─▶ OUT with shard.json ─┐
//!                          the other shards' … ──────────────────┴▶ merge ─▶ records
//! ```
//!
//! Invariant: every run is in exactly one shard, whoever works it out; and what
//! is merged are the records that one run of all would have written.

mod merge;
mod partition;
mod record;

pub use environment::shard::{AutoError, Shard, ShardError, auto};
pub use merge::{MergeError, Merged, Whole, read};
pub use partition::partition;
pub use record::{Part, RECORD, ShardRun};
