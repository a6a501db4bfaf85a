//! `chaos explore`: it finds the same with any number of jobs, what it finds is
//! small and fails again on both clocks, and what cannot be searched is told.

use client_sim::Flaw;
use environment::text::Source;
use environment::{Observer, Seed};
use scenarios::explore::{
    Base, Budget, Case, Corpus, Guide, Kind, Runner, Schedule, Search, Summary,
};
use scenarios::language::read;
use scenarios::runner::Time;
use scenarios::shard::Shard;
use scenarios::subjects::Subject;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::program::Place;

fn runner(flaws: &[Flaw]) -> Runner {
    Runner {
        subject: Subject::Sim,
        flaws: flaws.iter().copied().collect(),
        out: "nowhere".into(),
    }
}

fn search(flaws: &[Flaw], cases: u64, findings: usize, jobs: usize) -> Search {
    Search {
        runner: runner(flaws),
        bases: vec![Base::Three],
        seed: Seed(1),
        guide: Guide::Coverage,
        budget: Budget {
            cases: Some(cases),
            time: None,
            findings,
        },
        jobs,
        batch: 16,
        time: Time::Virtual,
        first: Vec::new(),
        confirms: false,
        shard: Shard::WHOLE,
    }
}

fn searched(search: &Search) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let handle: &Handle = runtime.handle();
    let never = CancellationToken::new();
    search.run(&Observer::none(), &never, handle).unwrap()
}

#[test]
fn it_finds_the_same_with_any_number_of_jobs() {
    let all = |jobs| {
        let summary = searched(&search(&[Flaw::StopsOnReset], 24, 1, jobs));
        // So many that some are made of others.
        let texts = summary.found.iter().map(|found| found.text.clone());
        let corpus: Vec<Schedule> = summary.corpus.schedules().cloned().collect();
        (summary.text(), texts.collect::<Vec<_>>(), corpus)
    };
    let (one, two) = (all(1), all(2));
    assert_eq!(one, two);
    assert!(!one.1.is_empty(), "{}", one.0);
}

/// Whatever is left has failed by the same check in the same way, and it passes
/// without the flaw, with its proof in it.
#[test]
fn what_is_found_is_small_and_is_an_ordinary_scenario() {
    let summary = searched(&search(&[Flaw::StopsOnReset], 64, 1, 2));
    let found = summary.found.first().unwrap();
    let finding = &found.finding;
    let (check, kind) = finding.key();
    assert_eq!(
        (&*check, kind),
        ("recover_within", Kind::Never),
        "{}",
        found.text
    );
    assert!(finding.schedule.entries.len() <= 2, "{}", found.text);
    assert_eq!(finding.schedule.setting.clients, 1, "{}", found.text);
    assert!(finding.runs <= 300);
    let scenario = read(&Source::new("found", found.text.clone())).unwrap();
    let proof = scenario.proof.as_ref().unwrap();
    assert_eq!(
        (proof.flaw.sim(), proof.fails),
        (Some(Flaw::StopsOnReset), "recover_within")
    );
    let never = CancellationToken::new();
    let seed = scenario.seed.unwrap();
    let Case::Ran(worn) = runner(&[Flaw::StopsOnReset]).run_scenario(&scenario, seed, &never)
    else {
        panic!("{}", found.text);
    };
    assert!(worn.has(&check, kind), "{worn:?}\n{}", found.text);
    assert_eq!(
        worn.failures.len(),
        1,
        "its proof is of one check: {worn:?}"
    );
    let Case::Ran(sound) = runner(&[]).run_scenario(&scenario, seed, &never) else {
        panic!("{}", found.text);
    };
    assert_eq!(
        sound.verdict,
        scenarios::Verdict::Passed,
        "{sound:?}\n{}",
        found.text
    );
}

