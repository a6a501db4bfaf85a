//! The server's addresses: pages, health, and the two WebSockets.
//!
//! Invariant: a handler decides and answers, and never talks on a WebSocket;
//! what is to follow an upgrade is left in the connection's [`Slot`], for the
//! task that owns the connection. Used by [`crate::connection`].

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::apps::{Echo, Ticker};
use crate::handshake;
use crate::hub::{AttachError, Hub};
use crate::resume::Resume;

/// What follows the upgrade of a connection.
pub(crate) enum Upgrade {
    Ticker(Ticker),
    Echo(Echo),
}

/// Where a handler leaves the [`Upgrade`] for the connection's task.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Upgrade>>>);

impl Slot {
    fn put(&self, upgrade: Upgrade) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
    }

    pub(crate) fn take(&self) -> Option<Upgrade> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the handlers need to know.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) allow_origins: Arc<[String]>,
}

/// Everything that is served. Requests carry their connection's [`Slot`].
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(|| page(PLAIN_PAGE)))
        .route("/plain.html", get(|| page(PLAIN_PAGE)))
        .route("/plain.js", get(|| script(PLAIN_SCRIPT)))
        .route("/websocket.html", get(|| page(ECHO_PAGE)))
        .route("/websocket.js", get(|| script(ECHO_SCRIPT)))
        .route("/page.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/healthz", get(|| async { "ok" }))
        .route("/ws", get(ticker))
        .route("/echo", get(echo))
        .fallback(not_found)
        .layer(map_response(secure))
        .with_state(app)
}

/// The answer to every request of a connection beyond the limit.
pub(crate) fn full(limit: usize) -> Router {
    let answer = move || async move {
        unavailable(format!(
            "the server holds {limit} connections and takes no more (--max-connections); \
             try again later\n"
        ))
    };
    Router::new().fallback(answer).layer(map_response(secure))
}

const PLAIN_PAGE: &str = include_str!("pages/plain.html");
const PLAIN_SCRIPT: &str = include_str!("pages/plain.js");
const ECHO_PAGE: &str = include_str!("pages/websocket.html");
const ECHO_SCRIPT: &str = include_str!("pages/websocket.js");
const STYLE: &str = include_str!("pages/page.css");

async fn ticker(
    State(app): State<App>,
    Extension(slot): Extension<Slot>,
    request: Request,
) -> Response {
    let accepted = match check(&app, &request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refusal.into_response(),
    };
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
        let text = "the query must be of the form session=ID&last_seq=N\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    match app.hub.attach(Resume::from_query(&query).as_ref()) {
        Ok(attachment) => {
            slot.put(Upgrade::Ticker(Ticker::new(attachment)));
            accepted.into_response()
        }
        Err(error @ AttachError::Full { .. }) => unavailable(format!("{error}\n")),
        Err(error @ AttachError::Secret(_)) => {
            tracing::error!("no session id: {error}");
            unavailable(format!("{error}\n"))
        }
    }
}

async fn echo(
    State(app): State<App>,
    Extension(slot): Extension<Slot>,
    request: Request,
) -> Response {
    match check(&app, &request) {
        Ok(accepted) => {
            slot.put(Upgrade::Echo(Echo::default()));
            accepted.into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn check(app: &App, request: &Request) -> Result<handshake::Accepted, handshake::Refusal> {
    handshake::check(request.version(), request.headers(), &app.allow_origins)
}

fn unavailable(text: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response()
}

async fn not_found() -> impl IntoResponse {
    let text = "not here; there are /, /plain.html, /websocket.html, /healthz, /ws and /echo\n";
    (StatusCode::NOT_FOUND, text)
}

async fn page(text: &'static str) -> impl IntoResponse {
    file("text/html; charset=utf-8", text).await
}

async fn script(text: &'static str) -> impl IntoResponse {
    file("text/javascript; charset=utf-8", text).await
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

/// Pages load nothing from elsewhere, run only our scripts, and may connect to
/// any WebSocket, since a proxy may stand in for this server (`?ws=`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

async fn secure(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
    }
    response
}
