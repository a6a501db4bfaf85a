//! Faults in a line each.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chaos_proxy::{Answer, ChaosProxy, EventKind, Latency, Rule};
use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, http::Response};
use tokio_tungstenite::{accept_async, client_async};

use crate::pair::Server;

/// A server of WebSockets on a free port.
async fn websockets() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(mut socket) = accept_async(stream).await {
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
    }
}

async fn upgrade(proxy: &ChaosProxy) -> Result<(), Response<Option<Vec<u8>>>> {
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    match client_async("ws://feed/", stream).await {
        Ok(_) => Ok(()),
        Err(Error::Http(answer)) => Err(*answer),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_upgrade_gets_a_503() {
    let listener = websockets().await;
    let proxy = ChaosProxy::builder()
        .upstream(listener.local_addr().unwrap())
        .rule(
            Rule::new(
                "busy",
                Answer::new(503).header("Retry-After", "7").body("busy"),
            )
            .on_attempt(2),
        )
        .start()
        .await
        .unwrap();
    let serving = tokio::spawn(serve(listener));
    assert!(upgrade(&proxy).await.is_ok());
    let answer = upgrade(&proxy).await.unwrap_err();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert!(upgrade(&proxy).await.is_ok());
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_text_come_and_go_while_it_runs() {
    let server = Server::new().await;
    let mut pair = server.pair().await;
    let text = "
        [[fault]]
        name = \"pulled\"
        inject.stall = { direction = \"downstream\" }
    ";
    let guard = server.proxy.inject_rules(text).await.unwrap();
    pair.is_held(b"x").await;
    guard.heal().await;
    pair.hears(b"x").await;
    let wrong = server
        .proxy
        .inject_rules("[[fault]]\ninject.stal = {}")
        .await;
    let told = wrong.unwrap_err().to_string();
    assert!(
        told.contains("rules:2:") && told.contains("did you mean `stall`"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_happened() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let server = Server::with(|builder| {
        builder.events(move |event| told.lock().unwrap().push((event.at, event.what)))
    })
    .await;
    let mut pair = server.pair().await;
    let late = Latency::new(Duration::from_millis(20));
    let late = server.proxy.inject("late", late).await.unwrap();
    pair.passes(b"x").await;
    late.heal().await;
    server.proxy.stop().await;
    let events = events.lock().unwrap();
    assert_eq!(events[0].1, EventKind::Accepted);
    let is_struck =
        |what: &EventKind| matches!(what, EventKind::Struck { rule, .. } if rule == "late");
    assert!(events.iter().any(|(_, what)| is_struck(what)), "{events:?}");
    assert!(events.is_sorted_by_key(|(at, _)| *at));
}
