//! Takes down what somebody else's client tells of itself.

use std::sync::Arc;

use environment::Clock;

use super::recorder::Recorder;
use crate::journal::{Body, Entry};
use crate::subjects::{Interpreter, Told};

/// The most that one client may tell in a run: a day of one message a third of
/// a second.
const MAX_REPORTS: u32 = 250_000;

/// More was told than a journal takes of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it tells more than {MAX_REPORTS} events of itself")]
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
    pub fn tell(&mut self, told: Told) -> Result<bool, TooMuch> {
        let Some(what) = self.interpreter.interpret(told) else {
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
