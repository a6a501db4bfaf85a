//! A new schedule made of an old one: an entry more or less, moved, stretched,
//! split, doubled or turned against somebody else; two spliced; or what made the
//! old one recover, struck.
//!
//! Pure.

use std::collections::BTreeSet;

use environment::{Draw, Seed};

use super::corpus::{Corpus, Kept};
use super::draw::{entry, fault, pick, stream, target, time, value};
use super::entry::{Entry, Fault, Phase, Progress, Span, Target, Trigger};
use super::setting::Setting;
use super::table::{AFTER, FORMS, Family, LASTING, form_of};
use super::{Schedule, run_seed};

/// The most entries of any schedule.
const MOST_ENTRIES: usize = 7;

/// One of those kept, changed one to three times; its number, and it.
pub(super) fn mutated(
    seed: Seed,
    number: u64,
    corpus: &Corpus,
    kept: &Kept,
    families: &BTreeSet<Family>,
) -> Schedule {
    let mut draw = stream(seed, number, "mutate", 0);
    let mut schedule = Schedule {
        number,
        seed: run_seed(seed, number),
        ..kept.schedule.clone()
    };
    let changes = 1 + draw.below(3);
    for _ in 0..changes {
        change(&mut schedule, kept, corpus, families, &mut draw);
    }
    named_apart(&mut schedule.entries);
    schedule.tidied()
}

fn change(
    schedule: &mut Schedule,
    kept: &Kept,
    corpus: &Corpus,
    families: &BTreeSet<Family>,
    draw: &mut Draw,
) {
    let setting = schedule.setting.clone();
    let entries = &mut schedule.entries;
    let index = fresh_number(entries);
    let has_room = entries.len() < MOST_ENTRIES;
    if entries.is_empty() {
        entries.push(entry(index, &setting, families, draw));
        return;
    }
    let one = pick(entries.len(), draw);
    match draw.below(16) {
        0..=2 if has_room => entries.push(entry(index, &setting, families, draw)),
        3 => drop(entries.remove(one)),
        4 | 5 => moved(&mut entries[one], &setting, draw),
        6 => stretched(&mut entries[one], &setting, draw),
        7 if has_room => split(entries, one),
        8 if has_room => {
            let mut twin = entries[one].clone();
            moved(&mut twin, &setting, draw);
            entries.push(twin);
        }
        9 | 10 => retargeted(&mut entries[one], &setting, draw),
        11 | 12 => redrawn(&mut entries[one], &setting, draw),
        13 => {
            if let Some(other) = corpus.any(draw)
                && other.schedule.setting.base == setting.base
            {
                let half = other.schedule.entries.iter().filter(|_| draw.chance(0.5));
                let half: Vec<Entry> = half.cloned().collect();
                entries.extend(half);
                entries.truncate(MOST_ENTRIES);
            }
        }
        _ if has_room => {
            if let Some(strike) = at_recovery(kept, index, &setting, draw) {
                entries.push(strike);
            }
        }
        _ => moved(&mut entries[one], &setting, draw),
    }
}

/// Higher than that of every name.
fn fresh_number(entries: &[Entry]) -> u64 {
    entries.len() as u64 + 1
}

/// Each entry has a name of its own, by its place; the names are part of draws.
fn named_apart(entries: &mut [Entry]) {
    for (number, entry) in (1..).zip(entries) {
        match entry {
            Entry::Fault(fault) => fault.name = format!("f{number} {}", fault.word),
            Entry::Action(action) => action.name = format!("a{number}"),
            Entry::Server(event) => event.name = format!("e{number}"),
            Entry::Given(_) => {}
        }
    }
}

/// To another time, or another occasion.
fn moved(entry: &mut Entry, setting: &Setting, draw: &mut Draw) {
    let latest = setting.duration.saturating_sub(500);
    if let Some(at) = entry.at_mut() {
        let by = time((5, 2000), &setting.figures, draw);
        *at = if draw.chance(0.5) {
            at.saturating_add(by).min(latest)
        } else {
            at.saturating_sub(by)
        };
        return;
    }
    let Entry::Fault(Fault {
        trigger:
            Trigger::On {
                attempts,
                phase,
                progress,
                after,
                ..
            },
        ..
    }) = entry
    else {
        return;
    };
    match draw.below(4) {
        0 => {
            let all = super::draw::attempts(setting);
            *attempts = all[pick(all.len(), draw)];
        }
        1 if phase.is_some() => *phase = Some(Phase::ALL[pick(4, draw)]),
        2 if progress.is_some() => *progress = Some(Progress::Frame(draw.below(12))),
        _ if after.is_some() => *after = Some(time(AFTER, &setting.figures, draw)),
        _ => {
            let first = attempts.first + 1;
            *attempts = Span {
                first,
                last: attempts.last.map(|last| last.max(first)),
            };
        }
    }
}

