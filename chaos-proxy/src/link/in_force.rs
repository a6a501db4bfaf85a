//! A link's effects, which take no room while there are none: most links have
//! none for all their life.

use std::ops::Deref;
use std::sync::LazyLock;

use super::Effects;

static NONE: LazyLock<Effects> = LazyLock::new(Effects::default);

/// A link's effects; `None` while there are none.
#[derive(Debug, Default)]
pub(super) struct InForce(Option<Box<Effects>>);

impl InForce {
    /// Whether nothing holds, delays or damages.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Effects> for InForce {
    fn from(effects: Effects) -> Self {
        Self((effects != *NONE).then(|| Box::new(effects)))
    }
}

impl Deref for InForce {
    type Target = Effects;

    fn deref(&self) -> &Effects {
        self.0.as_deref().unwrap_or(&NONE)
    }
}
