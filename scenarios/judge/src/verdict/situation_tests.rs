//! Each key of `[situation]`: a journal in which it came about, and others in which
//! it did not.

use chaos_proxy::{Ending, EventKind as Proxy, Opcode};
use environment::text::format_duration;
use std::time::Duration;

use super::*;
use crate::checks::Measure;
use crate::journal::builder::JournalBuilder;
use crate::journal::{Header, Mark};
use crate::language::sample::{header, scenario};
use crate::subject::Traits;

/// What the sentences have in common.
const NOBODY: &str = "no client came into the situation that the scenario is about: ";

fn text(situation: &str, rest: &str) -> String {
    format!(
        "[clients]\ncount = 2\nliveness = '2s'\nconnect_timeout = '2s'\n[situation]\n{situation}\n{rest}\n[expect]\nmax_live = 1\n"
    )
}

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500)
        .connected("c1", 1, 0, 10)
        .connected("c2", 1, 0, 10)
}

fn judged(text: &str, story: &JournalBuilder, subject: Option<Traits>) -> Judgement {
    let scenario = scenario(text);
    let header = Header {
        subject,
        ..header(&scenario)
    };
    judge(&scenario, &header, &story.entries())
}

/// It came about.
#[track_caller]
fn is_there(text: &str, story: &JournalBuilder) {
    let judgement = judged(text, story, None);
    assert_eq!(judgement.verdict, Verdict::Passed, "{judgement:#?}");
    assert!(judgement.situation.iter().all(|one| one.came_about));
}

/// It did not, and so the run says nothing.
#[track_caller]
fn is_not_there(text: &str, story: &JournalBuilder, why: &str) {
    let judgement = judged(text, story, None);
    let reasons: Vec<String> = judgement.reasons.iter().map(ToString::to_string).collect();
    let expected = (Verdict::Inconclusive, vec![format!("{NOBODY}{why}")]);
    assert_eq!((judgement.verdict, reasons), expected);
    assert!(judgement.situation.iter().all(|one| !one.came_about));
}

const SILENT: &str = "[[fault]]\nat = '1s'\nfor = '3s'\ninject.accept_silent = {}";

/// The second connection is never answered.
fn unanswered() -> JournalBuilder {
    run()
        .accepted("c1", 2, 1500)
        .struck_late("c1", 2, "accept_silent", 1500, 1500)
}

#[test]
fn attempts_given_up() {
    let text = text("attempts_given_up = 1", SILENT);
    is_there(&text, &unanswered().left("c1", 2, Ending::Fin, 2500));
    let none = "`attempts_given_up` was 0 at most; needed at least 1";
    is_not_there(&text, &unanswered(), none);
    // What is ended toward it, or had opened, or ends with the run, is not given up.
    let reset = unanswered().ended("c1", 2, Ending::Reset, 2400);
    is_not_there(&text, &reset.left("c1", 2, Ending::Fin, 2500), none);
    let opened = unanswered().opened("c1", 2, 2400);
    is_not_there(&text, &opened.left("c1", 2, Ending::Fin, 2500), none);
    let stopped = unanswered().left("c1", 2, Ending::Fin, 15_450);
    is_not_there(&text, &stopped, none);
    // So often for one client, not by two together.
    let twice = text.replace("= 1\n[[f", "= 2\n[[f");
    let each = unanswered()
        .left("c1", 2, Ending::Fin, 2500)
        .accepted("c2", 2, 1500)
        .left("c2", 2, Ending::Fin, 2500);
    let one = "`attempts_given_up` was 1 at most; needed at least 2";
    is_not_there(&twice, &each, one);
}

const STALL: &str = "[[fault]]\nat = '1s'\nfor = '3s'\ninject.stall = {}";

fn stalled() -> JournalBuilder {
    run().stalled("c1", 1, 1000).struck("c2", 1, "stall", 1000)
}

