//! The session machine; the rules are in the [module above](super).
//!
//! Every `if self.has(Flaw::…)` is one known bug, at the place of the good one.

mod commands;
mod endings;
mod messages;
mod sending;
mod silence;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use environment::{Draw, Key, Moment, Realm, Seed};

use self::endings::{is_denial, is_refusal};
use self::silence::Silence;
use super::feed::Feed;
use super::outbox::Outbox;
use super::{Command, Ending, Input, Output, Resume};
use crate::message::ServerMessage;
use crate::{Backoff, Behaviour, CloseReason, EventKind, Flaw};

/// How long a polite close waits for the server's.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// A server can ask for this long a pause by Retry-After, and no longer.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(300);

/// RFC 6455 §7.4.1: the purpose is fulfilled.
const NORMAL: u16 = 1000;
/// RFC 6455 §7.4.1: this end is going away.
const GOING_AWAY: u16 = 1001;

/// One client, as a machine. See the [module](super).
#[derive(Debug)]
pub struct Session {
    name: Arc<str>,
    seed: Seed,
    behaviour: Behaviour,
    state: State,
    /// The number of the last dial.
    dial: u64,
    /// Connect timeouts since a connection was last open.
    timeouts: u32,
    backoff: Backoff,
    feed: Feed,
    /// What it has to say itself, once it has started.
    outbox: Option<Outbox>,
    /// Whether any connection has been welcomed yet.
    was_welcomed: bool,
    /// What the user has asked for, if anything: paused or not.
    intent: Option<bool>,
    /// The last connection ended while a ping was out, which the next one is to
    /// answer: a flaw.
    has_ping_out: bool,
    /// The last connection ended within a message, and what came of it lies
    /// before the next one's first: a flaw.
    has_piece: bool,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting { due: Option<Moment> },
    Open(Open),
    Backoff { due: Moment },
    Closed,
    GaveUp,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Moment,
    silence: Silence,
    /// When the answer to another connection's ping is overdue: a flaw.
    pong_due: Option<Moment>,
    is_welcomed: bool,
    /// How many pauses and resumes were asked for on it and are unanswered.
    asked: u32,
    /// When something is to be said again.
    say_due: Option<Moment>,
    /// A close is out and its answer awaited: a flaw.
    is_closing: bool,
}

impl Open {
    /// When something is to be said again.
    fn talks_at(&self) -> Option<Moment> {
        self.say_due.filter(|_| !self.is_closing)
    }
}

/// Where a client is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not started.
    Idle,
    /// Dialling, or waiting for the answer to the upgrade.
    Connecting,
    /// Connected.
    Open,
    /// Waiting before the next dial.
    Backoff,
    /// Stopped for good.
    Closed,
    /// Will not reconnect unless told to.
    GaveUp,
}

impl Session {
    /// The client `name`, idle. Its draws follow from `seed`, its name and the
    /// number of the dial.
    pub fn new(name: Arc<str>, seed: Seed, behaviour: Behaviour) -> Self {
        Self {
            name,
            seed,
            state: State::Idle,
            dial: 0,
            timeouts: 0,
            backoff: Backoff::new(behaviour.reconnect, behaviour.min_uptime),
            behaviour,
            feed: Feed::default(),
            outbox: None,
            was_welcomed: false,
            intent: None,
            has_ping_out: false,
            has_piece: false,
            outputs: VecDeque::new(),
        }
    }

    /// Dials for the first time, at once. Does nothing if started already.
    pub fn start(&mut self, now: Moment) {
        if matches!(self.state, State::Idle) {
            self.begin_sending(now);
            self.dial(now);
        }
    }

    /// Takes what the connection of `dial` tells.
    pub fn handle(&mut self, now: Moment, dial: u64, input: Input) {
        if dial != self.dial || !self.is_attached() {
            return self.handle_stale(now, dial, &input);
        }
        match input {
            Input::Opened => self.opened(now),
            Input::Heard => self.heard(now, false),
            Input::Message(_) if self.has_piece => {
                self.abandon();
                self.lost(now, Ending::of(CloseReason::Protocol));
            }
            Input::Message(message) => {
                self.heard(now, true);
                self.message(message);
            }
            Input::Ended(Ending {
                why: CloseReason::BadUpgrade,
                ..
            }) if self.has(Flaw::TakesAnyAnswer) => self.opened(now),
            Input::Ended(ending) => self.lost(now, ending),
        }
    }

