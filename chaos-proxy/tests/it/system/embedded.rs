//! The proxy inside a test, as its users have it.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Answer, ChaosProxy, Fault, InjectError, Rule, Side, Slice, StartError, Way};
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
        let guard = proxy
            .inject("pulled", Fault::Stall(Way::Both))
            .await
            .unwrap();
        send(&mut upstream, b"later").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        drop(guard);
        expect(&mut client, b"later").await;
    });
}

#[test]
fn a_name_that_is_taken_is_refused_and_free_again_when_its_guard_is_gone() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        let stall = || proxy.inject("pulled", Fault::Stall(Way::Both));
        let first = stall().await.unwrap();
        let name = "pulled".to_owned();
        assert_eq!(stall().await.unwrap_err(), InjectError::NameTaken { name });
        for reset in [proxy.strike("pulled", Fault::Reset(Side::Both)).await, {
            let text = "[[fault]]\nname = \"pulled\"\ninject.reject = {}";
            proxy.inject_rules(text).await.map(drop)
        }] {
            assert!(
                matches!(reset, Err(InjectError::NameTaken { .. })),
                "{reset:?}"
            );
        }
        send(&mut upstream, b"x").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        // The drop of the first comes before the second, though nobody waits for it.
        drop(first);
        let second = stall().await.unwrap();
        second.heal().await;
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
        let guard = proxy
            .inject("slow", Fault::Stall(Way::Upstream))
            .await
            .unwrap();
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
        let impossible = Rule::new("never", Fault::Reset(Side::Both)).probability(0.0);
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

#[test]
fn a_future_that_is_dropped_leaves_nothing_behind() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        for _ in 0..20 {
            // It has been asked for, and nobody waits until it is so.
            let inject = proxy.inject("pulled", Fault::Discard(Way::Both));
            tokio::select! {
                biased;
                _guard = inject => panic!("nothing was to be waited for"),
                () = std::future::ready(()) => {}
            }
        }
        let last = proxy.inject("pulled", Fault::Stall(Way::Both)).await;
        last.unwrap().heal().await;
        send(&mut upstream, b"passes").await;
        expect(&mut client, b"passes").await;
    });
}

#[test]
fn only_what_strikes_once_is_a_strike() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        let refused = proxy.strike("held", Fault::Stall(Way::Both)).await;
        let fault = "stall";
        assert_eq!(refused, Err(InjectError::NoStrike { fault }));
        send(&mut upstream, b"passes").await;
        expect(&mut client, b"passes").await;
        let (mut other, _upstream) = open(&world, &proxy, &server).await;
        let one = proxy.connections()[0].id;
        proxy
            .strike_one(one, "one", Fault::Reset(Side::Both))
            .await
            .unwrap();
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        proxy.strike("all", Fault::Reset(Side::Both)).await.unwrap();
        assert_eq!(ending(&mut other).await, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn rules_of_a_text_are_added_while_it_runs_all_or_none() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        let (mut client, mut upstream) = open(&world, &proxy, &server).await;
        let half = "[[fault]]\nname = \"a\"\ninject.stall = {}\n[[fault]]\nat = \"1s\"\ninject.reject = {}";
        let told = proxy.inject_rules(half).await.unwrap_err().to_string();
        assert!(told.contains("rules:5:1: "), "{told}");
        assert!(told.contains("acts now"), "{told}");
        let whole = "[[fault]]\nname = \"a\"\ninject.stall = {}\n[[fault]]\non.attempt = 2\ninject.reject = {}";
        let guard = proxy.inject_rules(whole).await.unwrap();
        send(&mut upstream, b"later").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        guard.heal().await;
        expect(&mut client, b"later").await;
    });
}

#[test]
fn rules_that_cannot_be_are_refused_before_anything_is() {
    on_sockets(async |world| {
        let server = world.listen();
        let proxy = started(&server).await;
        for (rule, words) in [
            (Rule::new("", Fault::Refuse), "1 to 100 characters"),
            (
                Rule::new("a", Fault::Refuse).on_attempt(2),
                "cannot wait for an attempt",
            ),
            (Rule::new("a", Answer::new(101)), "no final answer"),
            (
                Rule::new("a", Answer::new(503).header("A", "b\r\nC: d")),
                "one line",
            ),
            (Rule::new("a", Slice::new(0)), "at least 1 byte"),
            (
                Rule::new("a", Fault::Refuse).probability(2.0),
                "probability of 2",
            ),
            (Rule::new("a", Fault::Refuse).at(MOMENT), "acts now"),
        ] {
            let told = proxy.inject_rule(rule).await.unwrap_err().to_string();
            assert!(told.contains(words), "{told}");
        }
    });
}

#[test]
fn the_builder_refuses_names_given_twice_and_upstreams_that_are_none() {
    on_sockets(async |_| {
        let twice = [
            ChaosProxy::builder().rule(Rule::new("stall", Fault::Refuse)),
            ChaosProxy::builder().rules("[[fault]]\nat = \"1s\"\ninject.stall = {}"),
        ];
        for builder in twice {
            let builder = builder.upstream("127.0.0.1:1");
            let builder = builder.rules("[[fault]]\nat = \"1s\"\ninject.stall = {}");
            let told = builder.start().await.unwrap_err().to_string();
            assert!(told.contains("two faults are called `stall`"), "{told}");
        }
        for (upstream, words) in [
            ("ws://127.0.0.1:8080/ws", "try 127.0.0.1:8080"),
            ("nonsense", "expected HOST:PORT"),
        ] {
            let wrong = ChaosProxy::builder().upstream(upstream).start().await;
            let told = wrong.unwrap_err().to_string();
            assert!(told.contains(words) && told.contains(upstream), "{told}");
        }
    });
}