#[test]
fn a_schedule_is_a_function_of_seed_and_number_and_is_read_as_a_file_is() {
    let bases = Base::built_in();
    let draw = |number| Schedule::draw(Seed(3), number, &bases);
    let mut refused = 0;
    for number in 0..200 {
        assert_eq!(draw(number), draw(number));
        refused += u64::from(draw(number).scenario().is_err());
    }
    assert!(refused < 10, "{refused} of 200 are refused");
    assert_ne!(draw(1).to_string(), draw(2).to_string());
    let text = serde_json::to_string(&draw(7)).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), draw(7));
}

#[test]
fn an_entry_goes_without_changing_the_luck_of_another() {
    let bases = Base::built_in();
    let mut numbers = 0..;
    let schedule = numbers.find_map(|number| {
        let schedule = Schedule::draw(Seed(1), number, &bases);
        (schedule.entries.len() == 3).then_some(schedule)
    });
    let whole = schedule.unwrap();
    let mut less = whole.clone();
    less.entries.remove(0);
    let lines = |schedule: &Schedule| schedule.entries[schedule.entries.len() - 1].to_string();
    assert_eq!(lines(&whole), lines(&less));
    assert_eq!(whole.seed, less.seed);
}

/// The file that a search leaves, run again by the program on both clocks.
#[tokio::test]
async fn a_found_file_fails_again_on_both_clocks_and_passes_without_the_flaw() {
    let place = Place::new();
    let words = [
        "explore",
        "--flaw",
        "stops_on_reset",
        "--cases",
        "24",
        "--findings",
        "1",
        "--out",
        "out",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(1);
    let file = "out/found/recover-within-never.toml";
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    assert!(text.starts_with("# Found by `chaos explore`: --seed 1 --flaw stops_on_reset, case "));
    assert!(
        text.contains("# On real sockets: it fails as well.\n"),
        "{text}"
    );
    assert!(answer.out.contains(file), "{}", answer.out);
    for (time, flaw, code) in [
        ("virtual", true, 1),
        ("virtual", false, 0),
        ("real", true, 1),
        ("real", false, 0),
    ] {
        let mut words = vec!["run", file, "--time", time, "--out", "again"];
        if flaw {
            words.extend(["--flaw", "stops_on_reset"]);
        }
        place.chaos(&words).await.expect(code);
    }
    // A search takes away what an earlier one left, and nothing else.
    std::fs::write(place.path("out/found/mine.toml"), "# mine\n").unwrap();
    let words = ["explore", "--cases", "4", "--out", "out"];
    place.chaos(&words).await.expect(0);
    assert!(!place.path(file).exists());
    assert!(place.path("out/found/mine.toml").exists());
}

const BASE: &str = r#"
id = "mine"
duration = "3s"
[server]
tick = "100ms"
[clients]
liveness = "1s"
reconnect = { full_jitter = { base = "100ms", cap = "500ms" } }
[[fault]]
at = "1s"
inject.reset = {}
[expect]
max_live = 1
"#;

async fn refused(place: &Place, words: &[&str], code: i32, says: &str) {
    let words = [&["explore", "--out", "out"], words].concat();
    let answer = place.chaos(&words).await;
    answer.expect(code);
    assert!(answer.err.contains(says), "{words:?}: {}", answer.err);
}

#[tokio::test]
async fn what_cannot_be_searched_is_told_in_a_sentence() {
    let place = Place::new();
    place.file("base.toml", BASE);
    let quiet = BASE.replace("tick = \"100ms\"", "tick = \"3s\"\nheartbeat = \"3s\"");
    place.file(
        "quiet.toml",
        &quiet.replace("max_live = 1", "max_dials = 0"),
    );
    place.file(
        "external.toml",
        &BASE.replace("tick = \"100ms\"", "external = \"ws://127.0.0.1:1/\""),
    );
    place.file("wrong.toml", &BASE.replace("3s", "soon"));
    let out_file = place.path("taken");
    std::fs::write(&out_file, "").unwrap();
    refused(
        &place,
        &["--for", "0s"],
        2,
        "--for 0s: nothing can be found in no time",
    )
    .await;
    refused(&place, &["--for", "soon"], 2, "--for").await;
    refused(&place, &["--cases", "0"], 2, "--cases").await;
    refused(
        &place,
        &["--cases", "1", "--for", "1s"],
        2,
        "cannot be used with",
    )
    .await;
    refused(&place, &["--client", "nobody"], 2, "nobody").await;
    refused(&place, &["wrong.toml"], 2, "wrong.toml:3:").await;
    refused(&place, &["missing.toml"], 2, "missing.toml").await;
    refused(&place, &["external.toml"], 2, "runs in real time only").await;
    refused(
        &place,
        &["base.toml", "--client", "websockets"],
        2,
        "add `--time real`",
    )
    .await;
    let quiet = [
        "quiet.toml",
        "--flaw",
        "liveness_by_messages",
        "--cases",
        "1",
    ];
    let says = "mine: the clients fail it without any fault (max_dials: ";
    refused(&place, &quiet, 2, says).await;
    let words = ["explore", "--cases", "1", "--out", "taken"];
    let answer = place.chaos(&words).await;
    assert!(
        answer
            .expect(2)
            .err
            .contains("taken: nothing can be written there"),
        "{}",
        answer.err
    );
}

#[tokio::test]
async fn a_corpus_goes_from_one_search_to_the_next_unless_it_is_another_programs() {
    let place = Place::new();
    place.file("base.toml", BASE);
    let words = [
        "explore",
        "base.toml",
        "--cases",
        "12",
        "--out",
        "out",
        "--corpus",
        "kept",
    ];
    place.chaos(&words).await.expect(0);
    let file = place.path("kept").join(Corpus::FILE);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("{\"format\":\"chaos-corpus\",\"version\":1}\n"),
        "{text}"
    );
    assert!(text.lines().count() > 1, "{text}");
    std::fs::write(&file, text.replace("\"version\":1", "\"version\":9")).unwrap();
    let answer = place.chaos(&words).await;
    let says = "of version 9, and this program has 1";
    assert!(answer.expect(2).err.contains(says), "{}", answer.err);
    std::fs::write(&file, "nothing of ours\n").unwrap();
    let answer = place.chaos(&words).await;
    assert!(
        answer.expect(2).err.contains("corpus.jsonl: line 1: "),
        "{}",
        answer.err
    );
}

