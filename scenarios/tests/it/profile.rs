//! What `chaos profile` measures: the simulated client as it is configured, each
//! of its known bugs about delays, and a declaration that is not true.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client_sim::{Behaviour, Flaw};
use environment::{Clock, Seed};
use scenarios::profile::{Measuring, Probe, Profile, claims};
use scenarios::runner::Time;
use scenarios::subjects::{self, Subject};
use scenarios::{Client, ClientContext};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::program::Place;

fn measuring(out: &Path, probes: &[Probe], flaws: &[Flaw]) -> Measuring {
    Measuring {
        subject: Subject::Sim,
        flaws: flaws.to_vec(),
        time: Time::Virtual,
        probes: probes.to_vec(),
        seed: Seed(1),
        clients: 6,
        watch: Duration::from_secs(1),
        out: out.to_owned(),
        jobs: 1,
    }
}

async fn measured(measuring: &Measuring) -> Profile {
    let profile = measuring.measure(|_| {}, &CancellationToken::new()).await;
    profile.unwrap()
}

/// Which of the simulated client's declarations are not true, with this flaw.
async fn with(flaw: Flaw, probes: &[Probe]) -> (Profile, Vec<&'static str>) {
    let place = Place::new();
    let measuring = Measuring {
        // Longer than the server bears with a client that is silent.
        watch: Duration::from_secs(30),
        ..measuring(&place.path("out"), probes, &[flaw])
    };
    let profile = measured(&measuring).await;
    let claims = claims(&profile, &measuring.declared());
    let untrue = claims.iter().filter(|claim| claim.is_untrue());
    let untrue = untrue.map(|claim| claim.key).collect();
    (profile, untrue)
}

fn is_about(measured: Option<Duration>, expected: Duration) -> bool {
    measured.is_some_and(|measured| measured.abs_diff(expected) <= Duration::from_millis(60))
}

