//! What the sound client does, and beside it the flaw that does otherwise.

use std::time::Duration;

use super::super::{Command, Ending, Input, Output, Phase, Resume};
use super::{Rig, SECOND, behaviour, tick, welcome};
use crate::{Behaviour, ClientMessage, Flaw, Policy, ServerMessage, Shape, What, Why};

#[test]
fn a_silent_connection_is_abandoned_and_replaced() {
    let mut sound = Rig::live(&[]);
    sound.pass(5 * SECOND);
    let stale = Output::Tell(What::Stale { dial: 1 });
    assert_eq!(sound.fresh, [stale, Output::Ping { dial: 1 }]);
    sound.pass(5 * SECOND - Duration::from_nanos(1));
    assert_eq!(sound.session.phase(), Phase::Open);
    sound.pass(Duration::from_nanos(1));
    assert!(sound.has_closed(Why::Silent) && sound.abandons(1));
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
    assert_eq!(told(&[]), [Output::Tell(What::Stale { dial: 1 })]);
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
        assert!(!rig.has_told(|what| matches!(what, What::Revived { .. })));
        first
    };
    let told = Output::Tell(What::Revived { dial: 1 });
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
        rig.has_closed(Why::Silent)
    };
    assert!(!is_replaced_again(&[]));
    assert!(is_replaced_again(&flaw));
    let mut unasked = Rig::live(&flaw);
    unasked.fails_and_dials(Why::Reset);
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
        (rig.has_closed(Why::ConnectTimeout), rig.dial >= 3)
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
fn the_delay_starts_afresh_only_after_minimum_uptime() {
    // Up for 3 s, three times; then up for 5 s.
    let delays = |flaws: &[Flaw]| -> Vec<u64> {
        let mut rig = Rig::new(flaws);
        let mut delays = Vec::new();
        for uptime in [3, 3, 3, 5] {
            rig.open();
            rig.stays_up(uptime);
            delays.push(rig.fails_and_dials(Why::Reset).as_secs());
        }
        delays
    };
    assert_eq!(delays(&[]), [1, 2, 4, 1]);
    assert_eq!(delays(&[Flaw::ResetsBackoffOnOpen]), [1, 1, 1, 1]);
    assert_eq!(delays(&[Flaw::NeverResetsBackoff]), [1, 2, 4, 8]);
}

#[test]
fn silence_at_the_end_is_no_uptime() {
    let mut rig = Rig::live(&[]);
    rig.pass(10 * SECOND);
    rig.pass(SECOND);
    rig.open();
    rig.pass(10 * SECOND);
    assert_eq!(rig.delay(), 2 * SECOND);
}

#[test]
fn delays_are_drawn_and_grow_unless_flawed() {
    let delays = |flaws: &[Flaw]| -> Vec<Duration> {
        let mut rig = Rig::with(Behaviour {
            reconnect: Policy::new(Shape::FullJitter),
            ..behaviour(flaws)
        });
        (0..4).map(|_| rig.fails_and_dials(Why::Refused)).collect()
    };
    let sound = delays(&[]);
    assert_eq!(sound, delays(&[]), "same seed, same delays");
    let ceilings = [1, 2, 4, 8].map(Duration::from_secs);
    assert!(
        sound
            .iter()
            .zip(ceilings)
            .all(|(delay, ceiling)| *delay < ceiling)
    );
    assert_eq!(delays(&[Flaw::NoJitter]), ceilings);
    assert_eq!(delays(&[Flaw::NoBackoff]), [Duration::from_millis(1); 4]);
}

#[test]
fn retry_after_is_obeyed_within_reason() {
    let delay = |flaws: &[Flaw], seconds| {
        let mut rig = Rig::new(flaws);
        rig.refuses(503, Some(seconds));
        rig.delay().as_secs()
    };
    assert_eq!(delay(&[], 5), 6);
    assert_eq!(delay(&[], u64::MAX), 301);
    assert_eq!(delay(&[Flaw::IgnoresRetryAfter], 5), 1);
}

#[test]
fn a_denial_is_retried_near_the_cap() {
    let least = 4 * SECOND;
    for status in [401, 403] {
        let mut rig = Rig::new(&[]);
        rig.refuses(status, None);
        assert!(rig.delay() >= least, "{status}");
    }
    for (code, is_denied) in [
        (1008, true),
        (1013, true),
        (4001, true),
        (1012, false),
        (1000, false),
    ] {
        let mut rig = Rig::live(&[]);
        rig.closes(code);
        assert_eq!(rig.delay() >= least, is_denied, "{code}");
    }
    let mut flawed = Rig::new(&[Flaw::HammersWhenDenied]);
    flawed.refuses(401, None);
    assert_eq!(flawed.delay(), SECOND);
}

