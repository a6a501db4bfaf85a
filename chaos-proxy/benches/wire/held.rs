//! What connections cost that are held and say nothing.

use std::time::Duration;

use anyhow::bail;
use environment::Clock;

use crate::load::dial_echo;
use crate::process::{descriptors, resident};
use crate::subject::Subject;
use crate::table::Sample;

/// Four descriptors each, two of them ours: within 20,000.
const HELD: u32 = 5_000;
/// How long the subject has to let them all go.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// Memory while connections are held on which one message went each way, and
/// after they have all closed.
pub(crate) fn memory(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    let Some(pid) = subject.pid() else {
        return Ok(Vec::new());
    };
    drop(dial_echo(subject)?);
    let (idle, before) = (descriptors(pid)?, resident(pid)?);
    let streams = (0..HELD)
        .map(|_| dial_echo(subject))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let held = resident(pid)?.saturating_sub(before);
    drop(streams);
    let clock = Clock::start();
    while descriptors(pid)? > idle {
        if clock.now().since_origin() > GONE_WITHIN {
            bail!("{} descriptors are left of {idle}", descriptors(pid)?);
        }
        std::thread::yield_now();
    }
    let left = resident(pid)?;
    Ok(vec![
        Sample::new("KiB each", f64::from(held) / f64::from(HELD)),
        Sample::new("MiB before", f64::from(before) / 1024.0),
        Sample::new("MiB after", f64::from(left) / 1024.0),
    ])
}
