//! The Rust of the reference, as it stands there, with a client that does nothing.

mod my_client {
    pub(super) async fn follow(_url: &str) {
        std::future::pending::<()>().await;
    }
}

// begin
use scenarios::{Client, ClientContext, Scenario, Setup};

#[tokio::test]
#[ignore = "it needs a server at the address that it names"]
async fn comes_back_after_a_reset() -> Result<(), Box<dyn std::error::Error>> {
    let mine = Client::new("mine", |context: ClientContext| async move {
        tokio::select! {
            biased;
            () = my_client::follow(&context.url) => {}     // connects, and reconnects, until it is stopped
            () = context.stop.requested() => {}
        }
    });
    let setup = Setup::new()
        .client(mine)                                      // else: the simulated client
        .server("ws://127.0.0.1:8080/feed");               // else: the scenario's own, or the ticker
    Scenario::load("tests/reset.toml")?.run(&setup).await?.assert_passed();
    Ok(())
}
// end

#[test]
fn the_rust_of_the_reference_is_what_is_compiled_here() {
    let (_, after) = include_str!("guide_examples.rs").split_once("// begin\n").unwrap();
    let (text, _) = after.split_once("// end\n").unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("#[ignore"));
    let compiled: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let page = include_str!("../../../docs/reference/rust.md");
    let (_, shown) = page.rsplit_once("```rust\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let shown: Vec<&str> = shown.split_whitespace().collect();
    assert_eq!(shown, compiled);
}
