//! Silence, and how long anything may take.

use super::*;

#[test]
fn a_silent_connection_is_abandoned_and_replaced() {
    let mut sound = Rig::live(&[]);
    sound.pass(5 * SECOND);
    let stale = Output::Tell(EventKind::Stale { dial: 1 });
    assert_eq!(sound.fresh, [stale, Output::Ping { dial: 1 }]);
    sound.pass(5 * SECOND - Duration::from_nanos(1));
    assert_eq!(sound.session.phase(), Phase::Open);
    sound.pass(Duration::from_nanos(1));
    assert!(sound.has_closed(CloseReason::Silent) && sound.abandons(1));
    assert_eq!(sound.session.phase(), Phase::Backoff);

    let mut flawed = Rig::live(&[Flaw::NoLiveness]);
    flawed.pass(1000 * SECOND);
    assert_eq!(flawed.session.phase(), Phase::Open);
}

#[test]
fn what_is_shown_is_flagged_as_stale_before_the_connection_is_given_up() {
    let told = |flaws: &[Flaw]| {
        let mut rig = Rig::with(Behaviour {
            stale_after: 4 * SECOND,
            ..behaviour(flaws)
        });
        rig.open();
        rig.pass(4 * SECOND - Duration::from_nanos(1));
        assert_eq!(rig.fresh, [], "too early");
        rig.pass(SECOND);
        rig.fresh
    };
    assert_eq!(told(&[]), [Output::Tell(EventKind::Stale { dial: 1 })]);
    assert_eq!(told(&[Flaw::NeverStale]), []);
}

#[test]
fn whatever_arrives_makes_stale_data_live_again_once() {
    let revived = |input: Input| {
        let mut rig = Rig::live(&[]);
        rig.pass(6 * SECOND);
        rig.input(input.clone());
        let first = rig.fresh.clone();
        rig.input(input);
        assert!(!rig.has_told(|what| matches!(what, EventKind::Revived { .. })));
        first
    };
    let told = Output::Tell(EventKind::Revived { dial: 1 });
    let message = revived(Input::Message(ServerMessage::Other));
    assert_eq!(message[0], told, "before the message");
    assert_eq!(revived(Input::Heard), [told]);
}

#[test]
fn a_new_connection_has_a_heartbeat_of_its_own() {
    let flaw = [Flaw::CarriesPingOver];
    let is_replaced_again = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        rig.pass(10 * SECOND);
        rig.pass(SECOND);
        rig.open();
        rig.stays_up(4);
        rig.pass(SECOND);
        rig.has_closed(CloseReason::Silent)
    };
    assert!(!is_replaced_again(&[]));
    assert!(is_replaced_again(&flaw));
    let mut unasked = Rig::live(&flaw);
    unasked.fails_and_dials(CloseReason::Reset);
    unasked.open();
    unasked.stays_up(20);
    assert_eq!(unasked.session.phase(), Phase::Open);
}

#[test]
fn life_is_judged_by_what_arrives_not_by_what_was_sent() {
    let mut flawed = Rig::live(&[Flaw::LivenessBySends]);
    flawed.pass(1000 * SECOND);
    assert_eq!(flawed.session.phase(), Phase::Open);
    assert!(flawed.fresh.contains(&Output::Ping { dial: 1 }));
}

#[test]
fn any_inbound_bytes_are_life() {
    let slow_message = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        for _ in 0..20 {
            rig.input(Input::Heard);
            rig.pass(SECOND);
        }
        rig.session.phase()
    };
    assert_eq!(slow_message(&[]), Phase::Open);
    assert_ne!(slow_message(&[Flaw::LivenessByMessages]), Phase::Open);
}

#[test]
fn every_attempt_is_bounded_upgrade_included() {
    let third_attempt_after_a_minute = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        rig.pass(60 * SECOND);
        (rig.has_closed(CloseReason::ConnectTimeout), rig.dial >= 3)
    };
    assert_eq!(third_attempt_after_a_minute(&[]), (true, true));
    let flawed = third_attempt_after_a_minute(&[Flaw::NoConnectTimeout]);
    assert_eq!(flawed, (false, false));
    let flawed = third_attempt_after_a_minute(&[Flaw::TimeoutFirstConnectOnly]);
    assert_eq!(flawed, (true, false));
}

#[test]
fn a_slow_upgrade_gets_through_when_the_bound_may_widen() {
    let opens_after = |flaws: &[Flaw], answer: Duration| {
        let mut rig = Rig::with(Behaviour {
            connect_timeout: 2 * SECOND,
            connect_timeout_cap: 10 * SECOND,
            ..behaviour(flaws)
        });
        let step = SECOND / 10;
        for dial in 1..=6 {
            let mut waited = Duration::ZERO;
            while rig.dial == dial && waited < answer {
                rig.pass(step);
                waited += step;
            }
            rig.input_of(dial, Input::Opened);
            if rig.session.phase() == Phase::Open {
                return Some(dial);
            }
            while rig.dial == dial {
                rig.pass(step);
            }
        }
        None
    };
    assert_eq!(opens_after(&[], 7 * SECOND), Some(3));
    assert_eq!(opens_after(&[Flaw::KeepsShortTimeout], 7 * SECOND), None);
}

#[test]
fn a_silent_peer_is_not_asked_to_close() {
    let dials_within_a_minute = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        rig.pass(60 * SECOND);
        let is_asked = |output: &Output| matches!(output, Output::Close { .. });
        (rig.dials().len() > 1, rig.fresh.iter().any(is_asked))
    };
    assert_eq!(dials_within_a_minute(&[]), (true, false));
    let flawed = dials_within_a_minute(&[Flaw::WaitsForCloseReply]);
    assert_eq!(flawed, (false, true));
}

#[test]
fn waiting_for_a_close_reply_ends_when_the_connection_does() {
    let mut flawed = Rig::live(&[Flaw::WaitsForCloseReply]);
    flawed.pass(60 * SECOND);
    flawed.ends(CloseReason::Ended);
    assert_eq!(flawed.session.phase(), Phase::Backoff);
}
