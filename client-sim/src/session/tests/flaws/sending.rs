//! What a client has to say itself, and holds.

use super::super::sending::{SENDING, ack, said, sender, told};
use super::*;

/// Two messages said, the first acknowledged; then the connection is lost, and a
/// third comes up before the next one is welcomed.
fn returned(flaws: &[Flaw]) -> Rig {
    let mut rig = sender(SENDING, flaws);
    rig.open();
    rig.pass(2 * SENDING.every);
    ack(&mut rig, 1);
    rig.fails_and_dials(CloseReason::Reset);
    rig.pass(SENDING.every);
    rig.open();
    rig
}

#[test]
fn unbounded_queue() {
    let held = |flaws: &[Flaw]| {
        let mut rig = sender(SENDING, flaws);
        rig.pass(4 * SENDING.every);
        told(&rig).pop()
    };
    assert_eq!(held(&[]).as_deref(), Some("4 of 3"));
    assert_eq!(held(&[Flaw::UnboundedQueue]).as_deref(), Some("4 of 4"));
}

#[test]
fn forgets_queue() {
    assert_eq!(said(&returned(&[])), [2, 3]);
    assert!(said(&returned(&[Flaw::ForgetsQueue])).is_empty());
}

#[test]
fn replays_acknowledged() {
    assert_eq!(said(&returned(&[Flaw::ReplaysAcknowledged])), [1, 2, 3]);
}

#[test]
fn flushes_backwards() {
    assert_eq!(said(&returned(&[Flaw::FlushesBackwards])), [3, 2]);
}

#[test]
fn flushes_on_open() {
    let opened = |flaws: &[Flaw]| {
        let mut rig = sender(SENDING, flaws);
        rig.pass(SENDING.every);
        rig.input(Input::Opened);
        said(&rig)
    };
    assert!(opened(&[]).is_empty());
    assert_eq!(opened(&[Flaw::FlushesOnOpen]), [1]);
}
