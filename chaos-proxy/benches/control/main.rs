//! How long the calls of the control API take whatever the connections do, ours
//! beside what others took (BASELINE: measured elsewhere, on a machine like
//! this).
//!
//! `cargo bench -p chaos-proxy --bench control`. The proxy is the program
//! itself, in a process of its own; clients and servers are here.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its table"
)]

mod api;
mod peers;
#[expect(
    dead_code,
    reason = "shared with another benchmark, which needs the rest"
)]
#[path = "../wire/process.rs"]
mod process;

use std::time::Duration;

use api::Api;
use environment::Clock;
use peers::{Held, silent_server};

/// How often each call is made.
const ROUNDS: usize = 20;
/// How many connections are held.
const HELD: usize = 5000;

struct Row {
    name: &'static str,
    others: &'static str,
    aim: &'static str,
    measure: fn(&Clock) -> anyhow::Result<Vec<Duration>>,
}

const ROWS: [Row; 8] = [
    Row {
        name: "remove a `bandwidth` whose client went away",
        others: "10–15 s",
        aim: "≤ 50 ms",
        measure: client_went_away,
    },
    Row {
        name: "remove a `reset_peer` that counts down",
        others: "the rest of its time",
        aim: "≤ 50 ms",
        measure: counting_down,
    },
    Row {
        name: "add a `reset_peer`: call and RST on an idle connection",
        others: "no RST, ever",
        aim: "≤ 2 ms",
        measure: reset_idle,
    },
    Row {
        name: "disable a proxy whose server answers no SYN",
        others: "503 after 25 s",
        aim: "≤ 50 ms",
        measure: no_answer,
    },
    Row {
        name: "add a toxic with 5,000 connections held",
        others: "69–83 ms",
        aim: "≤ 20 ms",
        measure: add_with_many,
    },
    Row {
        name: "remove a toxic with 5,000 held",
        others: "–",
        aim: "≤ 50 ms",
        measure: remove_with_many,
    },
    Row {
        name: "list 5,000 connections (/chaos/v1)",
        others: "not offered",
        aim: "≤ 50 ms",
        measure: list_many,
    },
    Row {
        name: "disable a proxy with 5,000 held",
        others: "–",
        aim: "≤ 50 ms",
        measure: disable_with_many,
    },
];

fn main() -> anyhow::Result<()> {
    process::raise_descriptor_limit()?;
    let clock = Clock::precise();
    println!("| call: answers after | median | worst | Toxiproxy | aim |");
    println!("|---|---|---|---|---|");
    for row in &ROWS {
        eprintln!("{} …", row.name);
        let mut times = (row.measure)(&clock)?;
        times.sort();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "| {} | {:.2} ms | {:.2} ms | {} | {} |",
            row.name,
            median.as_secs_f64() * 1000.0,
            worst.as_secs_f64() * 1000.0,
            row.others,
            row.aim
        );
    }
    Ok(())
}

/// How long one call takes.
fn timed(clock: &Clock, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let begun = clock.now();
    act()?;
    Ok(clock.now().since(begun))
}

/// Every round on a proxy and a connection of its own.
fn client_went_away(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let rounds = (0..ROUNDS).map(|round| {
        let held = Held::new(&api, &format!("p{round}"), 1)?;
        held.toxic("bandwidth", r#"{"rate": 1}"#)?;
        held.flood()?;
        held.leave();
        timed(clock, || held.remove_toxic())
    });
    rounds.collect()
}

fn counting_down(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let held = Held::new(&api, "p", 10)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        held.toxic("reset_peer", r#"{"timeout": 60000}"#)?;
        times.push(timed(clock, || held.remove_toxic())?);
    }
    held.ensure_alive()?;
    Ok(times)
}

fn reset_idle(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let rounds = (0..ROUNDS).map(|round| {
        let held = Held::new(&api, &format!("p{round}"), 1)?;
        timed(clock, || {
            held.toxic("reset_peer", "{}")?;
            held.ensure_reset()
        })
    });
    rounds.collect()
}

fn no_answer(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let (server, _sockets) = silent_server()?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("p{round}");
        let address = api.proxy(&name, server)?;
        let clients: Result<Vec<_>, _> = (0..10)
            .map(|_| std::net::TcpStream::connect(address))
            .collect();
        let clients = clients?;
        times.push(timed(clock, || api.disable(&name))?);
        drop(clients);
    }
    Ok(times)
}

fn add_with_many(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let held = Held::new(&api, "p", HELD)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(timed(clock, || held.toxic("latency", r#"{"latency": 5}"#))?);
        held.remove_toxic()?;
        held.ensure_alive()?;
    }
    Ok(times)
}

fn remove_with_many(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let held = Held::new(&api, "p", HELD)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        held.toxic("latency", r#"{"latency": 5}"#)?;
        times.push(timed(clock, || held.remove_toxic())?);
        held.ensure_alive()?;
    }
    Ok(times)
}

fn list_many(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    let api = Api::start()?;
    let _held = Held::new(&api, "p", HELD)?;
    let list = || api.call("GET", "/chaos/v1/connections", "").map(drop);
    (0..ROUNDS).map(|_| timed(clock, list)).collect()
}

fn disable_with_many(clock: &Clock) -> anyhow::Result<Vec<Duration>> {
    // Each round needs its own connections; fewer rounds will do.
    let mut times = Vec::new();
    for _ in 0..ROUNDS / 4 {
        let api = Api::start()?;
        let _held = Held::new(&api, "p", HELD)?;
        times.push(timed(clock, || api.disable("p"))?);
    }
    Ok(times)
}
