//! `detect_within`: every client notices in time that a fault has hurt it.
//!
//! A fault that was healed before the limit, after which all went on as
//! before, need not be noticed: nothing is judged of it.

use std::time::Duration;

use super::deadlines::{Deadlines, Judged};
use super::evidence::{Evidence, Seen, and_more};
use super::measure::{Measure, counted, span};
use super::result::{CheckResult, Finding};
use crate::definitions::Effect;
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>, limit: Duration) -> CheckResult {
    let judged = Deadlines::of(&evidence.effects, |effect| judge(evidence, effect, limit));
    let beyond = judged.beyond();
    let seen = match beyond.first() {
        Some((effect, worst)) => too_late(evidence, effect, worst.taken(), beyond.len(), limit),
        None => in_time(&judged, limit),
    };
    let mut result = evidence.overall(Expectation::DetectWithin(limit), seen);
    if let Some((_, worst)) = beyond.first() {
        let rules = beyond.iter().map(|(effect, _)| effect.rule.clone());
        result.hangs_on = rules.collect();
        result.excess = Some(worst.excess(limit));
    }
    result
}

fn judge(evidence: &Evidence<'_>, effect: &Effect, limit: Duration) -> Judged {
    let (watched, is_stopped) = evidence.watched_until(&effect.client);
    let hurt_until = if effect.revives {
        effect.end.min(watched)
    } else {
        watched
    };
    // Noticed after the heal is not noticed during the fault.
    let noticed = effect.detected.filter(|at| *at <= hurt_until);
    let taken = noticed.map(|at| at.since(effect.start));
    Judged::of(taken, hurt_until.since(effect.start), limit, is_stopped)
}

fn too_late(
    evidence: &Evidence<'_>,
    effect: &Effect,
    taken: Option<Duration>,
    count: usize,
    limit: Duration,
) -> Seen {
    let what = match taken {
        Some(taken) => format!("noticed `{}` only after {}", effect.rule, span(taken)),
        None => format!("never noticed `{}`", effect.rule),
    };
    let began = evidence.at(effect.start);
    Seen {
        result: Finding::Failed,
        observed: Measure::seen(taken),
        why: format!(
            "{} {what}, which hurt it {began}{}; expected within {}{}",
            effect.client,
            evidence.departed(&effect.client),
            span(limit),
            and_more(count)
        ),
    }
}

fn in_time(judged: &Deadlines<'_, Effect>, limit: Duration) -> Seen {
    let Some((count, longest, effect)) = judged.within() else {
        return Seen::nothing(match judged.count() {
            0 => "no fault hurt any client".to_owned(),
            _ => format!("every fault was over before {} had passed", span(limit)),
        });
    };
    Seen {
        result: Finding::Ok,
        observed: Measure::seen(Some(longest)),
        why: format!(
            "{}, each noticed within {}; {} took longest, {} after `{}`",
            counted(count, "effect"),
            span(limit),
            effect.client,
            span(longest),
            effect.rule
        ),
    }
}
