//! What is read, and what is said of what cannot be.

use std::time::Duration;

use chaos_proxy::{Ordinals, Phase};
use environment::Seed;
use environment::text::{Diagnostics, Source};
use proptest::prelude::*;

use super::read::read_into;
use super::sample::{mistakes, sound, wrong};
use super::*;
use crate::checks::Limit;
use crate::subject::Traits;

const SMALL: &str = "id = 'x'\nduration = '4s'\n[expect]\nmax_live = 1\n";

/// Every file of the catalogue, with its name, in the order of the names.
fn catalogue() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalogue");
    let paths = std::fs::read_dir(folder).unwrap();
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = paths.map(|entry| file(entry.unwrap().path())).collect();
    files.sort();
    files
}

#[test]
fn the_smallest_file_has_its_defaults() {
    let scenario = sound(SMALL);
    assert_eq!(
        (scenario.case.as_str(), scenario.title.as_str()),
        ("x", "x")
    );
    assert_eq!(scenario.start, Start::FirstMessage);
    assert_eq!(scenario.start_within, Duration::from_secs(30));
    assert_eq!(scenario.client_names(), ["c1"]);
    let slowest = scenario.clients.behaviour.reconnect.cap;
    assert_eq!(scenario.settle, slowest + Duration::from_secs(1));
    let [Expectation { check, limit }] = scenario.expect[..] else {
        panic!("one expectation");
    };
    assert_eq!((check.key, limit), ("max_live", Limit::Count(1)));
}

#[test]
fn the_catalogue_is_sound_and_proves_itself() {
    for (name, text) in catalogue() {
        let source = Source::new(name.clone(), text);
        let scenario = read(&source).unwrap_or_else(|mistakes| panic!("{}", mistakes.rendered));
        assert_eq!(format!("{}.toml", scenario.id), name);
        assert!(scenario.source.starts_with("https://"), "{name}");
        assert!(
            !scenario.why.is_empty() && scenario.proof.is_some(),
            "{name}"
        );
        let whole = scenario.duration + scenario.settle;
        assert!(whole <= Duration::from_secs(14), "{name} takes {whole:?}");
    }
}

/// With a fault at `at`, clients with these figures, and `rest`.
fn timed(at: &str, rest: &str) -> String {
    format!(
        "id = 'x'\nduration = '2 * liveness + 9s'\n[[fault]]\nat = '{at}'\n\
         for = 'dial_bound'\ninject.connect_delay = {{ delay = 'first_delay' }}\n\
         [clients]\nliveness = '3s'\nconnect_timeout = '1s'\nconnect_timeout_cap = '4s'\n\
         reconnect.full_jitter = {{ base = '200ms', cap = '7s' }}\n\
         [expect]\nmax_dials = {{ count = 9, within = 'longest_delay - 1s' }}\n{rest}"
    )
}

#[test]
fn times_are_expressions_of_the_files_own_figures() {
    let scenario = sound(&timed("liveness * 0.5", ""));
    let seconds = Duration::from_secs;
    assert_eq!(scenario.duration, seconds(15));
    let windows: Vec<_> = scenario.rules[0].windows(seconds(15)).collect();
    assert_eq!(windows[0].from, Duration::from_millis(1500));
    assert_eq!(windows[0].until, Some(Duration::from_millis(5500)));
    let delay = scenario.rules[0].fault.dial_delay();
    assert_eq!(delay, Some(Duration::from_millis(200)));
    let Limit::Dials(budget) = scenario.expect[0].limit else {
        panic!("a budget");
    };
    assert_eq!(budget.within, Some(seconds(6)));
}

