//! A request's body, whole, within limits of size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;

use super::places::{Place, Waiting};
use super::server::App;

/// More is not read of a body: ten thousand proxies fit in.
pub(super) const LIMIT: usize = 2 * 1024 * 1024;

/// What is still taken of a body that is too large, and thrown away: a client
/// that is cut off while it sends never reads why.
const WASTE: usize = 256 * 1024 * 1024;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// A request's body, whole; or why there is none to be read.
#[derive(Debug)]
pub(super) struct LimitedBody(pub(super) Result<Bytes, BodyError>);

/// Why there is no body to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Larger than [`LIMIT`].
    TooLarge,
    /// It did not come in time, or broke off.
    TooSlow,
}

impl FromRequest<App> for LimitedBody {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let place = request.extensions().get::<Arc<Place>>().cloned();
        let _waiting = place.as_ref().map(Waiting::new);
        let read = read(request.into_body());
        let read = app.environment().clock.timeout(ARRIVAL, read).await;
        Ok(Self(read.unwrap_or(Err(BodyError::TooSlow))))
    }
}

async fn read(body: Body) -> Result<Bytes, BodyError> {
    let (mut stream, mut whole, mut length) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| BodyError::TooSlow)?;
        length += part.len();
        if length <= LIMIT {
            whole.extend_from_slice(&part);
        } else if length > WASTE {
            break;
        }
    }
    if length > LIMIT {
        return Err(BodyError::TooLarge);
    }
    Ok(whole.into())
}
