//! Rules about WebSocket frames, byte by byte on real sockets: what the peers
//! get, and what is told.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::{Bench, Setup};
use crate::world::{HOP, World, ending, expect, ms, send, simulated};
use chaos_proxy::{Apply, EventKind};
use environment::Stream;

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
const OFFER: &[u8] = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const COMPRESSED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const MOMENT: Duration = Duration::from_millis(200);

fn setup(world: &World) -> Setup {
    Setup {
        frames: true,
        ..Setup::new(world)
    }
}

/// A connection that has upgraded, and the proxy around it.
async fn upgraded(world: &World, faults: &str) -> (Bench, Stream, Stream) {
    let bench = setup(world).start(faults);
    bench.begin().await;
    let (mut client, mut upstream) = bench.pair().await;
    upgrade(&mut client, &mut upstream).await;
    (bench, client, upstream)
}

async fn upgrade(client: &mut Stream, upstream: &mut Stream) {
    send(client, REQUEST).await;
    expect(upstream, REQUEST).await;
    send(upstream, ANSWER).await;
    expect(client, ANSWER).await;
}

fn rule(inject: &str) -> String {
    format!("[[fault]]\non.attempt = \"1..\"\ninject.{inject}")
}

async fn powerless(bench: &mut Bench) -> String {
    let event = bench
        .until(|what| matches!(what, EventKind::Powerless { .. }))
        .await;
    let EventKind::Powerless { reason, .. } = event.what else {
        unreachable!("it was asked for")
    };
    reason
}

#[test]
fn an_upgrade_is_answered_in_the_servers_stead() {
    simulated(async |world| {
        let reply = "[[fault]]\non.attempt = 2\ninject.upgrade_reply = { status = 503, headers = { Retry-After = \"5\" }, body = \"busy\" }";
        let mut bench = setup(&world).start(reply);
        bench.begin().await;
        let (mut first, mut upstream) = bench.pair().await;
        upgrade(&mut first, &mut upstream).await;
        let (mut second, mut unasked) = bench.pair().await;
        send(&mut second, REQUEST).await;
        let expected = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy";
        assert_eq!(ending(&mut second).await.unwrap(), expected);
        assert_eq!(ending(&mut unasked).await.unwrap(), b"", "no request");
        let struck = bench.struck("upgrade_reply").await;
        assert_eq!(struck.attempt, 2);
        let upgraded = bench
            .until(|what| matches!(what, EventKind::Upgraded { .. }))
            .await;
        assert_eq!(upgraded.what, EventKind::Upgraded { status: 503 });
    });
}

#[test]
fn garbage_and_a_wrong_key_are_answers_too() {
    simulated(async |world| {
        let garbage = |attempt: u64, kind: &str| {
            format!(
                "[[fault]]\nname = \"{kind}\"\non.attempt = {attempt}\ninject.upgrade_reply = {{ kind = \"{kind}\" }}\n"
            )
        };
        let faults = garbage(1, "garbage") + &garbage(2, "wrong_accept");
        let mut bench = setup(&world).start(&faults);
        bench.begin().await;
        let mut client = bench.dial().await;
        send(&mut client, REQUEST).await;
        let bytes = ending(&mut client).await.unwrap();
        assert!(bytes.len() >= 64 && !bytes[0].is_ascii());
        bench.struck("garbage").await;
        drop(client);
        // Garbage is no data: nobody may take it for a live connection.
        let next = bench
            .until(|what| matches!(what, EventKind::FirstData | EventKind::Closed { .. }))
            .await;
        assert!(matches!(next.what, EventKind::Closed { .. }));
        let mut client = bench.dial().await;
        send(&mut client, REQUEST).await;
        let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
        expect(&mut client, head).await;
        assert!(world.is_silent(&mut client, MOMENT).await);
    });
}

#[test]
fn a_late_answer_is_the_true_one_and_what_follows_it_waits() {
    simulated(async |world| {
        let bench = setup(&world).start(&rule("upgrade_delay = { delay = \"300ms\" }"));
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, REQUEST).await;
        expect(&mut upstream, REQUEST).await;
        send(&mut upstream, &[ANSWER, b"\x81\x02hi"].concat()).await;
        let (took, ()) = world.time(expect(&mut client, ANSWER)).await;
        assert_eq!(took, ms(300) + 2 * HOP);
        expect(&mut client, b"\x81\x02hi").await;
        // Frames of later are not late.
        send(&mut upstream, b"\x81\x02ho").await;
        expect(&mut client, b"\x81\x02ho").await;
    });
}

