//! What a call is answered, before it becomes HTTP.

use http::StatusCode;
use serde::Serialize;

use super::proxy::Proxy;
use super::refusal::Refusal;

/// An answer. Where something is said, it is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Done; here is how it is now.
    Said(StatusCode, String),
    /// Done; nothing to say.
    Done,
    /// Not done.
    Refused(Refusal),
    /// A populate that came to no good end: what went wrong, and what had been
    /// made by then. The one error that is said to be JSON and ends without a
    /// newline.
    Stuck(StatusCode, String),
}

#[derive(Serialize)]
struct Populated<'a> {
    proxies: Option<&'a [Proxy]>,
}

#[derive(Serialize)]
struct Stuck<'a> {
    error: String,
    status: u16,
    proxies: Option<&'a [Proxy]>,
}

#[derive(Serialize)]
struct Error {
    error: String,
    status: u16,
}

impl Reply {
    pub(crate) fn ok(shown: &impl Serialize) -> Self {
        Self::Said(StatusCode::OK, json(shown))
    }

    pub(crate) fn created(shown: &impl Serialize) -> Self {
        Self::Said(StatusCode::CREATED, json(shown))
    }

    /// Everything that a populate listed is there.
    pub(crate) fn populated(proxies: &[Proxy]) -> Self {
        Self::created(&Populated {
            proxies: some(proxies),
        })
    }

    /// A populate stopped at this.
    pub(crate) fn stuck(refusal: &Refusal, proxies: &[Proxy]) -> Self {
        let status = refusal.status();
        let shown = Stuck {
            error: refusal.to_string(),
            status: status.as_u16(),
            proxies: some(proxies),
        };
        Self::Stuck(status, json(&shown))
    }
}

/// Go's nil slice is `null`.
fn some(proxies: &[Proxy]) -> Option<&[Proxy]> {
    (!proxies.is_empty()).then_some(proxies)
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Refusal {
    /// The body that says it, newline and all.
    pub(crate) fn body(&self) -> String {
        let error = Error {
            error: self.to_string(),
            status: self.status().as_u16(),
        };
        json(&error) + "\n"
    }
}

/// Nothing that is shown can fail to be written: all keys are strings.
fn json(shown: &impl Serialize) -> String {
    serde_json::to_string(shown).unwrap_or_default()
}
