//! Finds the processes of one test among all that there are, by a word in
//! their environment.

use std::time::Duration;

use environment::Clock;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::LIMIT;

/// Sends a signal to a process that the test has started.
pub(crate) fn signal(id: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// How soon it is looked again for what nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// A word that no other process has.
pub(crate) struct Marked(String);

impl Marked {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy();
        Self(format!("chaos_test_{}", name.trim_start_matches('.')))
    }

    /// A script of the shell whose processes have the mark in their environment:
    /// it starts itself again with it.
    pub(crate) fn script(&self, script: &str) -> String {
        let mark = &self.0;
        format!("[ \"$MARK\" = {mark} ] || MARK={mark} exec sh \"$0\"\n{script}\n")
    }

    /// What all processes of an invocation have in theirs, the program itself and
    /// whatever it starts for its own sake included.
    pub(crate) fn herd(&self) -> (&'static str, &str) {
        ("HERD", &self.0)
    }

    /// Those of the script.
    pub(crate) fn count(&self) -> usize {
        self.count_of("MARK")
    }

    fn count_of(&self, name: &str) -> usize {
        let wanted = format!("{name}={}", self.0);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let own = processes.filter(|process| {
            let environment = std::fs::read(process.path().join("environ"));
            environment
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|v| v == wanted.as_bytes()))
        });
        own.count()
    }

    /// Until a process of the script is there.
    pub(crate) async fn appear(&self) {
        wait_until(|| self.count() > 0).await;
    }

    /// Until nobody of script and herd is there.
    pub(crate) async fn vanish(&self) {
        wait_until(|| self.count() + self.count_of("HERD") == 0).await;
    }

    pub(crate) fn expect_nobody(&self) {
        assert_eq!(self.count(), 0, "processes left behind");
    }
}

/// Looks again and again. For what other processes do and leave, of which nobody
/// here is told; for all else there is an event.
pub(crate) async fn wait_until(is_so: impl Fn() -> bool) {
    let clock = Clock::start();
    let waited = async {
        while !is_so() {
            clock.sleep(LOOK).await;
        }
    };
    let waited = clock.timeout(LIMIT, waited).await;
    waited.expect("it comes to that");
}
