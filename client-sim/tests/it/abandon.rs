//! Connections that go silent, and what becomes of the old socket.

use std::time::Duration;

use client_sim::{Behaviour, CloseReason, Flaw};
use environment::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{LONG, Subject, World, behaviour, simulated, welcome};

fn watchful(liveness: Duration, flaws: &[Flaw]) -> Behaviour {
    Behaviour {
        liveness,
        flaws: flaws.iter().copied().collect(),
        ..behaviour()
    }
}

const SHORT: Duration = Duration::from_millis(500);

/// Reads what the client has sent, up to the end if there is one in time.
async fn is_ended(world: &World, stream: &mut Stream) -> bool {
    let end = async { while !matches!(stream.read(&mut [0; 256]).await, Ok(0) | Err(_)) {} };
    world.clock.timeout(LONG, end).await.is_ok()
}

/// The first connection goes silent and is held; the second is live. Was the
/// first let go by then?
async fn is_old_socket_let_go(world: &World, flaws: &[Flaw]) -> bool {
    let listener = world.listen();
    let mut subject = Subject::start(world, &listener, watchful(SHORT, flaws));
    let mut old = welcome(&listener, false).await.into_stream();
    assert_eq!(subject.closed().await, (1, CloseReason::Silent, None));
    let _new = welcome(&listener, true).await;
    assert_eq!(subject.opened().await, 2);
    is_ended(world, &mut old).await
}

#[test]
fn a_silent_connection_is_replaced_and_let_go_without_the_servers_help() {
    simulated(async |world| {
        assert!(is_old_socket_let_go(&world, &[]).await);
    });
}

#[test]
fn a_leaked_socket_stays_open_beside_the_new_one() {
    simulated(async |world| {
        assert!(!is_old_socket_let_go(&world, &[Flaw::LeaksOldSocket]).await);
    });
}

#[test]
fn a_client_without_liveness_does_not_notice() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, watchful(SHORT, &[Flaw::NoLiveness]));
        let _served = welcome(&listener, false).await;
        let ended = world.clock.timeout(LONG, subject.closed()).await;
        assert!(ended.is_err(), "{ended:?}");
    });
}

/// Twice the window in all, but never a tenth of it without a byte.
#[test]
fn bytes_of_a_slow_message_are_life() {
    simulated(async |world| {
        let listener = world.listen();
        let liveness = Duration::from_secs(1);
        let mut subject = Subject::start(&world, &listener, watchful(liveness, &[]));
        let served = welcome(&listener, false).await;
        let mut stream = served.into_stream();
        stream.write_all(b"\x81\x22").await.unwrap();
        for byte in br#"{"type":"tick","seq":1,"value":7} "# {
            stream.write_all(&[*byte]).await.unwrap();
            world.clock.sleep(2 * liveness / 34).await;
        }
        assert_eq!(subject.applied().await, 1);
    });
}

/// A server that never says a word answers pings, and that is enough.
#[test]
fn a_quiet_server_is_kept_by_its_pongs() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, watchful(Duration::from_secs(2), &[]));
        let mut served = crate::rig::upgrade(&listener).await;
        let mut pings = 0;
        async {
            while pings < 3 {
                let message = futures_util::StreamExt::next(&mut served.socket).await;
                pings += u32::from(message.unwrap().unwrap().is_ping());
            }
        }
        .await;
        served.tick(1).await;
        subject
            .is(&client_sim::EventKind::Received { dial: 1 })
            .await;
    });
}

/// R25: the old socket's end comes when the new one is live. Tells what the new
/// one dies of: of the old one's end, or, since nobody speaks, of silence.
async fn new_connection_dies_of(world: &World, flaws: &[Flaw]) -> (u64, CloseReason) {
    let listener = world.listen();
    let mut subject = Subject::start(world, &listener, watchful(2 * SHORT, flaws));
    let old = welcome(&listener, false).await.into_stream();
    assert_eq!(subject.closed().await, (1, CloseReason::Silent, None));
    let _new = welcome(&listener, true).await;
    assert_eq!(subject.opened().await, 2);
    old.reset();
    let (dial, why, _) = subject.closed().await;
    (dial, why)
}

#[test]
fn the_end_of_an_old_socket_is_nothing_to_the_new_one() {
    simulated(async |world| {
        let (sound, leaking, trusting) = tokio::join!(
            new_connection_dies_of(&world, &[]),
            new_connection_dies_of(&world, &[Flaw::LeaksOldSocket]),
            new_connection_dies_of(&world, &[Flaw::TrustsOldSocket]),
        );
        assert_eq!(sound, (2, CloseReason::Silent));
        assert_eq!(leaking, (2, CloseReason::Silent));
        assert_eq!(trusting, (2, CloseReason::Reset));
    });
}
