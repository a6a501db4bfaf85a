//! A failing schedule made as small as it gets: fewer entries, then fewer clients,
//! then less of each entry, then round numbers.
//!
//! Pure: whether a schedule still fails is asked of whoever can run it. Invariant:
//! what comes out has failed by the same check in the same way.

use super::Schedule;
use super::entry::{Entry, Fault, Target, Trigger, Value};

/// A schedule on its way.
struct Shrinking<'a> {
    best: Schedule,
    runs: u64,
    most: u64,
    fails: &'a mut dyn FnMut(&Schedule) -> bool,
}

/// The smallest of what `fails` agrees to, and how many were tried.
pub(super) fn shrunk(
    schedule: &Schedule,
    most: u64,
    fails: &mut dyn FnMut(&Schedule) -> bool,
) -> (Schedule, u64) {
    let mut shrinking = Shrinking {
        best: schedule.clone(),
        runs: 0,
        most,
        fails,
    };
    shrinking.entries();
    shrinking.clients();
    shrinking.windows();
    shrinking.parameters();
    // What is simpler may need less.
    shrinking.entries();
    shrinking.times();
    shrinking.course();
    (shrinking.best, shrinking.runs)
}

impl Shrinking<'_> {
    /// Takes another schedule, if it fails as well.
    fn take(&mut self, candidate: Schedule) -> bool {
        if self.runs >= self.most || candidate == self.best {
            return false;
        }
        self.runs += 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// The best one, changed.
    fn attempt(&mut self, change: impl FnOnce(&mut Schedule)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.take(candidate)
    }

    /// Zeller and Hildebrandt (2002): without ever smaller parts.
    fn entries(&mut self) {
        let mut parts = 2;
        loop {
            let count = self.best.entries.len();
            if count == 0 {
                return;
            }
            parts = parts.min(count);
            let size = count.div_ceil(parts);
            let mut has_shrunk = false;
            for from in (0..count).step_by(size) {
                let until = (from + size).min(count);
                has_shrunk = self.attempt(|schedule| drop(schedule.entries.drain(from..until)));
                if has_shrunk {
                    break;
                }
            }
            if has_shrunk {
                parts = parts.saturating_sub(1).max(2);
            } else if size == 1 {
                return;
            } else {
                parts *= 2;
            }
        }
    }

    /// One client for whom all is meant, or as few as will do.
    fn clients(&mut self) {
        let untargeted = |schedule: &mut Schedule| {
            for entry in &mut schedule.entries {
                if let Some(target) = entry.target_mut() {
                    *target = Target::Everybody;
                }
            }
        };
        let clients = self.best.setting.clients;
        for count in [1, 2, 10].into_iter().filter(|count| *count < clients) {
            let alone = self.attempt(|schedule| {
                schedule.setting.clients = count;
                untargeted(schedule);
            });
            let is_fewer = alone
                || self.attempt(|schedule| {
                    schedule.setting.clients = count;
                    for entry in &mut schedule.entries {
                        if let Some(target @ Target::Client(_)) = entry.target_mut() {
                            *target = Target::Client(1);
                        }
                    }
                });
            if is_fewer {
                break;
            }
        }
        if !self.attempt(untargeted) {
            self.each(|entry| match entry.target_mut() {
                Some(target) if *target != Target::Everybody => {
                    *target = Target::Everybody;
                    true
                }
                _ => false,
            });
        }
    }

    /// Tries a change of each entry; the change says whether it is one.
    fn each(&mut self, change: impl Fn(&mut Entry) -> bool) {
        for index in 0..self.best.entries.len() {
            let mut candidate = self.best.clone();
            if change(&mut candidate.entries[index]) {
                self.take(candidate);
            }
        }
    }

    /// Conditions and windows that are not needed.
    fn windows(&mut self) {
        let of_fault = |change: fn(&mut Fault) -> bool| {
            move |entry: &mut Entry| match entry {
                Entry::Fault(fault) => change(fault),
                _ => false,
            }
        };
        self.each(of_fault(|fault| match &mut fault.trigger {
            Trigger::At { every, .. } => every.take().is_some(),
            Trigger::On { progress, .. } => progress.take().is_some(),
        }));
        self.each(of_fault(|fault| match &mut fault.trigger {
            Trigger::At { .. } => false,
            Trigger::On { after, .. } => after.take().is_some(),
        }));
        self.each(of_fault(|fault| fault.lasting_mut().take().is_some()));
        self.each(of_fault(|fault| match &mut fault.trigger {
            Trigger::On { phase, .. } => phase.take().is_some(),
            Trigger::At { .. } => false,
        }));
        self.each(of_fault(|fault| match &mut fault.trigger {
            Trigger::On { attempts, .. } if attempts.alone().is_none() => {
                *attempts = super::entry::Span::one(attempts.first);
                true
            }
            _ => false,
        }));
    }

    /// Keys that need not be there.
    fn parameters(&mut self) {
        for index in 0..self.best.entries.len() {
            let keys = match &self.best.entries[index] {
                Entry::Fault(fault) => fault.parameters.iter().map(|one| one.key.clone()).collect(),
                _ => Vec::new(),
            };
            for key in keys {
                let optional = [
                    "direction",
                    "side",
                    "how",
                    "jitter",
                    "gap",
                    "opcode",
                    "index",
                    "code",
                    "headers",
                ];
                if !optional.contains(&&*key) {
                    continue;
                }
                self.attempt(|schedule| {
                    if let Entry::Fault(fault) = &mut schedule.entries[index] {
                        fault.parameters.retain(|one| one.key != key);
                    }
                });
            }
        }
    }

    /// Round numbers: the roundest that does.
    fn times(&mut self) {
        for index in 0..self.best.entries.len() {
            for which in 0..5 {
                let value = time_of(&mut self.best.clone().entries[index], which).map(|at| *at);
                let Some(value) = value else { continue };
                for step in [1000, 500, 100, 50, 10] {
                    if value.is_multiple_of(step) {
                        break;
                    }
                    let rounded = [value.div_ceil(step) * step, value / step * step];
                    let is_taken = rounded.into_iter().any(|round| {
                        round > 0
                            && self.attempt(|schedule| {
                                if let Some(at) = time_of(&mut schedule.entries[index], which) {
                                    *at = round;
                                }
                            })
                    });
                    if is_taken {
                        break;
                    }
                }
            }
        }
    }

    /// No longer than it takes, with the usual server.
    fn course(&mut self) {
        let seed = self.best.seed;
        if seed != 1 {
            self.attempt(|schedule| schedule.seed = 1);
        }
        for duration in [2000, 3000, 4000, 6000] {
            let shorter = duration < self.best.setting.duration;
            let cut = |schedule: &mut Schedule| {
                schedule.setting.duration = duration;
                for entry in &mut schedule.entries {
                    if let Entry::Fault(Fault {
                        trigger:
                            Trigger::At {
                                every: Some((_, until)),
                                ..
                            },
                        ..
                    }) = entry
                    {
                        *until = (*until).min(duration);
                    }
                }
            };
            if shorter && self.attempt(cut) {
                break;
            }
        }
        for settle in [4000, 6000, 8000] {
            let shorter = settle < self.best.setting.settle;
            if shorter && self.attempt(|schedule| schedule.setting.settle = settle) {
                break;
            }
        }
    }
}

