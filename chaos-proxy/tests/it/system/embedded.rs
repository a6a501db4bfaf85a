//! The proxy inside a test, as its users have it.

use std::time::Duration;

use chaos_proxy::{ChaosProxy, Fault, Rule, Side, StartError, Target, Way};
use environment::{Listener, Stream};

use crate::world::{World, accept, ending, expect, on_sockets, send};

const MOMENT: Duration = Duration::from_millis(200);

async fn started(server: &Listener) -> ChaosProxy {
    let builder = ChaosProxy::builder().upstream(server.local_addr());
    builder.start().await.unwrap()
}

async fn open(world: &World, proxy: &ChaosProxy, server: &Listener) -> (Stream, Stream) {
    let dial = world.network.dial(&proxy.address().to_string()).await;
    (dial.unwrap(), accept(server).await)
}

#[test]
fn a_guard_heals_when_it_is_dropped() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        let guard = proxy.inject("pulled", Fault::Stall(Way::Both)).await;
        send(&mut upstream, b"later").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        drop(guard);
        expect(&mut client, b"later").await;
    });
}

#[test]
fn an_older_guard_of_the_same_name_heals_nothing_of_the_newer() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        let older = proxy.inject("pulled", Fault::Stall(Way::Both)).await;
        let newer = proxy.inject("pulled", Fault::Stall(Way::Both)).await;
        drop(older);
        send(&mut upstream, b"later").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        newer.heal().await;
        expect(&mut client, b"later").await;
        let again = proxy.inject("pulled", Fault::Stall(Way::Both)).await;
        send(&mut upstream, b"x").await;
        assert!(
            world.is_silent(&mut client, MOMENT).await,
            "healed by the one before"
        );
        drop(again);
        expect(&mut client, b"x").await;
    });
}

#[test]
fn stopping_closes_everything_though_a_guard_is_left() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, _upstream) = open(&world, &proxy, &server).await;
        let address = proxy.address().to_string();
        let guard = proxy.inject("slow", Fault::Stall(Way::Upstream)).await;
        proxy.stop().await;
        let _ = ending(&mut client).await;
        assert!(world.network.dial(&address).await.is_err());
        drop(guard);
    });
}

#[test]
fn rules_are_given_as_values_and_as_text() {
    on_sockets(async |world| {
        let server = world.listen();
        let impossible = Rule {
            probability: Some(0.0),
            ..Rule::by_hand("never", Fault::Reset(Side::Both), Target::All)
        };
        let builder = ChaosProxy::builder()
            .upstream(server.local_addr())
            .seed(7)
            .rule(impossible)
            .rules("[[fault]]\non.attempt = 1\ninject.stall = {}");
        let proxy = builder.start().await.unwrap();
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        send(&mut upstream, b"held").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        assert_eq!(proxy.connections().len(), 1);
    });
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    on_sockets(async |world| {
        let nowhere = ChaosProxy::builder().start().await.unwrap_err();
        assert!(matches!(nowhere, StartError::NoUpstream));
        let wrong = ChaosProxy::builder().upstream("127.0.0.1:1");
        let wrong = wrong.rules("[[fault]]\nat = \"1s\"\ninject.stal = {}");
        let told = wrong.start().await.unwrap_err().to_string();
        assert!(told.contains("rules:3:8: "), "{told}");
        assert!(told.contains("did you mean `stall`"), "{told}");
        let taken = world.listen();
        let builder = ChaosProxy::builder().upstream("127.0.0.1:1");
        let refused = builder.listen(taken.local_addr()).start().await;
        assert!(matches!(refused.unwrap_err(), StartError::Listen { .. }));
    });
}
