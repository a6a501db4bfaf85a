//! The table that is printed, and the percentiles in it.

use std::fmt::Display;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Nothing here takes longer; what does counts as this.
const LONGEST: Duration = Duration::from_secs(60);

/// Times, of which percentiles are told.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_max(nanos(LONGEST), 3).unwrap())
    }

    pub(crate) fn of(times: Vec<Duration>) -> Self {
        let mut all = Self::new();
        times.into_iter().for_each(|time| all.add(time));
        all
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.0.saturating_record(nanos(time));
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }

    pub(crate) fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    /// Both percentiles that the aims are about.
    pub(crate) fn show(&self) -> String {
        let micros = |quantile| self.quantile(quantile).as_micros();
        format!("{} / {} µs", micros(0.5), micros(0.99))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether an aim was reached, where there is one.
pub(crate) type Verdict = Option<bool>;

pub(crate) fn head() {
    row("what", "measured", "aim", None);
    row("----", "--------", "---", None);
}

pub(crate) fn row(what: impl Display, measured: impl Display, aim: impl Display, is_met: Verdict) {
    let verdict = match is_met {
        Some(true) => "ok",
        Some(false) => "MISSED",
        None => "",
    };
    println!("{what:<50} {measured:>24}   {aim:<40} {verdict}");
}

pub(crate) fn foot() {
    println!(
        "\nTimes are p50 / p99. The aims are for a quiet machine; what it was like during\n\
         this run, the bare timer says. For comparison, Toxiproxy 2.12 on a quiet one:\n\
         latency 92–467 / 3322–4821 µs off; at 1000 KB/s 68 % of all 10 ms windows empty;\n\
         the 64 KiB in slices take 222 ms; an idle connection is never reset."
    );
}
