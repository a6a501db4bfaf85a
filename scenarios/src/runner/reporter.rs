//! What is taken down of custom clients and servers: what a client reports goes
//! into the journal; of their other output, and of how they ended, what a person
//! may want to read.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::Clock;

use super::recorder::Recorder;
use crate::journal::{Body, Entry};
use crate::process::Tail;
use crate::subjects::{ClientReport, Interpreter};

/// The most that one client may tell in a run: a day of one message a third of
/// a second.
const MAX_REPORTS: u32 = 250_000;

/// More was told than a journal takes of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it reports more than {MAX_REPORTS} events")]
pub struct TooMuch;

/// One client's line to the journal.
#[derive(Debug)]
pub struct Reporter {
    client: Arc<str>,
    clock: Clock,
    recorder: Recorder,
    interpreter: Interpreter,
    count: u32,
}

impl Reporter {
    pub(super) fn new(
        client: Arc<str>,
        clock: Clock,
        recorder: Recorder,
        interpreter: Interpreter,
    ) -> Self {
        Self {
            client,
            clock,
            recorder,
            interpreter,
            count: 0,
        }
    }

    /// Takes it down as of now. Whether it counts: what the client does not
    /// claim to tell does not.
    ///
    /// # Errors
    /// It was too much.
    pub fn tell(&mut self, report: ClientReport) -> Result<bool, TooMuch> {
        let Some(what) = self.interpreter.interpret(report) else {
            return Ok(false);
        };
        self.count += 1;
        if self.count > MAX_REPORTS {
            return Err(TooMuch);
        }
        self.recorder.record(Entry {
            at: self.clock.now(),
            body: Body::Client {
                client: Arc::clone(&self.client),
                what,
            },
        });
        Ok(true)
    }
}

/// A cheap handle to what is kept of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// The end of its stderr.
    pub(super) tail: Tail,
    remarks: Arc<Mutex<Remarks>>,
}

#[derive(Debug, Default)]
struct Remarks {
    ended: Option<String>,
    others: u64,
}

impl Notes {
    /// It runs; whatever ends it before it is said how does so by dropping it.
    pub(super) fn started(&self) {
        self.ended("killed, for the run was over");
    }

    /// It ended like this.
    pub(super) fn ended(&self, how: &str) {
        self.remarks().ended = Some(how.to_owned());
    }

    /// A line of its stdout was no report, or none that it declares.
    pub(super) fn passed_over(&self) {
        self.remarks().others += 1;
    }

    /// For the record of the run; empty if there is nothing to say.
    pub(super) fn text(&self, who: &str) -> String {
        let complaints = self.tail.text();
        let remarks = self.remarks();
        if complaints.is_empty() && remarks.others == 0 {
            return String::new();
        }
        let ended = remarks.ended.as_deref().unwrap_or("never started");
        let mut text = format!("== {who}: {ended}\n");
        if remarks.others > 0 {
            let others = remarks.others;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "lines of stdout that were no report that it declares: {others}"
            );
        }
        text.push_str(&complaints);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    fn remarks(&self) -> MutexGuard<'_, Remarks> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
