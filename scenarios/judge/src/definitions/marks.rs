//! The course of the run, as the harness marked it.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::Moment;

use crate::journal::{Body, Bound, Entry, Mark};

/// Why a run did not go to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokenOff {
    /// Somebody interrupted it.
    Interrupted,
    /// A client took more than a run has for it.
    Exceeded {
        /// Which.
        client: String,
        /// Of what.
        bound: Bound,
        /// The most that it may.
        most: u64,
    },
    /// The harness could not go on, in its own words.
    Failed(String),
}

/// When the run passed from one part to the next; `None`: it never did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Marks {
    /// t = 0 of the scenario.
    pub t_zero: Option<Moment>,
    /// The end of all faults.
    pub healed: Option<Moment>,
    /// The end of settling.
    pub settled: Option<Moment>,
    /// The clients are told to end.
    pub drained: Option<Moment>,
    /// Every client has ended.
    pub clients_stopped: Option<Moment>,
    /// The run went to its end.
    pub ended: Option<Moment>,
    /// Why it did not.
    pub broken_off: Option<BrokenOff>,
    /// The times without a server, in order of time.
    pub downtimes: Vec<Downtime>,
    /// The first time that the harness had to kill the server.
    pub server_kill: Option<ServerKill>,
    /// When the machine let the harness wait since t = 0, and for how long.
    pub held_up: Vec<(Moment, Duration)>,
    /// What clients were told to do, in order of time.
    pub instructions: Vec<Instruction>,
    /// The clients whose processes ended by themselves, in order of time.
    pub departures: Vec<Departure>,
}

/// A client's process ended before it was told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// When.
    pub at: Moment,
    /// Whose.
    pub client: String,
    /// How, such as "exit status: 1".
    pub how: String,
}

/// Something that clients were told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// When.
    pub at: Moment,
    /// What, in the file's word.
    pub action: String,
    /// Which clients were told.
    pub targets: BTreeSet<String>,
}

/// A time without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downtime {
    /// The server event that made it.
    pub name: String,
    /// When the server went.
    pub from: Moment,
    /// When it was there again; `None`: never.
    pub until: Option<Moment>,
}

/// The server was to stop and did not, so the harness killed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerKill {
    /// The server event that was to stop it.
    pub event: String,
    /// How long it had for that.
    pub after: Duration,
}

impl Marks {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Harness(mark) = &entry.body else {
            return;
        };
        let at = Some(entry.at);
        match mark {
            Mark::TZero => {
                self.t_zero = at;
                // Nothing is judged that was before.
                self.held_up.clear();
            }
            Mark::Healed => self.healed = at,
            Mark::Settled => self.settled = at,
            Mark::Drained => self.drained = at,
            Mark::ClientsStopped => self.clients_stopped = at,
            Mark::Ended => self.ended = at,
            Mark::Interrupted => self.broken_off = Some(BrokenOff::Interrupted),
            Mark::Exceeded {
                client,
                bound,
                most,
            } => {
                self.broken_off = Some(BrokenOff::Exceeded {
                    client: client.clone(),
                    bound: *bound,
                    most: *most,
                });
            }
            Mark::Failed { reason } => {
                self.broken_off = Some(BrokenOff::Failed(reason.clone()));
            }
            Mark::Action { action, targets } => self.instructions.push(Instruction {
                at: entry.at,
                action: action.clone(),
                targets: targets.clone(),
            }),
            Mark::ServerDown { name, .. } => self.downtimes.push(Downtime {
                name: name.clone(),
                from: entry.at,
                until: None,
            }),
            Mark::ServerUp { .. } => {
                if let Some(downtime) = self.downtimes.last_mut() {
                    downtime.until.get_or_insert(entry.at);
                }
            }
            Mark::ServerKilled { name, after_us } => {
                self.server_kill.get_or_insert_with(|| ServerKill {
                    event: name.clone(),
                    after: Duration::from_micros(*after_us),
                });
            }
            Mark::HeldUp { late_us } => {
                self.held_up
                    .push((entry.at, Duration::from_micros(*late_us)));
            }
            Mark::ClientEnded { client, how } => self.departures.push(Departure {
                at: entry.at,
                client: client.clone(),
                how: how.clone(),
            }),
            Mark::Started => {}
        }
    }

    /// The moment `after` t = 0; before t = 0 is known, after the origin.
    pub fn moment(&self, after: Duration) -> Moment {
        self.t_zero.unwrap_or_default() + after
    }

    /// All the time that the machine let the harness wait.
    pub(crate) fn withheld(&self) -> Duration {
        let late = self.held_up.iter().map(|(_, late)| *late);
        late.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The longest single wait, and when it ended.
    pub(crate) fn longest_hold_up(&self) -> Option<(Moment, Duration)> {
        self.held_up.iter().max_by_key(|(_, late)| *late).copied()
    }

    /// When a client was told to do this, each time.
    pub fn told(&self, client: &str, action: &str) -> impl Iterator<Item = Moment> {
        let instructions = self.instructions.iter();
        instructions
            .filter(move |given| given.action == action && given.targets.contains(client))
            .map(|given| given.at)
    }

    /// How this client's process ended by itself, if it did.
    pub(crate) fn departure(&self, client: &str) -> Option<&Departure> {
        let mut departures = self.departures.iter();
        departures.find(|departure| departure.client == client)
    }

    /// How long after t = 0 that was; zero for what was before it.
    pub fn since_zero(&self, at: Moment) -> Duration {
        at.since(self.t_zero.unwrap_or_default())
    }
}
