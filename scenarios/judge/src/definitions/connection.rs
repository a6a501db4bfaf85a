//! One connection: what it was, and what its client heard of it.
//!
//! Pure.

use std::time::Duration;

use chaos_proxy::{Fault, Side};
use environment::Moment;

use super::losses::{Loss, Losses, UNFELT};

/// One accepted connection of a client's own listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its number for this client, from 1 in accept order.
    pub attempt: u64,
    /// When it was accepted.
    pub accepted: Moment,
    /// When its client had come to the end of the handshake of TLS.
    pub secured: Option<Moment>,
    /// When the first data of the server was delivered to the client.
    pub first_data: Option<Moment>,
    /// When the server's answer 101 was delivered.
    pub opened: Option<Moment>,
    /// When data was first delivered after a fault had let go, each time.
    pub resumed: Vec<Moment>,
    /// When the end of an answer of HTTP with data in it was delivered, each time.
    pub answers: Vec<Moment>,
    /// What rules took from it.
    pub losses: Losses,
    /// When a message that a rule made went to the client: a sign of life, and
    /// nobody's data.
    pub told: Vec<Moment>,
    /// When FIN or RST went to the client.
    pub ended: Option<Moment>,
    /// The server's first FIN, RST or Close.
    pub server_left: Option<Moment>,
    /// The client's first FIN, RST or Close on it, seen even while it is held.
    pub left: Option<Moment>,
    /// When a fault ended the server's side alone: from then on the client hears nothing.
    pub severed: Option<Moment>,
    /// When a fault reset it toward the client.
    pub reset: Option<Moment>,
    /// When nothing was left of it.
    pub closed: Option<Moment>,
}

impl Connection {
    /// Accepted then, and nothing of it known yet.
    pub(super) fn new(attempt: u64, accepted: Moment) -> Self {
        Self {
            attempt,
            accepted,
            secured: None,
            first_data: None,
            opened: None,
            resumed: Vec::new(),
            answers: Vec::new(),
            losses: Losses::default(),
            told: Vec::new(),
            ended: None,
            server_left: None,
            left: None,
            severed: None,
            reset: None,
            closed: None,
        }
    }

    /// From its first data until the client left it, or it was gone, or `end`.
    pub fn live(&self, end: Moment) -> Option<(Moment, Moment)> {
        let from = self.first_data?;
        let until = self.gone().unwrap_or(end);
        (until > from).then_some((from, until))
    }

    /// When the client had the connection that it dialled for: the answer 101, or
    /// of what is no WebSocket the first data.
    pub fn opened(&self) -> Option<Moment> {
        self.opened.or(self.first_data)
    }

    /// When data is known to have reached the client, in no order: its first, and
    /// whatever came after something had been taken.
    pub(super) fn data(&self) -> impl Iterator<Item = Moment> {
        let given_back = self.losses.downstream.iter().filter_map(|loss| loss.until);
        let told = self.first_data.iter().chain(&self.resumed);
        let told = told.chain(&self.answers);
        told.copied().chain(given_back)
    }

    /// Whether something that was due to the client is kept from it then.
    pub fn is_deprived(&self, at: Moment) -> bool {
        let losses = &self.losses.downstream;
        let is_severed = self.severed.is_some_and(|severed| severed <= at);
        is_severed || losses.iter().any(|loss| loss.covers(at))
    }

    /// From when on nothing came at the latest, if nothing more was sent from `from`
    /// on: what is still under way behind a rule comes first.
    pub(super) fn silent_from(&self, from: Moment) -> Moment {
        let losses = self.losses.downstream.iter();
        let held = losses.filter(|loss| !loss.is_destroyed && loss.covers(from));
        let out = held.filter_map(|loss| loss.until.or(loss.silent_since()));
        out.fold(from, Moment::max)
    }

    /// The same of a server that goes then: what it says in going, a Close or a FIN,
    /// comes to the proxy a little later and may be held there.
    pub(super) fn silent_without_server(&self, from: Moment) -> Moment {
        let mut said: Vec<&Loss> = self.losses.downstream.iter().collect();
        said.sort_by_key(|loss| loss.from);
        let said = said.into_iter().filter(|loss| !loss.is_destroyed);
        said.fold(self.silent_from(from), |silent, loss| {
            let is_behind = from <= loss.from && loss.from <= silent + UNFELT;
            let out = loss.until.or(loss.silent_since());
            out.filter(|_| is_behind)
                .map_or(silent, |out| out.max(silent))
        })
    }

    /// What rules told the client from `from` on while it had this connection: behind
    /// what is kept from it then.
    pub(super) fn told_from(&self, from: Moment) -> impl Iterator<Item = Moment> {
        let told = self.told.iter().map(|at| self.silent_from(*at));
        let end = self.end();
        told.filter(move |at| *at > from && end.is_none_or(|end| *at < end))
    }

