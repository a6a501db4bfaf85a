//! The Rust of the pages, as it stands there, with a client that only connects.

use tokio::net::TcpStream;

struct MyClient;

impl MyClient {
    async fn connect(address: std::net::SocketAddr) -> std::io::Result<(Self, TcpStream)> {
        Ok((Self, TcpStream::connect(address).await?))
    }
}

// begin: rust.md
use std::time::Duration;

use chaos_proxy::{Answer, ChaosProxy, Fault, Latency, Rule, Side, Way};

#[tokio::test]
async fn my_client_comes_back() -> Result<(), Box<dyn std::error::Error>> {
    let proxy = ChaosProxy::builder()
        .upstream("127.0.0.1:8080")                               // your server: host:port
        .seed(7)                                                  // of every random choice
        .rule(Rule::new("busy", Answer::new(503)).on_attempt(2))  // the second handshake gets a 503
        .start()
        .await?;
    let client = MyClient::connect(proxy.address()).await?;       // your client connects to the proxy

    let pulled = proxy.inject("pulled", Fault::Stall(Way::Both)).await?;   // nothing passes …
    pulled.heal().await;                                                   // … until here
    proxy.strike("reset", Fault::Reset(Side::Both)).await?;                // RST on every open connection, once
    let slow = proxy.inject("slow", Latency::new(Duration::from_millis(300))).await?;
    let rules = proxy.inject_rules("[[fault]]\non.attempt = 3\ninject.reject = {}").await?;
    Ok(())                                                        // dropped guards heal, a dropped proxy stops
}
// end

#[tokio::test]
async fn as_in_the_readme() -> Result<(), Box<dyn std::error::Error>> {
    use chaos_proxy::{ChaosProxy, Fault, Way};

    let server = Server(super::program::echo());
    // begin: README.md
let proxy = ChaosProxy::builder().upstream(server.local_addr()?).seed(7).start().await?;
let client = MyClient::connect(proxy.address()).await?;
let silence = proxy.inject("silence", Fault::Stall(Way::Both)).await?;
// … the client should notice, and flag its data as stale …
silence.heal().await;
    // end
    Ok(())
}

struct Server(std::net::SocketAddr);

impl Server {
    fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        Ok(self.0)
    }
}

/// Between the marks, whatever the indent.
fn marked(name: &str) -> Vec<&'static str> {
    let (_, after) = include_str!("guide_examples.rs").split_once(&format!("// begin: {name}\n")).unwrap();
    let (text, _) = after.split_once("// end\n").unwrap();
    text.split_whitespace().collect()
}

#[test]
fn the_rust_of_the_pages_is_what_is_compiled_here() {
    for (name, page) in [
        ("README.md", include_str!("../../../../README.md")),
        ("rust.md", include_str!("../../../../docs/reference/rust.md")),
    ] {
        let (_, after) = page.split_once("```rust\n").unwrap();
        let (shown, _) = after.split_once("```").unwrap();
        let shown: Vec<&str> = shown.split_whitespace().collect();
        assert_eq!(shown, marked(name), "{name}");
    }
}
