//! Which entry may follow which.
//!
//! Parts of a run tell of what they do on threads of their own, so a line may be a
//! little earlier than the one above it; but not one of the same connection, and
//! not by much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::entry::{Body, Entry};

/// How much earlier than a line above it an entry may be: many times what a thread
/// was ever seen to be kept from writing it.
const DISORDER: Duration = Duration::from_secs(5);

/// Later than any run ends: it lasts a day, settles for another, and may wait for
/// its clients for a third.
const LATEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What was read so far of a journal.
#[derive(Debug, Default)]
pub(super) struct Order {
    latest: Moment,
    connections: BTreeMap<(Arc<str>, u64), Moment>,
}

impl Order {
    /// Takes the next entry in.
    ///
    /// # Errors
    /// Why no run makes this entry here.
    pub(super) fn see(&mut self, entry: &Entry) -> Result<(), String> {
        let at = entry.at;
        if at > Moment::ORIGIN + LATEST {
            let at = at.as_micros();
            return Err(format!(
                "`t_us` is {at}, more than a week after the start: no run lasts so long"
            ));
        }
        if let Some(before) = self.connection(entry)
            && at < before
        {
            return Err(out_of_order(at, before, "of this connection"));
        }
        if at + DISORDER < self.latest {
            return Err(out_of_order(at, self.latest, "before it"));
        }
        self.latest = self.latest.max(at);
        Ok(())
    }

    /// When the last entry was that the task of this connection told.
    fn connection(&mut self, entry: &Entry) -> Option<Moment> {
        match &entry.body {
            // A listener has no task of its own.
            Body::Proxy { attempt: 0, .. } => None,
            Body::Proxy {
                client, attempt, ..
            } => {
                let key = (Arc::clone(client), *attempt);
                self.connections.insert(key, entry.at)
            }
            Body::Client { .. } | Body::Server(_) | Body::Harness(_) => None,
        }
    }
}

fn out_of_order(at: Moment, before: Moment, whose: &str) -> String {
    let (at, before) = (at.as_micros(), before.as_micros());
    format!("out of order: `t_us` is {at}, and a line {whose} has {before}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::JournalBuilder;

    /// The first entry that is refused, by its number from 0, and why.
    fn refused(story: &JournalBuilder) -> Option<(usize, String)> {
        let mut order = Order::default();
        let entries = story.entries();
        let seen = entries.iter().map(|entry| order.see(entry)).enumerate();
        let mut errors = seen.filter_map(|(index, seen)| Some((index, seen.err()?)));
        errors.next()
    }

    #[test]
    fn a_connection_is_told_of_in_order() {
        let story = JournalBuilder::new()
            .accepted("c1", 1, 300)
            .accepted("c2", 1, 200);
        assert_eq!(refused(&story), None, "another may have been late");
        let story = story.accepted("c1", 2, 100).first_data("c1", 1, 250);
        let why = "out of order: `t_us` is 250000, and a line of this connection has 300000";
        assert_eq!(refused(&story), Some((3, why.to_owned())));
    }

    #[test]
    fn nobody_is_late_by_much() {
        let story = JournalBuilder::new().ticks("s", 1..=1, 6000);
        assert_eq!(refused(&story.clone().ticks("s", 2..=2, 1000)), None);
        let why = "out of order: `t_us` is 999000, and a line before it has 6000000";
        let late = story.ticks("s", 2..=2, 999);
        assert_eq!(refused(&late), Some((1, why.to_owned())));
    }

    #[test]
    fn no_run_lasts_more_than_a_week() {
        let week = 7 * 24 * 3_600_000;
        let story = JournalBuilder::new().ticks("s", 1..=1, week);
        assert_eq!(refused(&story), None);
        let (index, why) = refused(&story.ticks("s", 2..=2, week + 1)).unwrap();
        assert!(index == 1 && why.contains("no run lasts so long"), "{why}");
    }
}
