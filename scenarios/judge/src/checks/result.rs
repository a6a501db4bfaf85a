//! What a check found.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::measure::Measure;

/// One check's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its key in `[expect]`.
    pub name: String,
    /// What it came to.
    pub result: Finding,
    /// What was allowed.
    pub limit: Measure,
    /// The worst that was seen.
    pub observed: Measure,
    /// One sentence: what was observed, when, of which client, and what was
    /// expected.
    pub why: String,
    /// Every client that failed, in the order of their numbers; of a check that
    /// cannot tell whose doing a failure is, nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// The rules that must have acted in time for a failure to count.
    pub hangs_on: BTreeSet<String>,
    /// By how much a time was beyond its limit; `None` if this is not about a
    /// time. What the machine withheld may explain it.
    #[serde(skip)]
    pub excess: Option<Excess>,
    /// Why nothing could be seen of it; `None` if it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

/// By how much a time was beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It came, this much too late.
    Late(Duration),
    /// It never came, and was waited for this much longer.
    Never(Duration),
}

/// Why nothing could be seen of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// This client cannot do it, or does not tell of it.
    Client,
    /// This server does not tell of it.
    Server,
    /// The machine withheld time, so that it held proves nothing.
    Machine,
    /// The witnesses contradict each other about what it hangs on.
    Witnesses,
    /// Nothing happened by which it could be judged, or that was not watched for
    /// long enough.
    Nothing,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It held.
    Ok,
    /// It did not.
    Failed,
    /// Nothing could be seen of it.
    NotObservable,
}

impl Finding {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::NotObservable => "not measured",
        }
    }
}
