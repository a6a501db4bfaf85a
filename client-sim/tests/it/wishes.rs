//! What the user wants: pause, stop, reconnect; and the end of
//! the program.

use client_sim::{Behaviour, CloseReason, Command, EventKind, Flaw};
use tokio_tungstenite::tungstenite::Message;

use crate::rig::{LONG, Served, Subject, World, behaviour, simulated, welcome};

const PAUSE: &str = r#"{"type":"pause"}"#;

#[test]
fn a_pause_is_asked_for_and_asked_for_again_after_a_reset() {
    simulated(async |world| {
        let listener = world.listen();
        let mut subject = Subject::start(&world, &listener, behaviour());
        let mut served = welcome(&listener, false).await;
        served.tick(1).await;
        subject.applied().await;
        subject.tell(Command::Pause).await;
        assert_eq!(served.hear().await, Message::text(PAUSE));
        served.say(r#"{"type":"paused"}"#).await;
        let acknowledged = EventKind::PauseChanged {
            dial: 1,
            paused: true,
        };
        subject.is(&acknowledged).await;
        served.into_stream().reset();
        // The welcome says that the session is not paused.
        let mut served = welcome(&listener, false).await;
        assert_eq!(served.hear().await, Message::text(PAUSE));
    });
}

#[test]
fn a_client_that_forgets_its_pause_does_not_ask_again() {
    simulated(async |world| {
        let listener = world.listen();
        let flaws = [Flaw::ForgetsPause].into();
        let behaviour = Behaviour {
            flaws,
            ..behaviour()
        };
        let mut subject = Subject::start(&world, &listener, behaviour);
        let served = welcome(&listener, false).await;
        subject.tell(Command::Pause).await;
        subject.is(&EventKind::Intended { paused: true }).await;
        served.into_stream().reset();
        let mut served = welcome(&listener, false).await;
        let heard = world.clock.timeout(LONG, served.hear()).await;
        assert!(heard.is_err(), "{heard:?}");
    });
}

fn code(message: &Message) -> Option<u16> {
    match message {
        Message::Close(Some(frame)) => Some(frame.code.into()),
        _ => None,
    }
}

async fn live(world: &World) -> (environment::Listener, Subject, Served) {
    let listener = world.listen();
    let mut subject = Subject::start(world, &listener, behaviour());
    let mut served = welcome(&listener, false).await;
    served.tick(1).await;
    subject.applied().await;
    (listener, subject, served)
}

#[test]
fn a_stop_says_1000_and_ends_the_client() {
    simulated(async |world| {
        let (_listener, mut subject, mut served) = live(&world).await;
        subject.tell(Command::Stop).await;
        assert_eq!(code(&served.hear().await), Some(1000));
        assert_eq!(subject.closed().await, (1, CloseReason::Wanted, None));
        subject.is(&EventKind::Stopped).await;
        subject.ended().await;
    });
}

#[test]
fn the_end_of_the_program_says_1001() {
    simulated(async |world| {
        let (_listener, subject, mut served) = live(&world).await;
        subject.shutdown.cancel();
        assert_eq!(code(&served.hear().await), Some(1001));
        subject.ended().await;
    });
}

#[test]
fn a_server_that_does_not_answer_the_close_is_not_waited_for_long() {
    simulated(async |world| {
        let (_listener, subject, served) = live(&world).await;
        subject.shutdown.cancel();
        // Nobody reads `served`, so no close comes back.
        subject.ended().await;
        drop(served);
    });
}

#[test]
fn reconnect_closes_the_old_connection_and_dials_at_once() {
    simulated(async |world| {
        let (listener, mut subject, mut served) = live(&world).await;
        subject.tell(Command::Reconnect).await;
        assert_eq!(code(&served.hear().await), Some(1000));
        let next = welcome(&listener, true).await;
        assert_eq!(next.target, "/ws?own=1&session=abc&last_seq=1");
        assert_eq!(subject.opened().await, 2);
    });
}