    /// Takes what the user wants.
    pub fn command(&mut self, now: Moment, command: Command) {
        match command {
            Command::Pause => self.intend(true),
            Command::Resume => self.intend(false),
            Command::Stop if self.has(Flaw::DialsAfterStop) && self.is_underway() => {
                self.tell(EventKind::Stopped);
            }
            Command::Stop => self.stop(NORMAL),
            Command::Reconnect => self.reconnect(now),
        }
    }

    /// The program is ending: like [`Command::Stop`], but says 1001.
    pub fn shutdown(&mut self) {
        self.stop(GOING_AWAY);
    }

    /// Time has passed. Harmless before the [deadline](Session::deadline).
    pub fn timer(&mut self, now: Moment) {
        self.speak(now);
        if self.acts_at().is_none_or(|due| now < due) {
            return;
        }
        match self.state {
            State::Connecting { .. } => {
                self.timeouts = self.timeouts.saturating_add(1);
                if !self.has(Flaw::LeaksAttempts) {
                    self.abandon();
                }
                self.lost(now, Ending::of(CloseReason::ConnectTimeout));
            }
            State::Open(open) => {
                if open.talks_at().is_some_and(|due| due <= now) {
                    self.say(now);
                }
                if self.next_look(&open).is_some_and(|due| due <= now) {
                    self.look(now, &open);
                }
            }
            State::Backoff { .. } => self.dial(now),
            State::Idle | State::Closed | State::GaveUp => {}
        }
    }

    /// When [`Session::timer`] is due. Changes with every input and output.
    pub fn deadline(&self) -> Option<Moment> {
        let moments = [self.acts_at(), self.speaks_at()];
        moments.into_iter().flatten().min()
    }

    /// When the connection, or the want of one, is to be looked at.
    fn acts_at(&self) -> Option<Moment> {
        match &self.state {
            State::Connecting { due } => *due,
            State::Backoff { due } => Some(*due),
            State::Open(open) => {
                let moments = [self.next_look(open), open.talks_at()];
                moments.into_iter().flatten().min()
            }
            State::Idle | State::Closed | State::GaveUp => None,
        }
    }