#[test]
fn times_are_expressions_of_what_the_client_declares() {
    let scenario = sound(&timed("liveness * 0.5", ""));
    let subject = Traits {
        liveness_us: Some(40_000_000),
        first_delay_us: Some(0),
        ..Traits::default()
    };
    let fitted = scenario.fitted(Some(&subject)).unwrap();
    assert_eq!(fitted.duration, Duration::from_secs(89));
    assert_eq!(fitted.rules[0].fault.dial_delay(), Some(Duration::ZERO));
    let windows: Vec<_> = fitted.rules[0].windows(fitted.duration).collect();
    // Undeclared, so that of the file.
    assert_eq!(windows[0].until, Some(Duration::from_secs(24)));
}

#[test]
fn a_client_with_a_server_of_its_own_takes_that_along_and_says_what_it_does_not_obey() {
    let subject = Traits {
        server: Some("ws://localhost:8080/".into()),
        ..Traits::default()
    };
    let check = |rest: &str, url: &str, unobeyed: Option<&str>| {
        let scenario = sound(&format!("{rest}[expect]\nmax_live = 1\n"));
        let fitted = scenario.fitted(Some(&subject)).unwrap();
        let own = fitted.own_server.as_ref().map(|own| own.address());
        assert_eq!(fitted.url(own.as_ref(), "p:1", false), url);
        assert_eq!(fitted.unobeyed.as_deref(), unobeyed, "{rest}");
        assert_eq!(scenario.unobeyed, None);
    };
    let top = "id = 'x'\nduration = '4s'\n";
    let through = "ws://p:1/";
    check(&format!("{top}[server]\ntick = '100ms'\n"), through, None);
    let quiet = format!("{top}[server]\ntick = '5s'\nping_every = '1s'\n");
    check(&quiet, through, Some("`tick = \"5s\"` and `ping_every`"));
    let killed = format!("{top}[[server_event]]\nat = '1s'\ndo = 'kill'\n");
    check(&killed, through, Some("a `kill`"));
    let obedient = Traits {
        obeys: ["ping_every".to_owned(), "kill".to_owned()].into(),
        ..subject.clone()
    };
    let wants = format!("{quiet}drain = '1s'\n{}", killed.replace(top, ""));
    let wants = sound(&format!("{wants}[expect]\nmax_live = 1\n"));
    let fitted = wants.fitted(Some(&obedient)).unwrap();
    let left = Some("`tick = \"5s\"` and `drain`");
    assert_eq!(fitted.unobeyed.as_deref(), left);
    // A file's own server is behind whatever the page dials.
    let own = format!("{top}[server]\nexternal = 'ws://localhost:1/a'\n");
    check(&own, "ws://p:1/a", None);
}

#[test]
fn what_acts_on_websockets_alone_is_not_for_a_client_that_speaks_something_else() {
    let reason = |server: &str, rule: &str| {
        let subject = Traits {
            server: Some(server.into()),
            ..Traits::default()
        };
        let text = format!(
            "id = 'x'\nduration = '4s'\n[[fault]]\nname = 'f'\n{rule}\n[expect]\nmax_live = 1\n"
        );
        let fitted = sound(&text).fitted(Some(&subject)).unwrap();
        let reason = crate::verdict::known_before(&fitted, Some(&subject), false);
        reason.map(|reason| reason.to_string())
    };
    let closes = "at = '1s'\ninject.close_frame = { code = 1001 }";
    let why = "`f` acts on WebSockets only, and this client speaks something else";
    for server in ["tcp://localhost:1883", "http://localhost:8080/feed"] {
        assert_eq!(reason(server, closes).as_deref(), Some(why));
        let resets = "at = '1s'\ninject.reset = {}";
        assert_eq!(reason(server, resets), None);
        assert_eq!(
            reason(server, &format!("must_fire = false\n{closes}")),
            None
        );
    }
    assert_eq!(reason("ws://localhost:8080/", closes), None);
}

