//! `chaos profile`: a client is measured.
//!
//! Every [`Probe`] is run as any scenario is, some of them at a time; what came of
//! them is folded from their journals alone. Invariant: a profile exists only if
//! every probe went to its end.

mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chaos_judge::definitions::{BrokenOff, Observations};
use chaos_judge::profile::{Course, Setting, courses};
use client_sim::{Behaviour, Flaw};
use environment::text::{Figures, Source};
use environment::{Observer, Seed};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use chaos_judge::profile::{Claim, Probe, Profile, claims};
pub use table::table;

use crate::language::{Scenario, figures, read};
use crate::runner::{self, Folder, HarnessError, Record, Settings, Time};
use crate::subjects::{Report, SetupError, Subject, Traits, set_up};

/// How a client is to be measured.
#[derive(Debug, Clone)]
pub struct Measuring {
    /// Which client.
    pub subject: Subject,
    /// Flaws of the simulated one.
    pub flaws: Vec<Flaw>,
    /// The clock.
    pub time: Time,
    /// What is done to it.
    pub probes: Vec<Probe>,
    /// What the seeds of the probes follow from: each has its own, or else all
    /// would show the same draws.
    pub seed: Seed,
    /// How many clients take part in each.
    pub clients: u32,
    /// How long a reaction is waited for, at least.
    pub watch: Duration,
    /// Where records go.
    pub out: PathBuf,
    /// How many probes at a time.
    pub jobs: usize,
}

/// A probe that says nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The client could not be made ready.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The harness itself failed.
    #[error("{probe}: {error}")]
    Harness {
        /// The probe's id.
        probe: String,
        /// Why.
        #[source]
        error: HarnessError,
    },
    /// It did not go to its end.
    #[error("{probe}: {why}")]
    Unfinished {
        /// The probe's id.
        probe: String,
        /// Why.
        why: String,
    },
    /// It has errors with these figures.
    #[error("{0}")]
    Mistakes(String),
    /// Somebody interrupted it.
    #[error("interrupted")]
    Interrupted,
}

impl Measuring {
    /// Makes the client ready and runs every probe; `tell` hears of each that has
    /// ended.
    ///
    /// # Errors
    /// The first probe that says nothing.
    pub async fn measure(
        &self,
        tell: impl Fn(&str),
        interrupt: &CancellationToken,
    ) -> Result<Profile, ProfileError> {
        // As long as it is measured.
        let _hosts = set_up(&self.subject, interrupt).await?;
        let setting = self.setting();
        let room = Arc::new(Semaphore::new(self.jobs.max(1)));
        let mut running = JoinSet::new();
        for (&probe, index) in self.probes.iter().zip(0..) {
            let scenario = self.scenario(&probe.text(&setting))?;
            if !is_measurable(probe, &scenario) {
                continue;
            }
            let settings = self.settings(&scenario, Seed(self.seed.0.wrapping_add(index)));
            let (room, interrupt) = (Arc::clone(&room), interrupt.clone());
            running.spawn(async move {
                // Never closed, so there is always a permit in the end.
                let _permit = room.acquire_owned().await;
                let once = || async {
                    let interrupt = interrupt.clone();
                    let run = runner::run(&scenario, &settings, Observer::none(), interrupt);
                    course(&scenario, Box::pin(run).await)
                };
                let courses = match once().await {
                    // On a busy machine a program may be too slow to start.
                    Err(ProfileError::Unfinished { .. }) => once().await,
                    courses => courses,
                };
                (probe, courses)
            });
        }
        let mut all = BTreeMap::new();
        while let Some(ended) = running.join_next().await {
            let (probe, courses) =
                ended.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
            tell(&probe.id());
            all.insert(probe, courses?);
        }
        Ok(self.profile(&all, &setting))
    }

    /// What the client declares; of the simulated one how it is configured.
    pub fn declared(&self) -> Traits {
        let micros = |time: Duration| u64::try_from(time.as_micros()).ok();
        self.subject.declared().unwrap_or_else(|| {
            let own = self.setting().figures;
            Traits {
                liveness_us: micros(own.liveness),
                dial_bound_us: micros(own.dial_bound),
                first_delay_us: micros(own.first_delay),
                longest_delay_us: micros(own.longest_delay),
                ..Traits::default()
            }
        })
    }

    /// What is not declared needs no time to be refuted.
    fn setting(&self) -> Setting {
        let figures = match self.subject.declared() {
            None => figures(&Behaviour::default(), None),
            Some(traits) => Figures {
                liveness: traits.liveness().unwrap_or_default(),
                dial_bound: traits.dial_bound().unwrap_or_default(),
                first_delay: traits.first_delay().unwrap_or_default(),
                longest_delay: traits.longest_delay().unwrap_or_default(),
            },
        };
        let declared = self.subject.declared();
        let unheard = declared.and_then(|traits| traits.upstream_liveness());
        Setting {
            clients: self.clients,
            watch: self.watch,
            figures,
            upstream_liveness: unheard.unwrap_or_default(),
        }
    }

    /// A probe's, with the server that the client brings, if it brings one.
    fn scenario(&self, text: &str) -> Result<Arc<Scenario>, ProfileError> {
        let read = read(&Source::new("probe", text)).map(Arc::new);
        let fitted = read.and_then(|scenario| self.subject.fitted(&scenario));
        fitted.map_err(|wrong| ProfileError::Mistakes(wrong.rendered))
    }

    fn settings(&self, scenario: &Scenario, seed: Seed) -> Settings {
        Settings {
            subject: self.subject.clone(),
            time: self.time,
            must_repeat: false,
            seed,
            flaws: self.flaws.iter().copied().collect(),
            is_wire: false,
            tls: Default::default(),
            folder: Folder::new(&self.out, &scenario.id, self.subject.name(), seed),
        }
    }

    fn profile(&self, all: &BTreeMap<Probe, Vec<Course>>, setting: &Setting) -> Profile {
        let tells_dials = self.subject.reports(Report::Dial) && self.subject.reports(Report::Close);
        Profile {
            client: self.subject.name().to_owned(),
            client_version: self.subject.traits().map(|traits| traits.version),
            time: self.time.word().to_owned(),
            seed: self.seed.0,
            ..Profile::of(all, setting, tells_dials)
        }
    }
}

/// Whether it shows anything with this server, where the client brings one.
fn is_measurable(probe: Probe, scenario: &Scenario) -> bool {
    // What does not do as it is told would answer in the client's place.
    let is_obeyed = scenario.unobeyed.is_none();
    is_obeyed && (scenario.is_websocket() || !probe.is_of_web_sockets())
}

fn course(scenario: &Scenario, record: Record) -> Result<Vec<Course>, ProfileError> {
    let probe = || scenario.id.clone();
    if let Some(error) = record.problem {
        return Err(ProfileError::Harness {
            probe: probe(),
            error,
        });
    }
    let observed = Observations::of(&record.entries);
    let why = match &observed.marks.broken_off {
        Some(BrokenOff::Interrupted) => return Err(ProfileError::Interrupted),
        Some(BrokenOff::Failed(reason)) => Some(reason.clone()),
        // It dials without end: what it did until then is what it does.
        Some(BrokenOff::Exceeded { .. }) => None,
        None => observed
            .marks
            .t_zero
            .is_none()
            .then(|| "not every client connected".to_owned()),
    };
    match why {
        Some(why) => Err(ProfileError::Unfinished {
            probe: probe(),
            why,
        }),
        None => Ok(courses(&observed, &scenario.client_names())),
    }
}
