//! The session machine; the rules are in the [module above](super).
//!
//! Every `if self.has(Flaw::…)` is one bad habit, at the place of the good one.

mod commands;
mod messages;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use environment::{Draw, Key, Moment, Realm, Seed};

use super::feed::Feed;
use super::{Command, Ending, Input, Output, Resume};
use crate::message::ServerMessage;
use crate::{Backoff, Behaviour, Flaw, What, Why};

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
    /// Whether any connection has been welcomed yet.
    was_welcomed: bool,
    /// What the person has asked for, if anything: paused or not.
    intent: Option<bool>,
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
    /// When anything last arrived.
    heard: Moment,
    /// A ping is out since then.
    is_pinged: bool,
    is_welcomed: bool,
    /// A close is out and its answer awaited: a flaw.
    is_closing: bool,
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
    /// Will not dial again unless told to.
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
            was_welcomed: false,
            intent: None,
            outputs: VecDeque::new(),
        }
    }

    /// Dials for the first time, at once. Does nothing if started already.
    pub fn start(&mut self, now: Moment) {
        if matches!(self.state, State::Idle) {
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
            Input::Message(message) => {
                self.heard(now, true);
                self.message(message);
            }
            Input::Ended(ending) => self.lost(now, ending),
        }
    }

    /// Takes what the person wants.
    pub fn command(&mut self, now: Moment, command: Command) {
        match command {
            Command::Pause => self.intend(true),
            Command::Resume => self.intend(false),
            Command::Stop if self.has(Flaw::DialsAfterStop) && self.is_underway() => {
                self.tell(What::Stopped);
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
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Connecting { .. } => {
                self.timeouts = self.timeouts.saturating_add(1);
                self.abandon();
                self.lost(now, Ending::of(Why::ConnectTimeout));
            }
            State::Open(open) if now < open.heard + self.behaviour.liveness => self.ping(now),
            State::Open(_) => self.silent(now),
            State::Backoff { .. } => self.dial(now),
            State::Idle | State::Closed | State::GaveUp => {}
        }
    }

    /// When [`Session::timer`] is due. Changes with every input and output.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Connecting { due } => *due,
            State::Backoff { due } => Some(*due),
            State::Open(open) if open.is_closing || self.has(Flaw::NoLiveness) => None,
            State::Open(open) if open.is_pinged => Some(open.heard + self.behaviour.liveness),
            State::Open(open) => Some(open.heard + self.behaviour.liveness / 2),
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

    fn tell(&mut self, what: What) {
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
        self.tell(What::Dialled { dial });
        self.outputs.push_back(Output::Dial { dial, resume });
    }

    fn resume(&self) -> Option<Resume> {
        let wants = self.behaviour.resume && !self.has(Flaw::ForgetsSession);
        self.feed.resume().filter(|_| wants)
    }

    /// Doubles with every connect timeout, up to its cap: a slow link
    /// must not be kept out for ever by an impatient client.
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
        self.state = State::Open(Open {
            since: now,
            heard: now,
            is_pinged: false,
            is_welcomed: false,
            is_closing: false,
        });
        if self.has(Flaw::ResetsBackoffOnOpen) {
            self.backoff.restart();
        }
        self.tell(What::Opened { dial: self.dial });
    }

    // === life and death of a connection ===

    fn heard(&mut self, now: Moment, is_message: bool) {
        let counts = is_message || !self.has(Flaw::LivenessByMessages);
        if let State::Open(open) = &mut self.state
            && counts
        {
            open.heard = now;
            open.is_pinged = false;
        }
    }

    /// Half the window has passed in silence: asks whether anybody is there.
    /// A server that has nothing to say is thereby told from a dead one.
    fn ping(&mut self, now: Moment) {
        let by_sends = self.has(Flaw::LivenessBySends);
        if let State::Open(open) = &mut self.state {
            open.is_pinged = !by_sends;
            if by_sends {
                open.heard = now;
            }
            self.outputs.push_back(Output::Ping { dial: self.dial });
        }
    }

    fn silent(&mut self, now: Moment) {
        if !self.has(Flaw::WaitsForCloseReply) {
            self.abandon();
            return self.lost(now, Ending::of(Why::Silent));
        }
        if let State::Open(open) = &mut self.state {
            open.is_closing = true;
            self.close(GOING_AWAY, None);
        }
    }

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
            State::Open(open) => Some(open.heard.since(open.since)),
            _ => None,
        };
        let Ending { why, code, .. } = ending;
        let dial = self.dial;
        self.tell(What::Closed { dial, why, code });
        let forgives = !self.has(Flaw::NeverResetsBackoff);
        self.backoff.ended(uptime.filter(|_| forgives));
        if self.is_final(ending, uptime.is_some()) {
            self.state = State::GaveUp;
            self.tell(What::GaveUp);
        } else {
            self.wait(now, ending);
        }
    }

    /// For the sound client no ending is final but the last of `max_attempts`.
    fn is_final(&self, ending: Ending, was_open: bool) -> bool {
        let is_strange = ending
            .code
            .is_none_or(|code| !(1000..=1011).contains(&code));
        let given_up = match ending.why {
            Why::Ended => self.has(Flaw::StopsOnCleanClose),
            Why::CloseFrame => {
                self.has(Flaw::StopsOnCleanClose)
                    || self.has(Flaw::StopsOnUnknownCode) && is_strange
            }
            Why::Reset => self.has(Flaw::StopsOnReset),
            Why::BadUpgrade => self.has(Flaw::StopsOnBadUpgrade),
            _ => false,
        };
        let failures = self.backoff.failures();
        let is_first = self.dial == 1 && !was_open;
        given_up
            || is_first && self.has(Flaw::GivesUpOnFirstConnect)
            || failures >= 3 && self.has(Flaw::GivesUpEarly)
            || self
                .behaviour
                .max_attempts
                .is_some_and(|max| failures >= max)
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
        self.tell(What::Waiting { delay });
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

/// Whether the server has said that coming back soon is unwelcome.
///
/// The declared table: 401 and 403, 1013 (try again later), and the codes that
/// blame this client (1002, 1003, 1007 to 1010, and an application's own 4000
/// to 4999) are retried near the cap of the policy. All others, 1000 included,
/// are retried as any loss is: this end did not want them.
fn is_denial(ending: Ending) -> bool {
    let by_status = ending
        .refusal
        .is_some_and(|r| matches!(r.status, 401 | 403));
    let by_code = matches!(
        ending.code,
        Some(1002 | 1003 | 1007..=1010 | 1013 | 4000..=4999)
    );
    by_status || by_code
}