#[test]
fn a_close_frame_comes_at_a_boundary_and_then_fin() {
    simulated(async |world| {
        let close = "[[fault]]\nat = \"0s\"\ninject.close_frame = { code = 1012, reason = \"bye\", side = \"client\" }";
        let mut bench = setup(&world).start(close);
        let (mut client, mut upstream) = bench.pair().await;
        upgrade(&mut client, &mut upstream).await;
        send(&mut upstream, b"\x81\x04ha").await;
        expect(&mut client, b"\x81\x04ha").await;
        bench.begin().await;
        assert!(world.is_silent(&mut client, MOMENT).await, "in mid-frame");
        send(&mut upstream, b"lf\x81\x01x").await;
        let end = ending(&mut client).await.unwrap();
        assert_eq!(end, b"lf\x88\x05\x03\xf4bye");
        let struck = bench.struck("close_frame").await;
        // It waited for the boundary, so it had no time of its own.
        assert!(matches!(
            struck.what,
            EventKind::Struck {
                planned_us: None,
                ..
            }
        ));
        // The server's side goes on: it hears the client, but not its answer.
        send(
            &mut client,
            b"\x89\x80\x01\x02\x03\x04\x88\x80\x01\x02\x03\x04",
        )
        .await;
        expect(&mut upstream, b"\x89\x80\x01\x02\x03\x04").await;
        drop(client);
        assert!(world.is_silent(&mut upstream, MOMENT).await);
    });
}

#[test]
fn by_default_both_peers_are_told_that_the_other_closes() {
    simulated(async |world| {
        let (bench, mut client, mut upstream) = upgraded(
            &world,
            "[[fault]]\non = { attempt = 1, frame = 1 }\ninject.close_frame = {}",
        )
        .await;
        send(&mut upstream, b"\x81\x02hi").await;
        let end = ending(&mut client).await.unwrap();
        assert_eq!(end, b"\x81\x02hi\x88\x00");
        let told = ending(&mut upstream).await.unwrap();
        assert_eq!(told[..2], [0x88, 0x80], "masked, and empty");
        assert_eq!(told.len(), 6);
        drop((bench, client));
    });
}

#[test]
fn a_cut_comes_inside_the_frame_it_was_asked_for() {
    simulated(async |world| {
        let faults = rule("cut = { frame = 2, part = \"payload\", how = \"reset\" }");
        let (mut bench, mut client, mut upstream) = upgraded(&world, &faults).await;
        send(&mut upstream, b"\x81\x03one\x89\x00\x81\x04four\x81\x01x").await;
        let end = b"\x81\x03one\x89\x00\x81\x04fo";
        expect(&mut client, end).await;
        assert_eq!(
            ending(&mut client).await.unwrap_err(),
            ErrorKind::ConnectionReset
        );
        bench.struck("cut").await;
    });
}

#[test]
fn pings_alone_are_dropped_and_heal_with_the_rule() {
    simulated(async |world| {
        let faults = "[[fault]]\nat = \"0s\"\ninject.drop_frame = { opcode = \"ping\" }";
        let (mut bench, mut client, mut upstream) = upgraded(&world, faults).await;
        send(&mut upstream, b"\x89\x00\x81\x01a\x89\x00\x81\x01b").await;
        expect(&mut client, b"\x81\x01a\x81\x01b").await;
        let frame = bench
            .until(|what| matches!(what, EventKind::Frame { .. }))
            .await;
        let EventKind::Frame {
            index, direction, ..
        } = frame.what
        else {
            unreachable!("it was asked for")
        };
        assert_eq!((index, &*direction), (1, "downstream"));
        bench.control.heal().await;
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
        send(&mut upstream, b"\x89\x00").await;
        expect(&mut client, b"\x89\x00").await;
    });
}

#[test]
fn a_late_frame_holds_up_what_is_behind_it_until_it_is_healed() {
    simulated(async |world| {
        let faults =
            rule("delay_frame = { delay = \"60s\", index = 2, direction = \"downstream\" }");
        let (mut bench, mut client, mut upstream) = upgraded(&world, &faults).await;
        send(&mut upstream, b"\x81\x01a\x81\x01b\x81\x01c").await;
        expect(&mut client, b"\x81\x01a").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        bench.struck("delay_frame").await;
        bench.control.heal().await;
        expect(&mut client, b"\x81\x01b\x81\x01c").await;
    });
}

