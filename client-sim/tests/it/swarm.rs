//! A fleet on several machines: whose clients are whose, that none is another for
//! it, and what all came to.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client_sim::fleet::{self, Fleet};
use client_sim::{ClientsConfig, Event};
use environment::{Listener, Observer, Seed, Shard, Simulation};
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::program::{listen, output, program, text, url};
use crate::rig::{nowhere, welcome, within};

/// What each client of a shard of six did in a minute in which nobody listened.
fn lives(shard: Shard) -> BTreeMap<String, Vec<String>> {
    let lives: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
    let told = Arc::clone(&lives);
    let observer = Observer::new(move |event: Event| {
        let line = format!("{} {:?}", event.at.as_micros(), event.what);
        let mut lives = told.lock().unwrap();
        lives
            .entry(event.client.to_string())
            .or_default()
            .push(line);
    });
    let fleet = Fleet {
        clients: ClientsConfig {
            count: 6,
            ramp: Duration::from_secs(3),
            ..ClientsConfig::default()
        },
        shard,
        url: "ws://127.0.0.1:9/".parse().unwrap(),
        sources: Some("127.0.0.2-127.0.0.3".parse().unwrap()),
        tls: None,
        seed: Seed(7),
    };
    let simulation = Simulation::new().unwrap();
    let environment = simulation.environment();
    let (clock, shutdown) = (environment.clock.clone(), CancellationToken::new());
    let ended = simulation.run(async {
        let minute = async {
            clock.sleep(Duration::from_secs(60)).await;
            shutdown.cancel();
        };
        tokio::join!(
            fleet::run(environment, fleet, observer, shutdown.clone()),
            minute
        );
    });
    ended.unwrap();
    std::mem::take(&mut *lives.lock().unwrap())
}

#[test]
fn no_client_is_another_for_being_on_another_machine() {
    let all = lives(Shard::WHOLE);
    assert_eq!(all.len(), 6);
    assert!(all.values().all(|life| life.len() > 10), "{all:?}");
    let mut parts = BTreeMap::new();
    for index in 1..=4 {
        let part = lives(Shard::new(index, 4).unwrap());
        let names: Vec<&String> = part.keys().collect();
        let expected: &[&str] =
            [&["c1", "c5"][..], &["c2", "c6"], &["c3"], &["c4"]][index as usize - 1];
        assert_eq!(names, expected);
        parts.extend(part);
    }
    assert_eq!(parts, all);
}

/// Who came, and from where.
#[derive(Debug, Default)]
struct Guests {
    targets: BTreeSet<String>,
    sources: BTreeSet<String>,
}

/// Ends each client's first connection, and keeps the next, until all have gone.
async fn serve(listener: Listener, clients: usize) -> Guests {
    let (mut guests, mut kept) = (Guests::default(), JoinSet::new());
    for _ in 0..2 * clients {
        let mut one = welcome(&listener, false).await;
        one.tick(1).await;
        let is_first = guests.targets.insert(one.target.clone());
        let source = one.socket.get_ref().peer_addr().unwrap().ip();
        guests.sources.insert(source.to_string());
        if is_first {
            // FIN, which does not overtake the tick as a reset would.
            one.into_stream().shutdown().await.unwrap();
        } else {
            // Answers pings and the close until the client has gone.
            kept.spawn(async move { while let Some(Ok(_)) = one.socket.next().await {} });
        }
    }
    while kept.join_next().await.is_some() {}
    guests
}

