//! What clients have to say: where each check holds, where it does not, and where it
//! cannot tell.

use chaos_proxy::EventKind as Proxy;
use client_sim::EventKind as Client;
use ticker_server::EventKind as Server;

use super::tests::{judge, run};
use super::{Finding, Measure, Unseen};
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, mistakes, scenario};

/// Clients that send, with a bound of three.
fn sending(more: &str, expect: &str) -> String {
    format!(
        "[clients]\ncount = 2\nsend = {{ every = '200ms'{more} }}\nqueue.at_most = 3\n\
         [[fault]]\nat = '1s'\ninject.reset = {{}}\n\
         [[fault]]\nname = 'twist'\nat = '1s'\nmust_fire = false\n\
         inject.reorder_frame = {{ direction = 'upstream' }}\n[expect]\n{expect}\n"
    )
}

trait Sends {
    fn offered(self, number: u64, held: u64, at: u64) -> Self;
    fn sent(self, dial: u64, numbers: &[u64], at: u64) -> Self;
    fn received(self, socket: u64, numbers: &[u64], at: u64) -> Self;
    fn acknowledged(self, number: u64, held: u64, at: u64) -> Self;
    fn back(self, dial: u64, at: u64) -> Self;
}

/// All of c1, whose session is `s`.
impl Sends for JournalBuilder {
    fn offered(self, number: u64, held: u64, at: u64) -> Self {
        self.client("c1", Client::Offered { number, held }, at)
    }

    fn sent(self, dial: u64, numbers: &[u64], at: u64) -> Self {
        numbers.iter().fold(self, |story, number| {
            let number = *number;
            story.client("c1", Client::Sent { dial, number }, at)
        })
    }

    fn received(self, socket: u64, numbers: &[u64], at: u64) -> Self {
        numbers.iter().fold(self, |story, number| {
            let what = Server::Received {
                socket,
                session: "s".into(),
                number: *number,
            };
            story.server(what, at)
        })
    }

    fn acknowledged(self, number: u64, held: u64, at: u64) -> Self {
        let what = Client::Acknowledged {
            dial: 1,
            number,
            held,
        };
        self.client("c1", what, at)
    }

    fn back(self, dial: u64, at: u64) -> Self {
        self.told_closed("c1", dial - 1, at)
            .dialled("c1", dial, at + 1)
            .socket_opened(dial, "s", at + 2)
            .welcomed("c1", dial, "s", at + 3)
    }
}

/// Message 1 is there and acknowledged, 2 was sent, and 3 comes up; then the link is
/// lost, and the client is back at 1100 ms.
fn story() -> JournalBuilder {
    run()
        .dialled("c1", 1, 1)
        .socket_opened(1, "s", 4)
        .welcomed("c1", 1, "s", 5)
        .offered(1, 1, 200)
        .sent(1, &[1], 200)
        .received(1, &[1], 201)
        .acknowledged(1, 0, 202)
        .offered(2, 1, 400)
        .sent(1, &[2], 400)
        .offered(3, 2, 600)
        .back(2, 1100)
}

const HELD: &str = "clients came back with 2 messages to be sent";

#[test]
fn what_is_said_again_until_it_is_acknowledged_is_as_it_should_be() {
    // The second came, and its acknowledgement was lost.
    let story = story()
        .received(1, &[2], 401)
        .sent(2, &[2, 3], 1103)
        .received(2, &[2, 3], 1104);
    for (key, verb) in [
        ("sent_lost", "lost"),
        ("sent_duplicated", "sent again"),
        ("sent_reordered", "sent out of order"),
    ] {
        let text = sending("", &format!("{key} = 0"));
        let why = format!("no message was {verb}; {HELD}");
        judge(&text, &story, Finding::Ok, &why);
    }
}

#[test]
fn what_never_came_though_a_later_one_did_is_lost() {
    let text = sending("", "sent_lost = 0");
    let story = story().offered(4, 1, 1200).received(2, &[4], 1201);
    let why =
        "message 2 of c1 never came, though a later one did; lost in all: 2, expected at most 0";
    let judged = judge(&text, &story, Finding::Failed, why);
    assert_eq!(judged.observed, Measure::Count(2));
    assert_eq!(judged.clients, ["c1"]);
    // What was said once need not arrive where it is said once only.
    let once = sending(", delivery = 'at_most_once'", "sent_lost = 0");
    let why =
        "message 3 of c1 never came, though a later one did; lost in all: 1, expected at most 0";
    judge(&once, &story, Finding::Failed, why);
}

#[test]
fn what_is_still_held_is_not_lost() {
    let text = sending("", "sent_lost = 0");
    let why = format!("no message was lost; {HELD}");
    judge(&text, &story(), Finding::Ok, &why);
}

#[test]
fn what_there_is_no_room_for_may_be_given_up_and_nothing_else() {
    let text = sending("", "sent_lost = 0");
    let given_up = |held| {
        let story = story().client("c1", Client::Dropped { number: 2, held }, 1150);
        story.received(2, &[3], 1200)
    };
    let why = format!("no message was lost; {HELD}");
    judge(&text, &given_up(3), Finding::Ok, &why);
    let why =
        "message 2 of c1 never came, though a later one did; lost in all: 1, expected at most 0";
    judge(&text, &given_up(2), Finding::Failed, why);
}

#[test]
fn what_was_acknowledged_and_is_said_again_is_doubled() {
    let text = sending("", "sent_duplicated = 0");
    let story = story().received(2, &[1, 2, 3], 1104);
    let why = "c1 sent message 1 again at 1104ms on a connection that began after it was acknowledged; \
        sent again in all: 1, expected at most 0";
    judge(&text, &story, Finding::Failed, why);
    let once = sending(", delivery = 'at_most_once'", "sent_duplicated = 0");
    let story = story.received(2, &[2], 1105);
    let why = "c1 sent message 1 again at 1104ms; sent again in all: 2, expected at most 0";
    judge(&once, &story, Finding::Failed, why);
}

