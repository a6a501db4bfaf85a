//! `max_live`: a client has at most so many live connections at once.

use super::at_once::{Counted, judge, read};
use super::check::Check;

pub(super) const CHECK: Check = Check {
    key: "max_live",
    read,
    counts_dials: true,
    judge: |evidence, limit| judge(evidence, limit, &LIVE),
    ..Check::BASE
};

const LIVE: Counted = Counted {
    adjective: "live",
    intervals: |evidence, client| {
        let observed = &evidence.observed;
        observed.connections.live(client, observed.last)
    },
};
