//! What rules do to a connection: strike it, hold it, let it go.

use std::sync::Arc;

use super::attempts::take_name;
use super::cause::Who;
use super::connection::{Connection, Held};
use super::field::Field;
use super::strikes::{Act, Hold, Subject, is_armed};
use super::triggers::cut_offset;
use crate::event::{EventKind, Peer};
use crate::fault::{Corrupt, Fault, FaultKind, Place, Side};
use crate::link::{Effects, End, LinkName};
use crate::rule::When;
use crate::websocket::{FrameRuleId, client_name};
use environment::{Direction, Moment};

/// Why a rule about frames can do nothing to a connection of a proxy that had no
/// such rule when it began.
const UNWATCHED: &str = "its frames were not watched from its beginning";

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Toward the server, or into silence.
    Admitted,
    /// It has been reset.
    Rejected,
}

impl Connection {
    /// Puts a new connection under the field; what began after serial `seen` is
    /// new to it.
    pub(super) fn enter(&mut self, field: &Field, seen: u64) -> Entry {
        self.rules = Arc::clone(&field.rules);
        self.last_serial = field.last_serial;
        self.armed_round = field.is_armed.then_some(field.round);
        self.tell_decisions(field);
        let acts = self.subject(field).on_accept(self.now(), seen);
        let entry = self.obey_entry(acts, Vec::new(), field);
        self.begin_waiting(field);
        entry
    }

    /// What strikes it as it begins. `before` holds it already.
    fn obey_entry(&mut self, acts: Vec<Act>, mut before: Vec<Held>, field: &Field) -> Entry {
        let mut entry = Entry::Admitted;
        for act in acts {
            let is_same =
                |held: &Held| held.cause.id == act.cause.id && held.occurrence == act.occurrence;
            if let Some(index) = before.iter().position(is_same) {
                self.held.push(before.remove(index));
                continue;
            }
            match act.cause.fault {
                Fault::Reject => {
                    self.leave_server();
                    self.toward_client.reset();
                    self.struck(&act, field);
                    entry = Entry::Rejected;
                    break;
                }
                Fault::AcceptSilent => {
                    self.leave_server();
                    self.struck(&act, field);
                }
                Fault::ConnectDelay(_) if self.is_dialling => {
                    self.hold(&act);
                    self.struck(&act, field);
                }
                _ => self.obey(&act, field),
            }
        }
        for held in before {
            if held.hold == Hold::Once {
                self.held.push(held);
            } else {
                self.let_go(&held);
            }
        }
        self.apply_effects();
        entry
    }

    /// Brings an open connection under a changed field.
    pub(super) fn change(&mut self, field: &Field) {
        let acts = self.subject(field).on_change(self.last_serial);
        let fresh = self.go_on(acts);
        self.release(field);
        self.rules = Arc::clone(&field.rules);
        self.learn_added(field);
        if field.is_armed && self.armed_round != Some(field.round) {
            self.begin_round(field);
        }
        for act in fresh {
            self.obey(&act, field);
        }
        self.last_serial = field.last_serial;
        self.apply_effects();
    }

    /// Rules that were changed while they hold this connection go on holding it,
    /// and count from when they first did. Gives those that are new to it.
    fn go_on(&mut self, mut acts: Vec<Act>) -> Vec<Act> {
        for held in &mut self.held {
            let is_same =
                |act: &Act| held.cause.id == act.cause.id && held.occurrence == act.occurrence;
            if let Some(index) = acts.iter().position(is_same) {
                let act = acts.remove(index);
                (held.cause, held.hold) = (act.cause, act.hold);
            }
        }
        acts
    }

    /// Lets go what was to hold until now.
    pub(super) fn release_due(&mut self, field: &Field) {
        if self.release(field) {
            self.apply_effects();
        }
    }

