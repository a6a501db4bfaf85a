//! The faults that act on bytes and on the ways a connection begins and ends, as
//! their victims see them.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Ending, EventKind};
use environment::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, Setup, accept, ending, expect, is_silent, listen, send, soon};

const MOMENT: Duration = Duration::from_millis(200);

fn damaged(events: &[chaos_proxy::Event]) -> Option<(u64, u64)> {
    events.iter().find_map(|event| match event.what {
        EventKind::Damaged {
            discarded_bytes,
            corrupted_bytes,
        } => Some((discarded_bytes, corrupted_bytes)),
        _ => None,
    })
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn blackhole_leaves_a_dial_hanging_until_it_is_healed() {
    let server = listen(&Environment::real());
    let mut bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.blackhole = {}");
    bench.begin().await;
    assert_eq!(bench.struck("blackhole").await.attempt, 0);
    let clock = bench.environment.clock.clone();
    let address = bench.addresses[0].to_string();
    let network = bench.environment.network.clone();
    let dial = network.dial(&address);
    tokio::pin!(dial);
    assert!(
        clock.timeout(MOMENT, &mut dial).await.is_err(),
        "somebody answered"
    );
    bench.control.heal().await;
    let mut client = soon(dial).await.unwrap();
    let mut upstream = accept(&server).await;
    send(&mut client, b"at last").await;
    expect(&mut upstream, b"at last").await;
    // The proxy's own filler is nobody's attempt.
    let accepted = bench.until(|what| *what == EventKind::Accepted).await;
    assert_eq!(accepted.attempt, 1);
}

#[tokio::test]
async fn connect_delay_accepts_at_once_and_keeps_the_bytes() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.attempt = 1\ninject.connect_delay = { delay = \"300ms\" }");
    bench.begin().await;
    let clock = bench.environment.clock.clone();
    let begun = clock.now();
    let mut client = bench.dial().await;
    send(&mut client, b"early").await;
    let mut upstream = accept(&server).await;
    assert!(clock.now().since(begun) >= Duration::from_millis(300));
    expect(&mut upstream, b"early").await;
}

#[tokio::test]
async fn bandwidth_takes_its_time() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.bandwidth = { rate = \"100KB/s\", direction = \"downstream\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    let (clock, sent) = (bench.environment.clock, vec![7; 50_000]);
    let begun = clock.now();
    let (_, ()) = tokio::join!(send(&mut upstream, &sent), expect(&mut client, &sent));
    assert!(clock.now().since(begun) >= Duration::from_millis(490));
    // The other way is not limited.
    send(&mut client, &sent).await;
    expect(&mut upstream, &sent).await;
}

#[tokio::test]
async fn a_shared_bandwidth_is_one_for_all() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.bandwidth = { rate = \"100KB/s\", shared = true }");
    let (mut one, mut upstream_one) = (bench.dial().await, accept(&server).await);
    let (mut two, mut upstream_two) = (bench.dial().await, accept(&server).await);
    bench.begin().await;
    let (clock, sent) = (bench.environment.clock, vec![7; 25_000]);
    let begun = clock.now();
    tokio::join!(
        send(&mut upstream_one, &sent),
        send(&mut upstream_two, &sent),
        expect(&mut one, &sent),
        expect(&mut two, &sent),
    );
    assert!(clock.now().since(begun) >= Duration::from_millis(490));
}

#[tokio::test]
async fn slice_sends_small_pieces() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.slice = { size = \"3B\", gap = \"50ms\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("slice").await;
    let clock = bench.environment.clock.clone();
    let begun = clock.now();
    send(&mut upstream, b"abcdefghij").await;
    let mut piece = [0; 10];
    assert_eq!(soon(client.read(&mut piece)).await.unwrap(), 3);
    expect(&mut client, b"defghij").await;
    assert!(clock.now().since(begun) >= Duration::from_millis(150));
}

#[tokio::test]
async fn discard_swallows_and_keeps_the_connection() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.discard = { direction = \"downstream\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("discard").await;
    send(&mut upstream, b"never seen").await;
    assert!(is_silent(&mut client, MOMENT).await);
    bench.control.heal().await;
    bench
        .until(|what| matches!(what, EventKind::Healed { .. }))
        .await;
    send(&mut upstream, b"seen").await;
    expect(&mut client, b"seen").await;
    drop((client, upstream));
    bench
        .until(|what| matches!(what, EventKind::PeerEnded { .. }))
        .await;
    let (events, _) = bench.finish().await;
    assert_eq!(damaged(&events), Some((10, 0)));
}

#[tokio::test]
async fn corrupt_flips_what_it_says_and_no_more() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.corrupt = { direction = \"downstream\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("corrupt").await;
    send(&mut upstream, &[0; 14_600]).await;
    let mut came = vec![0; 14_600];
    soon(client.read_exact(&mut came)).await.unwrap();
    assert_eq!(came.iter().map(|byte| byte.count_ones()).sum::<u32>(), 10);
    drop((client, upstream));
    bench
        .until(|what| matches!(what, EventKind::PeerEnded { .. }))
        .await;
    let (events, _) = bench.finish().await;
    assert_eq!(damaged(&events), Some((0, 10)));
}

async fn cut(how: &str, bytes: usize) -> (Result<Vec<u8>, ErrorKind>, Bench) {
    let server = listen(&Environment::real());
    let rule =
        format!("[[fault]]\non.attempt = 1\ninject.cut = {{ bytes = {bytes}, how = \"{how}\" }}");
    let bench = Setup::toward(server.local_addr()).start(&rule);
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    let sending = async move {
        // The cut may come while there is still something to send.
        let _ = upstream.write_all(&vec![7; bytes + 100_000]).await;
        let _ = upstream.read(&mut [0]).await;
    };
    let receiving = async move { ending_with(&mut client, bytes).await };
    let ((), end) = soon(async { tokio::join!(sending, receiving) }).await;
    (end, bench)
}