fn stretched(entry: &mut Entry, setting: &Setting, draw: &mut Draw) {
    match entry {
        Entry::Fault(fault) => {
            if let Some(lasting) = fault.lasting_mut() {
                *lasting = time(LASTING, &setting.figures, draw);
            }
            let now = fault.lasting().unwrap_or_default();
            if let Trigger::At {
                every: Some((every, _)),
                ..
            } = &mut fault.trigger
            {
                *every = (*every).max(now + 200);
            }
        }
        Entry::Server(event) => event.lasting = draw.below(2000),
        Entry::Action(_) | Entry::Given(_) => {}
    }
}

/// One window becomes two, with a gap between.
fn split(entries: &mut Vec<Entry>, one: usize) {
    let Entry::Fault(Fault {
        trigger:
            Trigger::At {
                at,
                lasting: Some(lasting),
                every: every @ None,
            },
        ..
    }) = &mut entries[one]
    else {
        return;
    };
    if *lasting < 200 {
        return;
    }
    let third = *lasting / 3;
    let mut twin = None;
    *lasting = third;
    *every = None;
    let later = *at + 2 * third;
    if let Entry::Fault(fault) = &entries[one] {
        let mut fault = fault.clone();
        if let Trigger::At { at, .. } = &mut fault.trigger {
            *at = later;
        }
        twin = Some(Entry::Fault(fault));
    }
    entries.extend(twin);
}

fn retargeted(entry: &mut Entry, setting: &Setting, draw: &mut Draw) {
    if let Some(whom) = entry.target_mut() {
        *whom = match whom {
            Target::Everybody => target(setting, draw),
            _ if draw.chance(0.6) => Target::Everybody,
            _ => target(setting, draw),
        };
    }
}

/// One of its own keys is drawn anew.
fn redrawn(entry: &mut Entry, setting: &Setting, draw: &mut Draw) {
    let Entry::Fault(fault) = entry else {
        return moved(entry, setting, draw);
    };
    if fault.parameters.is_empty() {
        return moved(entry, setting, draw);
    }
    let keys: Vec<&str> = fault.parameters.iter().map(|one| &*one.key).collect();
    let Some(form) = form_of(&fault.word, &keys) else {
        return;
    };
    let one = pick(fault.parameters.len(), draw);
    let parameter = &mut fault.parameters[one];
    let range = form
        .parameters
        .iter()
        .find(|(key, _)| *key == parameter.key);
    if let Some((_, range)) = range
        && let Some(value) = value(range, &setting.figures, draw)
    {
        parameter.value = value;
    }
}

/// A fault on the connection by which somebody was back: on its SYN, its 101, its
/// first data or what it was sent after.
fn at_recovery(kept: &Kept, index: u64, setting: &Setting, draw: &mut Draw) -> Option<Entry> {
    let recoveries = &kept.recoveries;
    let (client, attempt) = recoveries.get(pick(recoveries.len(), draw))?;
    let forms: Vec<_> = FORMS
        .iter()
        .filter(|form| form.place != super::table::Place::Listener)
        .collect();
    let form = forms[pick(forms.len(), draw)];
    let mut strike = fault(index, form, setting, draw);
    let is_of_accept = form.place == super::table::Place::Accept;
    let (phase, progress) = match draw.below(4) {
        _ if is_of_accept => (None, None),
        0 => (Some(Phase::Connect), None),
        1 => (Some(Phase::Upgrade), None),
        2 => (Some(Phase::Open), None),
        _ => (Some(Phase::Open), Some(Progress::Frame(1 + draw.below(4)))),
    };
    let lasting = time(LASTING, &setting.figures, draw);
    strike.trigger = Trigger::On {
        attempts: if draw.chance(0.7) {
            Span::one(*attempt)
        } else {
            Span {
                first: *attempt,
                last: None,
            }
        },
        phase,
        progress,
        after: None,
        lasting: (!form.is_once && !is_of_accept && draw.chance(0.6)).then_some(lasting),
    };
    let number = client.trim_start_matches('c').parse();
    strike.target = match number {
        Ok(number) if draw.chance(0.3) => Target::Client(number),
        _ => Target::Everybody,
    };
    Some(Entry::Fault(strike))
}