#[tokio::test]
async fn shards_are_parts_of_one_fleet_and_their_percentiles_merge() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    for (shard, names) in [
        ("1/2", &["c1", "c3", "c5", "c7"][..]),
        ("2/2", &["c2", "c4", "c6"]),
    ] {
        let listener = listen();
        let url = url(&listener);
        let mut server = JoinSet::new();
        server.spawn(serve(listener, names.len()));
        let flags = format!(
            "--clients 7 --shard {shard} --for 3s --base 10ms --cap 50ms --json --no-resume --query n={{client}} \
             --source 127.0.0.2-127.0.0.4 --histogram {}",
            file(&shard[..1])
        );
        let output = output(&url, &flags).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["shard"], shard);
        for key in ["asked", "clients", "connected", "reconnects"] {
            assert_eq!(json[key], names.len(), "{key} in {json}");
        }
        assert_eq!(json["recovery"]["count"], names.len());
        let guests = within("the server's end", server.join_next()).await;
        let guests = guests.unwrap().unwrap();
        let expected = names.iter().map(|name| format!("/ws?n={name}"));
        assert!(guests.targets.iter().cloned().eq(expected), "{guests:?}");
        let sources = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
        assert!(guests.sources.iter().eq(sources.iter()), "{guests:?}");
    }
    let flags = format!(
        "{} {} --histogram {} --json",
        file("1"),
        file("2"),
        file("all")
    );
    let merged = output("merge", &flags).await;
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    let json: Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_eq!(json["recovery"]["count"], 7);
    let all = text(&output("merge", &file("all")).await.stdout);
    assert!(all.starts_with("7 recoveries: p50 "), "{all}");
}

#[tokio::test]
async fn what_cannot_be_merged_or_begun_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("other"), "kept").unwrap();
    let empty = client_sim::Recoveries::new().to_bytes();
    std::fs::write(file("good"), &empty).unwrap();
    let nobody = nowhere();
    let strange = "this is no histogram as `client-sim --histogram` writes it";
    let cases = [
        ("merge", file("none"), "none: No such file"),
        ("merge", file("other"), strange),
        (
            "merge",
            format!("{} {}", file("good"), file("other")),
            strange,
        ),
        ("merge", "/dev/null".to_owned(), "this is no file"),
        (
            "merge",
            format!("{0} {0}", file("good")),
            "good: given twice",
        ),
        (
            &nobody,
            "--start-at 2020-01-01T00:00:00Z".to_owned(),
            "--start-at: that was ",
        ),
        (
            &nobody,
            "--source 192.0.2.1".to_owned(),
            "192.0.2.1: no address of this machine",
        ),
        (
            &nobody,
            format!("--histogram {}", file("none/x")),
            "--histogram ",
        ),
    ];
    for (first, flags, part) in cases {
        let flags = match first {
            "merge" => flags + " --histogram " + &file("all"),
            _ => flags,
        };
        let output = output(first, &flags).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags}: {told}");
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert_eq!(std::fs::read_to_string(file("other")).unwrap(), "kept");
    assert!(!folder.path().join("all").exists());
    // One descriptor for each client, and some.
    let mut command = tokio::process::Command::new("sh");
    let script = format!(
        "ulimit -n 50; exec {} {nobody} --clients 40",
        env!("CARGO_BIN_EXE_client-sim")
    );
    let output = within("its end", command.args(["-c", &script]).output())
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    let part = "40 clients need 56 open files, and this process may have 50: raise `ulimit -n`";
    assert!(told.contains(part), "{told}");
}

/// The time that `date` makes of these words.
async fn soon(words: &str) -> String {
    let date = tokio::process::Command::new("date")
        .args(["-u", "-d", words, "+%FT%TZ"])
        .output();
    let told = within("the date", date).await.unwrap();
    text(&told.stdout).trim().to_owned()
}

/// The start is as far ahead as it may be, whenever this is; nobody waits for it.
#[tokio::test]
async fn nobody_dials_before_the_common_start() {
    let listener = listen();
    let start = soon("+23 hours").await;
    let mut command = program(&url(&listener), &format!("-v --start-at {start}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let id = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = within("a line", lines.next_line()).await.unwrap().unwrap();
    assert!(line.contains("waiting for the common start"), "{line}");
    kill_process(id, Signal::INT).unwrap();
    let output = within("the end", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let table = text(&output.stdout);
    assert!(table.starts_with("0 of 1 clients connected"), "{table}");
    assert!(listener.try_accept().is_none());
}

#[tokio::test]
async fn clients_dial_when_the_common_start_has_come() {
    let listener = listen();
    let start = soon("+2 seconds").await;
    // It ends with this test.
    let mut command = program(&url(&listener), &format!("--start-at {start} --for 1h"));
    let _running = command.spawn().unwrap();
    let _served = welcome(&listener, false).await;
    let dialled = soon("now").await;
    assert!(dialled >= start, "{dialled}, before {start}");
}
