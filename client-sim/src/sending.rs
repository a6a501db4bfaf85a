//! What simulated clients have to say under numbers of their own, and what they
//! keep of it while nobody takes it: `send` and `queue` of `[clients]`.
//!
//! The one invariant: what [`Sending::from_table`] returns without a diagnostic
//! can be kept, so whoever sends at least once may hold at least one message.

use std::time::Duration;

use environment::text::{FromToml, Mismatch, Table, Value, choice};

/// Numbered messages: how often, and what becomes of those that find nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// From one message to the next, the first as long after the start.
    pub every: Duration,
    /// How often the server may get the same one; at least once by default.
    pub delivery: Delivery,
    /// How many are held at most; 100 by default, up to [`Sending::MOST`].
    pub at_most: u32,
    /// What gives way when one more comes; the oldest by default.
    pub beyond: Beyond,
}

/// How often a message may reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Until it is acknowledged it is held, and said again on the next connection.
    #[default]
    AtLeastOnce,
    /// Once it is said it is forgotten, whatever becomes of it.
    AtMostOnce,
}

/// What becomes of a message for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beyond {
    /// The oldest that is held is given up for it.
    #[default]
    Drop,
    /// It is refused, and whoever had it to say is told.
    Reject,
}

impl Delivery {
    /// Every one with its word in files and flags.
    pub const ALL: [(&'static str, Self); 2] = [
        ("at_least_once", Self::AtLeastOnce),
        ("at_most_once", Self::AtMostOnce),
    ];
}

impl Beyond {
    /// Every one with its word in files and flags.
    pub const ALL: [(&'static str, Self); 2] = [("drop", Self::Drop), ("reject", Self::Reject)];
}

impl FromToml for Delivery {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

impl FromToml for Beyond {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}

impl Sending {
    /// The most that a client may be told to hold: what its socket takes at once.
    pub const MOST: u32 = 4096;
    /// How many are held where nobody says.
    pub const HELD: u32 = 100;

    /// Stands in for what is wrong.
    const USUAL: Duration = Duration::from_secs(1);

    /// So often, with everything else as it is by default.
    pub fn every(every: Duration) -> Self {
        Self {
            every,
            delivery: Delivery::default(),
            at_most: Self::HELD,
            beyond: Beyond::default(),
        }
    }

    /// Why this cannot be kept, if it cannot.
    pub fn objection(&self) -> Option<&'static str> {
        let holds_none = self.at_most == 0 && self.delivery == Delivery::AtLeastOnce;
        holds_none.then_some(
            "a message that is sent at least once is held until it is acknowledged, and none may be",
        )
    }

    /// Reads `send` and `queue`; every error goes to the table's diagnostics.
    pub(crate) fn from_table(table: &mut Table<'_>) -> Option<Self> {
        let send = table.table("send");
        let has_send = table.has("send");
        let queue_span = table.key_span("queue");
        let queue = table.table("queue");
        if queue.is_some() && !has_send {
            table.error(queue_span, "queue needs send: there is nothing to be held");
        }
        // What the queue may be depends on what is sent, but for its words.
        let read = send.map(|mut send| {
            let every = required_time(&mut send).unwrap_or(Self::USUAL);
            (every, send.or("delivery", Delivery::default()))
        });
        let (every, delivery) = read.unwrap_or((Self::USUAL, Delivery::default()));
        let mut sending = Self {
            delivery,
            ..Self::every(every)
        };
        if let Some(queue) = queue {
            sending.read_queue(queue);
        }
        read.map(|_| sending)
    }

    fn read_queue(&mut self, mut table: Table<'_>) {
        self.beyond = table.or("beyond", self.beyond);
        let Some((at_most, span)) = table.spanned::<u32>("at_most") else {
            return;
        };
        let given = Self { at_most, ..*self };
        if at_most > Self::MOST {
            let message = format!("at_most {at_most} must be from 0 to {}", Self::MOST);
            table.error(span, message);
        } else if let Some(why) = given.objection() {
            let help = "at_most = 0 is for `delivery = \"at_most_once\"`";
            table.error_with_help(span, format!("at_most is 0: {why}"), help);
        } else {
            *self = given;
        }
    }
}

/// At least a millisecond: nothing shorter can be kept, and 0 is a busy loop.
fn required_time(table: &mut Table<'_>) -> Option<Duration> {
    let (every, span) = table.required_spanned::<Duration>("every")?;
    if every < Duration::from_millis(1) {
        table.error(span, "every must be at least 1ms");
        return None;
    }
    Some(every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(text: &str) -> (Option<Sending>, String) {
        let source = Source::new("case.toml", text);
        let diagnostics = Diagnostics::new();
        let sending = {
            let document = Document::parse(&source, &diagnostics);
            Sending::from_table(&mut document.root(&diagnostics))
        };
        (sending, diagnostics.render(&source))
    }

    #[test]
    fn what_is_sent_and_what_is_held_is_read() {
        let quick = Sending::every(Duration::from_millis(200));
        let check = |text: &str, expected| {
            assert_eq!(read(text), (expected, String::new()), "{text}");
        };
        check("", None);
        check("send.every = '200ms'", Some(quick));
        let all = Sending {
            delivery: Delivery::AtMostOnce,
            at_most: 0,
            beyond: Beyond::Reject,
            ..quick
        };
        check(
            "send = { every = '200ms', delivery = 'at_most_once' }\nqueue = { at_most = 0, beyond = 'reject' }",
            Some(all),
        );
    }

    #[test]
    fn mistakes_are_told_at_their_places() {
        let check = |text: &str, begins: &str| {
            let (_, rendered) = read(text);
            assert!(rendered.starts_with(begins), "{rendered}");
            assert_eq!(rendered.matches("case.toml:").count(), 1, "{rendered}");
        };
        check(
            "queue.at_most = 5",
            "case.toml:1:1: queue needs send: there is nothing to be held",
        );
        check("send = {}", "case.toml:1:8: missing key `every`");
        check(
            "send.every = '0s'",
            "case.toml:1:14: every must be at least 1ms",
        );
        check(
            "send = { every = '1s', delivery = 'once' }",
            "case.toml:1:35: `once` is not allowed here",
        );
        let queue = |queue: &str| format!("send.every = '1s'\nqueue = {{ {queue} }}");
        check(
            &queue("at_most = 4097"),
            "case.toml:2:21: at_most 4097 must be from 0 to 4096",
        );
        check(
            &queue("at_most = 0"),
            "case.toml:2:21: at_most is 0: a message that is sent at least once is held",
        );
        check(&queue("beyond = 'block'"), "case.toml:2:20: `block`");
        check(&queue("atmost = 5"), "case.toml:2:11: unknown key");
    }
}
