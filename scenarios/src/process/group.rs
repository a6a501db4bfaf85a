//! The group of one program, which does not outlive this one, however that ends.
//!
//! ```text
//! this program ──stdin──▶ watchdog (sh), leads ─┐
//!                                               ├─ one group
//!                         the program, joins ───┘    and all that it starts
//! ```
//!
//! The watchdog only waits for the end of its stdin, which comes even when this
//! program is killed outright, and then kills its group. It is there before the
//! program is, so there is no moment without it; and while it is there, nobody
//! else can have the group's number. A Ctrl-C at the terminal reaches neither.

use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// To be told to end is for the program, and not for who watches over it.
const WATCHDOG: &str = "trap '' TERM INT HUP; while read -r _; do :; done; kill -s KILL 0";

/// A process group; whoever is left in it is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Group {
    id: Pid,
    /// Its stdin is the lifeline. It is waited for by the runtime, later.
    _watchdog: Child,
}

impl Group {
    /// A group with nobody in it but its watchdog.
    ///
    /// # Errors
    /// There is no shell.
    pub(super) fn new() -> io::Result<Self> {
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let id = watchdog.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw);
        Ok(Self {
            id: id.ok_or_else(|| io::Error::other("it has no process id"))?,
            _watchdog: watchdog,
        })
    }

    /// Its number, for those who are to join it.
    pub(super) fn id(&self) -> i32 {
        self.id.as_raw_nonzero().get()
    }

    /// Sends everybody in it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        // Fails only when nobody is left to hear it.
        let _ = kill_process_group(self.id, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
