//! Rules that come, change and go while the proxy runs, and connections that are
//! listed and struck one by one.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::{Bench, Setup, rules};
use crate::world::{World, ending, expect, send, simulated};
use chaos_proxy::{EventKind, Fault, Phase, Rule, Side, Target, Way};
use environment::Stream;

const MOMENT: Duration = Duration::from_millis(200);

async fn open(bench: &Bench) -> (Stream, Stream) {
    let (mut client, mut upstream) = bench.pair().await;
    send(&mut client, b"hello").await;
    expect(&mut upstream, b"hello").await;
    (client, upstream)
}

fn bench(world: &World) -> Bench {
    let setup = Setup {
        is_shared: true,
        ..Setup::new(world)
    };
    setup.start("")
}

/// The one rule of a scenario's text.
fn rule(text: &str) -> Rule {
    rules(&format!("[[fault]]\n{text}"), None, true).remove(0)
}

fn by_hand(name: &str, fault: Fault) -> Rule {
    Rule::by_hand(name, fault, Target::All)
}

#[test]
fn a_rule_acts_on_what_is_open_and_heals_when_it_is_removed() {
    simulated(async |world| {
        let bench = bench(&world);
        let (mut client, mut upstream) = open(&bench).await;
        let stall = by_hand("held", Fault::Stall(Way::Both));
        bench.control.put(stall, "me", None).await.unwrap();
        send(&mut upstream, b"later").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        let added = bench.control.added().await;
        assert_eq!(added.len(), 1);
        assert_eq!((&*added[0].rule.name, &*added[0].owner), ("held", "me"));
        assert!(bench.control.remove("held").await);
        expect(&mut client, b"later").await;
        assert!(!bench.control.remove("held").await);
        assert!(bench.control.added().await.is_empty());
    });
}

#[test]
fn a_changed_rule_goes_on_counting_where_it_was() {
    simulated(async |world| {
        let mut bench = bench(&world);
        let (mut client, mut upstream) = open(&bench).await;
        let cut = |bytes| {
            let text = format!(
                "at = \"0s\"\ninject.cut = {{ bytes = {bytes}, direction = \"downstream\" }}"
            );
            bench.control.put(rule(&text), "me", None)
        };
        cut(1000).await.unwrap();
        send(&mut upstream, b"12345").await;
        expect(&mut client, b"12345").await;
        cut(7).await.unwrap();
        send(&mut upstream, b"67890").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"67");
        bench.struck("cut").await;
    });
}

#[test]
fn a_rule_on_connections_waits_from_when_it_is_added() {
    simulated(async |world| {
        let mut bench = bench(&world);
        let (_old, _) = open(&bench).await;
        let reject = rule("on.attempt = \"1..\"\ninject.reject = {}");
        bench.control.put(reject, "me", None).await.unwrap();
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
        bench.struck("reject").await;
        assert!(bench.control.remove("reject").await);
        open(&bench).await;
    });
}

#[test]
fn a_rule_leaves_by_itself_when_its_time_is_over() {
    simulated(async |world| {
        let mut bench = bench(&world);
        let (mut client, mut upstream) = open(&bench).await;
        let stall = by_hand("held", Fault::Stall(Way::Both));
        let lasting = Some(Duration::from_millis(300));
        bench.control.put(stall, "me", lasting).await.unwrap();
        send(&mut upstream, b"later").await;
        expect(&mut client, b"later").await;
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
        assert!(bench.control.added().await.is_empty());
    });
}

#[test]
fn a_planned_rules_name_is_taken() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nname = \"mine\"\nat = \"9s\"\ninject.reset = {}",
        );
        let stall = by_hand("mine", Fault::Stall(Way::Both));
        let taken = bench.control.put(stall, "me", None).await.unwrap_err();
        assert_eq!(taken.to_string(), "a rule of the scenario is called `mine`");
    });
}

/// A chance is drawn for each connection by itself, and a certain one or an
/// impossible one is no chance.
#[test]
fn a_chance_is_each_connections_own() {
    simulated(async |world| {
        let bench = bench(&world);
        let mut open_ones = Vec::new();
        for _ in 0..40 {
            open_ones.push(open(&bench).await);
        }
        let with_chance = |probability| Rule {
            probability: Some(probability),
            ..by_hand("reset", Fault::Reset(Side::Both))
        };
        bench
            .control
            .put(with_chance(0.0), "me", None)
            .await
            .unwrap();
        bench
            .control
            .put(with_chance(0.5), "me", None)
            .await
            .unwrap();
        let mut reset = 0;
        for (client, upstream) in &mut open_ones {
            // A reset comes at once, or the connection works.
            match ending_or_echo(client, upstream).await {
                Err(ErrorKind::ConnectionReset) => reset += 1,
                echo => assert_eq!(echo, Ok(())),
            }
        }
        assert!((8..=32).contains(&reset), "{reset} of 40");
    });
}

