//! How many connections there were, over time.

use environment::Moment;

use super::axis::Axis;
use super::evidence::Known;

/// A number over time, in steps. Within a pixel only the lowest, the highest and
/// the last value are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) steps: Vec<Step>,
}

/// What it was in one pixel in which it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The pixel's place on the axis.
    pub(crate) x: u32,
    pub(crate) least: u32,
    pub(crate) most: u32,
    pub(crate) last: u32,
}

impl Level {
    /// How many of these intervals there are at a time.
    pub(crate) fn of(axis: &Axis, intervals: impl Iterator<Item = (Moment, Moment)>) -> Self {
        let mut changes: Vec<(Moment, bool)> = intervals
            .flat_map(|(from, until)| [(from, true), (until, false)])
            .filter(|(at, _)| *at < axis.until)
            .collect();
        changes.sort_unstable();
        let mut level = Self::default();
        let mut now = 0_u32;
        for (at, begins) in changes {
            now = if begins {
                now + 1
            } else {
                now.saturating_sub(1)
            };
            level.change(axis.x(at) / Axis::PIXEL * Axis::PIXEL, now);
        }
        level
    }

    /// The connections of all clients: all, and the live ones.
    pub(crate) fn of_connections(known: &Known<'_>, axis: &Axis) -> (Self, Self) {
        let observed = &known.evidence.observed;
        let all = || {
            let clients = observed.connections.clients();
            clients.flat_map(|client| observed.connections.of(client))
        };
        let end = axis.until;
        let open = all().map(|c| (c.accepted, c.gone().unwrap_or(end)));
        let live = all().filter_map(|c| c.live(end));
        (Self::of(axis, open), Self::of(axis, live))
    }

    /// The highest it ever was.
    pub(crate) fn most(&self) -> u32 {
        self.steps.iter().map(|step| step.most).max().unwrap_or(0)
    }

    fn change(&mut self, x: u32, now: u32) {
        let before = self.steps.last().map_or(0, |step| step.last);
        match self.steps.last_mut().filter(|step| step.x == x) {
            Some(step) => {
                step.least = step.least.min(now);
                step.most = step.most.max(now);
                step.last = now;
            }
            None => self.steps.push(Step {
                x,
                least: now.min(before),
                most: now.max(before),
                last: now,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::ms;

    #[test]
    fn a_pixel_keeps_its_lowest_highest_and_last() {
        let axis = Axis {
            from: ms(0),
            until: ms(10_000),
            zero: None,
        };
        let intervals = [(0, 5001), (5003, 9000), (5004, 5006)].map(|(a, b)| (ms(a), ms(b)));
        let level = Level::of(&axis, intervals.into_iter());
        let step = |x, least, most, last| Step {
            x,
            least,
            most,
            last,
        };
        let expected = [step(0, 0, 1, 1), step(5000, 0, 2, 1), step(9000, 0, 1, 0)];
        assert_eq!(level.steps, expected);
        assert_eq!(level.most(), 2);
    }
}
