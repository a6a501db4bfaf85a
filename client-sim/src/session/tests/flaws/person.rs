//! What the user asks for.

use super::*;

#[test]
fn nothing_follows_a_stop() {
    let dials_after_stop = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        rig.ends(CloseReason::Refused);
        rig.command(Command::Stop);
        assert_eq!(rig.fresh, [Output::Tell(EventKind::Stopped)]);
        rig.pass(60 * SECOND);
        rig.dials().len()
    };
    assert_eq!(dials_after_stop(&[]), 0);
    assert!(dials_after_stop(&[Flaw::DialsAfterStop]) > 0);
}

#[test]
fn a_stop_closes_an_open_connection_politely_and_drops_an_attempt() {
    let closed = |dial| {
        Output::Tell(EventKind::Closed {
            dial,
            why: CloseReason::Wanted,
            code: None,
        })
    };
    let close = |code| Output::Close {
        dial: 1,
        code,
        patience: Some(SECOND),
    };
    let stopped = Output::Tell(EventKind::Stopped);
    let mut open = Rig::live(&[]);
    open.command(Command::Stop);
    assert_eq!(open.fresh, [close(1000), closed(1), stopped.clone()]);

    let mut ended = Rig::live(&[]);
    ended.session.shutdown();
    ended.take();
    assert_eq!(ended.fresh, [close(1001), closed(1), stopped.clone()]);

    let mut connecting = Rig::new(&[]);
    connecting.command(Command::Stop);
    let abandon = Output::Abandon { dial: 1 };
    assert_eq!(connecting.fresh, [abandon, closed(1), stopped]);
}

#[test]
fn reconnect_makes_exactly_one_attempt_and_starts_the_delay_afresh() {
    let dials = |flaws: &[Flaw], waits: bool| {
        let mut rig = Rig::new(flaws);
        for _ in 0..3 {
            rig.fails_and_dials(CloseReason::Refused);
        }
        if waits {
            rig.ends(CloseReason::Refused);
        }
        rig.command(Command::Reconnect);
        let dials = rig.dials().len();
        assert_eq!(rig.fails_and_dials(CloseReason::Refused), SECOND);
        dials
    };
    assert_eq!((dials(&[], true), dials(&[], false)), (1, 0));
    let flaw = [Flaw::DialsTwiceOnReconnect];
    assert_eq!((dials(&flaw, true), dials(&flaw, false)), (2, 1));
}

#[test]
fn reconnect_replaces_a_live_connection_without_delay() {
    let mut rig = Rig::live(&[]);
    rig.message(tick(1));
    rig.command(Command::Reconnect);
    let resume = Resume {
        session: "s1".into(),
        last_seq: 1,
    };
    assert!(matches!(
        rig.fresh[0],
        Output::Close {
            dial: 1,
            code: 1000,
            ..
        }
    ));
    assert_eq!(rig.dials(), [(2, Some(resume))]);
}

#[test]
fn the_pause_is_asked_for_again_when_the_session_has_lost_it() {
    let asserted = |flaws: &[Flaw], paused| {
        let mut rig = Rig::live(flaws);
        rig.command(Command::Pause);
        assert_eq!(rig.sent(), [ClientMessage::Pause]);
        rig.fails_and_dials(CloseReason::Reset);
        rig.input(Input::Opened);
        rig.message(welcome("s2", 1, false, paused));
        rig.sent()
    };
    assert_eq!(asserted(&[], false), [ClientMessage::Pause]);
    assert_eq!(asserted(&[], true), []);
    assert_eq!(asserted(&[Flaw::ForgetsPause], false), []);
}

#[test]
fn what_was_wanted_while_down_is_said_once_after_the_welcome() {
    let mut rig = Rig::live(&[]);
    rig.command(Command::Pause);
    rig.fails_and_dials(CloseReason::Reset);
    rig.command(Command::Resume);
    assert_eq!(rig.sent(), []);
    rig.input(Input::Opened);
    rig.command(Command::Pause);
    rig.command(Command::Resume);
    assert_eq!(rig.sent(), [], "before the welcome");
    rig.message(welcome("s1", 1, true, true));
    assert_eq!(rig.sent(), [ClientMessage::Resume]);
    rig.message(welcome("s1", 1, true, true));
    assert_eq!(rig.sent(), [], "a second welcome");
}

#[test]
fn a_late_word_of_an_old_connection_is_contradicted() {
    let said = |flaws: &[Flaw]| {
        let mut rig = Rig::live(flaws);
        rig.command(Command::Pause);
        rig.fails_and_dials(CloseReason::Reset);
        rig.command(Command::Resume);
        rig.input(Input::Opened);
        rig.message(welcome("s1", 1, true, false));
        assert_eq!(rig.sent(), [], "it is as wanted");
        rig.message(ServerMessage::Paused);
        rig.sent()
    };
    assert_eq!(said(&[]), [ClientMessage::Resume]);
    assert_eq!(said(&[Flaw::IgnoresContradiction]), []);
}

#[test]
fn an_answer_that_is_overtaken_is_no_contradiction() {
    let mut rig = Rig::live(&[]);
    rig.command(Command::Pause);
    rig.command(Command::Resume);
    rig.message(ServerMessage::Paused);
    assert_eq!(rig.sent(), [], "the second answer is to come");
    rig.message(ServerMessage::Resumed);
    assert_eq!(rig.sent(), []);
    rig.message(ServerMessage::Paused);
    assert_eq!(rig.sent(), [ClientMessage::Resume]);
}

#[test]
fn a_client_without_wishes_says_nothing() {
    let mut rig = Rig::new(&[]);
    rig.input(Input::Opened);
    rig.message(welcome("s1", 1, false, true));
    assert_eq!(rig.sent(), []);
}
