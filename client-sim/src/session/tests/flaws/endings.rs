//! What ends a connection, and what is left of it.

use environment::tls::Trust;

use super::*;

#[test]
fn no_ending_is_final_unless_flawed() {
    let close_frame = |code| Ending {
        code,
        ..Ending::of(CloseReason::CloseFrame)
    };
    let check = |ending, finals: &[Flaw]| {
        for flaw in [
            Flaw::StopsOnCleanClose,
            Flaw::StopsOnReset,
            Flaw::StopsOnUnknownCode,
        ] {
            let mut rig = Rig::live(&[flaw]);
            rig.input(Input::Ended(ending));
            let expected = if finals.contains(&flaw) {
                Phase::GaveUp
            } else {
                Phase::Backoff
            };
            assert_eq!(rig.session.phase(), expected, "{flaw} after {ending:?}");
        }
        let mut sound = Rig::live(&[]);
        sound.input(Input::Ended(ending));
        assert_eq!(sound.session.phase(), Phase::Backoff, "{ending:?}");
    };
    check(Ending::of(CloseReason::Ended), &[Flaw::StopsOnCleanClose]);
    check(Ending::of(CloseReason::Reset), &[Flaw::StopsOnReset]);
    check(Ending::of(CloseReason::Network), &[]);
    check(Ending::of(CloseReason::Tls), &[Flaw::StopsOnTlsError]);
    check(close_frame(Some(1001)), &[Flaw::StopsOnCleanClose]);
    let both = [Flaw::StopsOnCleanClose, Flaw::StopsOnUnknownCode];
    check(close_frame(Some(1012)), &both);
    check(close_frame(Some(4999)), &both);
    check(close_frame(None), &both);
}

#[test]
fn a_bad_answer_to_the_upgrade_is_not_fatal() {
    let phase = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        rig.refuses(500, None);
        rig.session.phase()
    };
    assert_eq!(phase(&[]), Phase::Backoff);
    assert_eq!(phase(&[Flaw::StopsOnBadUpgrade]), Phase::GaveUp);
}

#[test]
fn no_answer_but_101_is_taken_for_a_websocket() {
    let mut sound = Rig::new(&[]);
    sound.ends(CloseReason::BadUpgrade);
    assert_eq!(sound.session.phase(), Phase::Backoff);
    let mut flawed = Rig::new(&[Flaw::TakesAnyAnswer]);
    flawed.ends(CloseReason::BadUpgrade);
    assert_eq!(flawed.session.phase(), Phase::Open);
    flawed.pass(10 * SECOND);
    assert!(flawed.has_closed(CloseReason::Silent));
    let mut refused = Rig::new(&[Flaw::TakesAnyAnswer]);
    refused.ends(CloseReason::Refused);
    assert_eq!(refused.session.phase(), Phase::Backoff);
}

#[test]
fn the_piece_of_a_cut_message_is_thrown_away() {
    let cut = Ending {
        is_cut: true,
        ..Ending::of(CloseReason::Ended)
    };
    let applied = |flaws: &[Flaw], ending: Ending| {
        let mut rig = Rig::live(flaws);
        rig.message(tick(1));
        rig.input(Input::Ended(ending));
        let mut applied = rig.applied();
        rig.pass(SECOND);
        rig.open();
        rig.message(tick(2));
        applied.extend(rig.applied());
        (applied, rig.session.phase())
    };
    assert_eq!(applied(&[], cut), (vec![2], Phase::Open));
    let flaw = [Flaw::DeliversPieces];
    assert_eq!(applied(&flaw, cut), (vec![2, 2], Phase::Open));
    let whole = Ending::of(CloseReason::Ended);
    assert_eq!(applied(&flaw, whole), (vec![2], Phase::Open));
    // The new connection's first message is unreadable to it, the next one's not.
    let flaw = [Flaw::KeepsParserState];
    assert_eq!(applied(&flaw, cut), (vec![], Phase::Backoff));
    assert_eq!(applied(&flaw, whole), (vec![2], Phase::Open));
}

#[test]
fn the_first_connect_is_retried_like_any_other() {
    let phase = |flaws: &[Flaw], opens: bool| {
        let mut rig = Rig::new(flaws);
        if opens {
            rig.open();
        }
        rig.ends(CloseReason::Refused);
        rig.session.phase()
    };
    assert_eq!(phase(&[], false), Phase::Backoff);
    let flaw = [Flaw::GivesUpOnFirstConnect];
    assert_eq!(phase(&flaw, false), Phase::GaveUp);
    assert_eq!(phase(&flaw, true), Phase::Backoff);
}

