//! What goes wrong with the harness itself: a run then says nothing about the
//! clients.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::Stall;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::arrivals::NotConnected;
use super::custom_client::ClientError;
use super::folder::FolderError;
use super::server::ServerError;
use super::simulated::Difference;
use super::writer::JournalError;
use crate::journal::Mark;

/// Why a run could not be made, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A port cannot be had.
    #[error(
        "the listener of {whose} on 127.0.0.1: {source}; fewer clients or --jobs need fewer descriptors"
    )]
    Listen {
        /// Whose.
        whose: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the simulated client is to dial cannot be dialled by it.
    #[error("the simulated client cannot connect to it: {0}")]
    Url(#[source] client_sim::UrlError),
    /// TLS is to be spoken, and cannot be.
    #[error("TLS: {0}")]
    Tls(String),
    /// There is no server though there should be.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What is to befall the server has piled up.
    #[error("the server did not carry out its event")]
    ServerBusy,
    /// A client had no first message.
    #[error(transparent)]
    NotConnected(#[from] NotConnected),
    /// A client cannot go on.
    #[error("client {client}: {source}")]
    Client {
        /// Which.
        client: Arc<str>,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// What a client is to do has piled up.
    #[error("{0} does not take its commands")]
    ClientBusy(String),
    /// A task of the runner's panicked.
    #[error("{who} failed: {source}")]
    Panicked {
        /// Whose.
        who: &'static str,
        /// How.
        #[source]
        source: JoinError,
    },
    /// Tasks of the runner's were dropped.
    #[error("{who} did not stop ({left} tasks)")]
    NotEnded {
        /// Whose.
        who: &'static str,
        /// How many.
        left: usize,
    },
    /// In virtual time: nothing can happen any more, or there is no end to it.
    #[error("{0}")]
    Stalled(Stall),
    /// Virtual time stands still, with the last line of the journal.
    #[error("{stall}; the last that happened is {last}")]
    StandsStill {
        /// When.
        stall: Stall,
        /// What.
        last: String,
    },
    /// There is no simulation.
    #[error("the simulation: {0}")]
    Simulation(#[source] io::Error),
    /// It was run twice and was not the same.
    #[error("{0}")]
    NotRepeated(Difference),
    /// The journal is not complete.
    #[error("{0}")]
    Incomplete(String),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another record cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Why a run did not come to its end.
#[derive(Debug)]
pub(super) enum BrokenOff {
    /// Somebody wanted it.
    Interrupted,
    /// A client went beyond its bounds, with what is to be marked.
    Exceeded(Mark),
    /// The harness failed.
    Failed(HarnessError),
}

impl<E: Into<HarnessError>> From<E> for BrokenOff {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl BrokenOff {
    /// What the journal says of it, and what is the harness's own error.
    pub(super) fn into_mark(self) -> (Mark, Option<HarnessError>) {
        match self {
            Self::Interrupted => (Mark::Interrupted, None),
            Self::Exceeded(mark) => (mark, None),
            Self::Failed(error) => {
                let reason = error.to_string();
                (Mark::Failed { reason }, Some(error))
            }
        }
    }
}

/// A cheap handle to the first error of any task of a run, which ends the run.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstError {
    first: Arc<Mutex<Option<HarnessError>>>,
    is_there: CancellationToken,
}

impl FirstError {
    /// Keeps it, if it is the first.
    pub(super) fn report(&self, error: HarnessError) {
        self.first().get_or_insert(error);
        self.is_there.cancel();
    }

    /// As soon as there is one. Cancel safe.
    pub(super) async fn reported(&self) -> HarnessError {
        self.is_there.cancelled().await;
        match self.take() {
            Some(error) => error,
            // Somebody else has it.
            None => std::future::pending().await,
        }
    }

    /// It, if there is one that nobody has taken.
    pub(super) fn take(&self) -> Option<HarnessError> {
        self.first().take()
    }

    fn first(&self) -> MutexGuard<'_, Option<HarnessError>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
