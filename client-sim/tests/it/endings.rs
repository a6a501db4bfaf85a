//! However a connection ends, the client says how and comes back.

use std::pin::Pin;

use client_sim::{Behaviour, CloseReason, EventKind, Flaw};
use environment::Listener;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::rig::{Served, Subject, World, behaviour, on_both, simulated, welcome};

fn flawed(flaw: Flaw) -> Behaviour {
    Behaviour {
        flaws: [flaw].into(),
        ..behaviour()
    }
}

/// A client that has applied tick 1 of its first connection.
async fn live(world: &World, listener: &Listener, behaviour: Behaviour) -> (Subject, Served) {
    let mut subject = Subject::start(world, listener, behaviour);
    let mut served = welcome(listener, false).await;
    served.tick(1).await;
    assert_eq!(subject.applied().await, 1);
    (subject, served)
}

/// The client comes back and asks for its session.
async fn comes_back(listener: &Listener, subject: &mut Subject) {
    let mut served = welcome(listener, true).await;
    assert_eq!(served.target, "/ws?own=1&session=abc&last_seq=1");
    served.tick(2).await;
    assert_eq!(subject.applied().await, 2);
}

async fn reset(served: Served) {
    served.into_stream().reset();
}

async fn fin(served: Served) {
    served.into_stream().shutdown().await.unwrap();
}

async fn close(mut served: Served, code: u16) {
    let frame = CloseFrame {
        code: CloseCode::from(code),
        reason: "".into(),
    };
    served.socket.close(Some(frame)).await.unwrap();
}

/// The first half of a text frame, then FIN.
async fn cut(served: Served) {
    let mut stream = served.into_stream();
    stream.write_all(b"\x81\x20{\"type\":\"ti").await.unwrap();
    stream.shutdown().await.unwrap();
}

/// A frame with an opcode that does not exist.
async fn garbage(served: Served) {
    let mut stream = served.into_stream();
    stream.write_all(b"\x83\x00").await.unwrap();
    // Kept open long enough by the peer's reading of it.
    stream.shutdown().await.unwrap();
}

/// On the system's sockets, too: it is they who say how a connection ended.
fn check(end: impl AsyncFn(Served), why: CloseReason, code: Option<u16>) {
    on_both(async |world| {
        let listener = world.listen();
        let (mut subject, served) = live(&world, &listener, behaviour()).await;
        end(served).await;
        assert_eq!(subject.closed().await, (1, why, code));
        comes_back(&listener, &mut subject).await;
    });
}

#[test]
fn comes_back_after_a_reset() {
    check(reset, CloseReason::Reset, None);
}

#[test]
fn comes_back_after_fin() {
    check(fin, CloseReason::Ended, None);
}

#[test]
fn comes_back_after_fin_within_a_frame() {
    check(cut, CloseReason::Ended, None);
}

#[test]
fn comes_back_after_garbage() {
    check(garbage, CloseReason::Protocol, None);
}

#[test]
fn comes_back_after_every_close_frame() {
    for code in [1000, 1001, 1008, 1011, 1012, 1013, 1014, 3000, 4999] {
        let end = async |served| close(served, code).await;
        check(end, CloseReason::CloseFrame, Some(code));
    }
}

fn gives_up_after(flaw: Flaw, end: impl AsyncFnOnce(Served)) {
    simulated(async |world| {
        let listener = world.listen();
        let (mut subject, served) = live(&world, &listener, flawed(flaw)).await;
        end(served).await;
        subject.is(&EventKind::GaveUp).await;
    });
}

#[test]
fn a_client_that_stops_on_reset_does() {
    gives_up_after(Flaw::StopsOnReset, reset);
}

#[test]
fn a_client_that_stops_on_a_clean_close_does() {
    gives_up_after(Flaw::StopsOnCleanClose, fin);
    gives_up_after(Flaw::StopsOnCleanClose, async |served| {
        close(served, 1012).await;
    });
}

#[test]
fn a_piece_of_a_message_is_told_from_a_whole_one() {
    simulated(async |world| {
        let piece_counts = async |end: fn(Served) -> Pin<Box<dyn Future<Output = ()>>>| {
            let listener = world.listen();
            let (mut subject, served) = live(&world, &listener, flawed(Flaw::DeliversPieces)).await;
            end(served).await;
            subject
                .until(|what| match what {
                    EventKind::Applied { seq, .. } => Some(*seq == 2),
                    EventKind::Closed { .. } => Some(false),
                    _ => None,
                })
                .await
        };
        assert!(piece_counts(|served| Box::pin(cut(served))).await);
        assert!(!piece_counts(|served| Box::pin(fin(served))).await);
        assert!(!piece_counts(|served| Box::pin(reset(served))).await);
    });
}

#[test]
fn a_close_without_a_code_is_told_as_such() {
    simulated(async |world| {
        let listener = world.listen();
        let (mut subject, mut served) = live(&world, &listener, behaviour()).await;
        served.socket.close(None).await.unwrap();
        assert_eq!(subject.closed().await, (1, CloseReason::CloseFrame, None));
        // It answers, as RFC 6455 §5.5.1 asks.
        assert_eq!(served.hear().await, Message::Close(None));
    });
}

#[test]
fn a_foreign_servers_text_and_bytes_are_data() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, behaviour());
        let mut served = crate::rig::upgrade(&listener).await;
        assert_eq!(served.target, "/ws?own=1");
        served.say("not JSON").await;
        subject.is(&EventKind::Received { dial: 1 }).await;
        let bytes = Message::binary(vec![0; 70_000]);
        futures_util::SinkExt::send(&mut served.socket, bytes)
            .await
            .unwrap();
        subject.is(&EventKind::Received { dial: 1 }).await;
    });
}
