//! Dials that are refused, upgrades that are not answered or answered wrongly.

use std::time::Duration;

use client_sim::{Behaviour, CloseReason, Command, EventKind, Flaw, Upgrade};
use environment::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{LONG, Subject, accept, behaviour, nowhere, simulated, upgrade};

fn impatient(flaws: &[Flaw]) -> Behaviour {
    Behaviour {
        connect_timeout: Duration::from_millis(100),
        connect_timeout_cap: Duration::from_millis(100),
        flaws: flaws.iter().copied().collect(),
        ..behaviour()
    }
}

/// Reads the request up to its empty line.
async fn head(stream: &mut environment::Stream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Answers one upgrade with these bytes, and goes on listening.
async fn answers(listener: &Listener, answer: &[u8]) {
    let mut stream = accept(listener).await;
    head(&mut stream).await;
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[test]
fn an_upgrade_that_is_never_answered_is_given_up_and_tried_again() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, impatient(&[]));
        let silent = accept(&listener).await;
        assert_eq!(
            subject.closed().await,
            (1, CloseReason::ConnectTimeout, None)
        );
        // Held all the while: nothing that the server does brings the client back.
        let second = accept(&listener).await;
        assert_eq!(
            subject.closed().await,
            (2, CloseReason::ConnectTimeout, None)
        );
        drop((silent, second));
    });
}

#[test]
fn a_client_without_connect_timeout_waits_for_ever() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, impatient(&[Flaw::NoConnectTimeout]));
        let _silent = accept(&listener).await;
        let ended = world.clock.timeout(LONG, subject.closed()).await;
        assert!(ended.is_err(), "{ended:?}");
    });
}

#[test]
fn a_client_whose_first_connect_alone_is_bounded_hangs_at_the_second() {
    simulated(async |world| {
        let listener = world.listen();
        let flaw = [Flaw::TimeoutFirstConnectOnly];
        let mut subject = Subject::start(&world, &listener, impatient(&flaw));
        let _first = accept(&listener).await;
        assert_eq!(
            subject.closed().await,
            (1, CloseReason::ConnectTimeout, None)
        );
        let _second = accept(&listener).await;
        let ended = world.clock.timeout(LONG, subject.closed()).await;
        assert!(ended.is_err(), "{ended:?}");
    });
}

#[test]
fn refused_dials_are_repeated_until_the_port_listens() {
    simulated(async |world| {
        let mut listener = world.listen();
        listener.refuse();
        let mut subject = Subject::start(&world, &listener, behaviour());
        for dial in 1..=3 {
            assert_eq!(subject.closed().await, (dial, CloseReason::Refused, None));
        }
        listener.heal().unwrap();
        let _served = upgrade(&listener).await;
        assert!(subject.opened().await > 3);
    });
}

#[test]
fn a_client_that_gives_up_on_its_first_connect_can_be_told_to_go_on() {
    simulated(async |world| {
        let mut listener = world.listen();
        listener.refuse();
        let flaws = [Flaw::GivesUpOnFirstConnect].into();
        let behaviour = Behaviour {
            flaws,
            ..behaviour()
        };
        let mut subject = Subject::start(&world, &listener, behaviour);
        subject.is(&EventKind::GaveUp).await;
        listener.heal().unwrap();
        subject.tell(Command::Reconnect).await;
        let _served = upgrade(&listener).await;
        assert_eq!(subject.opened().await, 2);
    });
}

#[test]
fn a_client_that_has_given_up_ends_when_nobody_can_tell_it_more() {
    simulated(async |world| {
        let mut listener = world.listen();
        listener.refuse();
        let behaviour = Behaviour {
            max_attempts: Some(2),
            ..behaviour()
        };
        let mut subject = Subject::start(&world, &listener, behaviour);
        subject.commands = tokio::sync::mpsc::channel(1).0;
        subject.ended().await;
    });
}

