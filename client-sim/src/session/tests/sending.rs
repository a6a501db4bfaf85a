//! Numbered messages of the client's own: what is held, said, said again, and given
//! up.

use super::*;
use crate::{Beyond, Delivery, Sending};

const EVERY: Duration = Duration::from_secs(2);

/// At least once, every two seconds, three of them held at most.
pub(super) const SENDING: Sending = Sending {
    every: EVERY,
    delivery: Delivery::AtLeastOnce,
    at_most: 3,
    beyond: Beyond::Drop,
};

pub(super) fn sender(sending: Sending, flaws: &[Flaw]) -> Rig {
    Rig::with(Behaviour {
        sending: Some(sending),
        ..behaviour(flaws)
    })
}

/// What was said since the last call.
pub(super) fn said(rig: &Rig) -> Vec<u64> {
    let number = |message| match message {
        ClientMessage::Message { number } => Some(number),
        _ => None,
    };
    rig.sent().into_iter().filter_map(number).collect()
}

/// Everything told of messages since the last call, in short.
pub(super) fn told(rig: &Rig) -> Vec<String> {
    let told = |output: &Output| match output {
        Output::Tell(EventKind::Offered { number, held }) => Some(format!("{number} of {held}")),
        Output::Tell(EventKind::Dropped { number, held }) => {
            Some(format!("dropped {number} at {held}"))
        }
        Output::Tell(EventKind::Rejected { number, held }) => {
            Some(format!("rejected {number} at {held}"))
        }
        Output::Tell(EventKind::Acknowledged { number, held, .. }) => {
            Some(format!("has {number}, {held} left"))
        }
        _ => None,
    };
    rig.fresh.iter().filter_map(told).collect()
}

pub(super) fn ack(rig: &mut Rig, number: u64) {
    rig.message(ServerMessage::Ack { number });
}

#[test]
fn what_comes_up_before_the_welcome_waits_for_it() {
    let mut rig = sender(SENDING, &[]);
    rig.pass(EVERY);
    assert_eq!(told(&rig), ["1 of 1"]);
    assert!(said(&rig).is_empty(), "nobody is there yet");
    rig.input(Input::Opened);
    rig.pass(EVERY);
    assert!(said(&rig).is_empty(), "the server has said nothing yet");
    rig.message(welcome("s1", 1, false, false));
    assert_eq!(said(&rig), [1, 2]);
    rig.pass(EVERY);
    assert_eq!(said(&rig), [3], "each once on a connection");
}

#[test]
fn what_is_not_acknowledged_is_said_again_on_the_next_connection() {
    let mut rig = sender(SENDING, &[]);
    rig.open();
    rig.pass(2 * EVERY);
    assert_eq!(said(&rig), [1, 2]);
    ack(&mut rig, 1);
    assert_eq!(told(&rig), ["has 1, 1 left"]);
    ack(&mut rig, 1);
    assert!(told(&rig).is_empty(), "that is no news");
    rig.fails_and_dials(CloseReason::Reset);
    rig.open();
    assert_eq!(said(&rig), [2]);
    // What the old connection still has to say counts for nothing.
    rig.input_of(1, Input::Message(ServerMessage::Ack { number: 2 }));
    assert!(told(&rig).is_empty());
}

#[test]
fn beyond_the_bound_the_oldest_gives_way_or_the_new_one_is_refused() {
    let mut rig = sender(SENDING, &[]);
    rig.pass(4 * EVERY);
    let dropped = ["1 of 1", "2 of 2", "3 of 3", "dropped 1 at 3", "4 of 3"];
    assert_eq!(told(&rig), dropped);
    let rejects = Sending {
        beyond: Beyond::Reject,
        ..SENDING
    };
    let mut rig = sender(rejects, &[]);
    rig.pass(4 * EVERY);
    let rejected = ["1 of 1", "2 of 2", "3 of 3", "rejected 4 at 3"];
    assert_eq!(told(&rig), rejected);
}

#[test]
fn at_most_once_what_was_said_is_forgotten_and_what_was_not_is_held() {
    let once = Sending {
        delivery: Delivery::AtMostOnce,
        at_most: 1,
        ..SENDING
    };
    let mut rig = sender(once, &[]);
    rig.open();
    rig.pass(EVERY);
    assert_eq!((said(&rig), told(&rig)), (vec![1], vec!["1 of 0".into()]));
    rig.ends(CloseReason::Reset);
    rig.pass(2 * EVERY);
    assert_eq!(told(&rig), ["2 of 1", "dropped 2 at 1", "3 of 1"]);
    rig.open();
    assert_eq!(said(&rig), [3]);
    let none = Sending { at_most: 0, ..once };
    let mut rig = sender(none, &[]);
    rig.pass(EVERY);
    assert_eq!(told(&rig), ["dropped 1 at 0"]);
}

#[test]
fn whoever_is_at_an_end_has_nothing_to_say() {
    let mut rig = sender(SENDING, &[]);
    rig.open();
    rig.command(Command::Stop);
    rig.pass(3 * EVERY);
    assert!(told(&rig).is_empty());
}
