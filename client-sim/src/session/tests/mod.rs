//! The session machine, driven manually on a clock of the test's own.
//!
//! Here is the rig; the reference client beside each flaw, and the invariants under
//! random input, are in the modules below.

mod flaws;
mod properties;
mod saying;
mod sending;

use std::time::Duration;

use environment::{Moment, Seed};

use super::{Command, Ending, Input, Output, Phase, Refusal, Resume, Session};
use crate::{
    Behaviour, ClientMessage, CloseReason, EventKind, Flaw, Policy, ServerMessage, Shape, Welcome,
};

const SECOND: Duration = Duration::from_secs(1);

/// A machine with a clock of its own, and all that came out of it.
struct Rig {
    session: Session,
    now: Moment,
    /// The number of the last dial.
    dial: u64,
    /// What came out since the last call.
    fresh: Vec<Output>,
}

/// Liveness 10 s, connect timeout 5 s, minimum uptime 5 s; delays 1, 2, 4, 8 s.
fn behaviour(flaws: &[Flaw]) -> Behaviour {
    Behaviour {
        reconnect: Policy {
            cap: 8 * SECOND,
            ..Policy::new(Shape::Exponential)
        },
        flaws: flaws.iter().copied().collect(),
        ..Behaviour::default()
    }
}

impl Rig {
    fn with(behaviour: Behaviour) -> Self {
        let mut rig = Self {
            session: Session::new("c1".into(), Seed(1), behaviour),
            now: Moment::ORIGIN,
            dial: 0,
            fresh: Vec::new(),
        };
        rig.session.start(rig.now);
        rig.take();
        rig
    }

    fn new(flaws: &[Flaw]) -> Self {
        Self::with(behaviour(flaws))
    }

    /// Welcomed on dial 1.
    fn live(flaws: &[Flaw]) -> Self {
        let mut rig = Self::new(flaws);
        rig.open();
        rig
    }

    fn take(&mut self) {
        self.fresh = std::iter::from_fn(|| self.session.poll_output()).collect();
        self.dial += self.dials().len() as u64;
    }

    fn input_of(&mut self, dial: u64, input: Input) {
        self.session.handle(self.now, dial, input);
        self.take();
    }

    fn input(&mut self, input: Input) {
        self.input_of(self.dial, input);
    }

    fn message(&mut self, message: ServerMessage) {
        self.input(Input::Message(message));
    }

    fn ends(&mut self, why: CloseReason) {
        self.input(Input::Ended(Ending::of(why)));
    }

    fn closes(&mut self, code: u16) {
        self.input(Input::Ended(Ending {
            code: Some(code),
            ..Ending::of(CloseReason::CloseFrame)
        }));
    }

    fn refuses(&mut self, status: u16, retry_after: Option<u64>) {
        let retry_after = retry_after.map(Duration::from_secs);
        self.input(Input::Ended(Ending {
            refusal: Some(Refusal {
                status,
                retry_after,
            }),
            ..Ending::of(CloseReason::BadUpgrade)
        }));
    }

    fn command(&mut self, command: Command) {
        self.session.command(self.now, command);
        self.take();
    }

    /// Opened, and welcomed to a session that the server keeps.
    fn open(&mut self) {
        self.input(Input::Opened);
        let resumed = self.dial > 1;
        self.message(welcome("s1", 1, resumed, false));
    }

    /// Lets time pass with the server talking every second.
    fn stays_up(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(SECOND);
            self.message(ServerMessage::Heartbeat);
        }
    }

    /// Lets time pass, with the timer going off when due and also when not.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(due) = self.session.deadline().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline in the past");
            self.now = due;
            self.timer(&mut all);
        }
        self.now = end;
        self.timer(&mut all);
        self.fresh = all;
    }

    fn timer(&mut self, all: &mut Vec<Output>) {
        self.session.timer(self.now);
        self.take();
        all.append(&mut self.fresh);
    }

    /// The delay told, which must be there.
    fn delay(&self) -> Duration {
        let delay = |output: &Output| match output {
            Output::Tell(EventKind::Waiting { delay }) => Some(*delay),
            _ => None,
        };
        let told: Vec<_> = self.fresh.iter().filter_map(delay).collect();
        assert_eq!(told.len(), 1, "{:?}", self.fresh);
        told[0]
    }

    /// Loses the connection or attempt and comes to the next dial.
    fn fails_and_dials(&mut self, why: CloseReason) -> Duration {
        self.ends(why);
        let delay = self.delay();
        self.pass(delay);
        assert_eq!(self.session.phase(), Phase::Connecting);
        delay
    }

    fn dials(&self) -> Vec<(u64, Option<Resume>)> {
        let dial = |output: &Output| match output {
            Output::Dial { dial, resume } => Some((*dial, resume.clone())),
            _ => None,
        };
        self.fresh.iter().filter_map(dial).collect()
    }

    fn sent(&self) -> Vec<ClientMessage> {
        let sent = |output: &Output| match output {
            Output::Send { message, .. } => Some(*message),
            _ => None,
        };
        self.fresh.iter().filter_map(sent).collect()
    }

    fn has_told(&self, expected: impl Fn(&EventKind) -> bool) -> bool {
        let told = |output: &Output| matches!(output, Output::Tell(what) if expected(what));
        self.fresh.iter().any(told)
    }

    fn has_closed(&self, expected: CloseReason) -> bool {
        self.has_told(|what| matches!(what, EventKind::Closed { why, .. } if *why == expected))
    }

    fn abandons(&self, dial: u64) -> bool {
        self.fresh.contains(&Output::Abandon { dial })
    }

    fn applied(&self) -> Vec<u64> {
        let applied = |output: &Output| match output {
            Output::Tell(EventKind::Applied { seq, .. }) => Some(*seq),
            _ => None,
        };
        self.fresh.iter().filter_map(applied).collect()
    }
}

fn welcome(session: &str, next_seq: u64, resumed: bool, paused: bool) -> ServerMessage {
    ServerMessage::Welcome(Welcome {
        session: session.into(),
        tick_ms: 1000,
        heartbeat_ms: 1000,
        next_seq,
        paused,
        resumed,
        lost: Some(0),
    })
}

fn tick(seq: u64) -> ServerMessage {
    ServerMessage::Tick { seq, value: 7 }
}
