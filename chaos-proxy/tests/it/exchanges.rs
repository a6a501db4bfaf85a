//! HTTP before the upgrade: challenges, redirects and refusals on a connection
//! that goes on.

use chaos_proxy::EventKind;
use environment::Stream;

use crate::bench::{Bench, Setup};
use crate::world::{World, expect, send, simulated};

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const DROP: &str =
    "[[fault]]\non.attempt = 1\ninject.drop_frame = { index = 2, direction = \"downstream\" }";

fn bench(world: &World) -> Bench {
    let mut setup = Setup::new(world);
    setup.frames = true;
    setup.start(DROP)
}

async fn exchange(client: &mut Stream, upstream: &mut Stream, request: &[u8], answer: &[u8]) {
    send(client, request).await;
    expect(upstream, request).await;
    send(upstream, answer).await;
    expect(client, answer).await;
}

#[test]
fn after_a_refusal_the_next_request_is_one_again() {
    let refusals: [(&[u8], &[u8]); 5] = [
        (
            REQUEST,
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nnope\n",
        ),
        (
            REQUEST,
            b"HTTP/1.1 301 Moved\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            REQUEST,
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            b"HEAD / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nGET",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    for (request, refusal) in refusals {
        simulated(async |world| {
            let mut bench = bench(&world);
            bench.begin().await;
            let (mut client, mut upstream) = bench.pair().await;
            exchange(&mut client, &mut upstream, request, refusal).await;
            exchange(&mut client, &mut upstream, REQUEST, ANSWER).await;
            send(&mut upstream, b"\x81\x011\x81\x012\x81\x013").await;
            expect(&mut client, b"\x81\x011\x81\x013").await;
            let again = |what: &EventKind| matches!(what, EventKind::RequestedAgain { number: 2 });
            bench.until(again).await;
            let upgraded = |what: &EventKind| *what == EventKind::Upgraded { status: 101 };
            bench.until(upgraded).await;
            bench.struck("drop_frame").await;
            bench.until(|what| *what == EventKind::FirstData).await;
        });
    }
}

#[test]
fn on_plain_http_a_rule_about_frames_says_that_it_can_do_nothing() {
    simulated(async |world| {
        let mut bench = bench(&world);
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        for _ in 0..2 {
            exchange(
                &mut client,
                &mut upstream,
                b"GET / HTTP/1.1\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            )
            .await;
        }
        bench
            .until(|what| matches!(what, EventKind::Powerless { .. }))
            .await;
        let (events, _) = bench.finish().await;
        let told = |event: &&chaos_proxy::Event| matches!(event.what, EventKind::Powerless { .. });
        assert_eq!(events.iter().filter(told).count(), 0, "told once");
    });
}