async fn ending_or_echo(client: &mut Stream, upstream: &mut Stream) -> Result<(), ErrorKind> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let _ = upstream.write_all(b"x").await;
    let read = client.read_exact(&mut [0; 1]).await;
    read.map(drop).map_err(|error| error.kind())
}

#[test]
fn connections_are_listed_while_they_live_and_struck_one_by_one() {
    simulated(async |world| {
        let mut bench = bench(&world);
        let (mut first, mut its_upstream) = open(&bench).await;
        let (mut second, mut other_upstream) = open(&bench).await;
        send(&mut its_upstream, b"1234567").await;
        expect(&mut first, b"1234567").await;
        let listed = bench.control.connections();
        let ids: Vec<u64> = listed.iter().map(|one| one.id).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(
            (listed[0].upstream_bytes, listed[0].downstream_bytes),
            (5, 7)
        );
        assert_eq!((listed[0].frames, listed[0].phase), (None, Phase::Open));
        assert!(bench.control.strike(1, Fault::Stall(Way::Both)).await);
        send(&mut its_upstream, b"later").await;
        assert!(world.is_silent(&mut first, MOMENT).await);
        send(&mut other_upstream, b"now").await;
        expect(&mut second, b"now").await;
        assert!(bench.control.release(1).await);
        expect(&mut first, b"later").await;
        assert!(bench.control.strike(2, Fault::Reset(Side::Both)).await);
        assert_eq!(
            ending(&mut second).await.unwrap_err(),
            ErrorKind::ConnectionReset
        );
        bench
            .event(|event| &*event.client == "2" && matches!(event.what, EventKind::Closed { .. }))
            .await;
        assert_eq!(bench.control.connections().len(), 1);
        // What is closed is counted on.
        let traffic = bench.control.traffic();
        assert_eq!((traffic.accepted, traffic.open), (2, 1));
        let (up, down) = (traffic.upstream, traffic.downstream);
        assert_eq!((up.received, up.sent), (10, 10));
        assert_eq!((down.received, down.sent), (15, 15));
        assert!(!bench.control.strike(2, Fault::Reset(Side::Both)).await);
    });
}

#[test]
fn a_timed_rule_that_becomes_one_on_connections_holds_nothing_any_more() {
    simulated(async |world| {
        let bench = bench(&world);
        let (mut client, mut upstream) = open(&bench).await;
        bench
            .control
            .put(
                rule("name = \"r\"\nat = \"0s\"\ninject.stall = {}"),
                "me",
                None,
            )
            .await
            .unwrap();
        bench
            .control
            .put(
                rule("name = \"r\"\non.attempt = 99\ninject.stall = {}"),
                "me",
                None,
            )
            .await
            .unwrap();
        send(&mut upstream, b"now").await;
        assert!(
            !world.is_silent(&mut client, Duration::from_secs(2)).await,
            "still stalled"
        );
    });
}

#[test]
fn a_changed_rule_that_waits_acts_as_it_is_now() {
    simulated(async |world| {
        let bench = bench(&world);
        let (mut client, mut upstream) = open(&bench).await;
        let put = |text: &str| bench.control.put(rule(text), "me", None);
        put("name = \"r\"\non = { attempt = \"1..\", bytes = 3 }\ninject.reset = {}")
            .await
            .unwrap();
        put("name = \"r\"\non = { attempt = \"1..\", bytes = 1000 }\ninject.reset = {}")
            .await
            .unwrap();
        send(&mut upstream, b"12345").await;
        expect(&mut client, b"12345").await;
        send(&mut upstream, b"12345").await;
        expect(&mut client, b"12345").await;
    });
}

#[test]
fn a_changed_rule_on_connections_that_holds_acts_as_it_is_now() {
    simulated(async |world| {
        let bench = bench(&world);
        let put = |text: &str| bench.control.put(rule(text), "me", None);
        put("name = \"r\"\non.attempt = \"1..\"\ninject.latency = { delay = \"60s\" }")
            .await
            .unwrap();
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"x").await;
        put("name = \"r\"\non.attempt = \"1..\"\ninject.latency = { delay = \"1ms\" }")
            .await
            .unwrap();
        assert!(
            !world.is_silent(&mut upstream, Duration::from_secs(2)).await,
            "still under the old delay"
        );
    });
}

#[test]
fn what_holds_one_connection_is_forgotten_with_it() {
    simulated(async |world| {
        let mut bench = bench(&world);
        let (client, upstream) = open(&bench).await;
        assert!(bench.control.strike(1, Fault::Discard(Way::Both)).await);
        client.reset();
        drop(upstream);
        bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
        assert_eq!(bench.control.added().await, []);
    });
}
