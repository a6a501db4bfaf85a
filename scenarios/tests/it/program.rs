//! Runs the program, and reads what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use environment::Clock;
use scenarios::results::{Results, ScenarioResult};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::RwLock;

/// Longer than any run here, several times over.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// Whoever keeps all cores busy holds it with others; who must be alone, by itself.
pub(crate) static MACHINE: RwLock<()> = RwLock::const_new(());

/// Where the crate is: its catalogue, and its parent from which paths are told.
pub(crate) fn catalogue() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("catalogue")
}

/// A folder of its own for one invocation.
pub(crate) struct Place {
    folder: TempDir,
}

/// What an invocation came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A scenario file here.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn results(&self) -> Results {
        let text = std::fs::read_to_string(self.path("out/results.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The only scenario's result.
    pub(crate) fn result(&self) -> ScenarioResult {
        let mut results = self.results();
        assert_eq!(results.scenarios.len(), 1);
        results.scenarios.remove(0)
    }

    /// A record of a run under seed 1.
    pub(crate) fn record(&self, id: &str, name: &str) -> PathBuf {
        self.path("out").join(id).join("sim/1").join(name)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
        self.prepare(&mut command);
        command.args(words);
        command
    }

    /// Only what the test gives; nothing of whoever runs it.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_remove("CHAOS_SEED")
            .env_remove("CHAOS_LOG")
            .env_remove("RUST_BACKTRACE")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
    }

    /// Runs the program here to its end.
    pub(crate) async fn chaos(&self, words: &[&str]) -> Answer {
        answer(self.command(words).spawn().unwrap()).await
    }

    /// `chaos run FILE --out out` and these words.
    pub(crate) async fn run(&self, file: &Path, words: &[&str]) -> Answer {
        let file = file.to_str().unwrap();
        self.chaos(&[&["run", file, "--out", "out"], words].concat())
            .await
    }
}

/// Waits for the end of a process.
pub(crate) async fn answer(child: Child) -> Answer {
    let clock = Clock::start();
    let ended = clock.timeout(LIMIT, child.wait_with_output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = ended.expect("the program ends in time").unwrap();
    Answer {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }
}

/// A small scenario that a reference client passes: two clients, a reset.
pub(crate) const SMALL: &str = r#"
id = "small"
duration = "2s"
settle = "1500ms"

[server]
tick = "100ms"

[clients]
count = 2
connect_timeout = "1s"
reconnect = { full_jitter = { base = "100ms", cap = "300ms" } }

[[fault]]
name = "half of them"
at = "500ms"
target.share = 0.5
inject.reset = {}

[expect]
recover_within = "1500ms"
max_live = 1
"#;