    /// Takes the name that the upgrade's request gives, and with it the rules
    /// that are about this name; those that hold it go on holding it.
    pub(super) fn take_name(&mut self, target: &str, field: &Field) {
        let Some(names) = self.names.take() else {
            return;
        };
        let Some((name, attempt)) = client_name(target).and_then(|name| take_name(&names, name))
        else {
            return;
        };
        let ordinal = std::mem::replace(&mut self.attempt, attempt);
        self.client = Arc::clone(&name);
        self.is_named = true;
        if let Some(listed) = &self.listed {
            listed.rename(Arc::clone(&name), attempt);
        }
        self.tell(EventKind::Named { ordinal });
        for side in [&mut self.toward_client, &mut self.toward_server] {
            let direction = side.lane.link.direction();
            side.lane.rename(&LinkName {
                seed: self.rules.seed(),
                client: Arc::clone(&name),
                attempt,
                direction,
            });
        }
        self.outlived.clear();
        self.unreported.clear();
        self.tell_decisions(field);
        let before = std::mem::take(&mut self.held);
        // What struck once has struck, or is still to be seen as a change.
        let acts = self.subject(field).on_accept(self.now(), u64::MAX);
        self.obey_entry(acts, before, field);
        self.begin_waiting(field);
    }

    pub(super) fn subject<'a>(&'a self, field: &'a Field) -> Subject<'a> {
        Subject {
            field,
            who: Who {
                client: &self.client,
                attempt: self.attempt,
                connection: self.id,
            },
            is_old: self.is_old,
        }
    }

    pub(super) fn obey(&mut self, act: &Act, field: &Field) {
        let fault = &act.cause.fault;
        match (fault.phase(), fault) {
            (FaultKind::Strike, Fault::Close(side)) => self.close(*side),
            (FaultKind::Strike, Fault::Reset(side)) => self.reset(*side),
            // A close frame waits for a boundary, however long.
            (FaultKind::Strike, Fault::CloseFrame(_)) => self.hold(&Act {
                hold: Hold::Once,
                ..act.clone()
            }),
            (FaultKind::Hold, _) => self.hold(act),
            // About the listener, or about connections that are yet to come.
            (FaultKind::Strike | FaultKind::Listener | FaultKind::Accept, _) => return,
        }
        if fault.needs_websocket() && !self.shared.frames {
            let id = FrameRuleId {
                rule: act.cause.id,
                occurrence: act.occurrence,
            };
            self.powerless(id, UNWATCHED);
        }
        if !fault.waits() {
            self.struck(act, field);
        }
    }

    fn hold(&mut self, act: &Act) {
        let offset = |side: &super::side::Side| side.lane.link.admitted();
        self.held.push(Held {
            cause: act.cause.clone(),
            occurrence: act.occurrence,
            hold: act.hold,
            planned: act.planned,
            has_struck: !act.cause.fault.waits(),
            is_powerless: false,
            since: self.now(),
            offsets: (offset(&self.toward_server), offset(&self.toward_client)),
        });
    }

    /// When the rules in force let the server be dialled.
    pub(super) fn dial_at(&self) -> Moment {
        let rules = self.held.iter().map(|held| &held.cause.fault);
        let delays = rules.filter_map(|fault| match fault {
            Fault::ConnectDelay(late) => Some(late.delay),
            _ => None,
        });
        delays.fold(self.accepted_at, |at, delay| at + delay)
    }

    /// FIN to one or both; what was not yet passed on to them is dropped.
    pub(super) fn close(&mut self, side: Side) {
        if side.is_client() {
            self.toward_client.cut(End::Fin);
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.cut(End::Fin);
        }
    }

    /// RST to one or both, at once.
    pub(super) fn reset(&mut self, side: Side) {
        if side.is_client() {
            self.toward_client.reset();
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.reset();
        }
    }

    /// A server that was never reached needs no end.
    pub(super) fn forget_dial(&mut self) {
        if std::mem::take(&mut self.is_dialling) {
            self.toward_server.lane.link.abandon();
        }
    }

    /// The server gets nothing from this connection, or nothing more.
    pub(super) fn leave_server(&mut self) {
        self.is_dialling = false;
        self.toward_server.stream = None;
        self.toward_server.lane.link.abandon();
    }

