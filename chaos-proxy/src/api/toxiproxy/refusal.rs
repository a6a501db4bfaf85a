//! Why a request was not obeyed: Toxiproxy's words and statuses.

use http::StatusCode;

use super::json::Mistake;

/// See the module. Texts are relied on by clients, but for what follows
/// `bad request body: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
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
    /// More than is read of a body.
    #[error("request body too large: at most {0} bytes")]
    TooLarge(usize),
    /// The body did not come in time.
    #[error("request body did not arrive in time")]
    TooSlow,
    /// A mistake of ours, told in the log.
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
            Self::Body(_) | Self::MissingField { .. } | Self::Stream | Self::ToxicType => {
                StatusCode::BAD_REQUEST
            }
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
