//! What the system says about a process.

use std::fs;
use std::io;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What `/proc/PID/stat` counts in: 1/100 s, by the kernel's promise to user
/// space on every architecture that we meet.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process has used, in it and in the kernel for it.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u32> {
        let field = fields.next().context("stat is too short")?;
        Ok(field.parse()?)
    };
    Ok(TICK * (ticks()? + ticks()?))
}

/// Resident memory, in KiB.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS in status")?;
    let number = line.split_whitespace().next().context("VmRSS is empty")?;
    Ok(number.parse()?)
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// As many descriptors as the hard limit allows, for us and for our children.
pub(crate) fn raise_descriptor_limit() -> io::Result<()> {
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    Ok(setrlimit(Resource::Nofile, limit)?)
}
