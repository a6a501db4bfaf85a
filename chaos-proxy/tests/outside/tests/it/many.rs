//! Many proxies in one test.

use chaos_proxy::{Fault, Side, Way};

use crate::busy::Busy;
use crate::pair::Server;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_proxies_at_once_obey_each_its_own() {
    let _busy = Busy::new();
    let tasks: Vec<_> = (0..50).map(|_| tokio::spawn(one())).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn one() {
    let server = Server::new().await;
    let mut pair = server.pair().await;
    let stall = Fault::Stall(Way::Downstream);
    let held = server.proxy.inject("held", stall).await.unwrap();
    pair.is_held(b"later").await;
    held.heal().await;
    pair.hears(b"later").await;
    let reset = server.proxy.strike("reset", Fault::Reset(Side::Both));
    reset.await.unwrap();
    // A word that was on its way may find nobody.
    let _ = pair.served.try_write(b"lost");
    pair.is_reset().await;
    server.proxy.stop().await;
}
