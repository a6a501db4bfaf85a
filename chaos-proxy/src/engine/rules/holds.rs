//! The rules that hold a connection, in the order in which they took hold.

use environment::{Direction, Moment};

use super::action::Action;
use super::held::Held;
use super::set::RuleHandle;
use super::snapshot::{CutBy, Snapshot};
use super::strikes::{Lifetime, Strike};
use crate::event::EventKind;
use crate::fault::{Cut, Fault, How, Side};
use crate::websocket::FrameRuleId;

/// The rules that hold a connection.
#[derive(Debug, Default)]
pub(super) struct Holds(Vec<Held>);

impl Holds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_slice(&self) -> &[Held] {
        &self.0
    }

    /// The rule takes hold now.
    pub(super) fn begin(&mut self, strike: Strike, at: &Snapshot) {
        self.0.push(Held::new(strike, at));
    }

    /// The rule takes hold of a connection that is just accepted.
    pub(super) fn begin_with(&mut self, strike: Strike, at: &Snapshot) {
        self.0.push(Held::from_accept(strike, at));
    }

    /// Whether the time of one of them begins only when bytes come.
    pub(super) fn awaits_bytes(&self) -> bool {
        self.0.iter().any(Held::awaits_bytes)
    }

    /// Bytes may have come.
    pub(super) fn notice_bytes(&mut self, at: &Snapshot) {
        for held in &mut self.0 {
            held.notice_bytes(at);
        }
    }

    /// It holds from when it did, although the rest has gone.
    pub(super) fn keep(&mut self, held: Held) {
        self.0.push(held);
    }

    /// All of them, which hold nothing any more.
    pub(super) fn take(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.0)
    }

    /// Rules that were changed while they hold this connection go on holding it,
    /// and count from when they first did. Gives those that are new to it.
    pub(super) fn go_on(&mut self, mut strikes: Vec<Strike>) -> Vec<Strike> {
        for held in &mut self.0 {
            if let Some(index) = strikes.iter().position(|strike| held.is_by(strike)) {
                let strike = strikes.remove(index);
                (held.strike.rule, held.strike.lifetime) = (strike.rule, strike.lifetime);
            }
        }
        strikes
    }

    /// The rules of those that are on connections.
    pub(super) fn rules_on_attempts(&mut self) -> impl Iterator<Item = &mut RuleHandle> {
        let strikes = self.0.iter_mut().map(|held| &mut held.strike);
        strikes
            .filter(|strike| matches!(strike.lifetime, Lifetime::Attempt { .. }))
            .map(|strike| &mut strike.rule)
    }

    /// Takes those whose time is over. A cut that has let its last byte in is
    /// carried out, healed or not: from then on it waits for that, and for no time.
    pub(super) fn take_over(
        &mut self,
        is_over: impl Fn(&Held) -> bool,
        at: &Snapshot,
    ) -> Vec<Held> {
        let is_let_go = |held: &mut Held| {
            let is_over = is_over(held);
            let is_kept = is_over && held.has_cut(at);
            if is_kept {
                held.strike.lifetime = Lifetime::Once;
            }
            is_over && !is_kept
        };
        self.0.extract_if(.., is_let_go).collect()
    }

    /// When one of them will act by itself, if no peer is heard any more.
    pub(super) fn deadline(&self, heard_at: Moment) -> Option<Moment> {
        let dues = self.0.iter().flat_map(|held| {
            let ends = [held.idle_end(heard_at), held.expiry()];
            let ends = ends.into_iter().flatten().map(|(due, _)| due);
            ends.chain(held.strike.lifetime.until())
        });
        dues.min()
    }

    /// What was held is over: both peers get their end, once.
    pub(super) fn end_first(
        &mut self,
        now: Moment,
        end: impl Fn(&Held) -> Option<(Moment, How)>,
    ) -> Vec<Action> {
        let ends = self.0.iter().map(end).enumerate();
        let mut due =
            ends.filter_map(|(index, end)| Some((index, end.filter(|end| end.0 <= now)?)));
        let Some((index, (due, how))) = due.next() else {
            return Vec::new();
        };
        let held = self.0.swap_remove(index);
        let end = match how {
            How::Close => Action::Close(Side::Both),
            How::Reset => Action::Reset(Side::Both),
        };
        let struck = (!held.has_struck).then_some(Strike {
            planned: Some(due),
            ..held.strike
        });
        let struck = struck.into_iter().map(Action::Struck);
        struck.chain([end]).collect()
    }

    /// Takes the cut that came first on this link; it acts once. One inside a
    /// frame has said that it did.
    pub(super) fn take_cut(
        &mut self,
        direction: Direction,
        made: Option<CutBy>,
    ) -> Option<(Strike, Cut)> {
        let held = self.0.iter().enumerate();
        let mut cuts = held.filter_map(|(index, held)| Some((index, held, held.cut(direction)?)));
        let first = match made {
            Some(CutBy::Frame(id)) => cuts.find(|(_, held, _)| held.strike.id() == id),
            Some(CutBy::Bytes) | None => cuts
                .filter_map(|cut| Some((cut.1.cut_offset(direction)?, cut)))
                .min_by_key(|(offset, _)| *offset)
                .map(|(_, cut)| cut),
        };
        let (index, _, cut) = first?;
        let cut = cut.clone();
        Some((self.0.remove(index).strike, cut))
    }

    /// When the server may be dialled.
    pub(super) fn dial_at(&self, accepted_at: Moment) -> Moment {
        let delays = self.0.iter().filter_map(|held| match held.fault() {
            Fault::ConnectDelay(late) => Some(late.delay),
            _ => None,
        });
        delays.fold(accepted_at, |at, delay| at + delay)
    }

    /// The rule that holds by this number.
    pub(super) fn rule(&self, id: FrameRuleId) -> Option<RuleHandle> {
        let held = self.0.iter().find(|held| held.strike.id() == id);
        held.map(|held| held.strike.rule.clone())
    }

    /// A rule that waited for a frame has taken effect; told once.
    pub(super) fn strike_once(&mut self, id: FrameRuleId) -> Option<Action> {
        let held = self.get_mut(id)?;
        let has_struck = std::mem::replace(&mut held.has_struck, true);
        // It waited for its frame, so it had no time of its own.
        (!has_struck).then(|| {
            Action::Struck(Strike {
                planned: None,
                ..held.strike.clone()
            })
        })
    }

    /// A rule can do nothing to this connection; told once.
    pub(super) fn powerless(&mut self, id: FrameRuleId, reason: &str) -> Option<Action> {
        let held = self.get_mut(id)?;
        let is_told = std::mem::replace(&mut held.is_powerless, true);
        (!is_told).then(|| {
            Action::Tell(EventKind::Powerless {
                rule: held.strike.rule.name.clone(),
                reason: reason.to_owned(),
            })
        })
    }

    fn get_mut(&mut self, id: FrameRuleId) -> Option<&mut Held> {
        self.0.iter_mut().find(|held| held.strike.id() == id)
    }
}
