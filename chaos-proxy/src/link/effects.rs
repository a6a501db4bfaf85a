//! The faults in force on one link.

use std::sync::Arc;
use std::time::Duration;

use super::segments::Segments;
use crate::fault::{Bandwidth, FlipBits, Latency, Slice};
use crate::websocket::FrameRuleId;

/// What holds, delays or damages the bytes of a link now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Effects {
    stalls: usize,
    discards: usize,
    delays: Vec<Ruled<Latency>>,
    corrupts: Vec<Ruled<FlipBits>>,
    slice: Option<Ruled<Slice>>,
    limit: Option<Bandwidth>,
    fin_delay: Duration,
    answer_delay: Duration,
    /// The rules that may make single messages late.
    late: Vec<FrameRuleId>,
    cut_at: Option<u64>,
}

/// A fault, with the name of the rule that asks for it, for its draws.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ruled<T> {
    /// The rule's name.
    pub rule: Arc<str>,
    /// The fault.
    pub fault: T,
}

impl Effects {
    /// Adds a stall; several hold as one.
    pub(crate) fn stall(&mut self) {
        self.stalls += 1;
    }

    /// Adds a discard; several swallow as one.
    pub(crate) fn discard(&mut self) {
        self.discards += 1;
    }

    /// Adds a delay; several add up.
    pub(crate) fn delay(&mut self, rule: Arc<str>, fault: Latency) {
        self.delays.push(Ruled { rule, fault });
    }

    /// Adds damage; several damage one after the other.
    pub(crate) fn corrupt(&mut self, rule: Arc<str>, fault: FlipBits) {
        self.corrupts.push(Ruled { rule, fault });
    }

    /// Slices; of several, the smallest pieces win.
    pub(crate) fn slice(&mut self, rule: Arc<str>, fault: Slice) {
        if self
            .slice
            .as_ref()
            .is_none_or(|slice| fault.size < slice.fault.size)
        {
            self.slice = Some(Ruled { rule, fault });
        }
    }

    /// Limits the rate; of several, the slowest wins.
    pub(crate) fn limit(&mut self, fault: Bandwidth) {
        if self
            .limit
            .as_ref()
            .is_none_or(|limit| fault.rate < limit.rate)
        {
            self.limit = Some(fault);
        }
    }

    /// Delays a FIN; several add up.
    pub(crate) fn delay_fin(&mut self, delay: Duration) {
        self.fin_delay = self.fin_delay.saturating_add(delay);
    }

    /// Delays the upgrade's answer; several add up.
    pub(crate) fn delay_answer(&mut self, delay: Duration) {
        self.answer_delay = self.answer_delay.saturating_add(delay);
    }

    /// Messages that are marked late by this rule are so.
    pub(crate) fn allow_late(&mut self, id: FrameRuleId) {
        self.late.push(id);
    }

    /// Lets nothing in from this offset of the stream on; of several, the first.
    pub(crate) fn cut_at(&mut self, offset: u64) {
        self.cut_at = Some(self.cut_at.map_or(offset, |at| at.min(offset)));
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalls > 0
    }

    pub(super) fn is_discarding(&self) -> bool {
        self.discards > 0
    }

    fn has_jitter(&self) -> bool {
        self.delays
            .iter()
            .any(|delay| !delay.fault.jitter.is_zero())
    }

    /// Whether bytes are let go in slices, or at a rate.
    pub(super) fn shapes(&self) -> bool {
        self.slice.is_some() || self.limit.is_some()
    }

    /// Whether bytes may be under way for some time.
    pub(super) fn delays_anything(&self) -> bool {
        !self.delays.is_empty() || !self.late.is_empty() || !self.answer_delay.is_zero()
    }

    /// How much longer than others the bytes at `offset` take, which are of the
    /// upgrade's head or are not.
    pub(super) fn head_delay(&self, segments: &Segments, offset: u64) -> Duration {
        let is_delayed = !self.answer_delay.is_zero() && segments.head_end(offset).is_some();
        if is_delayed {
            self.answer_delay
        } else {
            Duration::ZERO
        }
    }

    /// Where the stretch of bytes ends that are delayed like the one at `offset`.
    pub(super) fn delay_end(&self, segments: &Segments, offset: u64) -> u64 {
        let mut end = u64::MAX;
        if self.has_jitter() {
            end = segments.at(offset).1;
        }
        if !self.answer_delay.is_zero() {
            end = end.min(segments.head_end(offset).unwrap_or(u64::MAX));
        }
        end
    }

    pub(super) fn delays(&self) -> &[Ruled<Latency>] {
        &self.delays
    }

    pub(super) fn corrupts(&self) -> &[Ruled<FlipBits>] {
        &self.corrupts
    }

    pub(super) fn sliced(&self) -> Option<&Ruled<Slice>> {
        self.slice.as_ref()
    }

    pub(super) fn limited(&self) -> Option<&Bandwidth> {
        self.limit.as_ref()
    }

    pub(super) fn fin_delay(&self) -> Duration {
        self.fin_delay
    }

    pub(super) fn allows_late(&self, id: FrameRuleId) -> bool {
        self.late.contains(&id)
    }

    pub(super) fn cut_offset(&self) -> Option<u64> {
        self.cut_at
    }
}