#[test]
fn overlapping_connections() {
    let text = text("overlapping_connections = 1", STALL);
    let replaced = stalled()
        .left("c1", 1, Ending::Fin, 2900)
        .connected("c1", 2, 3000, 3100);
    is_there(&text, &replaced.clone().closed("c1", 1, 4000));
    let none = "`overlapping_connections` was 0 at most; needed at least 1";
    is_not_there(&text, &replaced.closed("c1", 1, 3050), none);
    // Two attempts side by side are none.
    let never_open = run()
        .struck("c1", 1, "stall", 1000)
        .struck("c2", 1, "stall", 1000)
        .closed("c1", 1, 1001)
        .accepted("c1", 2, 1100)
        .connected("c1", 3, 3000, 3100);
    is_not_there(&text, &never_open, none);
}

#[test]
fn silences_outlasted() {
    let text = text("silences_outlasted = 1", STALL);
    is_there(&text, &stalled().resumed("c1", 1, 3000));
    let noticed = stalled()
        .left("c1", 1, Ending::Fin, 1900)
        .connected("c1", 2, 1950, 1999);
    is_there(&text, &noticed);
    let none = "`silences_outlasted` was 0 at most; needed at least 1";
    is_not_there(&text, &stalled().resumed("c1", 1, 2999), none);
    let ended = stalled().resumed("c1", 1, 1900).closed("c1", 1, 5000);
    is_not_there(&text, &ended, none);
}

const PONGS: &str = "[[fault]]\nat = '1s'\ninject.delay_frame = { delay = '1s', opcode = 'pong' }";

#[test]
fn pings_sent() {
    let text = text("pings_sent = 2", PONGS);
    let seen = |frames: &[(&str, u64, Opcode)]| {
        let story = run()
            .struck("c1", 1, "delay_frame", 1000)
            .struck("c2", 1, "delay_frame", 1000);
        frames
            .iter()
            .fold(story, |story, (direction, index, opcode)| {
                let frame = Proxy::Frame {
                    rule: "delay_frame".into(),
                    direction: (*direction).to_owned(),
                    index: *index,
                    opcode: *opcode,
                };
                story.proxy("c1", 1, frame, 2000 + index)
            })
    };
    let (ping, pong) = (
        ("upstream", 3, Opcode::Ping),
        ("downstream", 4, Opcode::Pong),
    );
    is_there(&text, &seen(&[pong, ("downstream", 9, Opcode::Pong)]));
    is_there(&text, &seen(&[ping, ("upstream", 9, Opcode::Ping), pong]));
    let one = "`pings_sent` was 1 at most; needed at least 2";
    // A ping and its answer are one, and so is what two rules acted on.
    is_not_there(&text, &seen(&[ping, pong, pong]), one);
    let none = "`pings_sent` was 0 at most; needed at least 2";
    let of_server = [
        ("downstream", 3, Opcode::Ping),
        ("upstream", 4, Opcode::Pong),
    ];
    is_not_there(&text, &seen(&of_server), none);
}

#[test]
fn pings_of_a_rule_are_nobodys() {
    let own = "[[fault]]\nat = '1s'\ninject.send_message = \
        { text = 'x', opcode = 'ping', direction = 'upstream' }";
    let text = text(
        "pings_sent = 1",
        &format!("{PONGS}\nmust_fire = false\n{own}"),
    );
    let frame = |rule: &str, direction: &str| Proxy::Frame {
        rule: rule.into(),
        direction: direction.to_owned(),
        index: 3,
        opcode: Opcode::Ping,
    };
    let story = run()
        .struck("c1", 1, "send_message", 1000)
        .proxy("c1", 1, frame("send_message", "upstream"), 1000)
        .proxy("c1", 1, frame("delay_frame", "downstream"), 1000);
    let none = "`pings_sent` was 0 at most; needed at least 1";
    is_not_there(&text, &story, none);
    is_there(
        &text,
        &story.proxy("c1", 1, frame("delay_frame", "upstream"), 1001),
    );
}

const STOP: &str = "[[action]]\nat = '2s'\ndo = 'pause'\n\
    [[fault]]\nat = '1s'\nfor = '3s'\ninject.accept_silent = {}";

/// The user acts after two seconds.
fn told(story: JournalBuilder) -> JournalBuilder {
    let action = Mark::Action {
        action: "pause".into(),
        targets: ["c1".to_owned()].into(),
    };
    story.mark(action, 2000)
}

