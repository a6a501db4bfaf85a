//! The routes of Toxiproxy's API, and how replies become HTTP.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, USER_AGENT, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};

use super::super::guard;
use super::super::limited_body::{BodyError, LIMIT, LimitedBody};
use super::super::metrics;
use super::super::server::App;
use super::{Call, Refusal, Reply};

/// The version whose API this is. Clients compare it with what they need.
const VERSION: &str = "{\"version\": \"2.12.0\"}\n";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-toxiproxy-request-id");

/// All of Toxiproxy's routes.
pub(crate) fn router(app: &App) -> Router {
    let layer = || middleware::from_fn_with_state(app.clone(), on_match);
    let matched = |methods: MethodRouter<App>| methods.route_layer(layer());
    let mut router = Router::new();
    // Any verb will do, as it does there.
    if app.config().metrics {
        router = router.route("/metrics", any(metrics::toxiproxy).layer(layer()));
    }
    router
        .route("/version", matched(get(version)))
        .route("/proxies", matched(get(proxies).post(create)))
        .route(
            "/proxies/{proxy}",
            matched(get(proxy).post(update).patch(update).delete(delete)),
        )
        .route(
            "/proxies/{proxy}/toxics",
            matched(get(toxics).post(add_toxic)),
        )
        .route(
            "/proxies/{proxy}/toxics/{toxic}",
            matched(
                get(toxic)
                    .post(update_toxic)
                    .patch(update_toxic)
                    .delete(delete_toxic),
            ),
        )
        .route("/populate", matched(post(populate)))
        .route("/reset", matched(post(reset)))
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(app.clone(), door))
        .with_state(app.clone())
}

/// Nobody gets past who may not.
async fn door(State(app): State<App>, request: Request, next: Next) -> Response {
    match guard::check(request.headers(), app.config().listed()) {
        Ok(_) => next.run(request).await,
        Err(refused) => Refusal::from(refused).into_response(),
    }
}

/// Behind the door stands Toxiproxy's own: it looks at the agent, and so its
/// clients know it. Requests that match no route are not
/// looked at, and bear no number.
async fn on_match(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = format!("{:020}", app.next_request());
    let agent = request.headers().get(USER_AGENT);
    let is_browser = agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    let mut response = if is_browser {
        plain(StatusCode::FORBIDDEN, "User agent not allowed\n")
    } else {
        next.run(request).await
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn nowhere() -> Response {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

async fn version() -> Response {
    let kind = HeaderValue::from_static("application/json;charset=utf-8");
    ([(CONTENT_TYPE, kind)], VERSION).into_response()
}

async fn proxies(State(app): State<App>) -> Reply {
    app.ask(Call::Proxies).await
}

async fn create(State(app): State<App>, body: LimitedBody) -> Result<Reply, Refusal> {
    Ok(app.ask(Call::Create(body.bytes()?)).await)
}

async fn proxy(State(app): State<App>, Path(name): Path<String>) -> Reply {
    app.ask(Call::Proxy(name)).await
}

async fn update(
    State(app): State<App>,
    Path(name): Path<String>,
    body: LimitedBody,
) -> Result<Reply, Refusal> {
    Ok(app.ask(Call::Update(name, body.bytes()?)).await)
}

async fn delete(State(app): State<App>, Path(name): Path<String>) -> Reply {
    app.ask(Call::Delete(name)).await
}

async fn toxics(State(app): State<App>, Path(name): Path<String>) -> Reply {
    app.ask(Call::Toxics(name)).await
}

async fn add_toxic(
    State(app): State<App>,
    Path(name): Path<String>,
    body: LimitedBody,
) -> Result<Reply, Refusal> {
    Ok(app.ask(Call::AddToxic(name, body.bytes()?)).await)
}

async fn toxic(State(app): State<App>, Path((name, toxic)): Path<(String, String)>) -> Reply {
    app.ask(Call::Toxic(name, toxic)).await
}

async fn update_toxic(
    State(app): State<App>,
    Path((name, toxic)): Path<(String, String)>,
    body: LimitedBody,
) -> Result<Reply, Refusal> {
    Ok(app.ask(Call::UpdateToxic(name, toxic, body.bytes()?)).await)
}

async fn delete_toxic(
    State(app): State<App>,
    Path((name, toxic)): Path<(String, String)>,
) -> Reply {
    app.ask(Call::DeleteToxic(name, toxic)).await
}

async fn populate(State(app): State<App>, body: LimitedBody) -> Result<Reply, Refusal> {
    Ok(app.ask(Call::Populate(body.bytes()?)).await)
}

async fn reset(State(app): State<App>) -> Reply {
    app.ask(Call::Reset).await
}

impl LimitedBody {
    fn bytes(self) -> Result<Bytes, Refusal> {
        self.0.map_err(|trouble| match trouble {
            BodyError::TooLarge => Refusal::TooLarge(LIMIT),
            BodyError::TooSlow => Refusal::TooSlow,
        })
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Said(status, text) | Self::Stuck(status, text) => {
                (status, [(CONTENT_TYPE, JSON)], text).into_response()
            }
            Self::Done => StatusCode::NO_CONTENT.into_response(),
            Self::Refused(refusal) => refusal.into_response(),
        }
    }
}

/// JSON that is said to be text: clients look into it whatever it is called.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        plain(self.status(), self.body())
    }
}

fn plain(status: StatusCode, text: impl IntoResponse) -> Response {
    let headers = [(CONTENT_TYPE, PLAIN), (X_CONTENT_TYPE_OPTIONS, NOSNIFF)];
    (status, headers, text).into_response()
}
