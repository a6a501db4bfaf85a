//! `max_open`: a client has at most so many sockets toward the server at once,
//! those included that came to nothing: an attempt that is given up and not ended
//! stays one.

use super::at_once::{Counted, judge, read};
use super::check::Check;

pub(super) const CHECK: Check = Check {
    key: "max_open",
    read,
    counts_dials: true,
    judge: |evidence, limit| judge(evidence, limit, &OPEN),
    ..Check::BASE
};

const OPEN: Counted = Counted {
    adjective: "open",
    intervals: |evidence, client| {
        let observed = &evidence.observed;
        let own = observed.connections.of(client);
        let intervals = own.map(|connection| {
            let until = connection.gone().unwrap_or(observed.last);
            (connection.accepted, until)
        });
        intervals.filter(|(from, until)| until > from).collect()
    },
};

#[cfg(test)]
mod tests {
    use crate::checks::tests::judge;
    use crate::checks::{Finding, Measure};
    use crate::journal::builder::JournalBuilder;
    use chaos_proxy::Ending;

    const TEXT: &str = "[[fault]]\nat = '1s'\ninject.accept_silent = {}\n[expect]\nmax_open = 2\n";

    fn run() -> JournalBuilder {
        JournalBuilder::run(10_000, 15_000, 15_500)
            .connected("c1", 1, 0, 10)
            .closed("c1", 1, 1000)
    }

    /// So many attempts, none of which is ever left.
    fn attempts(count: u64) -> JournalBuilder {
        (0..count).fold(run(), |story, number| {
            story.accepted("c1", 2 + number, 1100 + number * 500)
        })
    }

    #[test]
    fn an_attempt_that_is_left_open_counts_from_its_accept() {
        let why = "no client ever had more than 2 open at once (ignoring overlaps below 50ms)";
        let judged = judge(TEXT, &attempts(2), Finding::Ok, why);
        assert_eq!(judged.observed, Measure::Count(2));
        let why = "c1 had 4 open connections at 2600ms; expected at most 2";
        judge(TEXT, &attempts(4), Finding::Failed, why);
    }

    #[test]
    fn one_that_is_ended_is_none_any_more_however_the_proxy_holds_it() {
        let story = attempts(4)
            .left("c1", 2, Ending::Reset, 1500)
            .left("c1", 3, Ending::Fin, 2149);
        let why = "no client ever had more than 2 open at once (ignoring overlaps below 50ms)";
        judge(TEXT, &story, Finding::Ok, why);
    }

    #[test]
    fn nobody_is_not_judged() {
        let story = JournalBuilder::run(10_000, 15_000, 15_500);
        let why = "no connection was ever open";
        judge(TEXT, &story, Finding::NotObservable, why);
    }
}
