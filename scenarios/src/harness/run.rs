//! A scenario, run by a test.

use std::path::PathBuf;
use std::sync::Arc;

use environment::{Observer, Seed};
use tokio_util::sync::CancellationToken;

use super::place::{Place, repeat};
use super::server::against;
use super::{Outcome, Scenario, Setup};
use crate::invocation::Invocation;
use crate::language::Origin;
use crate::report;
use crate::results::Seeds;
use crate::runner::Folder;
use crate::suite::{Jobs, Suite};

/// The variable with the seed.
pub(super) const SEED: &str = "CHAOS_SEED";

/// A setup that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The client's name is no name.
    #[error("client {}: {why}", name.escape_debug())]
    Name {
        /// What it was to be called.
        name: String,
        /// What is wrong with that.
        why: String,
    },
    /// The scenario cannot be run against that server.
    #[error("server {}: {why}", url.escape_debug())]
    Server {
        /// Which.
        url: String,
        /// Why not.
        why: String,
    },
    /// The simulated client cannot speak to that server: with the place that
    /// names it.
    #[error("{0}")]
    Unsuited(String),
    /// The file has errors under the figures that the client declares: each as
    /// `FILE:LINE:COLUMN: message`.
    #[error("\n{0}")]
    Unfitting(String),
    /// `CHAOS_SEED` is no seed.
    #[error("{SEED}={}: not a number from 0 to {}", .0.escape_debug(), u64::MAX)]
    Seed(String),
}

impl Scenario {
    /// Runs it to its verdict, on real sockets of loopback. What goes wrong with
    /// the harness itself is an inconclusive outcome, with its reason.
    ///
    /// Needs tokio's time and IO, and no paused clock. Dropping the future ends
    /// all that it has started.
    ///
    /// # Errors
    /// The setup asks for what cannot be.
    pub async fn run(&self, setup: &Setup) -> Result<Outcome, RunError> {
        let subject = setup.subject()?;
        let fitted = self.fitted(&subject);
        let fitted = fitted.map_err(|mistakes| RunError::Unfitting(mistakes.rendered))?;
        let scenario = match &setup.server {
            Some(url) => Arc::new(against(&fitted, url)?),
            None => fitted,
        };
        if let Some(objection) = subject.unsuited(&scenario) {
            return Err(RunError::Unsuited(objection));
        }
        let seed = Suite::seed(&scenario, setup.seed.or(seed_of_environment()?));
        let out = out(setup);
        let journal = Folder::new(&out, &scenario.id, subject.name(), seed).journal();
        // Before the first await: later it may be another thread.
        let repeat = repeat(seed);
        let suite = Suite {
            scenarios: vec![(Origin::Embedded, vec![scenario])],
            subjects: vec![subject],
            invocation: Invocation {
                seeds: Some(Seeds::one(seed)),
                ..Invocation::default()
            },
            out,
            jobs: Jobs::stated(1),
            retry: 0,
            tls: Default::default(),
        };
        let collected = Box::pin(suite.run(Observer::none(), CancellationToken::new())).await;
        let (mut results, gallery) = collected.done();
        for result in &mut results.scenarios {
            result.repeat.clone_from(&repeat);
        }
        let beside = journal.parent().unwrap_or(&journal);
        let report = report::write(&results, &gallery, beside);
        let mut results = results.scenarios.into_iter();
        let result = results.next().expect("one run has one result");
        Ok(Outcome {
            result,
            journal,
            report: report.map_err(|error| error.to_string()),
        })
    }
}

/// Where records go, from the root of the file system: a test's message is read from
/// another folder.
fn out(setup: &Setup) -> PathBuf {
    let out = setup.out.clone();
    let out = out.unwrap_or_else(|| Place::of_this_process().records());
    std::path::absolute(&out).unwrap_or(out)
}

fn seed_of_environment() -> Result<Option<Seed>, RunError> {
    let Ok(given) = std::env::var(SEED) else {
        return Ok(None);
    };
    match given.parse() {
        Ok(seed) => Ok(Some(seed)),
        Err(_) => Err(RunError::Seed(given)),
    }
}
