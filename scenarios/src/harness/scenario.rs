//! A scenario in the hands of a test.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::language::{self, Mistakes};
use crate::subjects::Subject;

/// A scenario file, read and without a single error, for a test to run. It
/// shows what the file says as [`language::Scenario`] does, and a test may
/// change it. Its times that are expressions are then of the file's own figures,
/// whatever the client declares.
#[derive(Debug, Clone)]
pub struct Scenario {
    read: Arc<language::Scenario>,
    is_changed: bool,
}

impl Scenario {
    pub(super) fn new(read: language::Scenario) -> Self {
        Self {
            read: Arc::new(read),
            is_changed: false,
        }
    }

    /// As it is for this client.
    pub(super) fn fitted(&self, subject: &Subject) -> Result<Arc<language::Scenario>, Mistakes> {
        match self.is_changed {
            true => Ok(Arc::clone(&self.read)),
            false => subject.fitted(&self.read),
        }
    }
}

impl Deref for Scenario {
    type Target = language::Scenario;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

impl DerefMut for Scenario {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.is_changed = true;
        Arc::make_mut(&mut self.read)
    }
}