#[test]
fn wrong_expressions_are_told_at_their_places() {
    wrong(
        &timed("livenes + 1s", ""),
        "x.toml:4:6: `livenes` is neither a duration nor a client's figure",
    );
    wrong(
        &timed("liveness - 1h", ""),
        "x.toml:4:6: `liveness - 1h` comes to less than nothing",
    );
    wrong(
        &timed("liveness + 1", ""),
        "x.toml:4:6: `1` in `liveness + 1` has no unit",
    );
    wrong(
        &timed("9999999999 * liveness", ""),
        "x.toml:4:6: `9999999999 * liveness` is more than 10 years",
    );
    wrong(
        &timed("20 * liveness", ""),
        "x.toml:4:6: this fault is never applied: `at` is 1m",
    );
    let own = "id = 'x'\nduration = '9s'\n[expect]\nmax_live = 1\n[clients]\nliveness = '2 * dial_bound'\n";
    wrong(
        own,
        "x.toml:6:12: `2 * dial_bound` is an expression of a client's figures, and none are known here",
    );
}

/// Whatever figures a client may declare.
#[test]
fn the_catalogue_fits_every_client() {
    let times = [0, 1, 100_000, 40_000_000, 3_600_000_000].map(Some);
    let all: Vec<Traits> = (0..times.len() * times.len())
        .map(|index| Traits {
            liveness_us: times[index % 5].map(|time| time.max(1)),
            dial_bound_us: times[index / 5].map(|time| time.max(1)),
            first_delay_us: times[index % 5],
            longest_delay_us: times[index / 5],
            ..Traits::default()
        })
        .collect();
    for (name, text) in catalogue() {
        let scenario = read(&Source::new(name, text)).unwrap();
        for subject in &all {
            let fitted = scenario.fitted(Some(subject));
            fitted.unwrap_or_else(|mistakes| panic!("{subject:?}\n{}", mistakes.rendered));
        }
    }
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let text =
        "id = 'a b'\nduration = 4\nsed = 1\n[clients]\ncount = 0\n[expect]\nmax_live = 'one'\n";
    let rendered = mistakes(text);
    let places = ["1:6: ", "2:12: ", "3:1: ", "5:9: ", "7:12: "];
    for place in places {
        assert!(
            rendered.contains(&format!("x.toml:{place}")),
            "{place}\n{rendered}"
        );
    }
    assert_eq!(
        rendered.matches("x.toml:").count(),
        places.len(),
        "{rendered}"
    );
}

#[test]
fn an_id_is_safe_as_a_folder() {
    let with = |id: &str| SMALL.replace("'x'", &format!("{id:?}"));
    for id in ["..", ".x", "a/b", "a b", "", "ä", &"x".repeat(65)] {
        wrong(&with(id), "x.toml:1:6: this is the name of a folder, too");
    }
    assert_eq!(mistakes(&with("R23-cut.in_length")), "");
}

#[test]
fn what_is_held_beyond_what_is_expected_is_told() {
    let text = |at_most: u32| {
        format!(
            "{SMALL}queue_at_most = 5\n[clients]\nsend.every = '1s'\nqueue.at_most = {at_most}\n"
        )
    };
    assert_eq!(mistakes(&text(5)), "");
    wrong(
        &text(6),
        "x.toml:5:17: `queue_at_most` is 5, and the clients hold up to 6",
    );
}

#[test]
fn what_could_never_be_judged_is_told() {
    let none = SMALL.replace("max_live = 1", "");
    wrong(
        &none,
        "x.toml:3:1: nothing is expected, so nothing could be checked",
    );
    let without = SMALL.replace("[expect]\nmax_live = 1\n", "");
    wrong(&without, "x.toml:1:1: missing key `expect`");
    let fresh = format!("{SMALL}lost = 0\n[clients]\nresume = false");
    wrong(
        &fresh,
        "x.toml:5:8: `lost` cannot be measured for clients with `resume = false`",
    );
    wrong(
        &format!("{SMALL}no_leak = false"),
        "x.toml:5:11: `no_leak = false` expects nothing",
    );
    wrong(
        &SMALL.replace("= 1", "= 0"),
        "x.toml:4:12: `max_live` must be at least 1",
    );
}

