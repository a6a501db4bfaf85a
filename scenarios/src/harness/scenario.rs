//! A scenario in the hands of a test.

use std::ops::{Deref, DerefMut};

use crate::language;

/// A scenario file, read and without a single mistake, for a test to run. It
/// shows what the file says as [`language::Scenario`] does, and a test may
/// change it.
#[derive(Debug, Clone)]
pub struct Scenario(pub(super) language::Scenario);

impl Deref for Scenario {
    type Target = language::Scenario;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Scenario {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
