//! The routes of our API, and the door before them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CACHE_CONTROL, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use super::super::guard;
use super::super::limited_body::LimitedBody;
use super::super::metrics;
use super::super::server::App;
use super::error::ApiError;
use super::{connections, events, plan, rules};

/// Everything under `/chaos/v1`.
pub(crate) fn router(app: &App) -> Router {
    Router::new()
        .route("/rules", get(rules::list).post(rules::add))
        .route(
            "/rules/{proxy}/{name}",
            put(rules::change).delete(rules::remove),
        )
        .route("/connections", get(connections::list))
        .route("/connections/{proxy}/{id}/{deed}", post(connections::act))
        .route("/metrics", get(metrics::v1))
        .route("/plan", get(plan::show))
        .route("/events", get(events::stream))
        .fallback(|| async { ApiError::Nowhere })
        .layer(middleware::from_fn_with_state(app.clone(), door))
        .with_state(app.clone())
}

/// Nobody gets past who may not, and what is said is not kept.
async fn door(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = match guard::check(request.headers(), app.config().listed()) {
        Ok(origin) => origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
        Err(refused) => return secure(ApiError::from(refused).into_response()),
    };
    let is_question = request.method() == Method::OPTIONS && origin.is_some();
    let response = if is_question {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    match origin {
        Some(origin) => share(secure(response), origin),
        None => secure(response),
    }
}

fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A listed page may read the answer.
fn share(mut response: Response, origin: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static("Content-Type, Last-Event-ID");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    response
}

/// The bytes of a body that is said to be JSON: a page of another site cannot
/// say so without being asked for its origin first.
pub(super) struct JsonBody(pub(super) Bytes);

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE);
        let essence = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
        if !essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(ApiError::NotJson);
        }
        let Ok(LimitedBody(body)) = LimitedBody::from_request(request, app).await;
        Ok(Self(body?))
    }
}