#[test]
fn told_while_connecting_or_waiting() {
    let connecting = text("told_while_connecting = 1", STOP);
    let waiting = text("told_while_waiting = 1", STOP);
    let lost = || {
        run()
            .closed("c1", 1, 1000)
            .struck("c2", 0, "accept_silent", 1000)
    };
    let dialling = told(lost().accepted("c1", 2, 1500)).closed("c1", 2, 2500);
    let between = told(lost().accepted("c1", 2, 1500).closed("c1", 2, 1900));
    let connected = told(run().struck("c2", 0, "accept_silent", 1000));
    is_there(&connecting, &dialling);
    is_there(&waiting, &between);
    let none = |key: &str| format!("`{key}` was 0 at most; needed at least 1");
    for story in [&between, &connected] {
        is_not_there(&connecting, story, &none("told_while_connecting"));
    }
    for story in [&dialling, &connected] {
        is_not_there(&waiting, story, &none("told_while_waiting"));
    }
    // A dial that finds no listener is known from the client alone.
    let blackholed = told(lost().dialled("c1", 1, 0).dialled("c1", 2, 1500));
    is_there(&connecting, &blackholed);
}

const RESET: &str = "[[fault]]\nat = '1s'\ninject.reset = {}";

#[test]
fn own_delay_below() {
    let text = text("own_delay_below = '2s'", RESET);
    let lost = || {
        run()
            .struck("c1", 1, "reset", 1000)
            .struck("c2", 1, "reset", 1000)
            .closed("c1", 1, 1000)
            .closed("c2", 1, 1000)
    };
    is_there(&text, &lost().connected("c1", 2, 2999, 3010));
    let why = "`own_delay_below` was 2s at the least; needed less than 2s";
    is_not_there(&text, &lost().connected("c1", 2, 3000, 3010), why);
    // After an answer of the server's it is the server who says how long.
    let refused = lost()
        .accepted("c1", 2, 4000)
        .closed("c1", 2, 4100)
        .accepted("c1", 3, 4200);
    let why = "`own_delay_below` was 3s at the least; needed less than 2s";
    is_not_there(&text, &refused, why);
    let why = "`own_delay_below` was never measured; needed less than 2s";
    is_not_there(&text, &lost(), why);
    let asked = lost().connected("c1", 2, 2500, 2600);
    is_not_there(&text, &told(asked), why);
}

#[test]
fn thrown_out() {
    let text = text("thrown_out = 1", RESET);
    let lost = || {
        run()
            .struck("c1", 1, "reset", 1000)
            .struck("c2", 1, "reset", 1000)
            .connected("c1", 2, 2500, 2600)
    };
    // For twice the first delay, which by default is a second.
    is_there(&text, &lost().server_left("c1", 2, 4599));
    let none = "`thrown_out` was 0 at most; needed at least 1";
    is_not_there(&text, &lost().server_left("c1", 2, 4600), none);
    let left = lost().left("c1", 2, Ending::Fin, 3000);
    is_not_there(&text, &left.server_left("c1", 2, 3001), none);
    // An attempt that had no data was not let in.
    let refused = lost().accepted("c1", 3, 9000).server_left("c1", 3, 9100);
    is_not_there(&text, &refused, none);
}

/// A client of somebody else's that takes so long to notice a silence.
fn declares(liveness: Option<Duration>) -> Option<Traits> {
    Some(Traits {
        liveness_us: liveness.map(|time| u64::try_from(time.as_micros()).unwrap()),
        ..Traits::default()
    })
}

#[test]
fn what_a_client_declares_may_keep_it_out() {
    let text = text("silences_outlasted = 1", STALL);
    let story = stalled().resumed("c1", 1, 3900);
    let with = |liveness: Option<Duration>| {
        let judgement = judged(&text, &story, declares(liveness));
        let reasons = judgement.reasons.iter().map(ToString::to_string);
        (judgement.verdict, reasons.collect::<Vec<_>>())
    };
    let long = |liveness: Duration| {
        let liveness = format_duration(liveness);
        vec![format!(
            "the client stays out of the situation that the scenario is about (`silences_outlasted`) by \
             what it declares: it takes {liveness} to notice a silence, and none lasts longer than 3s"
        )]
    };
    for seconds in [3, 11] {
        let liveness = Duration::from_secs(seconds);
        let expected = (Verdict::NotApplicable, long(liveness));
        assert_eq!(with(Some(liveness)), expected);
    }
    // It should have noticed.
    assert_eq!(with(Some(Duration::from_millis(2900))).0, Verdict::Passed);
    // It declares nothing that would be a reason.
    assert_eq!(with(None).0, Verdict::Inconclusive);
    let almost = with(Some(Duration::from_millis(2950)));
    assert_eq!(almost.0, Verdict::Inconclusive, "{almost:?}");
}

