//! The window in which somebody's own page plays: a Chromium whose WebSocket goes
//! through the proxy.

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use crate::language::ClientOptions;
use crate::process::{Running, StartError};
use crate::subjects::{Adapter, Subject};

/// A page in a window of its own, as long as this is there.
#[derive(Debug)]
pub struct Window {
    _running: Running,
    /// Its end closes the window.
    _pipes: (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>),
}

impl Window {
    /// Opens it; nothing of who is no page.
    ///
    /// # Errors
    /// The program that drives the browser does not start.
    pub async fn open(subject: &Subject, proxy: &str) -> Result<Option<Self>, StartError> {
        let Some((adapter, page)) = page_of(subject) else {
            return Ok(None);
        };
        let mut program = adapter.program(&ClientOptions::default());
        let url = format!("ws://{proxy}/");
        program.variables.extend(page.variables(&url, proxy));
        let shown = ("CHAOS_WINDOW".to_owned(), "1".to_owned());
        program.variables.push(shown);
        let mut running = program.start()?;
        let pipes = running.take_pipes();
        Ok(Some(Self {
            _running: running,
            _pipes: pipes,
        }))
    }
}

fn page_of(subject: &Subject) -> Option<(&Adapter, &crate::subjects::Page)> {
    match subject {
        Subject::Adapter(adapter) => Some((adapter, adapter.page.as_ref()?)),
        Subject::Sim | Subject::Client(_) => None,
    }
}

/// What opens the page in a Chromium of somebody's own, where there is no display
/// here.
pub fn command(page: &str, socket: &str, proxy: &str) -> String {
    let port = socket.rsplit(':').next().unwrap_or_default();
    let rules = ["localhost", "127.0.0.1"].map(|host| format!("MAP {host}:{port} {proxy}"));
    let rules = rules.join(", ");
    format!("chromium --user-data-dir=\"$(mktemp -d)\" --host-resolver-rules=\"{rules}\" {page}")
}