    /// The next thing to do, in order. To be polled until `None` after each of
    /// the calls above.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Where the client is in its life.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Connecting { .. } => Phase::Connecting,
            State::Open(_) => Phase::Open,
            State::Backoff { .. } => Phase::Backoff,
            State::Closed => Phase::Closed,
            State::GaveUp => Phase::GaveUp,
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.behaviour.flaws.contains(&flaw)
    }

    /// Whether the last dial is a connection or may become one.
    fn is_attached(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Open(_))
    }

    fn is_underway(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Backoff { .. })
    }

    fn tell(&mut self, what: EventKind) {
        self.outputs.push_back(Output::Tell(what));
    }

    // === dialling ===

    fn dial(&mut self, now: Moment) {
        if self.has(Flaw::DoubleDial) && self.dial > 0 {
            self.push_dial();
        }
        self.push_dial();
        let due = self.connect_limit().map(|limit| now + limit);
        self.state = State::Connecting { due };
    }

    fn push_dial(&mut self) {
        self.dial += 1;
        let (dial, resume) = (self.dial, self.resume());
        self.tell(EventKind::Dialled { dial });
        self.outputs.push_back(Output::Dial { dial, resume });
    }

    fn resume(&self) -> Option<Resume> {
        let wants = self.behaviour.resume && !self.has(Flaw::ForgetsSession);
        self.feed.resume().filter(|_| wants)
    }

    /// Doubles with every connect timeout, up to its cap: a slow link
    /// must not be kept out indefinitely by an impatient client.
    fn connect_limit(&self) -> Option<Duration> {
        let first = self.behaviour.connect_timeout;
        let unbounded_later = self.has(Flaw::TimeoutFirstConnectOnly) && self.dial > 1;
        if unbounded_later || self.has(Flaw::NoConnectTimeout) {
            return None;
        }
        if self.has(Flaw::KeepsShortTimeout) {
            return Some(first);
        }
        let doubled = first.saturating_mul(1 << self.timeouts.min(16));
        Some(doubled.min(self.behaviour.connect_timeout_cap).max(first))
    }

    fn opened(&mut self, now: Moment) {
        if !matches!(self.state, State::Connecting { .. }) {
            return;
        }
        self.timeouts = 0;
        let carried = std::mem::take(&mut self.has_ping_out);
        self.state = State::Open(Open {
            since: now,
            silence: Silence::since(now),
            pong_due: carried.then(|| now + self.behaviour.liveness / 2),
            is_welcomed: false,
            asked: 0,
            say_due: None,
            is_closing: false,
        });
        if self.has(Flaw::ResetsBackoffOnOpen) {
            self.backoff.restart();
        }
        self.tell(EventKind::Opened { dial: self.dial });
        self.say(now);
        self.flush();
    }

    /// Says what a server that waits to be spoken to is told.
    fn say(&mut self, now: Moment) {
        let Some(say) = &self.behaviour.say else {
            return;
        };
        let (dial, text) = (self.dial, Arc::clone(&say.text));
        let due = say.every.map(|every| now + every);
        self.outputs.push_back(Output::Say { dial, text });
        if let State::Open(open) = &mut self.state {
            open.say_due = due;
        }
    }

    // === life and death of a connection ===

    /// The current connection or attempt is dropped by this end.
    fn abandon(&mut self) {
        let keeps = [
            Flaw::LeaksOldSocket,
            Flaw::TrustsOldSocket,
            Flaw::MixesOldData,
        ];
        if !keeps.into_iter().any(|flaw| self.has(flaw)) {
            self.outputs.push_back(Output::Abandon { dial: self.dial });
        }
    }

    fn close(&mut self, code: u16, patience: Option<Duration>) {
        let dial = self.dial;
        self.outputs.push_back(Output::Close {
            dial,
            code,
            patience,
        });
    }

    /// The current dial is over, whoever ended it.
    fn lost(&mut self, now: Moment, ending: Ending) {
        let uptime = match self.state {
            // Silence at the end is no uptime.
            State::Open(open) => Some(open.silence.since.since(open.since)),
            _ => None,
        };
        self.keep_remains(ending);
        if is_refusal(ending) && !self.has(Flaw::KeepsRefusedSession) {
            self.feed = Feed::default();
        }
        let Ending { why, code, .. } = ending;
        let dial = self.dial;
        self.tell(EventKind::Closed { dial, why, code });
        let forgives = !self.has(Flaw::NeverResetsBackoff);
        self.backoff.ended(uptime.filter(|_| forgives));
        if self.is_final(ending, uptime.is_some()) {
            self.state = State::GaveUp;
            self.tell(EventKind::GaveUp);
        } else {
            self.wait(now, ending);
        }
    }

    fn wait(&mut self, now: Moment, ending: Ending) {
        let unit = match self.has(Flaw::NoJitter) {
            true => 1.0,
            false => self.draw().unit(),
        };
        let mut delay = self.backoff.next_at(unit);
        if is_denial(ending) && !self.has(Flaw::HammersWhenDenied) {
            delay = delay.max(self.backoff.policy().late(unit));
        }
        let asked = ending.refusal.and_then(|refusal| refusal.retry_after);
        if let Some(asked) = asked
            && !self.has(Flaw::IgnoresRetryAfter)
        {
            // On top, so that those who were told the same do not come together.
            delay += asked.min(RETRY_AFTER_LIMIT);
        }
        if self.has(Flaw::NoBackoff) {
            delay = Duration::from_millis(1);
        }
        self.tell(EventKind::Waiting { delay });
        self.state = State::Backoff { due: now + delay };
    }

    /// The draw of the delay before the next dial, named by that dial's number.
    fn draw(&self) -> Draw {
        let key = Key::new(Realm::Client, "backoff", "").client(&self.name);
        self.seed.draw(&key.attempt(self.dial + 1))
    }

    /// What is no longer the current connection has no say.
    fn handle_stale(&mut self, now: Moment, dial: u64, input: &Input) {
        match input {
            Input::Ended(ending) if self.has(Flaw::TrustsOldSocket) && self.is_attached() => {
                self.lost(now, *ending);
            }
            Input::Message(ServerMessage::Tick { seq, .. }) if self.has(Flaw::MixesOldData) => {
                self.applied(dial, *seq);
            }
            _ => {}
        }
    }
}
