//! What a journal holds: the parts' own events and the harness's marks.
//!
//! Times are distances from the run's start (the environment clock's origin);
//! t = 0 of the scenario is where [`Mark::TZero`] stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use environment::{Moment, Seed};
use serde::{Deserialize, Serialize};

use crate::subject::Traits;

/// The most entries that one run may have: 80 minutes of 100 clients at one tick
/// a second, and about half a gigabyte with all that is folded from them.
pub const MAX_ENTRIES: usize = 1_000_000;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When, in whole microseconds.
    pub at: Moment,
    /// Who told it, and what.
    pub body: Body,
}

/// Who told an entry, and what.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// The proxy, about a client's connection (0: its listener).
    Proxy {
        /// Whose.
        client: Arc<str>,
        /// Which connection of it.
        attempt: u64,
        /// What.
        what: chaos_proxy::EventKind,
    },
    /// A client, about itself.
    Client {
        /// Which.
        client: Arc<str>,
        /// What.
        what: client_sim::EventKind,
    },
    /// The server, about itself.
    Server(ticker_server::EventKind),
    /// The runner, about the course of the run.
    Harness(Mark),
}

/// What the runner tells about the course of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Mark {
    /// Server and proxy are there; the clients come next.
    Started,
    /// The scenario's time begins.
    TZero,
    /// The user did something.
    Action {
        /// What, in the file's word.
        action: String,
        /// Which clients were told.
        targets: BTreeSet<String>,
    },
    /// The server goes: nothing reaches it from now on.
    ServerDown {
        /// What the event is called in the file.
        name: String,
        /// How, in the file's word.
        #[serde(rename = "do")]
        end: String,
    },
    /// The server had not ended so long after it was to, and was killed.
    ServerKilled {
        /// What the event is called in the file.
        name: String,
        /// After how long, in microseconds.
        after_us: u64,
    },
    /// The server is there again, and knows nothing of what was before.
    ServerUp {
        /// What the event is called in the file.
        name: String,
        /// How it went, in the file's word.
        #[serde(rename = "do")]
        end: String,
    },
    /// A client's process ended before it was told to.
    ClientEnded {
        /// Whose.
        client: String,
        /// How, such as "exit status: 1".
        how: String,
    },
    /// The machine let the harness wait: a timer of its own was so late.
    HeldUp {
        /// By how much, in microseconds.
        late_us: u64,
    },
    /// The duration is over: every fault is healed, none comes any more.
    Healed,
    /// Settling is over: what was produced until here must have arrived before
    /// the clients stop.
    Settled,
    /// It has arrived, or had its time: the clients are told to end.
    Drained,
    /// Every client has ended.
    ClientsStopped,
    /// The run went to its end; nothing follows.
    Ended,
    /// Somebody interrupted the run; nothing follows.
    Interrupted,
    /// A client took more than a run has for it; nothing follows.
    Exceeded {
        /// Which.
        client: String,
        /// Of what.
        bound: Bound,
        /// The most that it may.
        most: u64,
    },
    /// The harness itself failed; nothing follows.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

/// What a client may take so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Connections at once.
    Connections,
    /// Dials in all.
    Dials,
}

/// The first line of a journal: what was run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`Header::FORMAT`].
    pub format: String,
    /// From [`Header::OLDEST`] to [`Header::VERSION`].
    pub version: u32,
    /// The scenario's id.
    pub id: String,
    /// The case that it covers.
    pub case: String,
    /// The seed of server, proxy and clients.
    pub seed: u64,
    /// `real` or `virtual`.
    pub time: String,
    /// The client under test, such as `sim`.
    pub client: String,
    /// The clients' names, in their order.
    pub clients: Vec<String>,
    /// The flaws that the clients wore, from the file and from the command line.
    pub flaws: Vec<String>,
    /// `wire` when every fault was planned and none applied.
    pub control: Option<String>,
    /// How often the machine had spoiled this run before, so that it was run again.
    #[serde(default, skip_serializing_if = "is_none")]
    pub retried: u32,
    /// What is to be known of the client under test; of the simulated client nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Traits>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Header {
    /// The word by which a journal is known.
    pub const FORMAT: &str = "chaos-journal";
    /// The version that this program writes. Since the second the proxy tells what
    /// rules withheld and destroyed, and what was ended toward a client.
    pub const VERSION: u32 = 2;
    /// The oldest version that it reads, and judges as far as its fields suffice.
    pub const OLDEST: u32 = 1;
    /// The value of [`Header::control`] for a run without any fault.
    pub const WIRE: &str = "wire";

    /// The seed as such.
    pub fn seed(&self) -> Seed {
        Seed(self.seed)
    }

    /// Whether the proxy told what its rules took.
    pub(crate) fn tells_losses(&self) -> bool {
        self.version >= 2
    }

    /// Whether the run was a control without any fault.
    pub fn is_wire(&self) -> bool {
        self.control.as_deref() == Some(Self::WIRE)
    }
}

impl Entry {
    /// A mark of the runner's.
    pub fn mark(at: Moment, mark: Mark) -> Self {
        Self {
            at,
            body: Body::Harness(mark),
        }
    }
}

impl From<chaos_proxy::Event> for Entry {
    fn from(event: chaos_proxy::Event) -> Self {
        Self {
            at: event.at,
            body: Body::Proxy {
                client: event.client,
                attempt: event.attempt,
                what: event.what,
            },
        }
    }
}

impl From<client_sim::Event> for Entry {
    fn from(event: client_sim::Event) -> Self {
        Self {
            at: event.at,
            body: Body::Client {
                client: event.client,
                what: event.what,
            },
        }
    }
}

impl From<ticker_server::Event> for Entry {
    fn from(event: ticker_server::Event) -> Self {
        Self {
            at: event.at,
            body: Body::Server(event.what),
        }
    }
}
