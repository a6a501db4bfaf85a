//! What rules do to a connection: the machine is told of it, and its actions
//! are carried out.

use std::sync::Arc;

use environment::Follower;

use super::{Connection, toward};
use crate::engine::endpoint::Endpoint;
use crate::engine::lane::Lane;
use crate::engine::rules::{Action, ActiveRules, Answer, CutBy, Flow, Snapshot, Strike, Timer};
use crate::event::{EventKind, Peer, micros};
use crate::fault::Side;
use crate::link::End;
use crate::rule::{Phase, Progress, When};

impl Connection {
    /// Puts a new connection under the rules; what began after serial `seen` is
    /// new to it. Whether it may go on.
    pub(super) fn enter(&mut self, in_force: &ActiveRules, seen: u64) -> bool {
        let at = self.snapshot();
        let actions = self.machine.accept(in_force, seen, &at);
        let is_admitted = !actions.contains(&Action::Reject);
        self.tell_decisions(in_force);
        self.carry_out(actions, in_force);
        self.progress(in_force);
        is_admitted
    }

    /// Brings an open connection under what is in force now.
    pub(super) fn change(&mut self, in_force: &ActiveRules) {
        let at = self.snapshot();
        let actions = self.machine.change(in_force, &at);
        self.carry_out(actions, in_force);
    }

    /// It may have come further.
    pub(super) fn progress(&mut self, in_force: &ActiveRules) {
        if self.machine.watches_progress() {
            let at = self.snapshot();
            let actions = self.machine.progress(in_force, &at);
            self.carry_out(actions, in_force);
        }
    }

    /// As [`Connection::progress`], where what is in force need not be looked at.
    pub(super) fn progress_under(&mut self, in_force: &Follower<ActiveRules>) {
        if self.machine.watches_progress() {
            self.progress(&in_force.borrow());
        }
    }

    /// Does what is due by the clock.
    pub(super) fn obey_due(&mut self, in_force: &ActiveRules) {
        for timer in Timer::ALL {
            let at = self.snapshot();
            let actions = self.machine.timer(timer, in_force, &at);
            self.carry_out(actions, in_force);
        }
        self.finish_cuts();
    }

    /// Whether a rule has hold of it, or waits for it.
    pub(super) fn is_ruled(&self) -> bool {
        self.machine.is_ruled() || !self.cuttings.is_empty()
    }

    /// The connection has come to this phase.
    pub(super) fn reach(&mut self, phase: Phase) {
        self.delivery.reached.add(phase);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            now: self.now(),
            progress: Progress {
                reached: self.delivery.reached,
                bytes: self.toward_client.lane.link.written(),
                frames: self.delivery.frames,
            },
            is_dialling: self.is_dialling,
            heard_at: self.heard_at,
            upstream: flow(&self.toward_server.lane, &self.toward_client),
            downstream: flow(&self.toward_client.lane, &self.toward_server),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        actions: impl IntoIterator<Item = Action>,
        in_force: &ActiveRules,
    ) {
        for action in actions {
            match action {
                Action::Reject => {
                    self.leave_server();
                    self.reset(Side::Client);
                }
                Action::LeaveServer => self.leave_server(),
                Action::Secure(strike) => self.misbehave(strike, in_force),
                Action::Close(side) => self.close(side),
                Action::Reset(side) => self.reset(side),
                Action::ResetBehind(peer, side) => self.reset_behind(peer, side),
                Action::Answer(answer) => self.answer(answer),
                Action::Apply => self.apply(),
                Action::Struck(strike) => self.tell_struck(&strike, in_force),
                Action::Healed { rule, occurrence } => {
                    self.delivery.is_awaited = true;
                    self.tell(EventKind::Healed { rule, occurrence });
                }
                Action::Tell(what) => self.tell(what),
            }
        }
    }

    /// The client gets another answer than the server's.
    fn answer(&mut self, answer: Answer) {
        let now = self.now();
        let lane = &mut self.toward_client.lane;
        lane.answer(now, answer.bytes, answer.status);
        if answer.is_last {
            lane.link.push_end(now, End::Fin);
        }
    }

    /// Puts the links under what the rules ask of them.
    pub(super) fn apply(&mut self) {
        for peer in [Peer::Client, Peer::Server] {
            let direction = toward(peer);
            let effects = self.machine.effects(direction);
            let edits = self.machine.edits(direction);
            let (now, mut notes) = (self.now(), Vec::new());
            let lane = &mut self.side(peer).lane;
            lane.apply(now, effects, edits, &mut notes);
            self.keep_notes(direction, notes);
        }
    }

    /// Everything before a cut toward `peer` has been written.
    pub(super) fn begin_cut(&mut self, peer: Peer, in_force: &ActiveRules) {
        let at = self.snapshot();
        let actions = self.machine.cut(peer, &at);
        if actions.is_empty() {
            // Its rule is kept until it is carried out, so this cannot be; but a
            // peer that waits indefinitely would be the worst of ends.
            self.side(peer).cut(End::Fin);
            return;
        }
        self.carry_out(actions, in_force);
        self.side(peer).lane.link.finish_cut();
        self.apply();
    }

    pub(super) fn tell_struck(&self, strike: &Strike, in_force: &ActiveRules) {
        let rule = &strike.rule;
        let zero = in_force.zero.unwrap_or_default();
        tracing::info!(rule = rule.name, fault = rule.fault.word(), client = %self.machine.client(), attempt = self.machine.attempt(), "applied");
        self.tell(EventKind::Struck {
            rule: rule.name.clone(),
            fault: rule.fault.word().to_owned(),
            occurrence: strike.occurrence,
            planned_us: strike.planned.map(|planned| micros(planned.since(zero))),
            actual_us: micros(self.now().since(zero)),
        });
    }

    pub(super) fn tell_decisions(&self, in_force: &ActiveRules) {
        let plan = in_force.rules.plan();
        let (client, attempt) = (self.machine.client(), self.machine.attempt());
        for (index, rule) in plan.rules().iter().enumerate() {
            if matches!(rule.when, When::On { .. }) && !in_force.is_armed {
                continue;
            }
            for decision in plan.attempt_decisions(index, rule, client, attempt) {
                self.shared.tell.decisions.tell(decision);
            }
        }
    }

    /// Tells the scheduler which rules are over for this client, so that its
    /// other connections know. One without a name has no others.
    pub(super) async fn report_outlived(&mut self) {
        for rule in self.machine.take_unreported() {
            if self.is_named {
                let client = Arc::clone(self.machine.client());
                self.shared.control.end(rule, client).await;
            }
        }
    }

    /// Rules about this connection alone end with it.
    pub(super) async fn forget_own_rules(&mut self) {
        if self.machine.has_own_rules() {
            self.shared.control.forget(self.machine.number()).await;
        }
    }
}

fn flow(lane: &Lane, source: &Endpoint) -> Flow {
    let by_frame = lane.cut_by.as_deref();
    let cut_by = by_frame.map_or(CutBy::Bytes, |id| CutBy::Frame(*id));
    Flow {
        admitted: lane.link.admitted(),
        has_ended: source.has_ended,
        cut: lane.link.is_cut().then_some(cut_by),
    }
}
