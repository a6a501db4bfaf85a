//! ezsockets' client as its documentation shows: all as it comes. Its connector is
//! wrapped, for it tells of no dial before that has failed or is through. It draws
//! nothing by chance.

use std::io::BufRead;

use async_trait::async_trait;
use ezsockets::client::{ClientCloseMode, ClientConnector};
use ezsockets::{Bytes, ClientConfig, ClientConnectorTokio, ClientExt, CloseFrame};
use ezsockets::{Error, Utf8Bytes, WSError};
use serde_json::{json, Value};

fn tell(event: Value) {
    println!("{event}"); // stdout is flushed with each line
}

fn tell_closed(code: u16) -> Result<ClientCloseMode, Error> {
    tell(json!({ "event": "close", "code": code }));
    Ok(ClientCloseMode::Reconnect) // what it does by default
}

struct Client;

#[async_trait]
impl ClientExt for Client {
    type Call = ();

    async fn on_text(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        tell(json!({ "event": "message", "data": text.as_str() }));
        Ok(())
    }

    async fn on_binary(&mut self, _: Bytes) -> Result<(), Error> {
        Ok(())
    }

    async fn on_call(&mut self, (): ()) -> Result<(), Error> {
        Ok(())
    }

    async fn on_connect(&mut self) -> Result<(), Error> {
        tell(json!({ "event": "open" }));
        Ok(())
    }

    async fn on_connect_fail(&mut self, error: WSError) -> Result<ClientCloseMode, Error> {
        eprintln!("{error}");
        tell_closed(1006)
    }

    async fn on_close(&mut self, frame: Option<CloseFrame>) -> Result<ClientCloseMode, Error> {
        tell_closed(frame.map_or(1005, |frame| frame.code.into()))
    }

    async fn on_disconnect(&mut self) -> Result<ClientCloseMode, Error> {
        tell_closed(1006)
    }
}

/// What `ezsockets::connect` would take, and a word for each dial.
struct Telling(ClientConnectorTokio);

#[async_trait]
impl ClientConnector for Telling {
    type Handle = <ClientConnectorTokio as ClientConnector>::Handle;
    type Message = <ClientConnectorTokio as ClientConnector>::Message;
    type WSError = <ClientConnectorTokio as ClientConnector>::WSError;
    type Socket = <ClientConnectorTokio as ClientConnector>::Socket;

    fn handle(&self) -> Self::Handle {
        self.0.handle()
    }

    async fn connect(&self, config: &ClientConfig) -> Result<Self::Socket, Self::WSError> {
        tell(json!({ "event": "dial" }));
        self.0.connect(config).await
    }
}

/// The lines of stdin; when it ends, whoever started this is gone.
fn orders(client: &ezsockets::Client<Client>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if serde_json::from_str::<Value>(&line).is_ok_and(|order| order["do"] == "stop") {
            let _ = client.close(None);
        }
    }
    std::process::exit(0);
}

#[tokio::main]
async fn main() {
    let url = std::env::var("CHAOS_URL").expect("CHAOS_URL");
    let config = ClientConfig::new(url.as_str());
    let connector = Telling(ClientConnectorTokio::default());
    let (client, mut ended) = ezsockets::client::connect_with(|_| Client, config, connector);
    let orders = tokio::task::spawn_blocking(move || orders(&client));
    // An end with an error is one that it was not asked for; this much `connect` does, too.
    if let Err(error) = ended.extract().await.unwrap_or(Err("client actor crashed".into())) {
        eprintln!("{error}");
        tell(json!({ "event": "gave_up" }));
    }
    let _ = orders.await;
}
