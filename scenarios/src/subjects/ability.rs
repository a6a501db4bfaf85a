//! What a client may be able to do.

use environment::text::{FromToml, Mismatch, Value, choice};
use serde::{Deserialize, Serialize};

/// Something that a client can do besides connecting and reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Takes its session up again after an outage, with what it missed.
    Resume,
    /// Stops the ticks of its session and lets them go on, when told to.
    Pause,
    /// Ends for good when told to.
    Stop,
    /// Dials at once when told to.
    Reconnect,
    /// Sends a message when told to.
    Send,
    /// Goes to the background when told to.
    Hide,
    /// Comes back from the background when told to.
    Show,
    /// Is torn down and set up again when told to.
    Remount,
}

impl Ability {
    /// Every ability with its word, those of the simulated client first.
    pub const ALL: [(&'static str, Self); 8] = [
        ("resume", Self::Resume),
        ("pause", Self::Pause),
        ("stop", Self::Stop),
        ("reconnect", Self::Reconnect),
        ("send", Self::Send),
        ("hide", Self::Hide),
        ("show", Self::Show),
        ("remount", Self::Remount),
    ];

    /// The word of files.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, ability)| *ability == self)
            .map_or("", |(word, _)| word)
    }

    /// Whether the simulated client can do it.
    pub fn is_simulated(self) -> bool {
        matches!(
            self,
            Self::Resume | Self::Pause | Self::Stop | Self::Reconnect
        )
    }
}

impl FromToml for Ability {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}
