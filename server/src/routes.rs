//! The server's addresses: pages, health, and the two WebSockets.
//!
//! Invariant: a handler decides and answers, and never talks on a WebSocket;
//! what is to follow an upgrade is left in the connection's [`Slot`], for the
//! task that owns the connection. Used by [`crate::connection`].

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::apps::{Echo, Refusal, Ticker};
use crate::handshake;
use crate::hub::{AttachError, Hub};
use crate::page::{ASK_FIRST, Asset, Page, takes_gzip};
use crate::resume::Resume;

/// What follows the upgrade of a connection.
pub(crate) enum Upgrade {
    Ticker(Ticker),
    Echo(Echo),
    Refusal(Refusal),
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
    pub(crate) page: Page,
}

/// Everything that is served. Requests carry their connection's [`Slot`].
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/plain.html", get(|| page(PLAIN_PAGE)))
        .route("/plain.js", get(|| script(PLAIN_SCRIPT)))
        .route("/websocket.html", get(|| page(ECHO_PAGE)))
        .route("/websocket.js", get(|| script(ECHO_SCRIPT)))
        .route("/page.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/healthz", get(|| async { "ok" }))
        .route("/ws", get(ticker))
        .route("/echo", get(echo))
        .fallback(other)
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

/// Said by the simple page where the built one would be.
const UNBUILT: &str = "      <p class=\"soft\">
        This is the simple page. There is another one, with a chart, which was not there
        when this server was built: <code>make frontend</code> (it needs Node) makes it,
        and the next build of the server puts it here. This one stays at
        <a href=\"/plain.html\">/plain.html</a>.
      </p>
";

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
        Err(AttachError::Refused) => {
            slot.put(Upgrade::Refusal(Refusal::default()));
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

/// The built page, or else the simple one and how to get the other.
async fn front(State(app): State<App>, headers: HeaderMap) -> Response {
    match app.page.asset("/") {
        Some(asset) => built(asset, &headers),
        None => {
            let text = PLAIN_PAGE.replace("    </main>", &format!("{UNBUILT}    </main>"));
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, ASK_FIRST),
            ];
            (headers, text).into_response()
        }
    }
}

/// The other files of the built page.
async fn other(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match app.page.asset(uri.path()) {
        Some(asset) if method == Method::GET || method == Method::HEAD => built(asset, &headers),
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET,HEAD")]).into_response(),
        None => (StatusCode::NOT_FOUND, NOWHERE).into_response(),
    }
}

const NOWHERE: &str =
    "not here; there are /, /plain.html, /websocket.html, /healthz, /ws and /echo\n";

/// A file of the built page, compressed for whoever takes that.
fn built(asset: &Asset, asked: &HeaderMap) -> Response {
    let headers = [
        (CONTENT_TYPE, asset.kind()),
        (CACHE_CONTROL, asset.caching()),
    ];
    let Some(gzip) = asset.gzip else {
        return (headers, asset.bytes).into_response();
    };
    // A cache must not hand the one form to who takes the other only.
    let vary = [(VARY, "Accept-Encoding")];
    let mut accept = asked.get_all(ACCEPT_ENCODING).iter();
    if accept.any(|value| value.to_str().is_ok_and(takes_gzip)) {
        (headers, vary, [(CONTENT_ENCODING, "gzip")], gzip).into_response()
    } else {
        (headers, vary, asset.bytes).into_response()
    }
}

async fn page(text: &'static str) -> impl IntoResponse {
    file("text/html; charset=utf-8", text).await
}

async fn script(text: &'static str) -> impl IntoResponse {
    file("text/javascript; charset=utf-8", text).await
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, ASK_FIRST)], text)
}

/// Pages load nothing from elsewhere, run only our scripts, and may connect to
/// any WebSocket, since a proxy may stand in for this server (`?ws=`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

async fn secure(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
            .headers_mut()
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
