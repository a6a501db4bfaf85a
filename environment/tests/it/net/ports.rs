//! Ports: taken, refusing, silent, full, and given back.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{World, loopback, on_a_simulation, on_both};

/// Within this time nobody has answered.
const SILENCE: Duration = Duration::from_millis(300);

/// One more than a listener asks for.
const BACKLOG: usize = 1025;

#[test]
fn where_nobody_listens_dials_are_refused() {
    on_both(|world| async move {
        let listener = world.listen();
        let address = listener.local_addr().to_string();
        drop(listener);
        let refused = world.network.dial(&address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn dials_come_from_the_source_that_is_said() {
    on_both(|world| async move {
        let listener = world.listen();
        let address = listener.local_addr().to_string();
        for source in ["127.0.0.2", "127.0.0.9"] {
            let source: IpAddr = source.parse().unwrap();
            let network = world.network.from_source(source);
            let dialled = network.dial(&address).await.unwrap();
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer.ip(), source);
            assert_eq!(dialled.local_addr().unwrap(), peer);
            world.network.ensure_ours(source).unwrap();
        }
        // None of ours (RFC 5737 gives it to nobody), and one that cannot dial there.
        for source in ["192.0.2.1", "::1"] {
            let network = world.network.from_source(source.parse().unwrap());
            let refused = network.dial(&address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable, "{source}");
        }
        let stranger = world.network.ensure_ours([192, 0, 2, 1].into());
        assert_eq!(stranger.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_port_has_one_owner_at_a_time() {
    on_both(|world| async move {
        let listener = world.listen();
        let address = listener.local_addr();
        assert_ne!(address.port(), 0);
        assert_ne!(world.listen().local_addr(), address);
        let taken = world.network.listen(address).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let mut gone = listener.gone();
        let ((), ()) = tokio::join!(gone.wait(), async { drop(listener) });
        let again = world.network.listen(address).unwrap();
        assert_eq!(again.local_addr(), address);
    });
}

#[test]
fn a_connection_is_made_before_it_is_accepted() {
    on_both(|world| async move {
        let listener = world.listen();
        assert!(listener.try_accept().is_none());
        let mut first = world.dial(&listener).await.unwrap();
        let _second = world.dial(&listener).await.unwrap();
        first.write_all(b"early").await.unwrap();
        let (mut accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(
            peer,
            first.local_addr().unwrap(),
            "first come, first served"
        );
        let mut read = [0; 5];
        accepted.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"early");
        listener.accept().await.unwrap();
    });
}

#[test]
fn whoever_leaves_before_being_accepted_is_accepted_all_the_same() {
    on_both(|world| async move {
        let listener = world.listen();
        let clean = world.dial(&listener).await.unwrap();
        let reset = world.dial(&listener).await.unwrap();
        drop(clean);
        reset.reset();
        let (mut clean, _) = listener.accept().await.unwrap();
        assert_eq!(clean.read(&mut [0; 8]).await.unwrap(), 0);
        let (mut reset, _) = listener.accept().await.unwrap();
        let error = reset.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_refusing_port_resets_whoever_waits_and_is_healed() {
    on_both(|world| async move {
        let mut listener = world.listen();
        for _ in 0..3 {
            let mut waiting = world.dial(&listener).await.unwrap();
            listener.refuse();
            assert!(listener.is_refusing());
            let error = waiting.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            let refused = world.dial(&listener).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let taken = world.network.listen(listener.local_addr()).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
            listener.heal().unwrap();
            assert!(!listener.is_refusing());
            world.dial(&listener).await.unwrap();
            listener.accept().await.unwrap();
        }
    });
}

#[test]
fn whoever_waits_to_accept_may_be_told_to_refuse_and_accepts_after_the_heal() {
    on_both(|world| async move {
        let mut listener = world.listen();
        listener.refuse();
        let silence = world.clock.timeout(SILENCE, listener.accept()).await;
        assert!(silence.is_err());
        listener.heal().unwrap();
        let (dialled, accepted) = tokio::join!(world.dial(&listener), listener.accept());
        assert!(dialled.is_ok() && accepted.is_ok());
    });
}

/// While silent a dial hangs; after the heal the client's next SYN is answered,
/// and nobody but the client comes out of the queue.
#[test]
#[cfg(target_os = "linux")]
fn a_silent_port_answers_no_syn_until_it_is_healed() {
    on_both(|world| async move {
        let mut listener = world.listen();
        for _ in 0..2 {
            listener.fall_silent().unwrap();
            let begun = world.clock.now();
            {
                let dial = world.dial(&listener);
                tokio::pin!(dial);
                let silence = world.clock.timeout(SILENCE, &mut dial).await;
                assert!(silence.is_err(), "somebody answered");
            }
            // That one was given up; nobody hears of it.
            let address = listener.local_addr().to_string();
            let dial = world.network.dial(&address);
            tokio::pin!(dial);
            let silence = world.clock.timeout(SILENCE, &mut dial).await;
            assert!(silence.is_err(), "somebody answered");
            listener.heal().unwrap();
            let dialled = dial.await.unwrap();
            // The second SYN comes a second after the first.
            let waited = world.clock.now().since(begun);
            assert!(waited >= Duration::from_secs(1), "{waited:?}");
            let (_accepted, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, dialled.local_addr().unwrap());
            assert!(listener.try_accept().is_none());
        }
        listener.fall_silent().unwrap();
        listener.refuse();
        let refused = world.dial(&listener).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn who_comes_when_the_backlog_is_full_must_wait() {
    on_both(|world| async move {
        let listener = world.listen();
        let mut dialled = Vec::new();
        for _ in 0..BACKLOG {
            dialled.push(world.dial(&listener).await.unwrap());
        }
        let late = world.dial(&listener);
        tokio::pin!(late);
        let silence = world.clock.timeout(SILENCE, &mut late).await;
        assert!(silence.is_err(), "there was room for {}", BACKLOG + 1);
        listener.accept().await.unwrap();
        late.await.unwrap();
    });
}

#[test]
fn a_port_on_all_addresses_is_found_at_each() {
    on_both(|world| async move {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let listener = world.network.listen(everywhere).unwrap();
        let port = listener.local_addr().port();
        for host in ["127.0.0.1", "localhost"] {
            world.network.dial(&format!("{host}:{port}")).await.unwrap();
            listener.accept().await.unwrap();
        }
    });
}

#[test]
fn an_authority_that_is_none_is_invalid() {
    on_both(|world| async move {
        for authority in ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", ""] {
            let error = world.network.dial(authority).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{authority}");
        }
    });
}

#[test]
fn this_machine_has_a_name() {
    on_both(|world| async move {
        let found = world.network.look_up("localhost").await.unwrap();
        assert!(found.contains(&loopback().ip()), "{found:?}");
        let found = world.network.look_up("127.0.0.1").await.unwrap();
        assert_eq!(found, [loopback().ip()]);
    });
}

/// Linux gives up after seven SYNs. On the system's network this takes as long.
#[test]
fn a_dial_that_nobody_ever_answers_times_out_after_two_minutes() {
    on_a_simulation(&|world: World| async move {
        let mut listener = world.listen();
        listener.fall_silent().unwrap();
        let dial = world.network.dial(&listener.local_addr().to_string()).await;
        assert_eq!(dial.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}
