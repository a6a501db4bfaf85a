//! The client under test: the simulated client, or a custom one.
//!
//! Invariant: what a client under test cannot do or does not report is known before a
//! run, so that such a check is not measured, and no client fails for it.

mod adapter;
mod brought;
mod client;
mod client_context;
mod client_report;
mod driver;
mod find;
mod hosts;
mod page;
mod setup;
mod shipped;

use std::sync::Arc;

use chaos_judge::language::{ClientOptions, Mistakes, Scenario};
pub use chaos_judge::subject::{Ability, Report, Traits};

pub(crate) use adapter::ensure_name;
pub use adapter::{Adapter, CLIENT_FILE};
pub use brought::Brought;
pub use client::Client;
pub use client_context::{ClientContext, Commands, Stop, Tell};
pub use client_report::{ClientReport, Interpreter};
pub(crate) use find::text;
pub use find::{CLIENTS, SubjectError, find, names, of_page};
pub use hosts::{HostProblem, Hosts, Role};
pub use page::Page;
pub use setup::{SetupError, SetupFailure, set_up};

/// Who is under test.
#[derive(Debug, Clone, Default)]
pub enum Subject {
    /// The project's own simulated client: it can and tells everything.
    #[default]
    Sim,
    /// Another client, a process for each.
    Adapter(Arc<Adapter>),
    /// A client of this process, a task for each.
    Client(Arc<Client>),
}

impl Subject {
    /// The name of the simulated client.
    pub const SIM: &str = "sim";

    /// The same, told this besides, if it is a program.
    #[must_use]
    pub fn with_options(self, options: &ClientOptions) -> Self {
        match self {
            Self::Adapter(adapter) => Self::Adapter(Arc::new(Adapter {
                options: options.clone(),
                ..Adapter::clone(&adapter)
            })),
            other => other,
        }
    }

    /// What it is called in results, and what its folder is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Sim => Self::SIM,
            Self::Adapter(adapter) => &adapter.name,
            Self::Client(client) => &client.name,
        }
    }

    /// What `--client` has to say to get it again.
    pub fn argument(&self) -> &str {
        match self {
            Self::Sim => Self::SIM,
            Self::Adapter(adapter) => &adapter.argument,
            Self::Client(client) => &client.name,
        }
    }

    /// Whether it is the simulated client.
    pub fn is_sim(&self) -> bool {
        matches!(self, Self::Sim)
    }

    /// Whether it can do this.
    pub fn can(&self, ability: Ability) -> bool {
        match self {
            Self::Sim => ability.is_simulated(),
            Self::Adapter(adapter) => adapter.can.contains(&ability),
            Self::Client(client) => client.traits.can.contains(&ability),
        }
    }

    /// Whether it tells of this.
    pub fn reports(&self, report: Report) -> bool {
        match self {
            Self::Sim => true,
            Self::Adapter(adapter) => adapter.reports.contains(&report),
            Self::Client(client) => client.traits.reports.contains(&report),
        }
    }

    /// Why it and the file's server can be run in real time only, if they can.
    pub fn only_in_real_time(&self, scenario: &Scenario) -> Option<String> {
        scenario.only_in_real_time().or_else(|| {
            let name = self.name();
            (!self.is_sim()).then(|| format!("--client {name}: client programs run in real time only; leave `--time virtual` out"))
        })
    }

    /// Why it cannot be run against the file's server, if it cannot.
    pub fn unsuited(&self, scenario: &Scenario) -> Option<String> {
        scenario.unsuited_to_sim().filter(|_| self.is_sim())
    }

    /// The scenario as it is for this client: its times that are expressions are of
    /// this client's figures.
    ///
    /// # Errors
    /// What is wrong with the file under them.
    pub fn fitted(&self, scenario: &Arc<Scenario>) -> Result<Arc<Scenario>, Mistakes> {
        let Some(traits) = self.traits() else {
            return Ok(Arc::clone(scenario));
        };
        let mut fitted = scenario.fitted(Some(&traits))?;
        if let Some(brought) = self.adapter().and_then(|adapter| adapter.server.as_ref()) {
            brought.serve(&mut fitted);
        }
        Ok(Arc::new(fitted))
    }

    /// The program of its own, if it is one.
    pub(crate) fn adapter(&self) -> Option<&Adapter> {
        match self {
            Self::Adapter(adapter) => Some(adapter),
            Self::Sim | Self::Client(_) => None,
        }
    }

    /// What a judge has to know of it; nothing of the simulated client.
    pub fn traits(&self) -> Option<Traits> {
        let mut traits = self.declared()?;
        if let Self::Adapter(adapter) = self
            && let Some(profile) = &adapter.profile
        {
            profile.fill(&mut traits);
        }
        Some(traits)
    }

    /// What it declares of itself; nothing of the simulated client.
    pub fn declared(&self) -> Option<Traits> {
        match self {
            Self::Sim => None,
            Self::Adapter(adapter) => Some(adapter.traits()),
            Self::Client(client) => Some(client.traits.clone()),
        }
    }
}
