//! Clients that other people wrote for Toxiproxy, as they come from their
//! registries. Each program says what is not as it expects, and ends with 0 if
//! nothing is. `make test` installs what they need and says where it is.

use std::net::SocketAddr;

use environment::Environment;
use tokio::process::Command;
use tokio_util::task::TaskTracker;

use super::foreign::installed;
use crate::api::Api;
use crate::world::{World, soon};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");

/// A server that sends back what it gets; it ends with the test.
pub(super) fn echo(world: &World) -> SocketAddr {
    let server = world.listen();
    let (address, tasks) = (server.local_addr(), TaskTracker::new());
    let own = tasks.clone();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            own.spawn(async move {
                let (mut read, mut write) = tokio::io::split(&mut stream);
                // What a client does to it is no matter.
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn drive(mut program: Command) {
    let world = World::new(Environment::real());
    let api = Api::start(&world);
    program.args([api.address.to_string(), echo(&world).to_string()]);
    let output = soon(program.kill_on_drop(true).output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{error}");
    assert!(text.ends_with("done\n"), "{text}{error}");
    api.stop().await;
}

#[tokio::test]
#[ignore = "needs toxiproxy-python: make test-foreign"]
async fn toxiproxy_python_and_chaostoolkit_work_unchanged() {
    let mut program = Command::new(installed("python/bin/python"));
    program.arg(format!("{HERE}/toxiproxy_clients.py"));
    drive(program).await;
}

#[tokio::test]
#[ignore = "needs toxiproxy-node-client: make test-foreign"]
async fn toxiproxy_node_client_works_unchanged() {
    let folder = installed("node");
    if !folder.exists() {
        return eprintln!("SKIPPED, missing Node: toxiproxy-node-client");
    }
    // Node looks for packages beside the script.
    std::fs::copy(format!("{HERE}/node/drive.mjs"), folder.join("drive.mjs")).unwrap();
    let mut program = Command::new("node");
    program.arg(folder.join("drive.mjs"));
    drive(program).await;
}

#[tokio::test]
#[ignore = "needs the crate toxiproxy_rust: make test-foreign"]
async fn toxiproxy_rust_works_unchanged() {
    drive(Command::new(installed("rust/debug/foreign"))).await;
}
