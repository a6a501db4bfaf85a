//! Finds the processes of one test among all that there are, by a word in
//! their environment.

use std::time::Duration;

use environment::Clock;

use crate::program::LIMIT;

/// A word that no other process has.
pub(crate) struct Marked(String);

/// Whether somebody is there.
pub(crate) fn lives(count: usize) -> bool {
    count > 0
}

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

    fn count(&self) -> usize {
        let wanted = format!("MARK={}", self.0);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let own = processes.filter(|process| {
            let environment = std::fs::read(process.path().join("environ"));
            environment
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|v| v == wanted.as_bytes()))
        });
        own.count()
    }

    pub(crate) async fn wait_until(&self, is_so: impl Fn(usize) -> bool) {
        let clock = Clock::start();
        let waited = async {
            while !is_so(self.count()) {
                clock.sleep(Duration::from_millis(20)).await;
            }
        };
        clock
            .timeout(LIMIT, waited)
            .await
            .expect("it comes to that");
    }

    pub(crate) fn expect_nobody(&self) {
        assert_eq!(self.count(), 0, "processes left behind");
    }
}