/// Reads what comes, and keeps it whatever the end is.
async fn ending_with(client: &mut environment::Stream, bytes: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut came = vec![0; bytes];
    soon(client.read_exact(&mut came))
        .await
        .map_err(|error| error.kind())?;
    ending(client).await.map(|rest| [came, rest].concat())
}

#[tokio::test]
async fn a_cut_with_fin_comes_after_exactly_so_many_bytes() {
    let (end, mut bench) = cut("close", 1000).await;
    assert_eq!(end.unwrap().len(), 1000);
    bench.struck("cut").await;
}

/// The FIN is the cut's own, and not what is left when everything else has ended.
#[tokio::test]
async fn a_cut_with_fin_tells_the_client_at_once() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.attempt = 1\ninject.cut = { bytes = 10, side = \"client\" }");
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut upstream, &[7; 20]).await;
    let end = ending_with(&mut client, 10).await;
    assert_eq!(end.unwrap(), [7; 10]);
    bench.struck("cut").await;
    drop(upstream);
}

/// A reset behind data waits until the system has handed the data over.
#[tokio::test]
async fn a_cut_with_reset_comes_after_the_bytes_before_it() {
    for bytes in [0, 1000, 300_000] {
        let (end, mut bench) = cut("reset", bytes).await;
        assert_eq!(
            end,
            Err(ErrorKind::ConnectionReset),
            "all {bytes} bytes, then the reset"
        );
        bench.struck("cut").await;
    }
}

#[tokio::test]
async fn slow_close_passes_the_fin_on_late() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.slow_close = { delay = \"300ms\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("slow_close").await;
    let clock = bench.environment.clock.clone();
    let begun = clock.now();
    send(&mut upstream, b"bye").await;
    drop(upstream);
    assert_eq!(ending(&mut client).await.unwrap(), b"bye");
    assert!(clock.now().since(begun) >= Duration::from_millis(300));
}

#[tokio::test]
async fn idle_timeout_ends_a_silence_and_spares_a_conversation() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.idle_timeout = { delay = \"1s\", how = \"reset\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    let clock = bench.environment.clock.clone();
    let begun = clock.now();
    // Said well within the time, for longer than it.
    while clock.now().since(begun) < Duration::from_millis(1500) {
        send(&mut client, b"x").await;
        expect(&mut upstream, b"x").await;
        clock.sleep(Duration::from_millis(20)).await;
    }
    let silent_from = clock.now();
    assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    assert!(clock.now().since(silent_from) >= Duration::from_millis(900));
    bench.struck("idle_timeout").await;
}

#[tokio::test]
async fn a_rule_can_wait_for_the_upgrade_to_be_done() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.frames = true;
    let mut bench = setup.start(
        "[[fault]]\non = { attempt = 1, phase = \"open\" }\nafter = \"100ms\"\ninject.reset = {}",
    );
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut client, b"GET /ws HTTP/1.1\r\n\r\n").await;
    assert!(
        is_silent(&mut client, MOMENT).await,
        "not before the answer"
    );
    send(&mut upstream, b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    let upgraded = bench
        .until(|what| matches!(what, EventKind::Upgraded { .. }))
        .await;
    let struck = bench.struck("reset").await;
    assert!(struck.at.since(upgraded.at) >= Duration::from_millis(100));
    let mut answer = Vec::new();
    let end = soon(client.read_to_end(&mut answer)).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_rule_can_wait_for_the_request_and_hold_it() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.frames = true;
    let mut bench = setup
        .start("[[fault]]\non.phase = \"upgrade\"\ninject.stall = { direction = \"upstream\" }");
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut client, b"GET /ws HTTP/1.1\r\n\r\n").await;
    bench.struck("stall").await;
    assert!(is_silent(&mut upstream, MOMENT).await);
}

#[tokio::test]
async fn a_rule_can_wait_for_bytes() {
    let server = listen(&Environment::real());
    let mut bench =
        Setup::toward(server.local_addr()).start("[[fault]]\non.bytes = 10\ninject.close = {}");
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut upstream, b"nine more").await;
    expect(&mut client, b"nine more").await;
    assert!(is_silent(&mut client, MOMENT).await);
    send(&mut upstream, b"!").await;
    bench.struck("close").await;
    assert_eq!(ending(&mut client).await.unwrap(), b"!");
}

#[tokio::test]
async fn a_rule_can_wait_for_a_peer_to_end() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.phase = \"closing\"\ninject.reset = {}");
    bench.begin().await;
    let client = bench.dial().await;
    let mut upstream = accept(&server).await;
    client.shutdown_write().unwrap();
    let ended = bench
        .until(|what| matches!(what, EventKind::PeerEnded { .. }))
        .await;
    assert!(matches!(
        ended.what,
        EventKind::PeerEnded {
            how: Ending::Fin,
            ..
        }
    ));
    bench.struck("reset").await;
    let end = ending(&mut upstream).await;
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

/// Nobody is at home until the third connection; what held the first two is let
/// go then.
#[tokio::test]
async fn a_rule_can_end_with_a_later_connection() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\nuntil_on.attempt = 3\ninject.stall = {}");
    bench.begin().await;
    let mut first = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut first, b"held").await;
    let _second = (bench.dial().await, accept(&server).await);
    assert!(is_silent(&mut upstream, MOMENT).await);
    let mut third = bench.dial().await;
    let mut upstream_third = accept(&server).await;
    send(&mut third, b"free").await;
    expect(&mut upstream_third, b"free").await;
    expect(&mut upstream, b"held").await;
    bench
        .until(|what| matches!(what, EventKind::Healed { .. }))
        .await;
}
