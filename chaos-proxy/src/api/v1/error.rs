//! Why a call of ours was not obeyed, and how that is said.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::guard::Refused;
use super::super::limited_body::{self, BodyError};

/// Why a call of ours was not obeyed; its text is what the caller reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// Somebody who may not.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nothing of that name.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// Of which kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is one of that name.
    #[error("there is a rule `{0}` already; PUT changes it")]
    Exists(String),
    /// It belongs to the other API, or to a file.
    #[error("the rule `{name}` is of {owner}, and is changed there")]
    NotYours {
        /// Its name.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// A rule about frames, where nobody looks for frames.
    #[error("frames are not watched in this proxy; start with --frames to add faults on them")]
    Unwatched,
    /// Nothing but JSON is read.
    #[error("the body must be JSON, and said to be: Content-Type: application/json")]
    NotJson,
    /// More than is read.
    #[error("the body is too large: at most {} bytes", limited_body::LIMIT)]
    TooLarge,
    /// The body did not come.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// What is wrong with a rule, all of it.
    #[error("{}", .0.join("; "))]
    Mistakes(Vec<String>),
    /// No such route, or not with this verb.
    #[error("not here; docs/reference/api.md says what is")]
    Nowhere,
    /// An error of ours, told in the log.
    #[error("internal error")]
    Failed,
}

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<String>,
}

impl ApiError {
    pub(crate) fn no_proxy(name: &str) -> Self {
        Self::NotFound {
            what: "proxy",
            name: name.to_owned(),
        }
    }

    pub(crate) fn no_rule(name: &str) -> Self {
        Self::NotFound {
            what: "rule",
            name: name.to_owned(),
        }
    }

    pub(crate) fn mistake(text: impl Into<String>) -> Self {
        Self::Mistakes(vec![text.into()])
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::NotFound { .. } | Self::Nowhere => StatusCode::NOT_FOUND,
            Self::Exists(_) | Self::NotYours { .. } | Self::Unwatched => StatusCode::CONFLICT,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Mistakes(_) => StatusCode::BAD_REQUEST,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::TooSlow => Self::TooSlow,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = self.to_string();
        let status = self.status();
        let mistakes = match self {
            Self::Mistakes(mistakes) => mistakes,
            _ => Vec::new(),
        };
        (status, Json(ErrorBody { error, mistakes })).into_response()
    }
}
