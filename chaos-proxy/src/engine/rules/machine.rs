//! The machine: which rules wait for a connection, which hold it, and what that
//! comes to.

use std::sync::Arc;

use environment::{Direction, Moment};

use super::action::Action;
use super::heard::{Heard, Part};
use super::held::Held;
use super::holds::Holds;
use super::in_force::ActiveRules;
use super::outlived::Outlived;
use super::set::{RuleSet, Who};
use super::snapshot::Snapshot;
use super::strikes::{Lifetime, Strike, Subject};
use super::waiting::Waiting;
use crate::event::Peer;
use crate::fault::{Fault, FaultKind, How, Side};
use crate::rule::{Condition, Target};

/// Why a rule about frames can do nothing to a connection of a proxy that had no
/// such rule when it began.
const UNWATCHED: &str = "its frames were not watched from its beginning";

/// What does not change about a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    /// Its number within the proxy, from 1.
    pub(crate) number: u64,
    /// Whether its frames are watched.
    pub(crate) has_frames: bool,
    /// What the server's messages say is looked at.
    pub(crate) reads_messages: bool,
    /// Whether planned rules are obeyed at all.
    pub(crate) is_subject: bool,
}

/// The rules as one connection knows them, and what they do to it.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) rules: Arc<RuleSet>,
    pub(super) client: Arc<str>,
    pub(super) attempt: u64,
    pub(super) traits: Traits,
    /// It was there before the rules were armed.
    pub(super) is_old: bool,
    pub(super) held: Holds,
    /// Rules that wait for this connection to come further, or for their time.
    pub(super) waiting: Vec<Waiting>,
    pub(super) outlived: Outlived,
    /// What was said that rules wait for.
    pub(super) heard: Heard,
    pub(super) last_serial: u64,
    /// Which round of the plan it knows its rules of; `None` before t = 0.
    pub(super) armed_round: Option<u64>,
    /// Added rules from this number on are still unknown here.
    pub(super) next_rule: usize,
}

/// What is done by the clock. Each in turn, with a new [`Snapshot`]: what the one
/// lets through the links counts for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Holds that are over.
    Release,
    /// Rules that have waited for their time.
    Strike,
    /// A silence of both peers.
    Idle,
    /// An end that was to come whatever flows.
    Expiry,
}

impl Timer {
    pub(crate) const ALL: [Self; 4] = [Self::Release, Self::Strike, Self::Idle, Self::Expiry];
}

impl Machine {
    pub(crate) fn new(rules: Arc<RuleSet>, client: Arc<str>, attempt: u64, traits: Traits) -> Self {
        Self {
            rules,
            client,
            attempt,
            traits,
            is_old: false,
            held: Holds::default(),
            waiting: Vec::new(),
            outlived: Outlived::default(),
            heard: Heard::default(),
            last_serial: 0,
            armed_round: None,
            next_rule: 0,
        }
    }

    pub(crate) fn client(&self) -> &Arc<str> {
        &self.client
    }

    pub(crate) fn attempt(&self) -> u64 {
        self.attempt
    }

    /// The connection's number within the proxy.
    pub(crate) fn number(&self) -> u64 {
        self.traits.number
    }

    /// Whether [`Machine::progress`] could do anything.
    pub(crate) fn watches_progress(&self) -> bool {
        !self.waiting.is_empty() || self.rules.can_be_outlived() || self.held.awaits_bytes()
    }

    /// The connection may have come further.
    pub(crate) fn progress(&mut self, in_force: &ActiveRules, at: &Snapshot) -> Vec<Action> {
        self.held.notice_bytes(at);
        let attempt = self.attempt;
        for waiting in &mut self.waiting {
            waiting.meet(attempt, at.progress, &self.heard, at.now);
        }
        let actions = self.obey_waiting(in_force, at);
        if self.rules.can_be_outlived() {
            self.outlive(in_force, at);
        }
        actions
    }

    pub(super) fn meets(
        &self,
        rule: usize,
        part: Part,
        condition: &Condition,
        at: &Snapshot,
    ) -> bool {
        condition.is_met(self.attempt, at.progress) && self.heard.has_met(rule, part, condition)
    }

