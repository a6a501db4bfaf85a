//! The calls of the API: what is asked, before it is known whether it can be;
//! what is answered, before it becomes HTTP; and why not, in Toxiproxy's words
//! and statuses.

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use super::super::guard::Refused;
use super::address::Address;
use super::body::{ProxyBody, ProxyChange};
use super::json::{self, Mistake};
use super::proxy::Proxy;

/// One request, by its route. Bodies are still unread: what is wrong with them
/// is said only after what is wrong with the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// `GET /proxies`
    Proxies,
    /// `POST /proxies`
    Create(Bytes),
    /// `GET /proxies/{p}`
    Proxy(String),
    /// `POST` or `PATCH /proxies/{p}`
    Update(String, Bytes),
    /// `DELETE /proxies/{p}`
    Delete(String),
    /// `GET /proxies/{p}/toxics`
    Toxics(String),
    /// `POST /proxies/{p}/toxics`
    AddToxic(String, Bytes),
    /// `GET /proxies/{p}/toxics/{t}`
    Toxic(String, String),
    /// `POST` or `PATCH /proxies/{p}/toxics/{t}`
    UpdateToxic(String, String, Bytes),
    /// `DELETE /proxies/{p}/toxics/{t}`
    DeleteToxic(String, String),
    /// `POST /populate`
    Populate(Bytes),
    /// `POST /reset`
    Reset,
}

impl Call {
    /// The names that must be looked up before the call can be answered. A call
    /// whose body is wrong needs none.
    pub(crate) fn names(&self) -> Vec<String> {
        let listens = match self {
            Self::Create(body) => {
                ProxyBody::read(&json::text(body)).map(|proxy| vec![proxy.listen])
            }
            Self::Populate(body) => ProxyBody::read_all(&json::text(body))
                .map(|proxies| proxies.into_iter().map(|proxy| proxy.listen).collect()),
            Self::Update(_, body) => ProxyChange::read(&json::text(body))
                .map(|change| change.listen.into_iter().collect()),
            _ => Ok(Vec::new()),
        };
        let listens: Vec<String> = listens.unwrap_or_else(|_: Refusal| Vec::new());
        listens
            .iter()
            .filter_map(|listen| name_in(listen))
            .collect()
    }
}

/// The name in an address, if it has one to be looked up.
pub(crate) fn name_in(listen: &str) -> Option<String> {
    match Address::read(listen) {
        Ok(Address::Named { host, .. }) => Some(host),
        Ok(Address::Known(_)) | Err(_) => None,
    }
}

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
        Self::Said(StatusCode::OK, to_json(shown))
    }

    pub(crate) fn created(shown: &impl Serialize) -> Self {
        Self::Said(StatusCode::CREATED, to_json(shown))
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
        Self::Stuck(status, to_json(&shown))
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
        to_json(&error) + "\n"
    }
}

/// Nothing that is shown can fail to be written: all keys are strings.
fn to_json(shown: &impl Serialize) -> String {
    serde_json::to_string(shown).unwrap_or_default()
}

/// Bytes of a name: those of a proxy and a toxic fit into one path.
pub(crate) const NAME_LIMIT: usize = 1024;

/// Whether what is called so can be addressed.
pub(super) fn ensure_addressable(name: &str) -> Result<(), Refusal> {
    match name.len() {
        ..=NAME_LIMIT => Ok(()),
        _ => Err(Refusal::NameTooLong),
    }
}

/// Why a request was not obeyed. Texts are relied on by clients, but for what follows
/// `bad request body: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Somebody who may not ask.
    #[error(transparent)]
    NotAllowed(#[from] Refused),
    /// The body is not what was expected.
    #[error("bad request body: {0}")]
    Body(String),
    /// A proxy without name or upstream.
    #[error("missing required field: {field}{}", entry(*.of))]
    MissingField {
        /// Which one.
        field: &'static str,
        /// Of which entry of a populate, from 1.
        of: Option<usize>,
    },
    /// No path can hold it: the API could never address what is called so.
    #[error("name too long: at most {NAME_LIMIT} bytes")]
    NameTooLong,
    /// Neither upstream nor downstream.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// A type of toxic that nobody knows.
    #[error("invalid toxic type")]
    ToxicType,
    /// No proxy of that name.
    #[error("proxy not found")]
    ProxyNotFound,
    /// No toxic of that name.
    #[error("toxic not found")]
    ToxicNotFound,
    /// The name is taken.
    #[error("proxy already exists")]
    ProxyExists,
    /// The name is taken.
    #[error("toxic already exists")]
    ToxicExists,
    /// The address cannot be listened on.
    #[error("{0}")]
    Listen(String),
    /// What is asked for of TLS cannot be had.
    #[error("{0}")]
    Tls(String),
    /// More than is read of a body.
    #[error("request body too large: at most {0} bytes")]
    TooLarge(usize),
    /// The body did not come in time.
    #[error("request body did not arrive in time")]
    TooSlow,
    /// An error of ours, told in the log.
    #[error("internal error")]
    Failed,
    /// What a toxic of a populate's entry lacks.
    #[error("{refusal} at proxy {of}")]
    Entry {
        /// What was wrong.
        refusal: Box<Self>,
        /// With which entry, from 1.
        of: usize,
    },
}

fn entry(of: Option<usize>) -> String {
    of.map_or_else(String::new, |number| format!(" at proxy {number}"))
}

impl Refusal {
    /// The status that clients get with it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Body(_)
            | Self::Tls(_)
            | Self::MissingField { .. }
            | Self::NameTooLong
            | Self::Stream
            | Self::ToxicType => StatusCode::BAD_REQUEST,
            Self::ProxyNotFound | Self::ToxicNotFound => StatusCode::NOT_FOUND,
            Self::ProxyExists | Self::ToxicExists => StatusCode::CONFLICT,
            Self::Listen(_) | Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Entry { refusal, .. } => refusal.status(),
        }
    }

    /// As it is said about the `of`-th entry of a populate.
    pub(crate) fn of_entry(self, of: usize) -> Self {
        match self {
            Self::MissingField { field, .. } => Self::MissingField {
                field,
                of: Some(of),
            },
            other => Self::Entry {
                refusal: Box::new(other),
                of,
            },
        }
    }
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self::Body(mistake.to_string())
    }
}