#[tokio::test]
async fn the_simulated_client_is_as_it_is_configured() {
    let place = Place::new();
    let words = [
        "profile", "--time", "virtual", "--count", "6", "--for", "1s", "--out", "out",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(0);
    assert!(answer.out.contains("out/profile.json"), "{}", answer.out);
    let text = std::fs::read_to_string(place.path("out/profile.json")).unwrap();
    let profile = Profile::read(&text).unwrap();
    assert_eq!(profile.text(), text);
    let behaviour = Behaviour::default();
    assert!(is_about(profile.liveness.longest(), behaviour.liveness));
    assert!(is_about(
        profile.dial_bound.longest(),
        behaviour.connect_timeout
    ));
    assert!(is_about(
        profile.connect_bound.longest(),
        behaviour.connect_timeout
    ));
    let (base, cap) = (behaviour.reconnect.base, behaviour.reconnect.cap);
    let first = profile.first_delay.longest().unwrap();
    assert!(base * 8 / 10 <= first && first <= base, "{first:?}");
    let longest = profile.delays.longest().unwrap();
    assert!(cap * 8 / 10 <= longest && longest <= cap, "{longest:?}");
    assert!(
        profile
            .growth
            .is_some_and(|growth| (1.6..2.5).contains(&growth))
    );
    assert!(profile.jitter.is_some_and(|jitter| jitter > 0.8));
    assert!(profile.delay_after_rest.longest().unwrap() <= base);
    assert_eq!(profile.reads_retry_after, Some(true));
    for reaction in &profile.reactions {
        let is_denied = [
            "close-1008",
            "close-1013",
            "close-4000",
            "status-401",
            "status-403",
        ]
        .contains(&reaction.to.as_str());
        let times = reaction.redial.times.unwrap();
        assert_eq!(times.min_us >= 15_000_000, is_denied, "{reaction:?}");
    }
}

#[tokio::test]
async fn bad_habits_about_delays_show() {
    let (profile, untrue) = with(Flaw::NoBackoff, &[Probe::Fin]).await;
    assert!(profile.first_delay.longest().unwrap() <= Duration::from_millis(2));
    assert_eq!(untrue, [""; 0]);
    let (profile, _) = with(Flaw::NoJitter, &[Probe::Fin, Probe::Reset]).await;
    assert_eq!(profile.jitter, Some(0.0));
    let asked = [Probe::Status(503), Probe::RetryAfter];
    let (profile, _) = with(Flaw::IgnoresRetryAfter, &asked).await;
    assert_eq!(profile.reads_retry_after, Some(false));
    let (profile, _) = with(Flaw::HammersWhenDenied, &[Probe::Code(Some(1008))]).await;
    let denied = profile.reactions.iter().find(|one| one.to == "close-1008");
    assert!(denied.unwrap().redial.longest().unwrap() <= Duration::from_secs(1));
    let (profile, _) = with(
        Flaw::ResetsBackoffOnOpen,
        &[Probe::Rejected, Probe::Dropped],
    )
    .await;
    assert!(profile.growth.unwrap() > 1.6, "{profile:?}");
    assert!(profile.growth_when_dropped.unwrap() < 1.4, "{profile:?}");
    let (profile, _) = with(Flaw::NeverResetsBackoff, &[Probe::Rested]).await;
    assert!(profile.delay_after_rest.longest().unwrap() > Duration::from_secs(2));
}

#[tokio::test]
async fn a_bound_that_is_not_there_is_a_declaration_that_is_not_true() {
    let all = [
        (Flaw::NoLiveness, Probe::Silent, "liveness"),
        (Flaw::LivenessBySends, Probe::Silent, "liveness"),
        (Flaw::NoConnectTimeout, Probe::Unanswered, "dial_bound"),
        (
            Flaw::TimeoutFirstConnectOnly,
            Probe::Unanswered,
            "dial_bound",
        ),
    ];
    for (flaw, probe, key) in all {
        let (profile, untrue) = with(flaw, &[probe]).await;
        assert_eq!(untrue, [key], "{flaw}: {profile:#?}");
    }
}

#[tokio::test]
async fn who_gives_up_is_told_apart_from_who_never_comes_back() {
    let (profile, _) = with(Flaw::StopsOnCleanClose, &[Probe::Fin]).await;
    let fin = profile
        .reactions
        .iter()
        .find(|one| one.to == "fin")
        .unwrap();
    assert_eq!(
        (fin.redial.gave_up, fin.redial.never, fin.redial.times),
        (6, 0, None)
    );
}

/// A client of somebody's own that comes back after 100 ms, and never notices
/// silence.
async fn follow(context: ClientContext) {
    let address = context.url.trim_start_matches("ws://");
    let (authority, path) = address.split_once('/').unwrap();
    let clock = Clock::start();
    loop {
        let _ = connection(authority, path).await;
        clock.sleep(Duration::from_millis(100)).await;
    }
}

async fn connection(authority: &str, path: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

#[tokio::test]
async fn what_somebody_elses_client_declares_is_held_against_it() {
    let place = Place::new();
    let second = Duration::from_secs(1);
    let mine = Client::new("mine", follow)
        .liveness(second)
        .delays(second, second);
    let measuring = Measuring {
        subject: Subject::Client(Arc::new(mine)),
        time: Time::Real,
        clients: 2,
        jobs: 2,
        ..measuring(&place.path("out"), &[Probe::Fin, Probe::Silent], &[])
    };
    let profile = measured(&measuring).await;
    let claims = claims(&profile, &measuring.declared());
    let untrue: Vec<_> = claims.iter().filter(|claim| claim.is_untrue()).collect();
    let [claim] = untrue[..] else {
        panic!("{claims:#?}");
    };
    assert_eq!(
        (claim.key, claim.declared, claim.measured.never),
        ("liveness", Some(second), 2)
    );
    let first = profile.first_delay.longest().unwrap();
    assert!(first >= Duration::from_millis(90), "{first:?}");
}

/// Needs Python, as every test of this name; see `make test-foreign`.
#[tokio::test]
#[ignore = "foreign: needs Python 3"]
async fn foreign_one_is_measured_against_the_server_that_it_brings() {
    let place = Place::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
    let toml = format!(
        "name = 'mine'\ncommand = ['python3', '{folder}/client.py']\n\
         reports = ['dial', 'open', 'message', 'close']\n[server]\n\
         command = ['python3', '{folder}/lines.py', '{{port}}']\n\
         url = 'tcp://127.0.0.1:{{port}}'\nready.line = 'ready'\nobeys = ['tick']\n\
         data.contains = 'line'\n"
    );
    std::fs::create_dir(place.path("mine")).unwrap();
    std::fs::write(place.path("mine/client.toml"), toml).unwrap();
    let subject = subjects::find(place.path("mine").to_str().unwrap()).unwrap();
    let probes = [Probe::Fin, Probe::Unheard, Probe::Status(503)];
    let measuring = Measuring {
        subject,
        time: Time::Real,
        clients: 2,
        jobs: 2,
        ..measuring(&place.path("out"), &probes, &[])
    };
    let profile = measured(&measuring).await;
    let times = profile.first_delay.times.unwrap();
    assert!((150_000..2_000_000).contains(&times.median_us), "{times:?}");
    // The server leaves whom it does not hear when it likes, and knows no status.
    let status = profile.reactions.iter().find(|one| one.to == "status-503");
    for figure in [profile.upstream_liveness, status.unwrap().redial] {
        assert_eq!((figure.times, figure.never), (None, 0));
    }
}