    fn obey_waiting(&mut self, in_force: &ActiveRules, at: &Snapshot) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.waiting.iter().any(|waiting| waiting.is_due(at.now)) {
            return actions;
        }
        let (due, waiting): (Vec<Waiting>, Vec<Waiting>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.is_due(at.now));
        self.waiting = waiting;
        for waiting in due {
            let strike = Strike::on(&waiting.rule, waiting.due, at.now, in_force.round);
            self.obey(&strike, at, &mut actions);
        }
        actions.push(Action::Apply);
        actions
    }

    /// Notes the rules that end for this client now that its connection has
    /// come so far.
    fn outlive(&mut self, in_force: &ActiveRules, at: &Snapshot) {
        for (id, until) in self.rules.outlivable() {
            let is_met = until.is_met(self.attempt, at.progress)
                && self.heard.has_met(id, Part::UntilOn, until);
            if in_force.arms(id) && is_met {
                self.outlived.add(id);
            }
        }
    }

    /// Whether [`Machine::take_unreported`] gives anything.
    pub(crate) fn has_unreported(&self) -> bool {
        self.outlived.has_unreported()
    }

    /// The rules that this connection has ended for its client, each once.
    pub(crate) fn take_unreported(&mut self) -> Vec<usize> {
        self.outlived.take_unreported()
    }

    /// Whether a rule has hold of the connection, or waits for it.
    pub(crate) fn is_ruled(&self) -> bool {
        !(self.held.is_empty() && self.waiting.is_empty())
    }

    /// Does what is due by the clock.
    pub(crate) fn timer(
        &mut self,
        timer: Timer,
        in_force: &ActiveRules,
        at: &Snapshot,
    ) -> Vec<Action> {
        match timer {
            Timer::Release => {
                let mut actions = Vec::new();
                if self.release(in_force, at, &mut actions) {
                    actions.push(Action::Apply);
                }
                actions
            }
            Timer::Strike => self.obey_waiting(in_force, at),
            Timer::Idle => self
                .held
                .end_first(at.now, |held| held.idle_end(at.heard_at)),
            Timer::Expiry => self.held.end_first(at.now, Held::expiry),
        }
    }

    /// When a rule will act by itself, if no peer is heard any more.
    pub(crate) fn deadline(&self, heard_at: Moment) -> Option<Moment> {
        let waiting = self.waiting.iter().filter_map(|waiting| waiting.due);
        waiting.chain(self.held.deadline(heard_at)).min()
    }

    /// Everything before a cut toward `peer` has been written. Gives nothing if
    /// no rule cuts there.
    pub(crate) fn cut(&mut self, peer: Peer, at: &Snapshot) -> Vec<Action> {
        let direction = match peer {
            Peer::Client => Direction::Downstream,
            Peer::Server => Direction::Upstream,
        };
        let made = at.flow(direction).cut;
        let Some((strike, cut)) = self.held.take_cut(direction, made) else {
            return Vec::new();
        };
        // It waited for bytes, so it had no time of its own.
        let strike = Strike {
            planned: None,
            ..strike
        };
        let end = match cut.how {
            How::Close => Action::Close(cut.side),
            How::Reset => Action::ResetBehind(peer, cut.side),
        };
        vec![Action::Struck(strike), end]
    }

    /// When the server may be dialled.
    pub(crate) fn dial_at(&self, accepted_at: Moment) -> Moment {
        self.held.dial_at(accepted_at)
    }

    /// Whether there are rules about this connection alone.
    pub(crate) fn has_own_rules(&self) -> bool {
        let own = Target::Connection(self.traits.number);
        self.rules
            .added()
            .any(|(_, added)| added.rule.target == own)
    }

    pub(super) fn subject<'a>(&'a self, in_force: &'a ActiveRules) -> Subject<'a> {
        Subject {
            in_force,
            who: Who {
                client: &self.client,
                attempt: self.attempt,
                connection: self.traits.number,
            },
            is_old: self.is_old,
        }
    }

    pub(super) fn obey(&mut self, strike: &Strike, at: &Snapshot, actions: &mut Vec<Action>) {
        let fault = &strike.rule.fault;
        let end = match (fault.phase(), fault) {
            (FaultKind::Strike, Fault::Close(side)) => Some(Action::Close(*side)),
            (FaultKind::Strike, Fault::Reset(side)) => Some(Action::Reset(*side)),
            (FaultKind::Strike, Fault::Tls(_)) => {
                return actions.push(Action::Secure(strike.clone()));
            }
            // It waits for a boundary, however long.
            (FaultKind::Strike, Fault::CloseFrame(_) | Fault::SendMessage(_)) => {
                let lifetime = Lifetime::Once;
                let strike = strike.clone();
                self.held.begin(Strike { lifetime, ..strike }, at);
                None
            }
            (FaultKind::Hold, _) => {
                self.held.begin(strike.clone(), at);
                None
            }
            // About the listener, or about connections that are yet to come.
            (FaultKind::Strike | FaultKind::Listener | FaultKind::Accept, _) => return,
        };
        if fault.needs_websocket() && !self.traits.has_frames {
            actions.extend(self.held.powerless(strike.id(), UNWATCHED));
        }
        // An effect's time is told before the effect: whoever feels it may be quick.
        if !fault.waits() {
            actions.push(Action::Struck(strike.clone()));
        }
        actions.extend(end);
    }

    /// Lets go what was to hold until now; whether there was anything.
    pub(super) fn release(
        &mut self,
        in_force: &ActiveRules,
        at: &Snapshot,
        actions: &mut Vec<Action>,
    ) -> bool {
        let has_ended = |id: usize| self.outlived.has(id) || in_force.has_ended(id, &self.client);
        self.waiting
            .retain(|waiting| !has_ended(waiting.rule.id) && in_force.arms(waiting.rule.id));
        let is_over =
            |held: &Held| held.is_over(in_force, at.now) || has_ended(held.strike.rule.id);
        let over = self.held.take_over(is_over, at);
        actions.extend(over.iter().filter_map(let_go));
        if over.iter().any(Held::ends_when_healed) {
            actions.push(Action::Close(Side::Both));
        }
        !over.is_empty()
    }
}

/// What acts once, or has not struck, lets nothing go.
pub(super) fn let_go(held: &Held) -> Option<Action> {
    let is_told = !held.fault().is_instant() && held.has_struck;
    is_told.then(|| Action::Healed {
        rule: held.strike.rule.name.clone(),
        occurrence: held.strike.occurrence,
    })
}
