//! A client that is a function of somebody's Rust test, as an adapter is a
//! program.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::{Ability, ClientContext, Report, Traits};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A client of your own: a function that gets a [`ClientContext`] and keeps a connection
/// to its URL through whatever happens, until it is told to stop.
///
/// The same rules as for a `client.toml`: what the client does not report is
/// judged from the proxy's and the server's side, or is not measured; a
/// function that returns or panics before the end is a client that ended.
pub struct Client {
    pub(crate) name: String,
    pub(crate) traits: Traits,
    function: Box<dyn Fn(ClientContext) -> Running + Send + Sync>,
}

impl Client {
    /// A client of this name, which is that of a folder, too. Every client of a
    /// scenario is one call of the function, in a task of its own.
    pub fn new<F, R>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(ClientContext) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self {
            name: name.into(),
            traits: Traits::default(),
            function: Box::new(move |context| Box::pin(function(context))),
        }
    }

    /// What it can do besides connecting and reading; by default nothing.
    #[must_use]
    pub fn can(mut self, abilities: impl IntoIterator<Item = Ability>) -> Self {
        self.traits.can = abilities.into_iter().collect();
        self
    }

    /// What it reports whenever it happens; by default nothing. A client that
    /// declares a report and does not make it is judged by that silence.
    #[must_use]
    pub fn reports(mut self, reports: impl IntoIterator<Item = Report>) -> Self {
        self.traits.reports = reports.into_iter().collect();
        self
    }

    /// How long it takes to notice a silent connection; by default it never
    /// does. The end of every scenario waits for that.
    #[must_use]
    pub fn liveness(mut self, liveness: Duration) -> Self {
        self.traits.liveness_us = Some(micros(liveness));
        self
    }

    /// How long it takes to notice that its own pings go unanswered while data still
    /// comes; by default it awaits no answer.
    #[must_use]
    pub fn upstream_liveness(mut self, liveness: Duration) -> Self {
        self.traits.upstream_liveness_us = Some(micros(liveness));
        self
    }

    /// How long after the last fault it takes at most until all is as it should
    /// be, if that is longer than the scenario's own `settle`.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.traits.settle_us = Some(micros(settle));
        self
    }

    /// How long one of its dials, with the upgrade, takes at most before it gives it
    /// up.
    #[must_use]
    pub fn dial_bound(mut self, bound: Duration) -> Self {
        self.traits.dial_bound_us = Some(micros(bound));
        self
    }

    /// How long it waits at most before it reconnects: for the first time after a
    /// loss, and ever.
    #[must_use]
    pub fn delays(mut self, first: Duration, longest: Duration) -> Self {
        self.traits.first_delay_us = Some(micros(first));
        self.traits.longest_delay_us = Some(micros(longest));
        self
    }

    /// Lets one of them begin.
    pub(crate) fn start(&self, context: ClientContext) -> Running {
        (self.function)(context)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;
        f.debug_struct("Client")
            .field("name", name)
            .finish_non_exhaustive()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
