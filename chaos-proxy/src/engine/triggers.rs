//! Rules that wait: for a stage, for bytes, for a silence, for what a cut has
//! still to hand over.

use std::sync::Arc;
use std::time::Duration;

use environment::{Direction, Moment};

use super::cause::Cause;
use super::connection::Connection;
use super::field::Field;
use super::gate::micros;
use super::strikes::{Act, Hold, is_armed};
use crate::event::{EventKind, Peer};
use crate::fault::{Cut, Expiry, Fault, How, IdleTimeout, Place, Side};
use crate::link::End;
use crate::rule::{Condition, Phase, Progress, When};

/// How long a reset waits for what came before it, at most.
const HAND_OVER: Duration = Duration::from_secs(1);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(2);

/// A rule that waits for this connection.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) cause: Cause,
    /// When it acts, once its condition has been met.
    due: Option<Moment>,
}

impl Waiting {
    fn new(cause: Cause) -> Self {
        Self { cause, due: None }
    }
}

/// A reset behind data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutting {
    /// Whose data.
    peer: Peer,
    side: Side,
    next_look: Moment,
    until: Moment,
}

impl Connection {
    /// The connection has come to this stage.
    pub(super) fn reach(&mut self, stage: Phase) {
        self.delivery.reached.add(stage);
    }

    /// Lists the rules that will wait for this connection.
    pub(super) fn begin_waiting(&mut self, field: &Field) {
        self.next_rule = field.rules.next();
        let rules = self.subject(field).waiting().into_iter();
        self.waiting = rules.map(Waiting::new).collect();
        self.progress(field);
    }

    /// The rules are armed while the connection is there: they wait for what it
    /// does from now on, not for what it has done.
    pub(super) fn begin_round(&mut self, field: &Field) {
        self.armed_round = Some(field.round);
        self.is_old = true;
        let is_past = |condition: &Condition| self.meets(condition);
        let waiting = self.still_to_come(field, |_| true);
        let rules = field.rules.all();
        let outlived = rules.filter(|cause| cause.until_on.as_ref().is_some_and(is_past));
        let outlived = outlived.map(|cause| cause.id).collect();
        (self.waiting, self.passed) = (waiting, outlived);
        self.outlived.clear();
    }

    /// Lists the rules on connections that were added since it last looked.
    pub(super) fn learn_added(&mut self, field: &Field) {
        let known = std::mem::replace(&mut self.next_rule, field.rules.next());
        for cause in self
            .waiting
            .iter_mut()
            .map(|waiting| &mut waiting.cause)
            .chain(
                self.held
                    .iter_mut()
                    .filter(|held| matches!(held.hold, Hold::Attempt { .. }))
                    .map(|held| &mut held.cause),
            )
        {
            if let Some(now) = field.rules.get(cause.id) {
                *cause = now.clone();
            }
        }
        if known < field.rules.next() {
            let fresh = self.still_to_come(field, |cause| {
                cause.id >= known && !field.rules.is_planned(cause.id)
            });
            self.waiting.extend(fresh);
        }
    }

    fn still_to_come(&self, field: &Field, is_meant: impl Fn(&Cause) -> bool) -> Vec<Waiting> {
        let has_come = |cause: &Cause| match &cause.when {
            When::On { condition, .. } => self.meets(condition),
            When::Timed { .. } => true,
        };
        let rules = self.subject(field).waiting().into_iter();
        rules
            .filter(|cause| is_meant(cause) && !has_come(cause))
            .map(Waiting::new)
            .collect()
    }

    /// Looks which conditions are met now.
    pub(super) fn progress(&mut self, field: &Field) {
        if !self.waiting.is_empty() {
            self.meet_conditions();
            self.obey_waiting(field);
        }
        if self.rules.can_be_outlived() {
            self.outlive(field);
        }
    }

    fn meets(&self, condition: &Condition) -> bool {
        let progress = Progress {
            reached: self.delivery.reached,
            bytes: self.toward_client.lane.link.written(),
            frames: self.delivery.frames,
        };
        condition.is_met(self.attempt, progress)
    }

    fn meet_conditions(&mut self) {
        let now = self.now();
        let mut waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting.iter_mut().filter(|waiting| waiting.due.is_none()) {
            if let When::On {
                condition, after, ..
            } = &waiting.cause.when
                && self.meets(condition)
            {
                waiting.due = Some(now + *after);
            }
        }
        self.waiting = waiting;
    }

