//! A start that several machines have in common.
//!
//! The one invariant: whoever comes too late does not start at all, for what is
//! measured then would not be what was asked for. Used by `run`.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use environment::Clock;

/// The wall clock may be set meanwhile, so it is asked again and again.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Longer ahead is an error, such as another time zone's.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Whether there is still time for it.
pub(crate) fn ensure_ahead(start: SystemTime) -> anyhow::Result<()> {
    ensure_within(start.duration_since(now()))
}

fn ensure_within(left: Result<Duration, std::time::SystemTimeError>) -> anyhow::Result<()> {
    let whole = |time: Duration| humantime::format_duration(Duration::from_secs(time.as_secs()));
    match left {
        Err(error) => bail!("--start-at: that was {} ago", whole(error.duration())),
        Ok(left) if left > LONGEST => {
            bail!(
                "--start-at: that is in {}, more than a day ahead",
                whole(left)
            )
        }
        Ok(_) => Ok(()),
    }
}

/// Returns when it is that time.
pub(crate) async fn wait(start: SystemTime, clock: &Clock) {
    let left = start.duration_since(now()).unwrap_or_default();
    tracing::debug!(?left, "waiting for the common start");
    while let Ok(left) = start.duration_since(now())
        && !left.is_zero()
    {
        clock.sleep(left.min(ASKED_EVERY)).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "machines have no other clock in common, and nothing that repeats hangs on when it began"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_is_past_or_far_is_told() {
        let base = SystemTime::UNIX_EPOCH;
        let told = |start: u64, now: u64| {
            let at = |seconds| base + Duration::from_secs(seconds);
            let left = at(start).duration_since(at(now));
            ensure_within(left).map_err(|error| error.to_string())
        };
        assert_eq!(told(100, 100), Ok(()));
        assert_eq!(told(100 + 24 * 3600, 100), Ok(()));
        assert_eq!(
            told(100, 165).unwrap_err(),
            "--start-at: that was 1m 5s ago"
        );
        let far = told(24 * 3600 + 1, 0).unwrap_err();
        assert_eq!(far, "--start-at: that is in 1day 1s, more than a day ahead");
    }
}
