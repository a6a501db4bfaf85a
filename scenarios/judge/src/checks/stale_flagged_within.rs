//! `stale_flagged_within`: a client to which nothing comes any more flags what
//! it shows as stale in time.
//!
//! Looks at faults that keep a connection open in silence. Counted from when
//! the fault takes hold: what came before that was live. Whoever shows nothing
//! as live then, being without a connection or stale already, has flagged it; so
//! has whoever gives the connection up. A silence that was over before the limit
//! need not be flagged.

use std::time::Duration;

use super::check::{Check, Needs};
use super::deadlines::{Beyond, Deadlines, Words, during};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{Limit, within_some_time};
use super::measure::span;
use crate::definitions::Notice;
use crate::language::Objection;

pub(super) const CHECK: Check = Check {
    key: "stale_flagged_within",
    read: within_some_time,
    objection: |setting| {
        (!setting.silences()).then(|| {
            let why = "no fault keeps a connection open in silence";
            Objection::new(why, "add one that does, such as `stall`")
        })
    },
    needs: |_| Needs {
        freshness: true,
        ..Needs::default()
    },
    judge,
    ..Check::BASE
};

const WORDS: Words<Notice> = Words {
    event: "silence",
    reacted: "flagged as stale",
    too_late,
    nothing,
};

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let limit = limit.time();
    let silences = silences(evidence);
    if silences.is_empty() {
        return Found::nothing("no fault silenced any connection");
    }
    let reports = &evidence.observed.reports;
    let told = silences
        .into_iter()
        .filter(|notice| reports.tells_freshness(&notice.client));
    let judged = Deadlines::of(told, |notice| {
        let flagged = reports.not_live_from(&notice.client, notice.from);
        during(evidence, notice, flagged, limit)
    });
    judged.found(evidence, limit, &WORDS)
}

/// The silences of open connections, as far as rules made them.
fn silences<'a>(evidence: &'a Evidence<'_>) -> Vec<&'a Notice> {
    let rules = evidence.plan.rules();
    let is_silent = |notice: &&Notice| {
        let mut same = rules.iter().filter(|rule| rule.name == notice.rule);
        !notice.is_end && same.any(|rule| rule.fault.silences_client())
    };
    evidence.notices().filter(is_silent).collect()
}

fn too_late(evidence: &Evidence<'_>, notice: &Notice, worst: Beyond) -> String {
    let what = match worst.taken() {
        Some(taken) => format!("flagged what it shows as stale only {} after", span(taken)),
        None => "never flagged what it shows as stale after".to_owned(),
    };
    let (client, rule) = (&notice.client, &notice.rule);
    let began = evidence.at(notice.from);
    format!("{client} {what} `{rule}` silenced it {began}")
}

fn nothing(_: &Evidence<'_>, judged: &Deadlines<'_, Notice>, limit: Duration) -> String {
    match judged.count() {
        0 => "no client that was silenced reports whether what it shows is live".to_owned(),
        _ => format!("every silence was over before {} had passed", span(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run, stalled};
    use super::*;
    use crate::checks::Excess;
    use crate::checks::{Finding, Measure};
    use crate::journal::builder::JournalBuilder;
    use client_sim::EventKind;

    /// Client 1 shows prices, and is silenced from 1 s to 3 s.
    fn silenced() -> JournalBuilder {
        run()
            .dialled("c1", 1, 0)
            .welcomed("c1", 1, "s", 5)
            .stalled("c1", 1, 1000)
    }

    fn stale(story: JournalBuilder, at: u64) -> JournalBuilder {
        story.client("c1", EventKind::Stale { dial: 1 }, at)
    }

    #[test]
    fn flagged_in_time_is_ok() {
        let text = stalled("stale_flagged_within = '1s'");
        let why =
            "1 silence, each flagged as stale within 1s; c1 took longest, 900ms after `stall`";
        let judged = judge(&text, &stale(silenced(), 1900), Finding::Ok, why);
        assert_eq!(judged.limit, Measure::Text("1s".into()));
        let given_up = silenced().told_closed("c1", 1, 1900);
        judge(&text, &given_up, Finding::Ok, why);
    }

    #[test]
    fn flagged_late_or_never_fails() {
        let text = stalled("stale_flagged_within = '800ms'");
        let why = "c1 flagged what it shows as stale only 900ms after `stall` silenced it at 1s; expected within 800ms";
        let judged = judge(&text, &stale(silenced(), 1900), Finding::Failed, why);
        let excess = Excess::Late(Duration::from_millis(100));
        assert_eq!(judged.excess, Some(excess));
        assert_eq!(judged.hangs_on, ["stall".to_owned()].into());
        let why = "c1 never flagged what it shows as stale after `stall` silenced it at 1s; expected within 800ms";
        let judged = judge(&text, &stale(silenced(), 3500), Finding::Failed, why);
        let excess = Excess::Never(Duration::from_millis(1200));
        assert_eq!(judged.excess, Some(excess));
    }

    #[test]
    fn what_is_not_shown_as_live_need_not_be_flagged_again() {
        let text = stalled("stale_flagged_within = '800ms'");
        let why =
            "1 silence, each flagged as stale within 800ms; c1 took longest, 0s after `stall`";
        judge(&text, &stale(silenced(), 900), Finding::Ok, why);
        let away = silenced().told_closed("c1", 1, 900);
        judge(&text, &away, Finding::Ok, why);
        let revived = stale(silenced(), 900).client("c1", EventKind::Revived { dial: 1 }, 950);
        let why = "c1 never flagged what it shows as stale after `stall` silenced it at 1s; expected within 800ms";
        judge(&text, &revived, Finding::Failed, why);
    }

    #[test]
    fn a_silence_that_nobody_could_flag_is_not_judged() {
        let why = "every silence was over before 4s had passed";
        let text = stalled("stale_flagged_within = '4s'");
        judge(&text, &silenced(), Finding::NotObservable, why);
        let text = stalled("stale_flagged_within = '1s'");
        let mute = run().stalled("c1", 1, 1000);
        let why = "no client that was silenced reports whether what it shows is live";
        judge(&text, &mute, Finding::NotObservable, why);
    }

    #[test]
    fn only_a_silence_is_looked_at() {
        let upstream = "[[fault]]\nname = 'up'\nat = '1s'\nfor = '2s'\n\
                        inject.stall = { direction = 'upstream' }\n";
        let text = format!("{upstream}{}", stalled("stale_flagged_within = '1s'"));
        let story = run().welcomed("c1", 1, "s", 5).struck("c1", 1, "up", 1000);
        let why = "no fault silenced any connection";
        judge(&text, &story, Finding::NotObservable, why);
        let half_open = reset("stale_flagged_within = '1s'").replace("{}", "{ side = 'server' }");
        let story = run()
            .welcomed("c1", 1, "s", 5)
            .struck("c1", 1, "reset", 1000);
        let why = "c1 never flagged what it shows as stale after `reset` silenced it at 1s; expected within 1s";
        judge(&half_open, &story, Finding::Failed, why);
    }
}
