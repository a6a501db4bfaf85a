//! What the bytes of a connection say as they go by.

use std::sync::Arc;

use environment::{Direction, Follower};

use super::{Connection, Protocol};
use crate::engine::attempts::take_name;
use crate::engine::lane::Note;
use crate::engine::rules::ActiveRules;
use crate::event::{Ending, EventKind, Peer};
use crate::link::LinkName;
use crate::rule::Phase;
use crate::websocket::client_name;

impl Connection {
    /// Hears what the lanes said when they were last changed.
    pub(super) fn hear(&mut self, in_force: &Follower<ActiveRules>) {
        while !self.notes.is_empty() {
            for (way, note) in std::mem::take(&mut self.notes) {
                self.note(way, vec![note], in_force);
            }
        }
    }

    pub(super) fn note(
        &mut self,
        way: Direction,
        notes: Vec<Note>,
        in_force: &Follower<ActiveRules>,
    ) {
        if notes.is_empty() {
            return;
        }
        for note in notes {
            self.heed(way, note, in_force);
            self.progress_under(in_force);
        }
        self.hear(in_force);
    }

    fn heed(&mut self, way: Direction, note: Note, in_force: &Follower<ActiveRules>) {
        match note {
            Note::Request {
                target,
                is_upgrade,
                is_head,
            } => {
                self.toward_client.lane.asked(is_upgrade, is_head);
                self.requested(&target, in_force);
            }
            Note::CloseFrame(code) => self.close_frame_read(way, code),
            Note::AnswerRead {
                status,
                is_compressed,
            } => self.answer_read(status, is_compressed),
            Note::Answered(status) => {
                self.tell(EventKind::Upgraded { status });
                if status == 101 {
                    self.delivery.is_upgraded = true;
                    self.reach(Phase::Open);
                }
            }
            Note::Delivered if way == Direction::Downstream => {
                self.delivery.frames += 1;
                self.delivered_any();
            }
            Note::DeliveredBytes if way == Direction::Downstream => self.delivered_any(),
            Note::Delivered | Note::DeliveredBytes => {}
            Note::Data => self.deliver(),
            Note::AnswerData => self.answer_delivered(),
            Note::WholeAnswer => self.tell(EventKind::AnswerComplete),
            Note::Withheld(withheld) => {
                self.delivery.is_awaited |= way == Direction::Downstream;
                self.tell_withheld(way, withheld);
            }
            Note::Raw => self.become_raw(),
            Note::Stripped(offer) => self.tell(EventKind::ExtensionsRefused { offer }),
            Note::Acted { id, index, opcode } => {
                self.hush(way);
                self.note_edit(way, id, opcode);
                let actions = self.machine.edited(id, way, index, opcode);
                self.carry_out(actions, &in_force.borrow());
            }
            Note::Heard(id) => {
                self.machine.hear(id);
                self.apply();
            }
            Note::Powerless(id, why) => {
                let action = self.machine.powerless(id, why.reason());
                self.carry_out(action, &in_force.borrow());
            }
            Note::Reply(id) => {
                let actions = self.machine.answer(id);
                self.carry_out(actions, &in_force.borrow());
            }
        }
    }

    /// The request was read, and is kept back if a rule might answer it.
    fn requested(&mut self, target: &str, in_force: &Follower<ActiveRules>) {
        self.drain_pipes();
        self.delivery.requests += 1;
        if self.delivery.requests > 1 {
            self.tell(EventKind::RequestedAgain {
                number: u64::from(self.delivery.requests),
            });
        }
        self.take_name(target, &in_force.borrow());
        if !self.shared.frames {
            // The name was all that was looked for.
            self.toward_server.lane.forget_frames();
        }
        self.reach(Phase::Upgrade);
        self.progress_under(in_force);
        let now = self.now();
        let mut notes = Vec::new();
        self.toward_server.lane.decide(now, &mut notes);
        self.keep_notes(Direction::Upstream, notes);
    }

    /// Takes the name that the upgrade's request gives, and with it the rules
    /// that are about this name.
    fn take_name(&mut self, target: &str, in_force: &ActiveRules) {
        let Some(names) = self.names.take() else {
            return;
        };
        let Some((name, attempt)) = client_name(target).and_then(|name| take_name(&names, name))
        else {
            return;
        };
        let (at, ordinal) = (self.snapshot(), self.machine.attempt());
        let actions = self
            .machine
            .rename(in_force, Arc::clone(&name), attempt, &at);
        self.is_named = true;
        if let Some(listed) = &self.listed {
            listed.rename(Arc::clone(&name), attempt);
        }
        self.tell(EventKind::Named { ordinal });
        for side in [&mut self.toward_client, &mut self.toward_server] {
            let direction = side.lane.link.direction();
            side.lane.rename(&LinkName {
                seed: in_force.rules.seed(),
                client: Arc::clone(&name),
                attempt,
                direction,
            });
        }
        self.tell_decisions(in_force);
        self.carry_out(actions, in_force);
        self.progress(in_force);
    }

    fn close_frame_read(&mut self, way: Direction, code: Option<u16>) {
        if self.delivery.protocol != Protocol::WebSocket {
            return;
        }
        let peer = match way {
            Direction::Upstream => Peer::Client,
            Direction::Downstream => Peer::Server,
        };
        self.tell(EventKind::PeerEnded {
            peer,
            how: Ending::CloseFrame,
            code,
        });
        self.reach(Phase::Closing);
    }

    fn answer_read(&mut self, status: u16, is_compressed: bool) {
        if status == 101 {
            self.delivery.protocol = Protocol::WebSocket;
            let now = self.now();
            let mut notes = Vec::new();
            self.toward_server.lane.open(now, is_compressed, &mut notes);
            self.keep_notes(Direction::Upstream, notes);
        }
    }

    fn become_raw(&mut self) {
        if !self.shared.frames {
            // Only a name was looked for.
            self.toward_server.lane.forget_frames();
        }
        let before = std::mem::replace(&mut self.delivery.protocol, Protocol::Other);
        if before != Protocol::Other {
            self.tell(EventKind::NotWebSocket);
        }
    }

    pub(super) fn keep_notes(&mut self, way: Direction, notes: Vec<Note>) {
        self.notes.extend(notes.into_iter().map(|note| (way, note)));
    }

    /// Any message or bytes were delivered: data, unless the scenario says what is.
    pub(super) fn delivered_any(&mut self) {
        if self.shared.data.pattern.is_none() {
            self.deliver();
        }
    }

    /// Frames whose answer 101 was taken away are none to anybody.
    fn deliver(&mut self) {
        if self.delivery.protocol == Protocol::WebSocket && !self.delivery.is_upgraded {
            return;
        }
        self.data_delivered();
        self.reach(Phase::Open);
    }

    /// What polls beside a WebSocket has not opened one.
    fn answer_delivered(&mut self) {
        self.data_delivered();
        if self.shared.data.is_http {
            self.reach(Phase::Open);
        }
    }

    fn data_delivered(&mut self) {
        self.end_losses(Direction::Downstream);
        if !std::mem::replace(&mut self.delivery.has_begun, true) {
            self.tell(EventKind::FirstData);
        }
        if std::mem::take(&mut self.delivery.is_awaited) {
            self.tell(EventKind::Resumed);
        }
    }
}
