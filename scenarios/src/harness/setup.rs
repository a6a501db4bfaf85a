//! Who takes part in a run that a test makes.

use std::path::PathBuf;
use std::sync::Arc;

use environment::Seed;

use super::RunError;
use crate::subjects::{Client, Subject, ensure_name};

/// Who takes part in a run, and under which seed: by default the simulated
/// client, the server that the scenario names, and the scenario's own seed. One
/// setup serves for many scenarios.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    pub(super) client: Option<Arc<Client>>,
    pub(super) server: Option<String>,
    pub(super) seed: Option<Seed>,
    pub(super) out: Option<PathBuf>,
}

impl Setup {
    /// What is usual.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts this client to the test.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Against this server, which runs already, in place of the scenario's:
    /// `ws://host:port/path`, or `tcp://host:port` for what is no WebSocket.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.server = Some(url.into());
        self
    }

    /// Under this seed, which comes before `CHAOS_SEED`; and that before the
    /// scenario's own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(Seed(seed));
        self
    }

    /// Journals go there, by `id/client/seed`; by default to `chaos` in
    /// the target folder.
    /// Two tests that run the same at the same time need folders of their own.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out = Some(folder.into());
        self
    }

    pub(super) fn subject(&self) -> Result<Subject, RunError> {
        let Some(client) = &self.client else {
            return Ok(Subject::Sim);
        };
        match ensure_name(&client.name) {
            Ok(()) => Ok(Subject::Client(Arc::clone(client))),
            Err(why) => Err(RunError::Name {
                name: client.name.clone(),
                why,
            }),
        }
    }
}