#[test]
fn what_comes_after_a_later_one_on_a_newer_connection_is_out_of_order() {
    let text = sending("", "sent_reordered = 0");
    let why = "message 2 of c1 came after a later one at 1105ms; sent out of order in all: 1, expected at most 0";
    let story = story().received(2, &[3], 1104);
    judge(
        &text,
        &story.clone().received(2, &[2], 1105),
        Finding::Failed,
        why,
    );
    // What an old connection kept on its way nobody could have sent sooner.
    let why = format!("no message was sent out of order; {HELD}");
    judge(&text, &story.received(1, &[2], 1105), Finding::Ok, &why);
}

#[test]
fn what_is_said_before_the_welcome_is_early() {
    let text = sending("", "sent_early = 0");
    let why = format!("no message was sent before the welcome; {HELD}");
    judge(&text, &story().sent(2, &[2], 1103), Finding::Ok, &why);
    let why = "c1 sent message 3 before it was welcomed at 1200ms; \
        sent before the welcome in all: 1, expected at most 0";
    let early = story().dialled("c1", 3, 1199).sent(3, &[3], 1200);
    judge(&text, &early, Finding::Failed, why);
}

#[test]
fn a_queue_beyond_its_bound_fails() {
    let text = sending("", "queue_at_most = 3");
    let why = "no client ever held more than 3 messages";
    judge(&text, &story().offered(4, 3, 1101), Finding::Ok, why);
    let why = "c1 held 4 messages at 1101ms; expected at most 3";
    let judged = judge(&text, &story().offered(4, 4, 1101), Finding::Failed, why);
    assert_eq!(judged.observed, Measure::Count(4));
}

#[test]
fn numbers_beyond_counting_are_only_numbers() {
    let most = u64::MAX;
    let story = story()
        .offered(most, most, 1200)
        .back(3, 1300)
        .offered(most, most, 1400)
        .back(4, 1500)
        .received(4, &[most, most], 1510);
    let why =
        "message 2 of c1 never came, though a later one did; lost in all: 2, expected at most 0";
    let text = sending("", "sent_lost = 0");
    judge(&text, &story, Finding::Failed, why);
    let why = format!("c1 held {most} messages at 1200ms; expected at most 3");
    let text = sending("", "queue_at_most = 3");
    judge(&text, &story, Finding::Failed, &why);
}

#[test]
fn without_anything_to_say_while_away_nothing_is_judged() {
    let why = "no client had anything to say while it had no connection";
    let idle = run()
        .welcomed("c1", 1, "s", 5)
        .offered(1, 1, 200)
        .acknowledged(1, 0, 202)
        .back(2, 1100);
    for key in ["queue_at_most = 3", "sent_lost = 0", "sent_duplicated = 0"] {
        judge(&sending("", key), &idle, Finding::NotObservable, why);
    }
}

#[test]
fn of_whom_a_rule_has_changed_the_messages_nothing_is_said() {
    let story = story()
        .proxy(
            "c1",
            2,
            Proxy::Struck {
                rule: "twist".into(),
                fault: "reorder_frame".into(),
                occurrence: 1,
                planned_us: None,
                actual_us: 1_104_000,
            },
            1104,
        )
        .received(2, &[3, 2], 1104);
    let why = "`twist` changed on its way what c1 and the server said";
    let text = sending("", "sent_reordered = 0");
    let judged = judge(&text, &story, Finding::NotObservable, why);
    assert_eq!(judged.unseen, Some(Unseen::Nothing));
}

#[test]
fn a_number_is_of_whoever_was_welcomed_to_the_session_last() {
    let text = sending("", "sent_duplicated = 0");
    // After a restart the server counts its sockets and names its sessions anew.
    let story = story()
        .server_down("kill", 1200)
        .server_up("kill", 1300)
        .socket_opened(1, "s", 1400)
        .welcomed("c2", 2, "s", 1401)
        .received(1, &[1], 1500);
    let why = format!("no message was sent again; {HELD}");
    judge(&text, &story, Finding::Ok, &why);
}

#[test]
fn where_nobody_sends_anything_nothing_exercises_them() {
    for key in [
        "queue_at_most = 3",
        "sent_lost = 0",
        "sent_duplicated = 0",
        "sent_reordered = 0",
        "sent_early = 0",
    ] {
        let text = format!("id = 'x'\nduration = '4s'\n[expect]\n{key}\n");
        let told = mistakes(&text);
        let why = "nothing in the file can exercise this check: the clients have nothing to send";
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn clients_of_another_make_are_judged_by_what_they_say_of_their_queue() {
    use crate::subject::{Report, Traits};
    let scenario = scenario(&sending("", "queue_at_most = 3\nsent_lost = 0"));
    let judged = |reports: &[Report]| {
        let mut header = header(&scenario);
        header.client = "theirs".into();
        header.subject = Some(Traits {
            reports: reports.iter().copied().collect(),
            ..Traits::default()
        });
        let story = run().client("c1", Client::Held { held: 4 }, 1200);
        let evidence = super::Evidence::new(&scenario, &header, &story.entries());
        let checks = scenario.expect.iter();
        let checks = checks.map(|expected| super::check(&evidence, *expected));
        checks.map(|check| check.why).collect::<Vec<_>>()
    };
    let untold = "this client does not tell what it sends under which number";
    assert_eq!(
        judged(&[Report::Queue]),
        ["c1 held 4 messages at 1200ms; expected at most 3", untold]
    );
    assert_eq!(judged(&[]), ["this client does not report `queue`", untold]);
}
