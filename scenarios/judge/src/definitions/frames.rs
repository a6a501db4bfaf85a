//! Frames on which rules were carried out: whose pings they show, and which messages
//! are of a rule's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use chaos_proxy::{EventKind, Fault, Opcode, Plan};
use environment::{Direction, Moment};

use crate::journal::{Body, Entry};

/// All frames that rules saw.
#[derive(Debug, Default)]
pub struct Frames {
    seen: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    client: Arc<str>,
    attempt: u64,
    rule: String,
    is_downstream: bool,
    index: u64,
    opcode: Opcode,
    at: Moment,
}

/// A message that a rule made, on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnMessage {
    /// To whom.
    pub client: Arc<str>,
    /// On which connection.
    pub attempt: u64,
    /// When.
    pub at: Moment,
}

impl Frames {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Proxy {
            client,
            attempt,
            what:
                EventKind::Frame {
                    rule,
                    direction,
                    index,
                    opcode,
                },
        } = &entry.body
        else {
            return;
        };
        self.seen.push(Frame {
            client: Arc::clone(client),
            attempt: *attempt,
            rule: rule.clone(),
            is_downstream: direction == Direction::Downstream.word(),
            index: *index,
            opcode: *opcode,
            at: entry.at,
        });
    }

    /// Takes out what rules of this plan sent, which is nobody's ping; gives back what
    /// of it went to clients, in order of time.
    pub(super) fn take_own(&mut self, plan: &Plan) -> Vec<OwnMessage> {
        let rules = plan.rules().iter();
        let own: BTreeSet<&str> = rules
            .filter(|rule| matches!(rule.fault, Fault::SendMessage(_)))
            .map(|rule| &*rule.name)
            .collect();
        let seen = std::mem::take(&mut self.seen);
        let (own, seen): (Vec<Frame>, Vec<Frame>) = seen
            .into_iter()
            .partition(|frame| own.contains(&*frame.rule));
        self.seen = seen;
        let told = own.into_iter().filter(|frame| frame.is_downstream);
        told.map(|frame| OwnMessage {
            client: frame.client,
            attempt: frame.attempt,
            at: frame.at,
        })
        .collect()
    }

    /// How many pings this client sent, as far as rules saw them or their answers.
    pub fn pings_of(&self, client: &str) -> usize {
        let count = |opcode, is_downstream| {
            let frames = self.seen.iter().filter(|frame| {
                *frame.client == *client
                    && frame.opcode == opcode
                    && frame.is_downstream == is_downstream
            });
            let places: BTreeSet<(u64, u64)> =
                frames.map(|frame| (frame.attempt, frame.index)).collect();
            places.len()
        };
        count(Opcode::Ping, false).max(count(Opcode::Pong, true))
    }
}