    fn release(&mut self, field: &Field) -> bool {
        let now = self.now();
        let is_ended = |rule: usize| {
            let is_this =
                |(ended, whose): &(usize, Arc<str>)| *ended == rule && *whose == self.client;
            self.outlived.contains(&rule) || field.ended.iter().any(is_this)
        };
        let waiting = self
            .waiting
            .iter()
            .filter(|waiting| !is_ended(waiting.cause.id) && is_armed(&waiting.cause, field));
        let waiting = waiting.cloned().collect();
        let is_over =
            |held: &Held| held.hold.is_over(&held.cause, field, now) || is_ended(held.cause.id);
        // A cut that has let its last byte in is carried out, healed or not.
        let (over, held): (Vec<Held>, Vec<Held>) = self
            .held
            .iter()
            .cloned()
            .partition(|held| is_over(held) && !self.is_cut_by(held));
        (self.waiting, self.held) = (waiting, held);
        over.iter().for_each(|held| self.let_go(held));
        if over.iter().any(|held| self.ends_when_healed(held)) {
            self.close(Side::Both);
        }
        !over.is_empty()
    }

    fn ends_when_healed(&self, held: &Held) -> bool {
        let fault = &held.cause.fault;
        matches!(fault, Fault::Expiry(expiry) if expiry.ends_when_healed)
    }

    fn let_go(&mut self, held: &Held) {
        let rule = &held.cause;
        if !rule.fault.is_instant() && held.has_struck {
            self.delivery.is_awaited = true;
            self.tell(EventKind::Healed {
                rule: rule.name.clone(),
                occurrence: held.occurrence,
            });
        }
    }

    fn is_cut_by(&self, held: &Held) -> bool {
        let Fault::Cut(cut) = &held.cause.fault else {
            return false;
        };
        let by_frame = matches!(cut.place, Place::Frame(_)).then(|| held.id());
        [Direction::Downstream, Direction::Upstream]
            .into_iter()
            .any(|way| {
                let lane = self.lane(way);
                cut.way.covers(way)
                    && lane.link.is_cut()
                    && lane.cut_by.as_deref() == by_frame.as_ref()
            })
    }

    pub(super) fn apply_effects(&mut self) {
        for (peer, direction) in [
            (Peer::Client, Direction::Downstream),
            (Peer::Server, Direction::Upstream),
        ] {
            let (effects, edits) = (self.effects(direction), self.edits(direction));
            let (now, mut notes) = (self.now(), Vec::new());
            let lane = &mut self.side(peer).lane;
            lane.apply(now, effects, edits, &mut notes);
            self.keep_notes(direction, notes);
        }
    }

    fn effects(&self, direction: Direction) -> Effects {
        let mut effects = Effects::default();
        for held in &self.held {
            let rule = &held.cause;
            let name = || Arc::from(rule.name.as_str());
            match &rule.fault {
                Fault::Stall(way) if way.covers(direction) => effects.stall(),
                Fault::Discard(way) if way.covers(direction) => effects.discard(),
                Fault::Expiry(it) if it.swallows.is_some_and(|way| way.covers(direction)) => {
                    effects.discard();
                }
                Fault::Latency(it) if it.way.covers(direction) => effects.delay(name(), *it),
                Fault::Corrupt(Corrupt::Bits(it)) if it.way.covers(direction) => {
                    effects.corrupt(name(), *it);
                }
                Fault::UpgradeDelay(it) if direction == Direction::Downstream => {
                    effects.delay_answer(it.delay);
                }
                Fault::DelayFrame(_) => effects.allow_late(held.id()),
                Fault::Slice(it) if it.way.covers(direction) => effects.slice(name(), *it),
                Fault::Bandwidth(it) if it.way.covers(direction) => effects.limit(it.clone()),
                Fault::SlowClose(it) if it.way.covers(direction) => effects.delay_fin(it.delay),
                Fault::Cut(it) if it.way.covers(direction) => {
                    if let Some(offset) = cut_offset(held.offsets, it, direction) {
                        effects.cut_at(offset);
                    }
                }
                _ => {}
            }
        }
        effects
    }

    fn tell_decisions(&self, field: &Field) {
        let plan = self.rules.plan();
        for (index, rule) in plan.rules().iter().enumerate() {
            if matches!(rule.when, When::On { .. }) && !field.is_armed {
                continue;
            }
            for decision in plan.attempt_decisions(index, rule, &self.client, self.attempt) {
                self.shared.tell.decisions.tell(decision);
            }
        }
    }
}
