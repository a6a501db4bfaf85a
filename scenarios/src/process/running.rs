//! A program that runs, with its group.
//!
//! Invariant: when it is dropped, or has been waited for, its whole group is
//! gone. What leaves the group on purpose (`setsid`) is out of reach.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use environment::Clock;
use rustix::process::Signal;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::group::Group;

/// A process with its group.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Until it has ended.
    group: Option<Group>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    With(ExitStatus),
    /// It had to be killed: it did not end within this time.
    Killed(Duration),
}

/// Such as "exit status: 1".
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::With(status) => status.fmt(f),
            Self::Killed(after) => write!(
                f,
                "killed, for it did not end within {} of SIGTERM",
                environment::text::format_duration(*after)
            ),
        }
    }
}

impl Running {
    /// A process that has just been started in this group.
    pub(super) fn new(child: Child, group: Group) -> Self {
        let group = Some(group);
        Self { child, group }
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
        self.group = None;
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
        if let Some(group) = &self.group {
            group.signal(signal);
        }
    }
}