#[test]
fn gives_up_after_max_attempts_and_says_so_and_can_be_told_to_go_on() {
    let mut rig = Rig::with(Behaviour {
        max_attempts: Some(2),
        ..behaviour(&[])
    });
    rig.fails_and_dials(CloseReason::Refused);
    rig.ends(CloseReason::Refused);
    assert!(rig.has_told(|what| *what == EventKind::GaveUp));
    assert_eq!(
        (rig.session.phase(), rig.session.deadline()),
        (Phase::GaveUp, None)
    );
    rig.command(Command::Reconnect);
    assert_eq!(rig.dials(), [(3, None)]);
    assert_eq!(rig.fails_and_dials(CloseReason::Refused), SECOND);

    let phase_after_ten = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        for _ in 0..10 {
            rig.ends(CloseReason::Refused);
            rig.pass(8 * SECOND);
        }
        rig.session.phase()
    };
    assert_eq!(phase_after_ten(&[Flaw::GivesUpEarly]), Phase::GaveUp);
    assert_ne!(phase_after_ten(&[]), Phase::GaveUp);
}

#[test]
fn a_session_that_was_refused_is_asked_for_no_more() {
    let asks_again = |code: u16, flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        rig.closes(code);
        rig.pass(60 * SECOND);
        let dials = rig.dials();
        dials.last().unwrap().1.is_some()
    };
    assert!(!asks_again(4401, &[]));
    assert!(asks_again(4401, &[Flaw::KeepsRefusedSession]));
    assert!(asks_again(4001, &[]) && asks_again(1008, &[]));
}

#[test]
fn an_abandoned_socket_is_let_go() {
    let abandons = |flaws: &[Flaw]| {
        let mut open = Rig::live(flaws);
        open.pass(10 * SECOND);
        let mut connecting = Rig::new(flaws);
        connecting.pass(5 * SECOND);
        (open.abandons(1), connecting.abandons(1))
    };
    assert_eq!(abandons(&[]), (true, true));
    assert_eq!(abandons(&[Flaw::LeaksOldSocket]), (false, false));
    assert_eq!(abandons(&[Flaw::LeaksAttempts]), (true, false));
}

/// The replaced connection 1 speaks and ends while 2 is live (R25, R26).
fn late_words_of_an_old_socket(flaws: &[Flaw]) -> (Vec<u64>, Phase) {
    let mut rig = Rig::live(flaws);
    rig.message(tick(1));
    rig.pass(10 * SECOND);
    rig.pass(SECOND);
    rig.open();
    rig.message(tick(2));
    rig.message(tick(3));
    rig.input_of(1, Input::Message(tick(2)));
    let applied = rig.applied();
    rig.input_of(1, Input::Ended(Ending::of(CloseReason::Ended)));
    (applied, rig.session.phase())
}

#[test]
fn what_an_old_socket_says_does_not_matter() {
    assert_eq!(late_words_of_an_old_socket(&[]), (vec![], Phase::Open));
    let leaks = late_words_of_an_old_socket(&[Flaw::LeaksOldSocket]);
    assert_eq!(leaks, (vec![], Phase::Open));
    let mixes = late_words_of_an_old_socket(&[Flaw::MixesOldData]);
    assert_eq!(mixes, (vec![2], Phase::Open));
    let trusts = late_words_of_an_old_socket(&[Flaw::TrustsOldSocket]);
    assert_eq!(trusts, (vec![], Phase::Backoff));
}

#[test]
fn one_loss_leads_to_one_dial() {
    let dials = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        rig.ends(CloseReason::Reset);
        rig.ends(CloseReason::Ended);
        rig.pass(SECOND);
        rig.dials().len()
    };
    assert_eq!(dials(&[]), 1);
    assert_eq!(dials(&[Flaw::DoubleDial]), 2);
}

#[test]
fn only_a_flawed_client_trusts_anybody() {
    let told = || Trust::Pem("an authority".to_owned());
    let trust = |flaws: &[Flaw]| {
        let behaviour = Behaviour {
            flaws: flaws.iter().copied().collect(),
            ..Behaviour::default()
        };
        behaviour.trust(told())
    };
    assert_eq!(trust(&[]), told());
    assert_eq!(trust(&[Flaw::AcceptsAnyCertificate]), Trust::Anybody);
}