#[test]
fn frames_come_twice_and_in_another_order() {
    simulated(async |world| {
        let faults = rule("duplicate_frame = { index = 1, direction = \"downstream\" }")
            + "\n"
            + &rule("reorder_frame = { index = 2, direction = \"downstream\" }");
        let (_bench, mut client, mut upstream) = upgraded(&world, &faults).await;
        send(&mut upstream, b"\x81\x01a\x81\x01b\x81\x01c").await;
        expect(&mut client, b"\x81\x01a\x81\x01a\x81\x01c\x81\x01b").await;
    });
}

#[test]
fn messages_of_its_own_are_sent_put_in_the_place_of_others_and_cut_into_pieces() {
    simulated(async |world| {
        let faults = [
            "send_message = { text = \"hi\", frame = 1, direction = \"downstream\" }",
            "replace_message = { hex = \"ff00\", message = { contains = \"b\" }, direction = \"downstream\" }",
            "fragment_message = { pieces = 2, ping = true, index = 3, direction = \"downstream\" }",
        ];
        let (mut bench, mut client, mut upstream) =
            upgraded(&world, &faults.map(rule).join("\n")).await;
        send(&mut upstream, b"\x81\x01a\x81\x01b\x81\x02cd").await;
        let came = b"\x81\x01a\x81\x02hi\x82\x02\xff\x00\x01\x01c\x89\x00\x80\x01d";
        expect(&mut client, came).await;
        for name in ["send_message", "replace_message", "fragment_message"] {
            bench.struck(name).await;
        }
    });
}

#[test]
fn compression_is_refused_only_where_a_rule_could_not_bear_it() {
    simulated(async |world| {
        let drop = rule("drop_frame = { index = 9 }");
        let mut bench = setup(&world).start(&drop);
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, OFFER).await;
        expect(&mut upstream, REQUEST).await;
        let refused = bench
            .until(|what| matches!(what, EventKind::ExtensionsRefused { .. }))
            .await;
        let offer = "permessage-deflate".to_owned();
        assert_eq!(refused.what, EventKind::ExtensionsRefused { offer });
        let bench = setup(&world).start(&rule("drop_frame = { opcode = \"ping\" }"));
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, OFFER).await;
        expect(&mut upstream, OFFER).await;
    });
}

#[test]
fn under_a_control_nothing_is_changed() {
    simulated(async |world| {
        let faults = rule("drop_frame = {}") + "\n" + &rule("upgrade_reply = { status = 503 }");
        let bench = Setup {
            apply: Apply::Nothing,
            ..setup(&world)
        }
        .start(&faults);
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, OFFER).await;
        expect(&mut upstream, OFFER).await;
        send(&mut upstream, &[ANSWER, b"\x81\x01a"].concat()).await;
        expect(&mut client, &[ANSWER, b"\x81\x01a"].concat()).await;
    });
}

#[test]
fn what_a_rule_cannot_do_is_told() {
    simulated(async |world| {
        let drop = rule("drop_frame = {}");
        // A server that compresses though nobody has offered it.
        let mut bench = setup(&world).start(&drop);
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, REQUEST).await;
        send(&mut upstream, &[COMPRESSED, b"\xc1\x01a"].concat()).await;
        expect(&mut client, &[COMPRESSED, b"\xc1\x01a"].concat()).await;
        assert_eq!(powerless(&mut bench).await, "its messages are compressed");
        // No WebSocket at all; TCP faults go on working.
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"\x16\x03\x01 hello").await;
        expect(&mut upstream, b"\x16\x03\x01 hello").await;
        assert_eq!(powerless(&mut bench).await, "it is no WebSocket");
        bench
            .control
            .inject(
                "reset",
                chaos_proxy::Fault::Reset(chaos_proxy::Side::Both),
                None,
            )
            .await;
        assert_eq!(
            ending(&mut client).await.unwrap_err(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn a_rule_that_comes_too_late_for_the_frames_says_so() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        upgrade(&mut client, &mut upstream).await;
        let close = chaos_proxy::CloseFrame {
            side: chaos_proxy::Side::Both,
            code: None,
            reason: String::new(),
            frame: 0,
            message: None,
        };
        let fault = chaos_proxy::Fault::CloseFrame(close);
        bench.control.inject("close", fault, None).await;
        let reason = powerless(&mut bench).await;
        assert_eq!(reason, "its frames were not watched from its beginning");
    });
}

