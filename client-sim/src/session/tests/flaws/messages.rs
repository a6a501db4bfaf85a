//! What the server says, and where it goes on.

use super::*;

#[test]
fn resumes_with_the_highest_number_applied() {
    let resume = |flaws: &[Flaw], resume| {
        let mut rig = Rig::with(Behaviour {
            resume,
            ..behaviour(flaws)
        });
        rig.open();
        rig.message(tick(1));
        rig.message(tick(2));
        rig.message(tick(1));
        rig.ends(CloseReason::Ended);
        rig.pass(SECOND);
        rig.dials()[0].1.clone()
    };
    let expected = Resume {
        session: "s1".into(),
        last_seq: 2,
    };
    assert_eq!(resume(&[], true), Some(expected));
    assert_eq!(resume(&[], false), None);
    assert_eq!(resume(&[Flaw::ForgetsSession], true), None);
}

#[test]
fn a_tick_is_applied_once() {
    let applied = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        let mut applied = Vec::new();
        for seq in [1, 2, 2, 1, 3] {
            rig.message(tick(seq));
            applied.extend(rig.applied());
            let is_repeated = rig.has_told(|what| matches!(what, EventKind::Repeated { .. }));
            assert_eq!(is_repeated, rig.applied().is_empty());
        }
        applied
    };
    assert_eq!(applied(&[]), [1, 2, 3]);
    assert_eq!(applied(&[Flaw::AppliesDuplicates]), [1, 2, 2, 1, 3]);
}

#[test]
fn a_fresh_session_counts_from_its_start_even_under_the_same_id() {
    let mut rig = Rig::live(&[]);
    rig.message(tick(1));
    rig.message(tick(2));
    rig.fails_and_dials(CloseReason::Reset);
    rig.input(Input::Opened);
    rig.message(welcome("s1", 1, false, false));
    rig.message(tick(1));
    assert_eq!(rig.applied(), [1]);
}

#[test]
fn another_servers_messages_are_data_without_numbers() {
    let mut rig = Rig::new(&[]);
    rig.input(Input::Opened);
    for message in [ServerMessage::Other, tick(7)] {
        rig.message(message);
        assert_eq!(rig.fresh, [Output::Tell(EventKind::Received { dial: 1 })]);
    }
}

#[test]
fn secrets_are_told_by_their_tag_only() {
    let mut rig = Rig::new(&[]);
    rig.input(Input::Opened);
    rig.message(welcome("very-secret", 1, false, false));
    let told = format!("{:?}", rig.fresh);
    assert!(told.contains(&environment::tag("very-secret")));
    assert!(!told.contains("very-secret"));
}