#[test]
fn where_no_schedule_can_be_run_that_is_said() {
    let mut setting = Base::Three.plain();
    "nobody".clone_into(&mut setting.base);
    setting.server.push("nonsense = 1".to_owned());
    let mut search = search(&[], 1000, 1, 1);
    search.bases = vec![Base::File(Box::new(setting))];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let never = CancellationToken::new();
    let error = search.run(&Observer::none(), &never, runtime.handle());
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("no generated schedule can run") && error.contains("nonsense"),
        "{error}"
    );
}

/// Nothing more is begun, and what was found is there.
#[test]
fn an_interrupt_keeps_what_was_found() {
    let search = search(&[Flaw::StopsOnReset], 100_000, 99, 2);
    let interrupt = CancellationToken::new();
    let cancel = interrupt.clone();
    let progress = Observer::new(move |now: scenarios::explore::SearchProgress| {
        if now.found > 0 {
            cancel.cancel();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let summary = search.run(&progress, &interrupt, runtime.handle()).unwrap();
    assert!(summary.was_interrupted && !summary.found.is_empty());
}

#[tokio::test]
async fn what_searches_have_found_in_this_house_is_not_found_again() {
    let place = Place::new();
    let found = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    place.run(&found, &["--time", "virtual"]).await.expect(0);
    let files = std::fs::read_dir(found).unwrap().flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|it| it == "toml"));
    assert_eq!(place.results().passed, files.count());
}
