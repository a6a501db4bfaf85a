//! What was decided, untimed: the lines of `decisions.jsonl` and `chaos plan`.

use std::fmt;
use std::time::Duration;

use environment::text::format_duration;
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// One decision about one client. Parts that it has not are left out.
///
/// Equal on every run of the same file and seed that comes to decide it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The rule's name.
    pub rule: String,
    /// The fault's word.
    pub fault: String,
    /// The client.
    pub client: String,
    /// Which connection of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// Which link of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// Which frame or segment of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Which time of a timed rule, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// From when, in microseconds after t = 0.
    #[serde(
        rename = "at_us",
        with = "micros",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at: Option<Duration>,
    /// Until when, in microseconds after t = 0.
    #[serde(
        rename = "until_us",
        with = "micros",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Duration>,
    /// The key that was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The first number of that key's stream, in [0, 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<f64>,
    /// Whether the fault is applied to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strikes: Option<bool>,
    /// The delay chosen, in microseconds.
    #[serde(
        rename = "delay_us",
        with = "micros",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub delay: Option<Duration>,
}

impl Decision {
    pub(crate) fn about(rule: &Rule, client: &str) -> Self {
        Self {
            rule: rule.name.clone(),
            fault: rule.fault.word().to_owned(),
            client: client.to_owned(),
            attempt: None,
            direction: None,
            index: None,
            occurrence: None,
            at: None,
            until: None,
            key: None,
            draw: None,
            strikes: None,
            delay: None,
        }
    }
}

impl fmt::Display for Decision {
    /// One line for people, whose form depends on no other line:
    /// `cable pulled  c2  at 3s until 8s  #1  stall applied  (proxy/share/… = 0.21)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.rule, self.client)?;
        if let Some(attempt) = self.attempt {
            write!(f, "  attempt {attempt}")?;
        }
        if let Some(direction) = &self.direction {
            write!(f, "  {direction}")?;
        }
        if let Some(index) = self.index {
            write!(f, "  index {index}")?;
        }
        if let Some(at) = self.at {
            write!(f, "  at {}", format_duration(at))?;
        }
        if let Some(until) = self.until {
            write!(f, " until {}", format_duration(until))?;
        }
        if let Some(number) = self.occurrence {
            write!(f, "  #{number}")?;
        }
        write!(f, "  {}", self.fault)?;
        match self.strikes {
            Some(true) => f.write_str(" applied")?,
            Some(false) => f.write_str(" not selected")?,
            None => {}
        }
        if let Some(delay) = self.delay {
            write!(f, " of {:.3} ms", delay.as_secs_f64() * 1000.0)?;
        }
        if let (Some(key), Some(draw)) = (&self.key, self.draw) {
            write!(f, "  ({key} = {draw:.6})")?;
        }
        Ok(())
    }
}

mod micros {
    //! An optional [`Duration`] as whole microseconds.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field by reference")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let micros = value.map(|value| u64::try_from(value.as_micros()).unwrap_or(u64::MAX));
        micros.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}
