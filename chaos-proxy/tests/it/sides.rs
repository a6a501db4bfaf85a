//! Who is told of an end: each peer hears what was meant for it, and the other
//! nothing, whatever the first one answers. On both networks.

use std::io::ErrorKind;
use std::time::Duration;

use environment::Stream;

use crate::bench::{Bench, Setup};
use crate::world::{World, ending, expect, on_both, send};

const MOMENT: Duration = Duration::from_millis(100);
const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const PING: &[u8] = b"\x89\x00";
const MASKED_PING: &[u8] = b"\x89\x80\x00\x00\x00\x00";

/// What a peer sees at last.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sees {
    Nothing,
    Fin,
    Reset,
    CloseFrame,
}

use Sees::{CloseFrame, Fin, Nothing, Reset};

/// The fault, what the client sees, what the server sees.
const TABLE: [(&str, Sees, Sees); 15] = [
    ("close = { side = \"client\" }", Fin, Nothing),
    ("close = { side = \"server\" }", Nothing, Fin),
    ("close = {}", Fin, Fin),
    ("reset = { side = \"client\" }", Reset, Nothing),
    ("reset = { side = \"server\" }", Nothing, Reset),
    ("reset = {}", Reset, Reset),
    (
        "cut = { bytes = 2, direction = \"both\", side = \"client\" }",
        Fin,
        Nothing,
    ),
    (
        "cut = { bytes = 2, direction = \"both\", side = \"server\" }",
        Nothing,
        Fin,
    ),
    ("cut = { bytes = 2, direction = \"both\" }", Fin, Fin),
    (
        "cut = { bytes = 2, direction = \"both\", how = \"reset\", side = \"client\" }",
        Reset,
        Nothing,
    ),
    (
        "cut = { bytes = 2, direction = \"both\", how = \"reset\", side = \"server\" }",
        Nothing,
        Reset,
    ),
    (
        "cut = { bytes = 2, direction = \"both\", how = \"reset\" }",
        Reset,
        Reset,
    ),
    (
        "close_frame = { code = 1001, side = \"client\" }",
        CloseFrame,
        Nothing,
    ),
    (
        "close_frame = { code = 1001, side = \"server\" }",
        Nothing,
        CloseFrame,
    ),
    ("close_frame = { code = 1001 }", CloseFrame, CloseFrame),
];

#[test]
fn each_side_hears_what_was_meant_for_it() {
    on_both(async |world| {
        for (fault, client, server) in TABLE {
            assert_eq!(seen(&world, fault).await, (client, server), "{fault}");
        }
    });
}

/// Holds back the one end, and in time lets it go; the other way is not touched.
#[test]
fn a_slow_close_is_slow_for_the_peer_that_it_leads_to() {
    on_both(async |world| {
        for (way, is_client_late) in [("downstream", true), ("upstream", false)] {
            let fault = format!(
                "[[fault]]\nat = \"0s\"\ninject.slow_close = {{ delay = \"300ms\", direction = \"{way}\" }}"
            );
            let mut bench = Bench::of(&world, &fault);
            let (mut client, mut upstream) = bench.connect().await;
            bench.begin().await;
            client.shutdown_write().unwrap();
            upstream.shutdown_write().unwrap();
            let (late, soon) = if is_client_late {
                (&mut client, &mut upstream)
            } else {
                (&mut upstream, &mut client)
            };
            assert_eq!(ending(soon).await.unwrap(), b"");
            let (took, end) = world.time(ending(late)).await;
            assert_eq!(end.unwrap(), b"");
            assert!(took > MOMENT, "{took:?}");
        }
    });
}

/// Puts an upgraded connection under the fault, and lets whoever is told of it
/// answer in kind.
async fn seen(world: &World, fault: &str) -> (Sees, Sees) {
    let mut setup = Setup::new(world);
    setup.frames = true;
    let mut bench = setup.start(&format!("[[fault]]\nat = \"0s\"\ninject.{fault}"));
    let (mut client, mut upstream) = bench.connect().await;
    send(&mut client, REQUEST).await;
    expect(&mut upstream, REQUEST).await;
    send(&mut upstream, ANSWER).await;
    expect(&mut client, ANSWER).await;
    bench.begin().await;
    if fault.starts_with("cut") {
        // One way is enough.
        send(&mut upstream, PING).await;
        expect(&mut client, PING).await;
    }
    let of_client = end_of(world, &mut client).await;
    let of_server = end_of(world, &mut upstream).await;
    if of_client != Nothing && of_server != Nothing {
        return (of_client, of_server);
    }
    // A program answers a close with a close, and goes.
    let (told, other) = if of_client == Nothing {
        (&mut upstream, &mut client)
    } else {
        (&mut client, &mut upstream)
    };
    if of_client == CloseFrame {
        send(told, b"\x88\x80\x00\x00\x00\x00").await;
    } else if of_server == CloseFrame {
        send(told, b"\x88\x00").await;
    }
    // Fails only where it was reset.
    let _ = told.shutdown_write();
    assert!(world.is_silent(other, MOMENT).await, "{fault}: told");
    let still_open = if of_client == Nothing {
        MASKED_PING
    } else {
        PING
    };
    send(other, still_open).await;
    assert!(world.is_silent(other, MOMENT).await, "{fault}: told later");
    (of_client, of_server)
}

async fn end_of(world: &World, stream: &mut Stream) -> Sees {
    match world.clock.timeout(MOMENT, ending(stream)).await {
        Err(_) => Nothing,
        Ok(Ok(bytes)) if bytes.is_empty() => Fin,
        Ok(Ok(bytes)) => {
            assert_eq!(bytes[0], 0x88);
            CloseFrame
        }
        Ok(Err(error)) => {
            assert_eq!(error, ErrorKind::ConnectionReset);
            Reset
        }
    }
}