    /// The longest part of a silence between what rules told the client in it.
    pub(super) fn longest_quiet(
        &self,
        (from, until): (Moment, Option<Moment>),
    ) -> (Moment, Option<Moment>) {
        let told = self.told_from(from);
        let told: Vec<Moment> = told
            .filter(|at| until.is_none_or(|until| *at < until))
            .collect();
        let ends = told.iter().copied().map(Some).chain([until]);
        let begins = [from].into_iter().chain(told.iter().copied());
        let lasts = |(begun, until): &(Moment, Option<Moment>)| {
            let ends = until.iter().copied().chain(self.end());
            ends.min().map_or(Duration::MAX, |end| end.since(*begun))
        };
        begins.zip(ends).max_by_key(lasts).unwrap_or((from, until))
    }

    /// When a fault that struck then ended the server's side of it. A close frame for
    /// the server alone goes behind what is held before it, and until it is there the
    /// server goes on: for ever, if it never comes there.
    pub(super) fn severed_by(&self, fault: &Fault, at: Moment) -> Option<Moment> {
        let goes_behind = matches!(fault, Fault::CloseFrame(it) if it.side == Side::Server);
        if !goes_behind {
            return Some(at);
        }
        if let Some(left) = self.server_left.filter(|left| *left > at) {
            return Some(left);
        }
        let mut losses = self.losses.upstream.iter();
        let held = losses.find(|loss| !loss.is_destroyed && loss.covers(at));
        held.map_or(Some(at), |held| held.until)
    }

    /// Whether data for the client had been destroyed on it by then: whatever comes
    /// behind that may be of no use to it.
    pub(super) fn is_damaged(&self, at: Moment) -> bool {
        let mut losses = self.losses.downstream.iter();
        losses.any(|loss| loss.is_destroyed && loss.from <= at)
    }

    pub(super) fn never_open(&mut self) {
        self.opened = None;
        self.first_data = None;
        self.resumed.clear();
        self.answers.clear();
    }

    /// The first end that is the client's or comes to it.
    pub(crate) fn end(&self) -> Option<Moment> {
        let ends = [self.left, self.ended, self.reset, self.closed];
        ends.into_iter().flatten().min()
    }

    /// When it was over for the client.
    pub fn gone(&self) -> Option<Moment> {
        let ends = [self.left, self.reset, self.closed];
        ends.into_iter().flatten().min()
    }

    /// Whether it was there, and its client had not left it, all that time.
    pub fn spans(&self, from: Moment, until: Moment) -> bool {
        self.accepted <= from && self.gone().is_none_or(|gone| gone > until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::Observations;
    use crate::journal::builder::{JournalBuilder, ms};
    use chaos_proxy::Ending;

    fn live(story: &JournalBuilder) -> Vec<(Moment, Moment)> {
        let observed = Observations::of(&story.entries());
        observed.connections.live("c1", observed.last)
    }

    #[test]
    fn a_connection_is_live_from_its_first_data_until_the_client_leaves() {
        let story = JournalBuilder::new()
            .accepted("c1", 1, 100)
            .first_data("c1", 1, 300);
        let left = story.clone().left("c1", 1, Ending::Reset, 700);
        let both = left.closed("c1", 1, 900);
        assert_eq!(live(&both), [(ms(300), ms(700))]);
        assert_eq!(live(&story.closed("c1", 1, 900)), [(ms(300), ms(900))]);
    }

    #[test]
    fn a_connection_without_data_is_never_live() {
        let story = JournalBuilder::new()
            .accepted("c1", 1, 100)
            .closed("c1", 1, 900);
        assert!(live(&story).is_empty());
    }

    #[test]
    fn the_servers_end_does_not_end_it() {
        let story = JournalBuilder::new().connected("c1", 1, 100, 300);
        let story = story
            .server_left("c1", 1, 500)
            .mark(crate::journal::Mark::Ended, 800);
        assert_eq!(live(&story), [(ms(300), ms(800))]);
    }

    #[test]
    fn a_close_frame_for_the_server_ends_its_side_when_it_comes_there() {
        let rule = "[[fault]]\nat = '1s'\ninject.close_frame = { side = 'server' }\n";
        let text = format!("{rule}[expect]\nmax_live = 1\n");
        let plan = crate::language::sample::scenario(&text).plan(environment::Seed(1));
        let severed = |story: JournalBuilder| {
            let observed = Observations::of(&story.entries());
            let connection = observed.connections.get("c1", 1).cloned();
            connection.and_then(|own| own.severed_by(&plan.rules()[0].fault, ms(1000)))
        };
        let story = JournalBuilder::new().connected("c1", 1, 0, 10);
        assert_eq!(severed(story.clone()), Some(ms(1000)));
        let held = story.clone().withheld_upstream("c1", 1, 1000, Some(4000));
        assert_eq!(severed(held.clone()), Some(ms(4000)));
        assert_eq!(severed(held.server_left("c1", 1, 4001)), Some(ms(4001)));
        let never = story.withheld_upstream("c1", 1, 900, None);
        assert_eq!(severed(never), None);
    }
}
