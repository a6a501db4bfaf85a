//! The clients of a run: few of them a row each, of many the shares of their
//! states, and rows for those that matter most.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::Moment;

use super::axis::Axis;
use super::evidence::Known;
use super::lane::{Lane, strays};
use super::state::{Segment, State, segments};
use crate::checks::CheckResult;

/// With more clients than this there is not a row for each of them.
pub(crate) const MOST_LANES: usize = 64;
/// So many rows are shown of a larger crowd.
const WORST_LANES: usize = 12;
/// So many columns have the shares of a crowd.
pub(crate) const COLUMNS: u32 = 250;

/// All clients of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// How many there are.
    pub(crate) count: usize,
    /// In the order of the clients; of a large crowd those that failed a check,
    /// and those that were longest without a live connection.
    pub(crate) lanes: Vec<Lane>,
    /// Of a large crowd only.
    pub(crate) stack: Option<Stack>,
}

/// How many clients were in which state, over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// For each state, in the order of [`State::ALL`], and each column: how many
    /// thousandths of a client were in it, on the average of the column.
    pub(crate) shares: Vec<Vec<u32>>,
    /// How many dials began in each column.
    pub(crate) dials: Vec<u32>,
}

impl Crowd {
    pub(crate) fn new(known: &Known<'_>, axis: &Axis, checks: &[CheckResult]) -> Self {
        let evidence = known.evidence;
        let clients = evidence.scenario.client_names();
        let failed = failed_clients(checks);
        let strays = strays(evidence);
        let is_large = clients.len() > MOST_LANES;
        let stack = is_large.then(|| Stack::new(known, axis, &clients));
        let shown = if is_large {
            worst(known, axis, &clients, &failed)
        } else {
            clients.iter().collect()
        };
        let count = shown.len();
        let lanes = shown.into_iter();
        let lanes = lanes.map(|client| Lane::new(known, axis, client, &failed, &strays, count));
        Self {
            count: clients.len(),
            lanes: lanes.collect(),
            stack,
        }
    }
}

/// The clients that failed any check.
fn failed_clients(checks: &[CheckResult]) -> BTreeSet<String> {
    let clients = checks.iter().flat_map(|check| &check.clients);
    clients.cloned().collect()
}

fn worst<'a>(
    known: &Known<'_>,
    axis: &Axis,
    clients: &'a [String],
    failed: &BTreeSet<String>,
) -> Vec<&'a String> {
    let mut ranked: Vec<(bool, Duration, usize)> = clients
        .iter()
        .enumerate()
        .map(|(index, client)| {
            let segments = segments(known, client, axis.until);
            let live = segments.iter().filter(|s| s.state == State::Live);
            (
                !failed.contains(client),
                live.map(Segment::length).sum(),
                index,
            )
        })
        .collect();
    ranked.sort_unstable();
    ranked.truncate(WORST_LANES);
    let mut shown: Vec<usize> = ranked.into_iter().map(|(.., index)| index).collect();
    shown.sort_unstable();
    shown.into_iter().map(|index| &clients[index]).collect()
}

impl Stack {
    fn new(known: &Known<'_>, axis: &Axis, clients: &[String]) -> Self {
        let columns = COLUMNS as usize;
        let mut times = vec![vec![Duration::ZERO; columns]; State::ALL.len()];
        let mut dials = vec![0_u32; columns];
        for client in clients {
            for segment in segments(known, client, axis.until) {
                let state = State::ALL.iter().position(|state| *state == segment.state);
                if let Some(times) = state.and_then(|state| times.get_mut(state)) {
                    spread(times, axis, &segment);
                }
            }
            let dialled = known.dials(client).iter().map(|dial| dial.at);
            for at in dialled.filter(|at| *at <= axis.until) {
                dials[column(axis, at)] += 1;
            }
        }
        let width = axis.length() / COLUMNS;
        let share = |time: Duration| thousandths(time, width);
        let shares = times.into_iter();
        Self {
            shares: shares
                .map(|times| times.into_iter().map(share).collect())
                .collect(),
            dials,
        }
    }
}

fn thousandths(time: Duration, of: Duration) -> u32 {
    let share = time.as_nanos() * 1000 / of.as_nanos().max(1);
    u32::try_from(share).unwrap_or(u32::MAX)
}

fn column(axis: &Axis, at: Moment) -> usize {
    let column = axis.x(at) * COLUMNS / Axis::WIDTH;
    column.min(COLUMNS - 1) as usize
}

/// Adds the time of a segment to the columns that it lies in.
fn spread(times: &mut [Duration], axis: &Axis, segment: &Segment) {
    let width = axis.length() / COLUMNS;
    let first = column(axis, segment.from);
    let last = column(axis, segment.until);
    for (index, time) in times.iter_mut().enumerate().take(last + 1).skip(first) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let (from, until) = (axis.from + width * index, axis.from + width * (index + 1));
        let overlap = segment.until.min(until).since(segment.from.max(from));
        *time += overlap.min(width);
    }
}