#[test]
fn a_name_in_the_request_is_known_before_it_is_answered() {
    simulated(async |world| {
        let faults = "[[fault]]\non.attempt = 1\ntarget.clients = [\"b\"]\ninject.upgrade_reply = { status = 401 }";
        let bench = Setup {
            is_shared: true,
            ..setup(&world)
        }
        .start(faults);
        bench.begin().await;
        let named = |name: &str| {
            format!("GET /ws?client={name} HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").into_bytes()
        };
        let (mut a, mut upstream) = bench.pair().await;
        send(&mut a, &named("a")).await;
        expect(&mut upstream, &named("a")).await;
        let mut b = bench.dial().await;
        send(&mut b, &named("b")).await;
        let end = ending(&mut b).await.unwrap();
        assert!(end.starts_with(b"HTTP/1.1 401 Unauthorized\r\n"));
    });
}

/// Malformed upgrades, huge heads, impossible frames: passed on as they are.
#[test]
fn what_is_hostile_passes_through_unharmed() {
    simulated(async |world| {
        let faults = rule("drop_frame = {}") + "\n" + &rule("upgrade_reply = { status = 200 }");
        let head = [
            b"GET / HTTP/1.1\r\nX: ",
            &vec![b'a'; 1024 * 1024][..],
            b"\r\n\r\n",
        ]
        .concat();
        let reserved = [
            REQUEST,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
        ]
        .concat();
        let broken = b"GET /ws\r\nUpgrade websocket\r\n\r\n".to_vec();
        let mut bench = setup(&world).start(&faults);
        for hostile in [head, broken] {
            let (mut client, mut upstream) = bench.pair().await;
            let sending = async {
                send(&mut client, &hostile).await;
                client.shutdown_write().unwrap();
            };
            let (got, ()) = tokio::join!(ending(&mut upstream), sending);
            assert!(got.unwrap() == hostile);
            drop(upstream);
            bench
                .until(|what| matches!(what, EventKind::NotWebSocket))
                .await;
            assert_eq!(ending(&mut client).await.unwrap(), b"");
        }
        let bench = setup(&world).start(&rule("drop_frame = {}"));
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, &reserved).await;
        expect(&mut upstream, &reserved).await;
    });
}

#[test]
fn what_is_kept_back_goes_on_before_a_reset() {
    simulated(async |world| {
        let (_bench, mut client, mut upstream) = upgraded(&world, "[[fault]]\non.attempt = 1\ninject.reorder_frame = { direction = \"downstream\", index = 2 }").await;
        send(&mut upstream, b"\x81\x01a\x81\x01b").await;
        expect(&mut client, b"\x81\x01a").await;
        upstream.reset();
        expect(&mut client, b"\x81\x01b").await;
    });
}

#[test]
fn a_clients_close_frame_is_told_though_the_server_was_told_another() {
    simulated(async |world| {
        let (mut bench, mut client, mut upstream) = upgraded(
            &world,
            "[[fault]]\non = { attempt = 1, frame = 1 }\ninject.close_frame = { code = 1012 }",
        )
        .await;
        send(&mut upstream, b"\x81\x02hi").await;
        assert_eq!(
            ending(&mut client).await.unwrap(),
            b"\x81\x02hi\x88\x02\x03\xf4"
        );
        send(&mut client, b"\x88\x82\x00\x00\x00\x00\x03\xf4").await;
        drop(client);
        let event = bench
            .event(|e| {
                matches!(
                    e.what,
                    EventKind::PeerEnded {
                        peer: chaos_proxy::Peer::Client,
                        ..
                    }
                )
            })
            .await;
        assert!(
            matches!(
                event.what,
                EventKind::PeerEnded {
                    how: chaos_proxy::Ending::CloseFrame,
                    ..
                }
            ),
            "{event:?}"
        );
    });
}