#[test]
fn an_attempt_that_is_over_at_t_zero_is_told() {
    let first = format!("{SMALL}[[fault]]\non = {{ attempt = 1 }}\ninject.reject = {{}}\n");
    wrong(
        &first,
        "x.toml:6:6: `reject` never acts: attempt 1 is over when t = 0 begins",
    );
    assert_eq!(mistakes(&format!("start = 'first_dial'\n{first}")), "");
    assert_eq!(mistakes(&first.replace("= 1 }", "= '1..2' }")), "");
}

#[test]
fn actions_are_at_known_clients_within_the_run() {
    let with = |action: &str| format!("{SMALL}[[action]]\ndo = 'pause'\n{action}");
    wrong(
        &with("at = '4s'"),
        "x.toml:7:6: this action is never done: `at` is 4s, and the run ends at 4s",
    );
    wrong(&with(""), "x.toml:5:1: an action needs `at` or `on`");
    wrong(
        &with("at = '1s'\ntarget.clients = ['c2']"),
        "x.toml:8:18: there is no client `c2`",
    );
    wrong(
        &with("at = '1s'\ntarget.clients = []"),
        "x.toml:8:18: an empty list",
    );
    let scenario = sound(&with("at = '2s'"));
    let action = &scenario.actions[0];
    let everybody = action.targets(&scenario.client_names(), Seed(1));
    assert_eq!(everybody, ["c1".to_owned()].into());
}

#[test]
fn an_action_waits_for_what_can_be_seen_of_a_connection() {
    let with = |action: &str| format!("{SMALL}[[action]]\ndo = 'stop'\n{action}");
    wrong(
        &with("on = { attempt = 2, phase = 'upgrade' }"),
        "x.toml:7:29: an action cannot wait for `upgrade`",
    );
    wrong(
        &with("on = {}"),
        "x.toml:7:6: a condition needs `attempt` or `phase`",
    );
    wrong(
        &with("on = { bytes = 1, attempt = 2 }"),
        "x.toml:7:8: unknown key `bytes`",
    );
    wrong(&with("on = { attempt = 0 }"), "x.toml:7:18: ");
    wrong(
        &with("at = '1s'\non = { attempt = 2 }"),
        "x.toml:7:6: `at` and `on` exclude each other",
    );
    wrong(
        &with("at = '1s'\nafter = '1s'"),
        "x.toml:8:9: `after` needs `on`",
    );
    wrong(
        &with("on = { attempt = 2 }\nafter = '4s'"),
        "x.toml:8:9: this action is never done: `after` is 4s",
    );
    let scenario = sound(&with(
        "on = { phase = 'closing' }\nafter = '1s'\nname = 'enough'",
    ));
    let action = &scenario.actions[0];
    assert_eq!(action.name, "enough");
    let when = ActionTime::On {
        attempts: Ordinals::ALL,
        stage: Phase::Closing,
        after: Duration::from_secs(1),
    };
    assert_eq!(action.when, when);
}

#[test]
fn a_share_of_an_action_is_drawn_client_by_client() {
    let with = |share: &str| {
        format!(
            "{SMALL}[clients]\ncount = 40\n[[action]]\nat = '1s'\ndo = 'stop'\ntarget.share = {share}\n"
        )
    };
    wrong(&with("0.0"), "x.toml:10:16: a share of 0 is not possible");
    wrong(&with("1.5"), "x.toml:10:16: a share of 1.5 is not possible");
    let half = sound(&with("0.5"));
    let names = half.client_names();
    let targets = |count: usize, seed| half.actions[0].targets(&names[..count], Seed(seed));
    let all = targets(40, 7);
    assert!((5..=35).contains(&all.len()), "{all:?}");
    assert_ne!(all, targets(40, 8));
    let fewer = targets(20, 7);
    assert!(fewer.is_subset(&all), "nobody else's luck changes");
    let nobody = sound(&with("0.000001"));
    assert_eq!(
        nobody.actions[0].targets(&names, Seed(7)).len(),
        1,
        "the lowest draw"
    );
}

