//! Who sits in the client's chair: the simulated client, or somebody else's.
//!
//! Invariant: what a subject cannot do or does not tell is known before a run,
//! so that a check can say NOT OBSERVABLE and never blames anybody for it.

mod ability;
mod adapter;
mod find;
mod report;
mod setup;
mod shipped;
mod told;
mod traits;

use std::sync::Arc;

pub use ability::Ability;
pub(crate) use adapter::Words;
pub use adapter::{Adapter, CLIENT_FILE};
pub use find::{CLIENTS, SubjectError, find, names};
pub use report::Report;
pub use setup::{SetupError, set_up};
pub use told::{Interpreter, Told};
pub use traits::Traits;

/// Who is put to the test.
#[derive(Debug, Clone, Default)]
pub enum Subject {
    /// The project's own simulated client: it can and tells everything.
    #[default]
    Sim,
    /// Another client, a process for each.
    Adapter(Arc<Adapter>),
}

impl Subject {
    /// The name of the simulated client.
    pub const SIM: &str = "sim";

    /// What it is called in results, and what its folder is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Sim => Self::SIM,
            Self::Adapter(adapter) => &adapter.name,
        }
    }

    /// What `--client` has to say to get it again.
    pub fn argument(&self) -> &str {
        match self {
            Self::Sim => Self::SIM,
            Self::Adapter(adapter) => &adapter.argument,
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
        }
    }

    /// Whether it tells of this.
    pub fn reports(&self, report: Report) -> bool {
        match self {
            Self::Sim => true,
            Self::Adapter(adapter) => adapter.reports.contains(&report),
        }
    }

    /// What a judge has to know of it; nothing of the simulated client.
    pub fn traits(&self) -> Option<Traits> {
        match self {
            Self::Sim => None,
            Self::Adapter(adapter) => Some(Traits::from(&**adapter)),
        }
    }
}