/// The times of an entry, one after the other.
fn time_of(entry: &mut Entry, which: usize) -> Option<&mut u64> {
    match (which, entry) {
        (0, entry) => entry.at_mut(),
        (1, Entry::Server(event)) => Some(&mut event.lasting),
        (1, Entry::Fault(fault)) => fault.lasting_mut().as_mut(),
        (2, Entry::Fault(fault)) => match &mut fault.trigger {
            Trigger::At { every, .. } => every.as_mut().map(|(every, _)| every),
            Trigger::On { after, .. } => after.as_mut(),
        },
        (3 | 4, Entry::Fault(fault)) => {
            let times = fault.parameters.iter_mut();
            let mut times = times.filter_map(|one| match &mut one.value {
                Value::Time(millis) => Some(millis),
                _ => None,
            });
            times.nth(which - 3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Base, Parameter, Span};
    use environment::Seed;

    fn fault(number: u64, word: &str, at: u64) -> Entry {
        Entry::Fault(Fault {
            name: format!("f{number} {word}"),
            trigger: Trigger::At {
                at,
                lasting: Some(730),
                every: None,
            },
            target: Target::Half,
            word: word.to_owned(),
            parameters: vec![Parameter {
                key: "direction".to_owned(),
                value: Value::Word("both".to_owned()),
            }],
        })
    }

    fn schedule(words: &[&str]) -> Schedule {
        let mut schedule = Schedule::draw(Seed(1), 1, &[Base::Three]);
        let numbered = (1..).zip(words);
        let entries = numbered.map(|(number, word)| fault(number, word, number * 333));
        schedule.entries = entries.collect();
        schedule
    }

    fn has(schedule: &Schedule, word: &str) -> bool {
        schedule.entries.iter().any(|entry| entry.word() == word)
    }

    #[test]
    fn what_a_failure_does_not_need_goes_and_what_is_left_is_round() {
        let whole = schedule(&["slice", "stall", "latency", "discard", "cut", "stall"]);
        let mut fails = |schedule: &Schedule| has(schedule, "stall") && has(schedule, "cut");
        let (small, runs) = shrunk(&whole, 300, &mut fails);
        let words: Vec<&str> = small.entries.iter().map(Entry::word).collect();
        assert_eq!(words, ["cut", "stall"]);
        assert_eq!((small.setting.clients, small.seed), (1, 1));
        for entry in &small.entries {
            let fault = entry.fault().unwrap();
            assert_eq!(fault.target, Target::Everybody);
            assert!(fault.parameters.is_empty() && fault.lasting().is_none());
            assert!(entry.at().unwrap().is_multiple_of(1000), "{entry}");
        }
        assert!(runs < 60, "{runs}");
    }

    #[test]
    fn what_is_needed_stays_and_no_more_is_tried_than_may_be() {
        let whole = schedule(&["stall", "stall", "stall"]);
        let mut tried = 0;
        let mut fails = |schedule: &Schedule| {
            tried += 1;
            let is_half = |entry: &Entry| {
                entry
                    .fault()
                    .is_some_and(|fault| fault.target == Target::Half)
            };
            schedule.entries.len() == 3 && schedule.entries.iter().all(is_half)
        };
        let (small, runs) = shrunk(&whole, 9, &mut fails);
        assert_eq!((small.entries.len(), runs, tried), (3, 9, 9));
    }

    #[test]
    fn a_range_of_connections_becomes_one() {
        let mut whole = schedule(&["stall"]);
        if let Entry::Fault(fault) = &mut whole.entries[0] {
            fault.trigger = Trigger::On {
                attempts: Span {
                    first: 2,
                    last: None,
                },
                phase: Some(super::super::Phase::Open),
                progress: None,
                after: Some(470),
                lasting: None,
            };
        }
        let (small, _) = shrunk(&whole, 300, &mut |_| true);
        assert_eq!(small.entries.len(), 0, "nothing at all is needed");
        let mut needs_one = |schedule: &Schedule| schedule.entries.len() == 1;
        let (small, _) = shrunk(&whole, 300, &mut needs_one);
        let Trigger::On {
            attempts,
            phase,
            after,
            ..
        } = &small.entries[0].fault().unwrap().trigger
        else {
            panic!("{}", small.entries[0]);
        };
        assert_eq!((*attempts, *phase, *after), (Span::one(2), None, None));
    }
}