#[test]
fn powerless_is_told_once() {
    simulated(async |world| {
        let mut bench = setup(&world).start("[[fault]]\non.attempt = 1\ninject.drop_frame = {}");
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"\x16\x03\x01 hello").await;
        expect(&mut upstream, b"\x16\x03\x01 hello").await;
        send(&mut upstream, b"\x16\x03\x01 hello").await;
        expect(&mut client, b"\x16\x03\x01 hello").await;
        drop((client, upstream));
        // Whatever was told, was told before the end.
        let mut events = Vec::new();
        loop {
            let event = bench.event(|_| true).await;
            let is_last = matches!(event.what, EventKind::Closed { .. });
            events.push(event);
            if is_last {
                break;
            }
        }
        let count = events
            .iter()
            .filter(|e| matches!(e.what, EventKind::Powerless { .. }))
            .count();
        assert_eq!(count, 1, "{events:?}");
    });
}

#[test]
fn a_close_frame_waits_for_the_upgrade_however_long() {
    simulated(async |world| {
        let close =
            "[[fault]]\nat = \"0s\"\ninject.close_frame = { code = 1012, side = \"client\" }";
        let bench = Setup {
            is_shared: true,
            ..setup(&world)
        }
        .start(close);
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        // The name is taken, and other rules come and go, before it can be sent.
        let named = b"GET /ws?client=a HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        send(&mut client, named).await;
        expect(&mut upstream, named).await;
        let pause = Duration::from_millis(1);
        let slow = chaos_proxy::Fault::SlowClose(chaos_proxy::SlowClose {
            way: chaos_proxy::Way::Both,
            delay: pause,
        });
        bench.control.inject("other", slow, None).await;
        send(&mut upstream, ANSWER).await;
        let end = ending(&mut client).await.unwrap();
        assert_eq!(end, [ANSWER, b"\x88\x02\x03\xf4"].concat());
    });
}

fn said(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x81, length], text.as_bytes()].concat()
}

#[test]
fn the_second_message_that_says_it_is_dropped_though_compression_was_offered() {
    simulated(async |world| {
        let b = |seq: u8| said(&format!("{{\"channel\":\"b\",\"seq\":{seq}}}"));
        let a = said("{\"channel\":\"a\"}");
        for message in [
            "contains = '\"channel\":\"b\"'",
            "json = '/channel', equals = 'b'",
            "matches = '\"channel\": *\"b\"'",
        ] {
            let drop = rule(&format!(
                "drop_frame = {{ message = {{ {message} }}, index = 2 }}"
            ));
            let bench = setup(&world).start(&drop);
            bench.begin().await;
            let (mut client, mut upstream) = bench.pair().await;
            send(&mut client, OFFER).await;
            expect(&mut upstream, REQUEST).await;
            send(&mut upstream, ANSWER).await;
            expect(&mut client, ANSWER).await;
            send(
                &mut upstream,
                &[b(1), a.clone(), b(2), a.clone(), b(3)].concat(),
            )
            .await;
            expect(&mut client, &[b(1), a.clone(), a.clone(), b(3)].concat()).await;
        }
    });
}

#[test]
fn a_rule_waits_for_what_a_peer_says() {
    simulated(async |world| {
        let faults = "[[fault]]\non.message = { contains = \"bye\", direction = \"upstream\" }\ninject.close_frame = { code = 4000, side = \"client\" }";
        let (mut bench, mut client, mut upstream) = upgraded(&world, faults).await;
        // From the server it means nothing.
        send(&mut upstream, &said("bye")).await;
        expect(&mut client, &said("bye")).await;
        let word = b"\x81\x83\x00\x00\x00\x00bye";
        send(&mut client, word).await;
        expect(&mut upstream, word).await;
        assert_eq!(ending(&mut client).await.unwrap(), b"\x88\x02\x0f\xa0");
        bench
            .until(|what| matches!(what, EventKind::Struck { .. }))
            .await;
    });
}

#[test]
fn a_rule_ends_with_what_a_peer_says() {
    simulated(async |world| {
        let faults = "[[fault]]\nat = \"0s\"\nuntil_on.message = { contains = \"ready\" }\ninject.drop_frame = { opcode = \"text\", message = { contains = \"x\" } }";
        let (_bench, mut client, mut upstream) = upgraded(&world, faults).await;
        send(&mut upstream, &[said("x1"), said("ready")].concat()).await;
        expect(&mut client, &said("ready")).await;
        send(&mut upstream, &said("x2")).await;
        expect(&mut client, &said("x2")).await;
    });
}
