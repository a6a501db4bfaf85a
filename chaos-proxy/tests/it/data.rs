//! What counts as data: by what a message says, in answers of HTTP, and after
//! something was taken.

use chaos_proxy::{Data, Event, EventKind, Pattern};
use environment::Stream;

use crate::bench::{Bench, Setup};
use crate::world::{World, expect, send, simulated};

const REQUEST: &[u8] =
    b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const PASSED: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const POLL: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

fn bench(world: &World, data: Data, faults: &str) -> Bench {
    let mut setup = Setup::new(world);
    setup.frames = true;
    setup.data = data;
    setup.start(faults)
}

fn ticks() -> Data {
    Data {
        pattern: Some(Pattern::Contains("tick".to_owned())),
        is_http: false,
    }
}

async fn pass(from: &mut Stream, to: &mut Stream, bytes: &[u8]) {
    send(from, bytes).await;
    expect(to, bytes).await;
}

fn data(events: &[Event]) -> Vec<&EventKind> {
    let is_data = |what: &&EventKind| {
        matches!(
            what,
            EventKind::FirstData | EventKind::Resumed | EventKind::AnswerComplete
        )
    };
    events
        .iter()
        .map(|event| &event.what)
        .filter(is_data)
        .collect()
}

#[test]
fn a_message_that_is_no_data_is_none_before_a_fault_and_after() {
    simulated(async |world| {
        let faults = "[[fault]]\non = { attempt = 1, frame = 3 }\ninject.drop_frame = { index = 1, direction = \"downstream\" }";
        let mut bench = bench(&world, ticks(), faults);
        bench.begin().await;
        let (mut client, mut server) = bench.pair().await;
        send(&mut client, REQUEST).await;
        expect(&mut server, PASSED).await;
        pass(&mut server, &mut client, ANSWER).await;
        pass(&mut server, &mut client, b"\x81\x05hello").await;
        pass(&mut server, &mut client, b"\x81\x05tick1").await;
        bench.until(|what| *what == EventKind::FirstData).await;
        pass(&mut server, &mut client, b"\x81\x05hello").await;
        send(&mut server, b"\x81\x05tick2").await;
        bench.struck("drop_frame").await;
        pass(&mut server, &mut client, b"\x81\x05hello").await;
        let next = bench.event(|_| true).await;
        assert!(matches!(next.what, EventKind::Frame { .. }), "{next:?}");
        pass(&mut server, &mut client, b"\x81\x05tick3").await;
        bench
            .until(|what| matches!(what, EventKind::Destroyed { .. }))
            .await;
        bench.until(|what| *what == EventKind::Resumed).await;
    });
}

#[test]
fn what_another_message_takes_the_place_of_is_lost_until_the_next() {
    simulated(async |world| {
        let faults = "[[fault]]\non = { attempt = 1, frame = 1 }\n\
            inject.replace_message = { text = \"tick0\", index = 1, direction = \"downstream\" }";
        let mut bench = bench(&world, ticks(), faults);
        bench.begin().await;
        let (mut client, mut server) = bench.pair().await;
        send(&mut client, REQUEST).await;
        expect(&mut server, PASSED).await;
        pass(&mut server, &mut client, ANSWER).await;
        pass(&mut server, &mut client, b"\x81\x05tick1").await;
        send(&mut server, b"\x81\x05tick2").await;
        expect(&mut client, b"\x81\x05tick0").await;
        send(&mut server, b"\x81\x05tick3").await;
        expect(&mut client, b"\x81\x05tick3").await;
        let lost = bench
            .until(|what| matches!(what, EventKind::Destroyed { .. }))
            .await;
        let EventKind::Destroyed {
            first_us, until_us, ..
        } = lost.what
        else {
            panic!("{lost:?}")
        };
        assert!(Some(first_us) < until_us, "{lost:?}");
    });
}

#[test]
fn who_polls_beside_a_websocket_gets_data_and_has_not_opened_one() {
    simulated(async |world| {
        let faults = "[[fault]]\non = { attempt = 1, phase = \"open\" }\nmust_fire = false\ninject.reset = {}";
        let bench = bench(&world, Data::default(), faults);
        bench.begin().await;
        let (mut client, mut server) = bench.pair().await;
        for answer in ["503 Busy", "200 OK", "200 OK"] {
            pass(&mut client, &mut server, POLL).await;
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\nok");
            pass(&mut server, &mut client, answer.as_bytes()).await;
        }
        let (events, _) = bench.finish().await;
        let all = [
            &EventKind::FirstData,
            &EventKind::AnswerComplete,
            &EventKind::AnswerComplete,
        ];
        assert_eq!(data(&events), all);
    });
}

#[test]
fn of_a_server_of_http_an_event_with_data_opens_the_connection() {
    simulated(async |world| {
        let http = Data {
            pattern: None,
            is_http: true,
        };
        let faults = "[[fault]]\non = { attempt = 1, phase = \"open\" }\ninject.reset = {}";
        let mut bench = bench(&world, http, faults);
        bench.begin().await;
        let (mut client, mut server) = bench.pair().await;
        pass(&mut client, &mut server, POLL).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n";
        pass(&mut server, &mut client, head).await;
        send(&mut server, b"data: 1\n\n").await;
        bench.until(|what| *what == EventKind::FirstData).await;
        bench.struck("reset").await;
        let (events, _) = bench.finish().await;
        assert!(
            data(&events).is_empty(),
            "a stream of events is not complete"
        );
    });
}

#[test]
fn of_plain_tcp_what_the_pattern_is_in_is_data() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.data = ticks();
        let mut bench = setup.start("");
        bench.begin().await;
        let (mut client, mut server) = bench.pair().await;
        pass(&mut server, &mut client, b"hello ti").await;
        bench
            .until(|what| *what == EventKind::UpstreamConnected)
            .await;
        pass(&mut server, &mut client, b"ck").await;
        let next = bench.event(|_| true).await;
        assert_eq!(next.what, EventKind::FirstData);
    });
}
