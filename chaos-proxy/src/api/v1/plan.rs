//! `/plan`: what the scenario of each proxy is going to do, and when.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::super::server::App;
use crate::proxies::Script;
use crate::rule::When;
use environment::Seed;

/// More of a plan is not shown: it may repeat a rule indefinitely.
const SHOWN: usize = 1000;

#[derive(Debug, Serialize)]
pub(super) struct Plans {
    seed: u64,
    plans: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    proxy: String,
    /// When everything is healed, after t = 0; `null`: never.
    duration_us: Option<u64>,
    repeats: bool,
    /// What is timed, in its order; at most the first thousand.
    timed: Vec<Timed>,
    timed_count: usize,
    /// The rules that wait for connections.
    waiting: Vec<Waiting>,
}

#[derive(Debug, Serialize)]
struct Timed {
    rule: String,
    fault: &'static str,
    occurrence: u64,
    at_us: u64,
    /// `null`: it acts once.
    until_us: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    rule: String,
    fault: &'static str,
    on: String,
    after_us: u64,
}

/// `GET /plan`
pub(super) async fn show(State(app): State<App>) -> Json<Plans> {
    let state = app.state().await;
    let seed = state.proxies.seed();
    let proxies = state.proxies.iter();
    let plans = proxies.map(|(name, proxy)| shown(name, proxy.script(), seed));
    Json(Plans {
        seed: seed.0,
        plans: plans.collect(),
    })
}

fn shown(proxy: &str, script: &Script, seed: Seed) -> Shown {
    let plan = script.plan(seed);
    let timed = plan.timed().iter().take(SHOWN).map(|occurrence| {
        let rule = &plan.rules()[occurrence.rule];
        Timed {
            rule: rule.name.clone(),
            fault: rule.fault.word(),
            occurrence: occurrence.number,
            at_us: micros(occurrence.from),
            until_us: occurrence.until.map(micros),
        }
    });
    let waiting = script.rules.iter().filter_map(|rule| match &rule.when {
        When::On {
            condition, after, ..
        } => Some(Waiting {
            rule: rule.name.clone(),
            fault: rule.fault.word(),
            on: condition.to_string(),
            after_us: micros(*after),
        }),
        When::Timed { .. } => None,
    });
    Shown {
        proxy: proxy.to_owned(),
        duration_us: script.horizon.map(micros),
        repeats: script.repeat,
        timed: timed.collect(),
        timed_count: plan.timed().len(),
        waiting: waiting.collect(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
