//! Ends after a time, as the control API asks for them.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Expiry, Fault, How, Way};
use environment::Environment;
use tokio::io::AsyncWriteExt;

use crate::bench::{Setup, accept, ending, expect, is_silent, listen, send, soon};

const TIME: Duration = Duration::from_millis(500);

fn reset_after(delay: Duration) -> Fault {
    Fault::Expiry(Expiry {
        delay: Some(delay),
        how: How::Reset,
        swallows: None,
        ends_when_healed: false,
    })
}

fn silence(delay: Option<Duration>) -> Fault {
    Fault::Expiry(Expiry {
        delay,
        how: How::Close,
        swallows: Some(Way::Upstream),
        ends_when_healed: true,
    })
}

#[tokio::test]
async fn a_reset_comes_after_its_time_to_the_idle_the_busy_and_the_new() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start("");
    let (mut idle, mut busy) = (bench.dial().await, bench.dial().await);
    let (_held, mut upstream) = (accept(&server).await, accept(&server).await);
    let begun = bench.environment.clock.now();
    bench.control.inject("late", reset_after(TIME), None).await;
    let mut new = bench.dial().await;
    // Bytes flow as if nothing were to come.
    send(&mut busy, b"x").await;
    expect(&mut upstream, b"x").await;
    for client in [&mut idle, &mut busy, &mut new] {
        assert_eq!(ending(client).await, Err(ErrorKind::ConnectionReset));
        assert!(bench.environment.clock.now().since(begun) >= TIME);
    }
    assert_eq!(ending(&mut upstream).await, Err(ErrorKind::ConnectionReset));
    let struck = bench.struck("late").await;
    assert!(struck.at.since(begun) >= TIME);
}

#[tokio::test]
async fn a_reset_that_counts_down_can_be_taken_back() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.control.inject("late", reset_after(TIME), None).await;
    bench.control.lift("late").await;
    assert!(is_silent(&mut client, 2 * TIME).await);
    send(&mut client, b"alive").await;
    expect(&mut upstream, b"alive").await;
}

#[tokio::test]
async fn what_flows_does_not_start_the_time_again() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    let clock = bench.environment.clock.clone();
    let begun = clock.now();
    bench
        .control
        .inject("silence", silence(Some(TIME)), None)
        .await;
    // For as long as the connection stands, more often than the time.
    let talking = async {
        while client.write_all(b"x").await.is_ok() {
            clock.sleep(TIME / 50).await;
        }
    };
    let (swallowed, ()) = soon(async { tokio::join!(ending(&mut upstream), talking) }).await;
    assert_eq!(swallowed.unwrap(), b"");
    assert!(clock.now().since(begun) >= TIME);
}

#[tokio::test]
async fn the_end_of_a_silence_without_end_ends_the_connection() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.control.inject("silence", silence(None), None).await;
    send(&mut client, b"lost").await;
    // The other way nothing is swallowed.
    send(&mut upstream, b"heard").await;
    expect(&mut client, b"heard").await;
    assert!(is_silent(&mut upstream, TIME).await);
    bench.control.lift("silence").await;
    assert_eq!(ending(&mut client).await.unwrap(), b"");
    assert_eq!(ending(&mut upstream).await.unwrap(), b"");
}
