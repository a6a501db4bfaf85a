//! The one axis of time that everything in a run's figures shares.
//!
//! Places on it are whole numbers from 0 to [`Axis::WIDTH`], so a report is the
//! same on every machine. A *pixel* is a thousandth of it, about what a screen
//! shows; what is closer together than that is one mark.

use std::time::Duration;

use environment::Moment;

use crate::checks::span;

/// From when until when a figure shows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) from: Moment,
    pub(crate) until: Moment,
    /// t = 0, if the run came so far.
    pub(crate) zero: Option<Moment>,
}

impl Axis {
    /// The right end.
    pub(crate) const WIDTH: u32 = 10_000;
    /// A thousandth of the axis.
    pub(crate) const PIXEL: u32 = 10;

    /// Where a moment lies; what is outside lies at the edge.
    pub(crate) fn x(&self, at: Moment) -> u32 {
        let width = self.length().as_micros();
        let along = at.since(self.from).min(self.length()).as_micros();
        let x = along * u128::from(Self::WIDTH) / width;
        u32::try_from(x).unwrap_or(Self::WIDTH)
    }

    /// What a pixel stands for.
    pub(crate) fn pixel(&self) -> Duration {
        self.length() * Self::PIXEL / Self::WIDTH
    }

    /// Never zero.
    pub(crate) fn length(&self) -> Duration {
        self.until.since(self.from).max(Duration::from_millis(1))
    }

    /// A moment as people read it, after t = 0: "2.013s", "-400ms".
    pub(crate) fn time(&self, at: Moment) -> String {
        let zero = self.zero.unwrap_or(self.from);
        if at < zero {
            return format!("\u{2212}{}", readable(zero.since(at)));
        }
        readable(at.since(zero))
    }

    /// About `count` round times with their places, however long the axis is.
    pub(crate) fn ticks(&self, count: u32) -> Vec<(u32, String)> {
        let step = round_step(self.length() / count.max(1));
        let first = self.first_tick(step);
        let ticks = std::iter::successors(Some(first), |at| Some(*at + step));
        let ticks = ticks.take_while(|at| *at <= self.until);
        let ticks = ticks.take(2 * count as usize + 2);
        ticks.map(|at| (self.x(at), self.time(at))).collect()
    }

    /// The first moment shown that is whole steps away from t = 0.
    fn first_tick(&self, step: Duration) -> Moment {
        let zero = self.zero.unwrap_or(self.from).since_origin();
        let (from, step) = (self.from.since_origin().as_nanos(), step.as_nanos());
        let along = (zero.as_nanos() % step + step - from % step) % step;
        self.from + nanos(along)
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The next of 1, 2, 5, 10, 20, 50 … milliseconds, up to a second; then of 1, 2,
/// 5, 10, 15, 30 seconds and minutes, and hours; then of days, tenfold each time.
fn round_step(least: Duration) -> Duration {
    const MILLIS: [u64; 26] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000,
        120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000,
        21_600_000, 43_200_000,
    ];
    let steps = MILLIS.into_iter().map(Duration::from_millis);
    let mut longer = steps.filter(|step| *step >= least);
    let days = || {
        let day = Duration::from_secs(86_400);
        let mut days = std::iter::successors(Some(day), |days| days.checked_mul(10));
        days.find(|days| *days >= least)
    };
    longer.next().or_else(days).unwrap_or(Duration::MAX)
}

/// "412ms", "2.013s", "3min 20s": short, and to the millisecond below a minute.
pub(crate) fn readable(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (seconds, rest) = (millis / 1000, millis % 1000);
    if seconds == 0 {
        return span(time);
    }
    if seconds < 60 {
        let digits = format!("{seconds}.{rest:03}");
        return format!("{}s", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::ms;

    fn axis(from: u64, zero: Option<u64>, until: u64) -> Axis {
        Axis {
            from: ms(from),
            until: ms(until),
            zero: zero.map(ms),
        }
    }

    #[test]
    fn places_are_from_end_to_end() {
        let axis = axis(1000, None, 3000);
        let places: Vec<u32> = [0, 1000, 1500, 3000, 9999].map(|at| axis.x(ms(at))).into();
        assert_eq!(places, [0, 0, 2500, 10_000, 10_000]);
        assert_eq!(axis.pixel(), Duration::from_millis(2));
    }

    #[test]
    fn a_run_of_no_length_has_an_axis() {
        let axis = axis(0, None, 0);
        assert_eq!(axis.x(ms(0)), 0);
        assert!(!axis.ticks(8).is_empty());
    }

    #[test]
    fn times_count_from_t_zero() {
        let axis = axis(0, Some(400), 12_500);
        let times: Vec<String> = [0, 400, 812, 2413, 2400].map(|at| axis.time(ms(at))).into();
        assert_eq!(times, ["\u{2212}400ms", "0s", "412ms", "2.013s", "2s"]);
        let ticks: Vec<String> = axis.ticks(8).into_iter().map(|(_, time)| time).collect();
        assert_eq!(ticks, ["0s", "2s", "4s", "6s", "8s", "10s", "12s"]);
    }

    #[test]
    fn ticks_go_back_before_t_zero() {
        let ticks = axis(0, Some(250), 400).ticks(4);
        let times: Vec<&str> = ticks.iter().map(|(_, time)| time.as_str()).collect();
        assert_eq!(times, ["\u{2212}200ms", "\u{2212}100ms", "0s", "100ms"]);
    }

    #[test]
    fn long_times_have_larger_units() {
        let of = |secs| readable(Duration::from_secs(secs));
        assert_eq!(
            [of(59), of(60), of(200), of(7205)],
            ["59s", "1min", "3min 20s", "2h 5s"]
        );
        assert_eq!(readable(Duration::from_micros(20)), "<1ms");
    }
}
