//! A custom client and server in the harness.
//!
//! In a test crate the last function is a `#[tokio::test]`. Here:
//! `cargo run --example own_client`.

#![expect(
    clippy::disallowed_methods,
    reason = "a custom client and server go by tokio's clock"
)]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scenarios::{Client, ClientContext, Report, Scenario, Setup, Tell};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

/// The client that is under test.
pub(crate) async fn follow(url: &str, tell: &Tell) {
    loop {
        tell.dial();
        if let Ok((mut socket, _)) = connect_async(url).await {
            tell.open();
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    tell.message(text.as_str());
                }
            }
        }
        tell.close(1006);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// As the harness calls it: it stops when it is asked to.
async fn run(context: ClientContext) {
    tokio::select! {
        biased;
        () = follow(&context.url, &context.tell) => {}
        () = context.stop.requested() => {}
    }
}

/// As the harness is to know it.
pub(crate) fn client() -> Client {
    Client::new("own-client", run).reports([
        Report::Dial,
        Report::Open,
        Report::Message,
        Report::Close,
    ])
}

/// The server: says something to everybody, ten times a second.
pub(crate) async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(greet(stream));
    }
}

async fn greet(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    while socket.send(Message::text("hello")).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The test. With `#[tokio::test]` it has this signature, too.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener));

    let scenario = Scenario::load(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reset.toml"))?;
    let setup = Setup::new()
        .server(format!("ws://{address}/"))
        .client(client());
    scenario.run(&setup).await?.assert_passed();
    Ok(())
}
