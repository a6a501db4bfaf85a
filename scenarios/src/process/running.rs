//! A program that runs, with its group.
//!
//! Invariant: when it is dropped, or has been waited for, its whole group is
//! gone. What leaves the group on purpose (`setsid`) is out of reach.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use environment::Clock;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::watchdog::Watchdog;

/// See the module.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Its group, until that is gone.
    group: Option<Pid>,
    watchdog: Watchdog,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this status.
    With(ExitStatus),
    /// It had to be killed: it did not end within this time.
    Killed(Duration),
}

impl Ended {
    /// In words, such as "exit status: 1".
    pub(crate) fn told(&self) -> String {
        match self {
            Self::With(status) => status.to_string(),
            Self::Killed(after) => format!(
                "killed, for it did not end within {} of SIGTERM",
                environment::text::format_duration(*after)
            ),
        }
    }
}

impl Running {
    /// Takes a process over that leads a group of its own.
    pub(super) fn new(child: Child, watchdog: Watchdog) -> io::Result<Self> {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("it has no process id"))?;
        watchdog.guard(group);
        Ok(Self {
            child,
            group: Some(group),
            watchdog,
        })
    }

    /// What it reads, what it says, and what it complains; once.
    pub(crate) fn take_pipes(
        &mut self,
    ) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        let child = &mut self.child;
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    }

    /// Until it ends by itself. Cancel safe. What it has left behind is ended.
    pub(crate) async fn wait(&mut self) -> Ended {
        let status = self.child.wait().await;
        self.end_group();
        // Only one who waits for somebody else's child is refused.
        Ended::With(status.unwrap_or_default())
    }

    /// SIGTERM to the whole group, and SIGKILL to what is left of it when the
    /// program has ended, or after `patience`.
    pub(crate) async fn stop(&mut self, clock: Clock, patience: Duration) -> Ended {
        self.signal(Signal::TERM);
        match clock.timeout(patience, self.wait()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.kill().await;
                Ended::Killed(patience)
            }
        }
    }

    /// SIGKILL to the whole group, and waits until it has ended.
    pub(crate) async fn kill(&mut self) -> Ended {
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Fails only when nobody is left to hear it.
            let _ = kill_process_group(group, signal);
        }
    }

    fn end_group(&mut self) {
        self.signal(Signal::KILL);
        if let Some(group) = self.group.take() {
            self.watchdog.release(group);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_group();
    }
}
