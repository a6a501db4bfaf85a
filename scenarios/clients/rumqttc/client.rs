//! rumqttc over WebSockets as its README and its example `websocket` show: the loop
//! goes on after an error, which is what makes it connect again. `keep_alive` is a
//! minute if it is left alone. It draws nothing by chance.

use std::io::BufRead;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS, Transport};
use serde_json::{json, Value};
use tokio::sync::mpsc;

fn tell(event: Value) {
    println!("{event}"); // stdout is flushed with each line
}

/// The lines of stdin; when it ends, whoever started this is gone.
fn orders(stop: &mpsc::Sender<()>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if serde_json::from_str::<Value>(&line).is_ok_and(|order| order["do"] == "stop") {
            let _ = stop.try_send(());
        }
    }
    std::process::exit(0);
}

fn options() -> MqttOptions {
    let variable = |name| std::env::var(name).expect(name);
    let url = variable("CHAOS_URL");
    // The port is that of the address, whatever is said here.
    let mut options = MqttOptions::new(variable("CHAOS_CLIENT"), &url, 0);
    options.set_transport(if url.starts_with("wss:") {
        Transport::wss_with_default_config()
    } else {
        Transport::ws()
    });
    options.set_keep_alive(Duration::from_secs(2));
    options
}

#[tokio::main]
async fn main() {
    let (stop, mut stopped) = mpsc::channel(1);
    let orders = tokio::task::spawn_blocking(move || orders(&stop));
    let (client, mut events) = AsyncClient::new(options(), 10);
    loop {
        if events.network.is_none() {
            tell(json!({ "event": "dial" }));
        }
        let event = tokio::select! {
            biased;
            _ = stopped.recv() => break,
            event = events.poll() => event,
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tell(json!({ "event": "open" }));
                client.subscribe("ticks", QoS::AtMostOnce).await.expect("room for ten");
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let data = String::from_utf8_lossy(&publish.payload);
                tell(json!({ "event": "message", "data": data }));
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
    // Whoever waits to be let in has nobody to say goodbye to.
    if events.network.is_some() && client.try_disconnect().is_ok() {
        while !matches!(events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
    }
    drop(events);
    let _ = orders.await;
}
