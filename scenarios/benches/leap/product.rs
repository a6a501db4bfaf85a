//! Whole runs in virtual time.

use std::collections::BTreeSet;

use environment::{Observer, Seed};
use scenarios::files::gather;
use scenarios::invocation::Invocation;
use scenarios::journal::Body;
use scenarios::language::{Scenario, read_all};
use scenarios::runner::{Folder, Settings, Time, Trace, simulate};
use scenarios::subjects::Subject;
use scenarios::suite::{Jobs, Suite};
use scenarios::verdict::{Verdict, judge};
use tokio_util::sync::CancellationToken;

/// Ticks of one millisecond, for so long that there are 200,000 in all.
pub(crate) fn run(clients: u32) -> u32 {
    let duration = 200_000 / clients;
    let trace = simulated(&scenario(&format!(
        "duration = '{duration}ms'\nsettle = '1s'\n[server]\ntick = '1ms'\nheartbeat = '1s'\n\
         [clients]\ncount = {clients}\nconnect_timeout = '500ms'\n\
         reconnect = {{ fixed = {{ base = '100ms' }} }}\n\
         [[fault]]\nat = '1ms'\nfor = '1ms'\ninject.latency = {{ delay = '1ms' }}\n[expect]\nlost = 0\n"
    )));
    let ticks = trace.entries.iter().filter(|entry| match &entry.body {
        Body::Client { what, .. } => matches!(what, client_sim::EventKind::Applied { .. }),
        _ => false,
    });
    u32::try_from(ticks.count()).unwrap()
}

/// One client, an hour, ten ticks a second, and a reset every minute.
pub(crate) fn hour() {
    let scenario = scenario(
        "duration = '1h'\n[server]\ntick = '100ms'\n\
         [[fault]]\nat = '1m'\nevery = '1m'\ninject.reset = {}\n[expect]\nlost = 0\n",
    );
    let trace = simulated(&scenario);
    let judgement = judge(&scenario, &trace.header, &trace.entries);
    assert_eq!(judgement.verdict, Verdict::Passed);
}

/// Every case, with its files, in two threads.
pub(crate) fn catalogue() {
    let out = tempfile::tempdir().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
    let read = read_all(gather(&[path.into()]).unwrap()).unwrap();
    let suite = Suite {
        scenarios: read
            .into_iter()
            .map(|(given, scenario)| (given.origin, vec![scenario.into()]))
            .collect(),
        subjects: vec![Subject::Sim],
        invocation: Invocation {
            time: Time::Virtual,
            ..Invocation::default()
        },
        out: out.path().to_owned(),
        jobs: Jobs::stated(2),
        retry: 0,
        tls: Default::default(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collected = runtime.block_on(suite.run(Observer::none(), CancellationToken::new()));
    let (results, _) = collected.done();
    assert!(
        results
            .scenarios
            .iter()
            .all(|result| result.verdict == Verdict::Passed)
    );
}

fn scenario(text: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.toml");
    std::fs::write(
        &path,
        format!("id = 'bench'\ntitle = 'b'\nwhy = 'w'\n{text}"),
    )
    .unwrap();
    let read = read_all(gather(&[path]).unwrap()).unwrap();
    read.into_iter().next().unwrap().1
}

fn simulated(scenario: &Scenario) -> Trace {
    let settings = Settings {
        subject: Subject::Sim,
        time: Time::Virtual,
        must_repeat: false,
        seed: Seed(1),
        flaws: BTreeSet::new(),
        is_wire: false,
        tls: Default::default(),
        folder: Folder::new("".as_ref(), "bench", Subject::SIM, Seed(1)),
    };
    let trace = simulate(
        scenario,
        &settings,
        &Observer::none(),
        &CancellationToken::new(),
    );
    assert!(trace.problem.is_none(), "{:?}", trace.problem);
    trace
}