#[test]
fn server_events_are_within_the_run_and_apart() {
    let with = |events: &str| format!("{SMALL}{events}");
    let event = |at: &str, rest: &str| format!("[[server_event]]\nat = '{at}'\n{rest}\n");
    let kill = event("1s", "do = 'kill'");
    let scenario = sound(&with(&event(
        "2s",
        "do = 'restart'\nfor = '9s'\nname = 'late'",
    )));
    let late = &scenario.server_events[0];
    assert_eq!((late.name.as_str(), late.end), ("late", ServerEnd::Restart));
    assert_eq!(late.until(scenario.duration), scenario.duration, "clipped");
    wrong(
        &with(&event("4s", "do = 'kill'")),
        "x.toml:6:6: this never happens: `at` is 4s, and the run ends at 4s",
    );
    wrong(&with(&event("1s", "do = 'kil'")), "x.toml:7:6: ");
    wrong(
        &with(&format!("{kill}{}", event("1s", "do = 'restart'"))),
        "x.toml:9:6: the server is not there then: `kill` keeps it away until 1s",
    );
    let long = kill.replace("'kill'", "'kill'\nfor = '2s'");
    wrong(
        &with(&format!("{}{long}", event("2s", "do = 'restart'"))),
        "x.toml:6:6: the server is not there then: `kill` keeps it away until 3s",
    );
    wrong(
        &with(&format!("{kill}{}", event("2s", "do = 'kill'"))),
        "x.toml:8:1: a second `kill`",
    );
}

#[test]
fn a_proof_names_a_flaw_and_a_check_that_is_expected() {
    let with = |proof: &str| format!("{SMALL}[proof]\n{proof}");
    wrong(
        &with("flaw = 'no_liveness'\nfails = 'lost'"),
        "x.toml:7:9: `lost` is not among what is expected",
    );
    wrong(
        &with("flaw = 'no_livenes'\nfails = 'max_live'"),
        "x.toml:6:8: ",
    );
    let text = with("flaw = 'no_liveness'\nfails = 'max_live'");
    let scenario = sound(&text);
    assert_eq!(scenario.proof.unwrap().fails, "max_live");
}

#[test]
fn two_files_with_one_id_are_a_mistake_of_the_second() {
    let given = |name: &str| Given {
        origin: Origin::Embedded,
        source: Source::new(
            name,
            format!("{SMALL}[[server_event]]\nat = '1s'\ndo = 'kill'\n"),
        ),
    };
    let both = read_all(vec![given("a.toml"), given("b.toml")]);
    let rendered = both.unwrap_err().rendered;
    assert!(
        rendered.starts_with("b.toml:1:6: the id `x` is taken by a.toml"),
        "{rendered}"
    );
    assert_eq!(read_all(vec![given("a.toml")]).unwrap().len(), 1);
}

proptest! {
    /// Whatever is done to a sound file, reading ends, and every error has
    /// its place within the text.
    #[test]
    fn every_mistake_lies_in_the_file(
        (_, text) in prop::sample::select(catalogue()),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), ".{0,8}", 0_usize..20), 1..5),
    ) {
        let mut text: Vec<char> = text.chars().collect();
        for (place, insert, remove) in cuts {
            let from = place.index(text.len() + 1);
            let until = (from + remove).min(text.len());
            text.splice(from..until, insert.chars());
        }
        let source = Source::new("x.toml", text.into_iter().collect::<String>());
        let diagnostics = Diagnostics::new();
        let scenario = read_into(&source, None, &diagnostics);
        prop_assert!(scenario.is_some() || !diagnostics.is_empty());
        for diagnostic in diagnostics.sorted() {
            let span = diagnostic.span;
            prop_assert!(span.start <= span.end && span.end <= source.text().len());
            prop_assert!(!diagnostic.message.is_empty());
        }
    }
}
