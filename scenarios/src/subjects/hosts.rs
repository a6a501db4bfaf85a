//! What a page needs while it is under test: whoever serves it, and whoever
//! listens where its WebSocket goes; started, or found to be there.
//!
//! Invariant: what was started ends when its [`Hosts`] is dropped.

use std::fmt;
use std::io;
use std::time::Duration;

use environment::Environment;
use environment::text::format_duration;
use tokio::process::ChildStdin;
use tokio::task::JoinSet;

use super::{Adapter, SetupError};
use crate::process::{Ended, Flood, Running, StartError, Tail};

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(50);

/// How long one look may take.
const ANSWER: Duration = Duration::from_secs(1);

/// How long its last output may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The programs that a page needs, as long as this is there.
#[derive(Debug, Default)]
pub struct Hosts(Vec<Host>);

#[derive(Debug)]
struct Host {
    running: Running,
    /// It has nothing to read, but must not believe that nobody is there.
    _stdin: Option<ChildStdin>,
    /// Read what it prints.
    readers: JoinSet<Result<(), Flood>>,
    tail: Tail,
}

/// What is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves the page.
    Page,
    /// Listens where the page's WebSocket goes.
    Socket,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Page => "page",
            Self::Socket => "socket",
        })
    }
}

impl Role {
    /// What starts it.
    fn starter(self) -> &'static str {
        match self {
            Self::Page => "serve",
            Self::Socket => "[server] command",
        }
    }
}

/// Why somebody is not there who is needed.
#[derive(Debug, thiserror::Error)]
pub enum HostProblem {
    /// Nobody is there, and nothing says who is to be started.
    #[error(
        "nothing answers at {authority} (`{role}`): {source}; start it before, or let `{}` do so", .role.starter()
    )]
    Absent {
        /// Who.
        role: Role,
        /// Where.
        authority: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else is there.
    #[error(
        "{authority} is already in use; stop what listens there, or leave `{}` out", .role.starter()
    )]
    Taken {
        /// Who was to.
        role: Role,
        /// Where.
        authority: String,
    },
    /// The command does not start.
    #[error("{}: {source}", .role.starter())]
    Start {
        /// Who.
        role: Role,
        /// Why.
        #[source]
        source: StartError,
    },
    /// It ended before it was ready.
    #[error("`{}` ended before {authority} answered: {ended}{last_words}", .role.starter())]
    Ended {
        /// Who.
        role: Role,
        /// Where it was to be.
        authority: String,
        /// How.
        ended: Ended,
        /// What it printed last, for a sentence.
        last_words: String,
    },
    /// It takes too long.
    #[error(
        "`{}` runs, but {authority} did not answer within {} (`setup_within`){last_words}",
        .role.starter(), format_duration(*.within)
    )]
    Late {
        /// Who.
        role: Role,
        /// Where it was to be.
        authority: String,
        /// How long was waited.
        within: Duration,
        /// What it printed last, for a sentence.
        last_words: String,
    },
}

impl HostProblem {
    /// Whether what was asked for is the cause, and not what was started.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Absent { .. } | Self::Taken { .. } | Self::Start { .. }
        )
    }
}

impl Hosts {
    /// Starts whom this client needs, or finds them there.
    ///
    /// # Errors
    /// The first who is not there.
    pub(super) async fn start(adapter: &Adapter) -> Result<Self, SetupError> {
        let Some(page) = &adapter.page else {
            return Ok(Self::default());
        };
        let mut hosts = Self::default();
        // The server first: a page that is built when it is served may ask it things.
        let wanted = [
            (Role::Socket, page.socket.clone(), &page.server),
            (Role::Page, page.authority(), &page.serve),
        ];
        for (role, authority, words) in wanted {
            let started = hosts.add(adapter, role, authority, words).await;
            started.map_err(|problem| SetupError::Host {
                client: adapter.name.clone(),
                problem,
            })?;
        }
        Ok(hosts)
    }

    async fn add(
        &mut self,
        adapter: &Adapter,
        role: Role,
        authority: Option<String>,
        words: &[String],
    ) -> Result<(), HostProblem> {
        let Some(authority) = authority else {
            return Ok(());
        };
        let there = answers(&authority).await;
        let Some(program) = adapter.own_program(words) else {
            return there.map_err(|source| HostProblem::Absent {
                role,
                authority,
                source,
            });
        };
        if there.is_ok() {
            return Err(HostProblem::Taken { role, authority });
        }
        let running = program.start();
        let running = running.map_err(|source| HostProblem::Start { role, source })?;
        let mut host = Host::new(running);
        let within = adapter.setup_within;
        host.ready(role, authority, within).await?;
        self.0.push(host);
        Ok(())
    }
}

impl Host {
    fn new(mut running: Running) -> Self {
        let (stdin, stdout, stderr) = running.take_pipes();
        let (tail, mut readers) = (Tail::default(), JoinSet::new());
        readers.spawn(tail.clone().follow(stdout, "stdout"));
        readers.spawn(tail.clone().follow(stderr, "stderr"));
        Self {
            running,
            _stdin: stdin,
            readers,
            tail,
        }
    }

    /// Until it answers there.
    async fn ready(
        &mut self,
        role: Role,
        authority: String,
        within: Duration,
    ) -> Result<(), HostProblem> {
        let clock = Environment::real().clock;
        let answering = async {
            while answers(&authority).await.is_err() {
                clock.sleep(LOOK).await;
            }
        };
        let ended = tokio::select! {
            biased;
            ended = self.running.wait() => Some(ended),
            answered = clock.timeout(within, answering) => match answered {
                Ok(()) => return Ok(()),
                Err(_) => None,
            },
        };
        let last_words = self.last_words().await;
        Err(match ended {
            Some(ended) => HostProblem::Ended {
                role,
                authority,
                ended,
                last_words,
            },
            None => HostProblem::Late {
                role,
                authority,
                within,
                last_words,
            },
        })
    }

    async fn last_words(&mut self) -> String {
        let clock = Environment::real().clock;
        let all = async { while self.readers.join_next().await.is_some() {} };
        // Whoever goes on printing has said enough.
        let _ = clock.timeout(LAST_WORDS, all).await;
        self.tail.last_lines()
    }
}

async fn answers(authority: &str) -> io::Result<()> {
    let environment = Environment::real();
    let dialled = environment.network.dial(authority);
    match environment.clock.timeout(ANSWER, dialled).await {
        Ok(dialled) => dialled.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
