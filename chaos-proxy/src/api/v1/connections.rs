//! `/connections`: those that are open, with what has passed so far, and what
//! may be done to one of them.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use environment::Moment;
use serde::Serialize;

use super::super::server::ApiState;
use super::super::server::App;
use super::error::ApiError;
use crate::engine::OpenConnection;
use crate::fault::{Fault, Side, Way};

#[derive(Debug, Serialize)]
pub(super) struct List {
    connections: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    proxy: String,
    /// Its number within the proxy, since that was last started.
    id: u64,
    client: String,
    /// Which connection of the client.
    attempt: u64,
    /// The last phase that it has come to: connect, upgrade, open, closing.
    phase: &'static str,
    age_ms: u64,
    /// Bytes written to the server so far.
    upstream_bytes: u64,
    /// Bytes written to the client so far.
    downstream_bytes: u64,
    /// Messages of data delivered to the client; `null` where nobody looks.
    frames: Option<u64>,
}

/// `GET /connections`
pub(super) async fn list(State(app): State<App>) -> Json<List> {
    let state = app.state().await;
    let now = state.proxies.now();
    let mut connections = Vec::new();
    for (name, proxy) in state.proxies.iter() {
        let open = proxy.connections();
        connections.extend(open.iter().map(|one| shown(name, one, now)));
    }
    Json(List { connections })
}

/// `POST /connections/{proxy}/{id}/{deed}`
pub(super) async fn act(
    State(app): State<App>,
    Path((proxy, id, deed)): Path<(String, String, String)>,
) -> Result<StatusCode, ApiError> {
    let deed = ConnectionCommand::of_word(&deed).ok_or(ApiError::Nowhere)?;
    let missing = || ApiError::NotFound {
        what: "connection",
        name: format!("{proxy}/{id}"),
    };
    let number = id.parse().map_err(|_| missing())?;
    let name = proxy.clone();
    let done = app.run_to_end(move |app| async move {
        let state = app.state().await;
        state.act_on(&name, number, deed).await
    });
    match done.await.ok_or(ApiError::Failed)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(missing()),
    }
}

/// What may be done to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionCommand {
    /// RST to both peers.
    Reset,
    /// FIN to both peers.
    Close,
    /// Nothing passes until the release.
    Stall,
    /// The end of the stall.
    Release,
}

impl ConnectionCommand {
    fn of_word(word: &str) -> Option<Self> {
        match word {
            "reset" => Some(Self::Reset),
            "close" => Some(Self::Close),
            "stall" => Some(Self::Stall),
            "release" => Some(Self::Release),
            _ => None,
        }
    }
}

impl ApiState {
    /// Whether the connection is there; for a release, whether it was held.
    async fn act_on(&self, proxy: &str, connection: u64, deed: ConnectionCommand) -> bool {
        let Some(proxy) = self.proxies.get(proxy) else {
            return false;
        };
        let fault = match deed {
            ConnectionCommand::Reset => Fault::Reset(Side::Both),
            ConnectionCommand::Close => Fault::Close(Side::Both),
            ConnectionCommand::Stall => Fault::Stall(Way::Both),
            ConnectionCommand::Release => return proxy.release(connection).await,
        };
        proxy.strike(connection, fault).await
    }
}

fn shown(proxy: &str, open: &OpenConnection, now: Moment) -> Shown {
    Shown {
        proxy: proxy.to_owned(),
        id: open.id,
        client: open.client.to_string(),
        attempt: open.attempt,
        phase: open.phase.word(),
        age_ms: millis(now.since(open.accepted)),
        upstream_bytes: open.upstream_bytes,
        downstream_bytes: open.downstream_bytes,
        frames: open.frames,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