#[test]
fn no_answer_but_101_is_a_websocket_and_none_is_fatal() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, behaviour());
        let wrong: [&[u8]; 6] = [
            b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
            b"HTTP/1.1 301 Moved\r\nLocation: /login\r\n\r\n",
            b"\x00\x01garbage\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            b"HTTP/1.1 429 Too Many Requests\r\n\r\n",
        ];
        for (dial, answer) in (1..).zip(wrong) {
            answers(&listener, answer).await;
            let told = subject.closed().await;
            assert_eq!(
                told,
                (dial, CloseReason::BadUpgrade, None),
                "{}",
                answer.escape_ascii()
            );
        }
        let _served = upgrade(&listener).await;
        assert_eq!(subject.opened().await, 7);
    });
}

#[test]
fn an_end_before_the_answer_is_no_answer() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, behaviour());
        answers(&listener, b"HTTP/1.1 10").await;
        assert_eq!(subject.closed().await, (1, CloseReason::Ended, None));
        let mut stream = accept(&listener).await;
        head(&mut stream).await;
        stream.reset();
        assert_eq!(subject.closed().await, (2, CloseReason::Reset, None));
    });
}

#[test]
fn retry_after_is_read_from_the_answer() {
    simulated(async |world| {
        let busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n\r\n";
        let delay = async |flaws: &'static [Flaw]| {
            let listener = world.listen();
            let flaws = flaws.iter().copied().collect();
            let behaviour = Behaviour {
                flaws,
                ..behaviour()
            };
            let mut subject = Subject::start(&world, &listener, behaviour);
            answers(&listener, busy).await;
            subject.waiting().await
        };
        assert!(delay(&[]).await >= Duration::from_secs(60));
        assert!(delay(&[Flaw::IgnoresRetryAfter]).await < Duration::from_secs(1));
    });
}

#[test]
fn the_request_follows_from_the_seed_to_the_byte() {
    simulated(async |world| {
        let listener = world.listen();
        let mut heads = Vec::new();
        for _ in 0..2 {
            let _subject = Subject::start(&world, &listener, behaviour());
            heads.push(head(&mut accept(&listener).await).await);
        }
        assert_eq!(heads[0], heads[1]);
        assert!(
            heads[0].starts_with("GET /ws?own=1 HTTP/1.1\r\n"),
            "{}",
            heads[0]
        );
        let host = format!("Host: {}\r\n", listener.local_addr());
        assert!(heads[0].contains(&host), "{}", heads[0]);
    });
}

#[test]
fn a_name_that_leads_nowhere_is_a_failed_dial() {
    simulated(async |world| {
        let mut subject = Subject::start_at(&world, &nowhere(), behaviour());
        assert_eq!(subject.closed().await, (1, CloseReason::Network, None));
        assert_eq!(subject.closed().await, (2, CloseReason::Network, None));
    });
}

#[test]
fn each_attempt_asks_for_what_it_was_told() {
    simulated(async |world| {
        let listener = world.listen();
        let upgrade = Upgrade {
            headers_by_attempt: ["old", "new"]
                .map(|token| vec![("Authorization".to_owned(), token.to_owned())])
                .into(),
            host: Some("feed.test".to_owned()),
            subprotocols: vec!["graphql-transport-ws".to_owned()],
            query: vec![("who".to_owned(), "{client} {attempt}".to_owned())],
            ..Upgrade::default()
        };
        let behaviour = Behaviour {
            upgrade: upgrade.into(),
            ..behaviour()
        };
        let mut subject = Subject::start(&world, &listener, behaviour);
        for (dial, token) in [(1, "old"), (2, "new"), (3, "new")] {
            let mut stream = accept(&listener).await;
            let head = head(&mut stream).await;
            let first = format!("GET /ws?own=1&who=c1%20{dial} HTTP/1.1");
            for line in [
                first.as_str(),
                "host: feed.test",
                "sec-websocket-protocol: graphql-transport-ws",
                &format!("authorization: {token}"),
            ] {
                let mut lines = head.lines();
                assert!(
                    lines.any(|given| given.eq_ignore_ascii_case(line)),
                    "{line}: {head}"
                );
            }
            let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(refused).await.unwrap();
            let ended = subject.closed().await;
            assert_eq!(ended, (dial, CloseReason::BadUpgrade, None));
        }
    });
}
