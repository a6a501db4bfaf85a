//! The bare pair: hyper's upgrade and tungstenite's messages over a pipe in memory.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// How many messages there are in all.
const MESSAGES: u32 = 200_000;

/// As long as a tick.
const TICK: &str = r#"{"type":"tick","seq":123456,"value":7}"#;

/// All messages, from one server to so many clients; how many there were. Paced: one
/// each millisecond, as ticks are; else one after the other, without any clock.
pub(crate) fn run(clients: u32, is_paced: bool) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let count = MESSAGES / clients;
            tasks.spawn(serve(far, count, is_paced));
            tasks.spawn(read(near, count));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    MESSAGES / clients * clients
}

async fn serve(stream: DuplexStream, count: u32, is_paced: bool) {
    let service = service_fn(move |request: Request<Incoming>| async move {
        Ok::<_, Infallible>(upgrade(request, count, is_paced))
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
        .unwrap();
}

fn upgrade(mut request: Request<Incoming>, count: u32, is_paced: bool) -> Response<String> {
    let accept = derive_accept_key(request.headers()[SEC_WEBSOCKET_KEY].as_bytes());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let upgraded = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        for _ in 0..count {
            if is_paced {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            socket.send(Message::text(TICK)).await.unwrap();
        }
        socket.close(None).await.unwrap();
    });
    tasks.detach_all();
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, "websocket".parse().unwrap());
    headers.insert(CONNECTION, "upgrade".parse().unwrap());
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.parse().unwrap());
    response
}

async fn read(stream: DuplexStream, count: u32) {
    let (mut socket, _) = tokio_tungstenite::client_async("ws://pair/", stream)
        .await
        .unwrap();
    let mut read = 0;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            serde_json::from_str::<serde_json::Value>(message.to_text().unwrap()).unwrap();
            read += 1;
        }
    }
    assert_eq!(read, count);
}
