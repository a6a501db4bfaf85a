//! `stale_flagged_within`: a client to which nothing comes any more flags what
//! it shows as stale in time.
//!
//! Looks at faults that keep a connection open in silence. Counted from when
//! the fault takes hold: what came before that was live. Whoever shows nothing
//! as live then, being without a connection or stale already, has flagged it; so
//! has whoever gives the connection up. A silence that was over before the limit
//! need not be flagged.

use std::time::Duration;

use super::deadlines::{Deadlines, Judged};
use super::evidence::{Evidence, Seen, and_more};
use super::measure::{Measure, counted, span};
use super::result::{CheckResult, Finding};
use crate::definitions::Effect;
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>, limit: Duration) -> CheckResult {
    let silences = silences(evidence);
    let reports = &evidence.observed.reports;
    let told = silences
        .iter()
        .filter(|effect| reports.tells_freshness(&effect.client));
    let judged = Deadlines::of(told.copied(), |effect| judge(evidence, effect, limit));
    let beyond = judged.beyond();
    let seen = match beyond.first() {
        Some((effect, worst)) => too_late(evidence, effect, worst.taken(), beyond.len(), limit),
        None if silences.is_empty() => Seen::nothing("no fault silenced any connection"),
        None => in_time(&judged, limit),
    };
    let mut result = evidence.overall(Expectation::StaleFlaggedWithin(limit), seen);
    if let Some((_, worst)) = beyond.first() {
        let rules = beyond.iter().map(|(effect, _)| effect.rule.clone());
        result.hangs_on = rules.collect();
        result.excess = Some(worst.excess(limit));
    }
    result
}

/// The effects that silenced a connection without ending it.
fn silences<'a>(evidence: &'a Evidence<'_>) -> Vec<&'a Effect> {
    let rules = evidence.plan.rules();
    let is_silent = |effect: &&Effect| {
        let mut same = rules.iter().filter(|rule| rule.name == effect.rule);
        same.any(|rule| rule.fault.silences_client())
    };
    evidence.effects.iter().filter(is_silent).collect()
}

fn judge(evidence: &Evidence<'_>, effect: &Effect, limit: Duration) -> Judged {
    let (watched, is_stopped) = evidence.watched_until(&effect.client);
    let silent_until = if effect.revives {
        effect.end.min(watched)
    } else {
        watched
    };
    let reports = &evidence.observed.reports;
    let flagged = reports.not_live_from(&effect.client, effect.start);
    // Flagged after the heal is not flagged during the silence.
    let flagged = flagged.filter(|at| *at <= silent_until);
    let taken = flagged.map(|at| at.since(effect.start));
    Judged::of(taken, silent_until.since(effect.start), limit, is_stopped)
}

fn too_late(
    evidence: &Evidence<'_>,
    effect: &Effect,
    taken: Option<Duration>,
    count: usize,
    limit: Duration,
) -> Seen {
    let what = match taken {
        Some(taken) => format!("flagged what it shows as stale only {} after", span(taken)),
        None => "never flagged what it shows as stale after".to_owned(),
    };
    Seen {
        result: Finding::Failed,
        observed: Measure::seen(taken),
        why: format!(
            "{} {what} `{}` silenced it {}; expected within {}{}",
            effect.client,
            effect.rule,
            evidence.at(effect.start),
            span(limit),
            and_more(count)
        ),
    }
}

fn in_time(judged: &Deadlines<'_, Effect>, limit: Duration) -> Seen {
    let Some((count, longest, effect)) = judged.within() else {
        return Seen::nothing(match judged.count() {
            0 => "no client that was silenced tells whether what it shows is live".to_owned(),
            _ => format!("every silence was over before {} had passed", span(limit)),
        });
    };
    Seen {
        result: Finding::Ok,
        observed: Measure::seen(Some(longest)),
        why: format!(
            "{}, each flagged as stale within {}; {} took longest, {} after `{}`",
            counted(count, "silence"),
            span(limit),
            effect.client,
            span(longest),
            effect.rule
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run, stalled};
    use super::*;
    use crate::checks::Excess;
    use crate::journal::builder::JournalBuilder;
    use client_sim::EventKind;

    /// Client 1 shows prices, and is silenced from 1 s to 3 s.
    fn silenced() -> JournalBuilder {
        run()
            .dialled("c1", 1, 0)
            .welcomed("c1", 1, "s", 5)
            .struck("c1", 1, "stall", 1000)
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
        let mute = run().struck("c1", 1, "stall", 1000);
        let why = "no client that was silenced tells whether what it shows is live";
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