#[test]
fn so_may_its_bound_of_a_dial_and_its_first_delay() {
    let micros = |seconds: u64| Some(seconds * 1_000_000);
    let excluded = |text: &str, story: &JournalBuilder, traits: Traits| {
        let judgement = judged(text, story, Some(traits));
        (judgement.verdict, judgement.reasons[0].to_string())
    };
    let traits = Traits {
        dial_bound_us: micros(5),
        first_delay_us: micros(4),
        ..Traits::default()
    };
    let beginning = "the client stays out of the situation that the scenario is about";
    let given_up = text("attempts_given_up = 1", SILENT);
    let (verdict, why) = excluded(&given_up, &unanswered(), traits.clone());
    let expected = format!(
        "{beginning} (`attempts_given_up`) by what it declares: it allows 5s for an attempt to connect, and none \
         is kept waiting for more than 3s"
    );
    assert_eq!((verdict, why), (Verdict::NotApplicable, expected));
    let delay = text("own_delay_below = '2s'", RESET);
    let back = run()
        .struck("c1", 1, "reset", 1000)
        .struck("c2", 1, "reset", 1000)
        .connected("c1", 2, 4800, 4900);
    let (verdict, why) = excluded(&delay, &back, traits);
    let expected = format!(
        "{beginning} (`own_delay_below`) by what it declares: it waits 4s before it reconnects, \
         and that is not less than 2s"
    );
    assert_eq!((verdict, why), (Verdict::NotApplicable, expected));
}

#[test]
fn a_run_with_another_reason_is_not_excused_by_what_a_client_declares() {
    let text = text("silences_outlasted = 1", STALL);
    let ended = Mark::ClientEnded {
        client: "c2".into(),
        how: "exit status: 1".into(),
    };
    let story = stalled().resumed("c1", 1, 3900).mark(ended, 15_000);
    let judgement = judged(&text, &story, declares(Some(Duration::from_secs(11))));
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:#?}");
}

#[test]
fn whoever_does_wrong_has_failed_whatever_the_situation() {
    let text = text("silences_outlasted = 1", STALL);
    let doubled = stalled()
        .resumed("c1", 1, 1900)
        .connected("c1", 2, 3000, 3100);
    let judgement = judged(&text, &doubled, declares(Some(Duration::from_secs(11))));
    assert_eq!(judgement.verdict, Verdict::Failed);
}

#[test]
fn results_say_of_each_client_how_much_there_was() {
    let text = text("silences_outlasted = 1", STALL);
    let judgement = judged(&text, &stalled().resumed("c1", 1, 3000), None);
    let [one] = &judgement.situation[..] else {
        panic!("{judgement:#?}")
    };
    let (name, needed) = (one.name.as_str(), &one.needed);
    assert_eq!((name, needed), ("silences_outlasted", &Measure::Count(1)));
    let counts = ["c1", "c2"].map(|client| one.clients[client].clone());
    assert_eq!(counts, [Measure::Count(1), Measure::Count(0)]);
}

#[test]
fn of_a_run_cut_short_nothing_is_missed() {
    let text = text("silences_outlasted = 1", STALL);
    let cut = JournalBuilder::new()
        .mark(Mark::TZero, 0)
        .connected("c1", 1, 0, 10)
        .mark(Mark::Interrupted, 500);
    let judgement = judged(&text, &cut, None);
    let reasons = judgement.reasons.iter();
    let mut named = reasons.filter(|reason| matches!(reason, Reason::NotInSituation { .. }));
    assert_eq!(named.next(), None);
}
