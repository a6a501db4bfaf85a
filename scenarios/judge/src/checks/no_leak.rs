//! `no_leak`: when all has settled, the server has no socket that no client
//! has; and when the clients have ended, it has none at all.
//!
//! What the simulated clients have, they say themselves; of anybody else's, the
//! connections count that they have not left as the proxy sees it.
//!
//! A socket counts that was open all the time from the end of settling until
//! the clients were stopped: one whose end was on its way is no leak.

use super::check::{Check, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::holds;
use super::measure::{Measure, counted};
use crate::definitions::Fact;

pub(super) const CHECK: Check = Check {
    key: "no_leak",
    facts: &[Fact::Sockets],
    read: holds,
    needs: |_| Needs {
        of_server: Some("its sockets"),
        ..Needs::default()
    },
    judge: |evidence, _| judge(evidence),
    ..Check::BASE
};

/// Whose a socket was the server does not tell, so no client is named.
const NOBODY: [&str; 0] = [];

fn judge(evidence: &Evidence<'_>) -> Found {
    let observed = &evidence.observed;
    let marks = &observed.marks;
    if !observed.sockets.are_reported() {
        return Found::nothing("the server reported no socket");
    }
    let (Some(settled), Some(drained), Some(ended)) = (marks.settled, marks.drained, marks.ended)
    else {
        return Found::nothing("the run did not reach its end");
    };
    let open = observed.sockets.open_throughout(settled, drained);
    let in_use = if evidence.is_sim() {
        observed.reports.in_use(settled)
    } else {
        observed.connections.held(settled)
    };
    let left = observed.sockets.open_throughout(ended, ended);
    if open > in_use {
        let at = evidence.at(settled);
        let why = format!(
            "the server had {} open {at}, when the clients had {in_use}; expected no more than theirs",
            counted(open, "socket")
        );
        return Found::failed(Measure::count(open - in_use), why, NOBODY);
    }
    if left > 0 {
        let at = evidence.at(ended);
        let why = format!(
            "the server still had {} open {at}, after every client had ended; expected none",
            counted(left, "socket")
        );
        return Found::failed(Measure::count(left), why, NOBODY);
    }
    let why = format!(
        "the server had {} for {} {}, and none after the clients had ended",
        counted(open, "socket"),
        counted(in_use, "connection"),
        evidence.at(settled)
    );
    Found::ok(Measure::Count(0), why)
}
