//! Sees to it that no group outlives this program, however that ends.
//!
//! A shell that is told of every group as it comes and goes. When its stdin
//! ends, which it does even if this program is killed outright, it kills the
//! groups that are left. It runs in a group of its own, so that a Ctrl-C at the
//! terminal does not reach it.

use std::fs::File;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Pid;
use tokio::process::Command;

/// Keeps the list of groups in the positional parameters.
const SCRIPT: &str = r#"
set --
while read -r word group; do
    case $word in
    guard) set -- "$@" "$group" ;;
    release)
        for each do
            shift
            [ "$each" = "$group" ] || set -- "$@" "$each"
        done
        ;;
    esac
done
for each do kill -s KILL -- "-$each"; done
"#;

/// A cheap handle; the groups that are left are ended when the last is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Watchdog(Arc<File>);

impl Watchdog {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no shell.
    pub(crate) fn start() -> Result<Self, String> {
        Self::shell().map_err(|error| format!("`sh` could not be started: {error}"))
    }

    fn shell() -> io::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take();
        let stdin = stdin.ok_or_else(|| io::Error::other("it has no stdin"))?;
        // It ends with its stdin, and the runtime then waits for it.
        Ok(Self(Arc::new(File::from(stdin.into_owned_fd()?))))
    }

    /// This group is not to outlive us.
    pub(super) fn guard(&self, group: Pid) {
        self.tell("guard", group);
    }

    /// It is gone.
    pub(super) fn release(&self, group: Pid) {
        self.tell("release", group);
    }

    /// Never waits. A line is far below what a pipe takes whole, and thousands
    /// fit into one.
    fn tell(&self, word: &str, group: Pid) {
        let line = format!("{word} {}\n", group.as_raw_nonzero());
        // If somebody has killed the shell, the groups are still ended by us.
        let _ = (&*self.0).write_all(line.as_bytes());
    }
}