    fn obey_waiting(&mut self, field: &Field) {
        let now = self.now();
        let is_due = |waiting: &Waiting| waiting.due.is_some_and(|due| due <= now);
        let (due, waiting): (Vec<Waiting>, Vec<Waiting>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(is_due);
        self.waiting = waiting;
        for waiting in &due {
            let act = Act::on(&waiting.cause, waiting.due, now, field.round);
            self.obey(&act, field);
        }
        if !due.is_empty() {
            self.apply_effects();
        }
    }

    /// Notes the rules that end for this client now that its connection has
    /// come so far.
    fn outlive(&mut self, field: &Field) {
        let rules = Arc::clone(&self.rules);
        for cause in rules.all().filter(|cause| is_armed(cause, field)) {
            let is_met = cause
                .until_on
                .as_ref()
                .is_some_and(|until| self.meets(until));
            if is_met && !self.outlived.contains(&cause.id) && !self.passed.contains(&cause.id) {
                self.outlived.push(cause.id);
                self.unreported.push(cause.id);
            }
        }
    }

    /// Tells the conductor, so that the client's other connections know. One
    /// without a name has no others.
    pub(super) async fn report_outlived(&mut self) {
        for rule in std::mem::take(&mut self.unreported) {
            if self.is_named {
                self.shared
                    .control
                    .end(rule, Arc::clone(&self.client))
                    .await;
            }
        }
    }

    /// Whether a rule has hold of it, or waits for it.
    pub(super) fn is_ruled(&self) -> bool {
        !(self.held.is_empty() && self.waiting.is_empty() && self.cutting.is_empty())
    }

    /// Does what is due by the clock.
    pub(super) fn obey_due(&mut self, field: &Field) {
        self.release_due(field);
        self.obey_waiting(field);
        self.end_idle(field);
        self.end_expired(field);
        self.finish_cuts();
    }

    /// When a rule will act by itself.
    pub(super) fn rules_due(&self) -> impl Iterator<Item = Moment> {
        let holds = self.held.iter().filter_map(|held| held.hold.until());
        let waiting = self.waiting.iter().filter_map(|waiting| waiting.due);
        let idle = self.idle_timeouts().map(|(_, due, _)| due);
        holds
            .chain(waiting)
            .chain(idle)
            .chain(self.expiries().map(|(_, due, _)| due))
            .chain(self.cutting.iter().map(|cutting| cutting.next_look))
    }

    fn idle_timeouts(&self) -> impl Iterator<Item = (usize, Moment, IdleTimeout)> {
        self.held
            .iter()
            .enumerate()
            .filter_map(|(index, held)| match &held.cause.fault {
                Fault::IdleTimeout(idle) => {
                    Some((index, self.heard_at.max(held.since) + idle.delay, *idle))
                }
                _ => None,
            })
    }

    fn end_idle(&mut self, field: &Field) {
        let now = self.now();
        let found = self.idle_timeouts().find(|(_, due, _)| *due <= now);
        if let Some((index, due, idle)) = found {
            self.end_by(index, due, idle.how, field);
        }
    }

    fn expiries(&self) -> impl Iterator<Item = (usize, Moment, How)> {
        self.held
            .iter()
            .enumerate()
            .filter_map(|(index, held)| match &held.cause.fault {
                Fault::Expiry(Expiry {
                    delay: Some(delay),
                    how,
                    ..
                }) => Some((index, held.since + *delay, *how)),
                _ => None,
            })
    }

    fn end_expired(&mut self, field: &Field) {
        let now = self.now();
        let found = self.expiries().find(|(_, due, _)| *due <= now);
        if let Some((index, due, how)) = found {
            self.end_by(index, due, how, field);
        }
    }

    /// What was held is over: both peers get their end, once.
    fn end_by(&mut self, index: usize, due: Moment, how: How, field: &Field) {
        let held = self.held.swap_remove(index);
        let act = Act {
            cause: held.cause,
            occurrence: held.occurrence,
            planned: Some(due),
            hold: held.hold,
        };
        match how {
            How::Close => self.close(Side::Both),
            How::Reset => self.reset(Side::Both),
        }
        if !held.has_struck {
            self.struck(&act, field);
        }
    }

    /// Everything before a cut toward `peer` has been written.
    pub(super) fn begin_cut(&mut self, peer: Peer, field: &Field) {
        let direction = match peer {
            Peer::Client => Direction::Downstream,
            Peer::Server => Direction::Upstream,
        };
        let Some((act, cut)) = self.take_cut(direction) else {
            // Its rule is kept until it is carried out, so this cannot be; but a
            // peer that waits for ever would be the worst of ends.
            self.side(peer).cut(End::Fin);
            return;
        };
        self.struck(&act, field);
        match cut.how {
            How::Close => self.close(cut.side),
            How::Reset => self.reset_behind(peer, cut.side),
        }
        self.side(peer).lane.link.finish_cut();
        self.apply_effects();
    }

    /// The cut that came first on this link; it strikes once. One inside a frame
    /// has said that it did.
    fn take_cut(&mut self, direction: Direction) -> Option<(Act, Cut)> {
        let by_frame = self.lane(direction).cut_by.as_deref();
        let cuts =
            self.held
                .iter()
                .enumerate()
                .filter_map(|(index, held)| match &held.cause.fault {
                    Fault::Cut(cut) if cut.way.covers(direction) => Some((index, held, *cut)),
                    _ => None,
                });
        let first = match by_frame {
            Some(id) => cuts.into_iter().find(|(_, held, _)| held.id() == *id),
            None => cuts
                .filter_map(|cut| Some((cut_offset(cut.1.offsets, &cut.2, direction)?, cut)))
                .min_by_key(|(offset, _)| *offset)
                .map(|(_, cut)| cut),
        };
        let (index, _, cut) = first?;
        let held = self.held.remove(index);
        // It waited for bytes, so it had no time of its own.
        let act = Act {
            cause: held.cause,
            occurrence: held.occurrence,
            planned: None,
            hold: held.hold,
        };
        Some((act, cut))
    }

    /// Resets `side` once the system has handed over what was written to `peer`.
    pub(super) fn reset_behind(&mut self, peer: Peer, side: Side) {
        let now = self.now();
        self.cutting.push(Cutting {
            peer,
            side,
            next_look: now,
            until: now + HAND_OVER,
        });
        self.finish_cuts();
    }

    /// Resets what has been handed over, or been given time enough.
    fn finish_cuts(&mut self) {
        let now = self.now();
        let (due, later): (Vec<Cutting>, Vec<Cutting>) = std::mem::take(&mut self.cutting)
            .into_iter()
            .partition(|cutting| cutting.next_look <= now);
        self.cutting = later;
        for cutting in due {
            let stream = self.side(cutting.peer).stream.as_ref();
            let unsent = stream.and_then(environment::Stream::unsent).unwrap_or(0);
            if unsent > 0 && now < cutting.until {
                // Looking may itself take long: others have most of the time.
                let looked = self.now();
                self.cutting.push(Cutting {
                    next_look: looked + LOOK.max(looked.since(now) * 4),
                    ..cutting
                });
                continue;
            }
            if unsent > 0 {
                self.tell(EventKind::Undelivered { bytes: unsent });
            }
            self.reset(cutting.side);
        }
    }

    pub(super) fn tell_damage(&self) {
        let (up, down) = (
            self.toward_server.lane.link.damage(),
            self.toward_client.lane.link.damage(),
        );
        let (discarded_bytes, corrupted_bytes) =
            (up.discarded + down.discarded, up.corrupted + down.corrupted);
        if discarded_bytes + corrupted_bytes > 0 {
            self.tell(EventKind::Damaged {
                discarded_bytes,
                corrupted_bytes,
            });
        }
    }

    pub(super) fn struck(&self, act: &Act, field: &Field) {
        let rule = &act.cause;
        let zero = field.zero.unwrap_or_default();
        tracing::info!(rule = rule.name, fault = rule.fault.word(), client = %self.client, attempt = self.attempt, "struck");
        self.tell(EventKind::Struck {
            rule: rule.name.clone(),
            fault: rule.fault.word().to_owned(),
            occurrence: act.occurrence,
            planned_us: act.planned.map(|planned| micros(planned.since(zero))),
            actual_us: micros(self.now().since(zero)),
        });
    }
}

/// Where a cut behind bytes that took hold at these offsets lets nothing more in.
pub(super) fn cut_offset(offsets: (u64, u64), cut: &Cut, direction: Direction) -> Option<u64> {
    let Place::Bytes(bytes) = cut.place else {
        return None;
    };
    let (upstream, downstream) = offsets;
    let from = match direction {
        Direction::Upstream => upstream,
        Direction::Downstream => downstream,
    };
    Some(from.saturating_add(bytes))
}