#[test]
fn no_ending_is_final_unless_flawed() {
    let close_frame = |code| Ending {
        code,
        ..Ending::of(Why::CloseFrame)
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
    check(Ending::of(Why::Ended), &[Flaw::StopsOnCleanClose]);
    check(Ending::of(Why::Reset), &[Flaw::StopsOnReset]);
    check(Ending::of(Why::Network), &[]);
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
    sound.ends(Why::BadUpgrade);
    assert_eq!(sound.session.phase(), Phase::Backoff);
    let mut flawed = Rig::new(&[Flaw::TakesAnyAnswer]);
    flawed.ends(Why::BadUpgrade);
    assert_eq!(flawed.session.phase(), Phase::Open);
    flawed.pass(10 * SECOND);
    assert!(flawed.has_closed(Why::Silent));
    let mut refused = Rig::new(&[Flaw::TakesAnyAnswer]);
    refused.ends(Why::Refused);
    assert_eq!(refused.session.phase(), Phase::Backoff);
}

#[test]
fn the_piece_of_a_cut_message_is_thrown_away() {
    let cut = Ending {
        is_cut: true,
        ..Ending::of(Why::Ended)
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
    let whole = Ending::of(Why::Ended);
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
        rig.ends(Why::Refused);
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
    rig.fails_and_dials(Why::Refused);
    rig.ends(Why::Refused);
    assert!(rig.has_told(|what| *what == What::GaveUp));
    assert_eq!(
        (rig.session.phase(), rig.session.deadline()),
        (Phase::GaveUp, None)
    );
    rig.command(Command::Reconnect);
    assert_eq!(rig.dials(), [(3, None)]);
    assert_eq!(rig.fails_and_dials(Why::Refused), SECOND);

    let phase_after_ten = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        for _ in 0..10 {
            rig.ends(Why::Refused);
            rig.pass(8 * SECOND);
        }
        rig.session.phase()
    };
    assert_eq!(phase_after_ten(&[Flaw::GivesUpEarly]), Phase::GaveUp);
    assert_ne!(phase_after_ten(&[]), Phase::GaveUp);
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
    flawed.ends(Why::Ended);
    assert_eq!(flawed.session.phase(), Phase::Backoff);
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
    rig.input_of(1, Input::Ended(Ending::of(Why::Ended)));
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
        rig.ends(Why::Reset);
        rig.ends(Why::Ended);
        rig.pass(SECOND);
        rig.dials().len()
    };
    assert_eq!(dials(&[]), 1);
    assert_eq!(dials(&[Flaw::DoubleDial]), 2);
}

#[test]
fn nothing_follows_a_stop() {
    let dials_after_stop = |flaws: &[Flaw]| {
        let mut rig = Rig::new(flaws);
        rig.ends(Why::Refused);
        rig.command(Command::Stop);
        assert_eq!(rig.fresh, [Output::Tell(What::Stopped)]);
        rig.pass(60 * SECOND);
        rig.dials().len()
    };
    assert_eq!(dials_after_stop(&[]), 0);
    assert!(dials_after_stop(&[Flaw::DialsAfterStop]) > 0);
}

#[test]
fn a_stop_closes_an_open_connection_politely_and_drops_an_attempt() {
    let closed = |dial| {
        Output::Tell(What::Closed {
            dial,
            why: Why::Wanted,
            code: None,
        })
    };
    let close = |code| Output::Close {
        dial: 1,
        code,
        patience: Some(SECOND),
    };
    let stopped = Output::Tell(What::Stopped);
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
            rig.fails_and_dials(Why::Refused);
        }
        if waits {
            rig.ends(Why::Refused);
        }
        rig.command(Command::Reconnect);
        let dials = rig.dials().len();
        assert_eq!(rig.fails_and_dials(Why::Refused), SECOND);
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
        rig.fails_and_dials(Why::Reset);
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
    rig.fails_and_dials(Why::Reset);
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
fn a_client_without_wishes_says_nothing() {
    let mut rig = Rig::new(&[]);
    rig.input(Input::Opened);
    rig.message(welcome("s1", 1, false, true));
    assert_eq!(rig.sent(), []);
}

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
        rig.ends(Why::Ended);
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
            let is_repeated = rig.has_told(|what| matches!(what, What::Repeated { .. }));
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
    rig.fails_and_dials(Why::Reset);
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
        assert_eq!(rig.fresh, [Output::Tell(What::Received { dial: 1 })]);
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

#[test]
fn every_flaw_is_tested_here() {
    let text = include_str!("flaws.rs");
    for flaw in Flaw::ALL {
        let name = format!("Flaw::{flaw:?}");
        assert!(text.contains(&name), "{name} has no test");
    }
}
