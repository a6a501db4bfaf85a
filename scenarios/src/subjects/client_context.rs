//! What a client that is a Rust function is given: what to connect to, where to
//! report, what to do, and when to end.

use std::path::PathBuf;

use environment::Observer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ClientReport;
use crate::language::ClientAction;

/// What one client gets. Its fields can be taken apart and given to different
/// tasks.
#[derive(Debug)]
pub struct ClientContext {
    /// What to dial; the proxy listens there for this client alone.
    pub url: String,
    /// Where the URL is one of TLS: the file of the authority's certificate, in PEM,
    /// that is to be trusted.
    pub ca: Option<PathBuf>,
    /// What the scenario calls this client: `c1` and so on.
    pub name: String,
    /// The seed of the run, for a client that draws its waits.
    pub seed: u64,
    /// Takes down what the client tells of itself.
    pub tell: Tell,
    /// What the client is to do.
    pub commands: Commands,
    /// When to end.
    pub stop: Stop,
}

/// Takes down what a client tells of itself; a cheap handle.
///
/// Nothing needs to be told: what is not is judged from the proxy's and the
/// server's side. What is told counts if the client is said to tell of it, by
/// [`Client::reports`](super::Client::reports).
#[derive(Debug, Clone)]
pub struct Tell(Observer<ClientReport>);

/// What a client is to do, as the scenario's `[[action]]` say.
#[derive(Debug)]
pub struct Commands(mpsc::Receiver<ClientAction>);

/// Says when to end; a cheap handle.
#[derive(Debug, Clone)]
pub struct Stop(CancellationToken);

impl Tell {
    pub(crate) fn new(observer: Observer<ClientReport>) -> Self {
        Self(observer)
    }

    /// The client begins to connect.
    pub fn dial(&self) {
        self.0.tell(ClientReport::Dial);
    }

    /// It is connected.
    pub fn open(&self) {
        self.0.tell(ClientReport::Open { dial: None });
    }

    /// Its application got a message: this text, or `None` of anything else.
    pub fn message<'a>(&self, text: impl Into<Option<&'a str>>) {
        let data = text.into().map(str::to_owned);
        self.0.tell(ClientReport::Message {
            data,
            seq: None,
            session: None,
            dial: None,
        });
    }

    /// Its application got a message with this number of what it counts through,
    /// such as a session or a subscription.
    pub fn numbered<'a>(&self, seq: u64, session: impl Into<Option<&'a str>>) {
        self.0.tell(ClientReport::Message {
            data: None,
            seq: Some(seq),
            session: session.into().map(str::to_owned),
            dial: None,
        });
    }

    /// A dial failed, or the connection ended: with this close code, as browsers
    /// have it (RFC 6455 §7.1.5), or `None` if the client does not know.
    pub fn close(&self, code: impl Into<Option<u16>>) {
        self.0.tell(ClientReport::Close {
            code: code.into(),
            dial: None,
        });
    }

    /// It will not reconnect by itself.
    pub fn gave_up(&self) {
        self.0.tell(ClientReport::GaveUp);
    }
}

impl Commands {
    pub(crate) fn new(commands: mpsc::Receiver<ClientAction>) -> Self {
        Self(commands)
    }

    /// The next thing to do; `None` when nothing more will come.
    /// Only what the client is said to be able to do, by
    /// [`Client::can`](super::Client::can). Cancel safe.
    pub async fn next(&mut self) -> Option<ClientAction> {
        self.0.recv().await
    }
}

impl Stop {
    pub(crate) fn new(token: CancellationToken) -> Self {
        Self(token)
    }

    /// Resolves when the run is over; the client then has a second to end, after
    /// which it is dropped. Cancel safe.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }
}
