//! `detect_within`: every client notices in time that a fault has hurt it.
//!
//! A fault that was healed before the limit, after which all went on as
//! before, need not be noticed: nothing is judged of it.

use std::time::Duration;

use super::evidence::{Evidence, Judged, Seen, and_more};
use super::measure::{Measure, counted, span};
use super::result::{CheckResult, Finding};
use crate::definitions::Effect;
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>, limit: Duration) -> CheckResult {
    let judged: Vec<(&Effect, Judged)> = evidence
        .effects
        .iter()
        .map(|effect| (effect, judge(evidence, effect, limit)))
        .collect();
    let beyond = worst(&judged);
    let mut result = evidence.overall(
        Expectation::DetectWithin(limit),
        match beyond.first() {
            Some((effect, taken)) => too_late(evidence, effect, *taken, beyond.len(), limit),
            None => in_time(&judged, limit),
        },
    );
    if !beyond.is_empty() {
        let rules = beyond.iter().map(|(effect, _)| effect.rule.clone());
        result.hangs_on = rules.collect();
        let worst = beyond.first().and_then(|(_, taken)| *taken);
        result.excess = worst.map(|taken| taken.saturating_sub(limit));
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

/// The effects beyond the limit; never comes first, then the longest.
fn worst<'a>(judged: &[(&'a Effect, Judged)]) -> Vec<(&'a Effect, Option<Duration>)> {
    let mut beyond: Vec<_> = judged
        .iter()
        .filter_map(|(effect, judged)| match judged {
            Judged::Beyond(taken) => Some((*effect, *taken)),
            Judged::Within(_) | Judged::Open | Judged::Excused => None,
        })
        .collect();
    beyond.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.unwrap_or(Duration::MAX)));
    beyond
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
            "{} {what}, which hurt it {began}; expected within {}{}",
            effect.client,
            span(limit),
            and_more(count)
        ),
    }
}

fn in_time(judged: &[(&Effect, Judged)], limit: Duration) -> Seen {
    let taken: Vec<(Duration, &Effect)> = judged
        .iter()
        .filter_map(|(effect, judged)| match judged {
            Judged::Within(taken) => Some((*taken, *effect)),
            Judged::Beyond(_) | Judged::Open | Judged::Excused => None,
        })
        .collect();
    let Some((longest, effect)) = taken.iter().max_by_key(|(taken, _)| *taken) else {
        return Seen::nothing(match judged.len() {
            0 => "no fault hurt any client".to_owned(),
            _ => format!("every fault was over before {} had passed", span(limit)),
        });
    };
    Seen {
        result: Finding::Ok,
        observed: Measure::seen(Some(*longest)),
        why: format!(
            "{}, each noticed within {}; {} took longest, {} after `{}`",
            counted(taken.len(), "effect"),
            span(limit),
            effect.client,
            span(*longest),
            effect.rule
        ),
    }
}
