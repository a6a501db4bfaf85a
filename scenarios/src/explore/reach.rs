//! What a search has to have seen: each fault in each phase in which it can strike,
//! and what makes clients err. What was not reached is said, with the reason where
//! there is one.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::coverage::{Came, Place, State};
use super::table::{FORMS, Place as Where};

/// Everything that was reached, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<(State, u64)>", from = "Vec<(State, u64)>")]
pub struct Reach {
    seen: BTreeMap<State, u64>,
}

/// A hole, and why there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// What was not reached.
    pub what: String,
    /// Why it cannot be, if that is so.
    pub why: Option<&'static str>,
}

impl From<Reach> for Vec<(State, u64)> {
    fn from(reach: Reach) -> Self {
        reach.seen.into_iter().collect()
    }
}

impl From<Vec<(State, u64)>> for Reach {
    fn from(seen: Vec<(State, u64)>) -> Self {
        let seen = seen.into_iter().collect();
        Self { seen }
    }
}

impl Reach {
    /// Takes in what another search has seen.
    pub fn join(&mut self, other: &Self) {
        for (state, count) in &other.seen {
            let own = self.seen.entry(state.clone()).or_default();
            *own = own.saturating_add(*count);
        }
    }

    /// Takes in a run; whether it has shown something new.
    pub fn add(&mut self, states: &BTreeSet<State>) -> bool {
        let mut is_new = false;
        for state in states {
            match self.seen.get_mut(state) {
                Some(count) => *count += 1,
                None => {
                    is_new = true;
                    self.seen.insert(state.clone(), 1);
                }
            }
        }
        is_new
    }

    /// Likewise, without a change.
    pub fn is_new(&self, states: &BTreeSet<State>) -> bool {
        states.iter().any(|state| !self.seen.contains_key(state))
    }

    /// In how many cases the rarest of these came about.
    pub fn rarest(&self, states: &BTreeSet<State>) -> u64 {
        let counts = states.iter().filter_map(|state| self.seen.get(state));
        counts.copied().min().unwrap_or(u64::MAX)
    }

    /// How many states there were.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// Cases in which a fault struck such a place.
    pub fn struck(&self, fault: &str, place: Place) -> u64 {
        let struck = self.seen.iter().filter_map(|(state, count)| match state {
            State::Struck(struck) if struck.fault == fault && struck.place == place => Some(count),
            _ => None,
        });
        struck.sum()
    }

    /// Cases in which this came about.
    pub fn came(&self, what: Came) -> u64 {
        self.seen
            .get(&State::Came(what))
            .copied()
            .unwrap_or_default()
    }

    /// The words of all faults and server events, each once, in order.
    pub fn faults() -> Vec<&'static str> {
        let words: BTreeSet<&str> = FORMS.iter().map(|form| form.word).collect();
        words.into_iter().chain(["kill", "restart"]).collect()
    }

    /// What was not reached.
    pub fn holes(&self) -> Vec<Hole> {
        let mut holes = Vec::new();
        for fault in Self::faults() {
            for place in Place::ALL {
                if self.struck(fault, place) == 0 {
                    let what = format!("{fault} on {}", article(place));
                    let why = unreachable(fault, place);
                    holes.push(Hole { what, why });
                }
            }
        }
        for (what, words) in Came::ALL {
            if self.came(what) == 0 {
                let what = words.to_owned();
                holes.push(Hole { what, why: None });
            }
        }
        holes
    }

    /// Why a fault cannot strike there, if it cannot.
    pub fn unreachable(fault: &str, place: Place) -> Option<&'static str> {
        unreachable(fault, place)
    }

    /// As lines of a table: each fault with its places.
    pub fn table(&self) -> String {
        let mut text = format!("{:<16}", "struck");
        for place in Place::ALL {
            text += &format!(" {:>9}", place.word());
        }
        text.push('\n');
        for fault in Self::faults() {
            text += &format!("{fault:<16}");
            for place in Place::ALL {
                let count = match (self.struck(fault, place), unreachable(fault, place)) {
                    (0, Some(_)) => "-".to_owned(),
                    (count, _) => count.to_string(),
                };
                text += &format!(" {count:>9}");
            }
            text.push('\n');
        }
        for (what, words) in Came::ALL {
            text += &format!("{words:<46} {:>10}\n", self.came(what));
        }
        text
    }
}

fn article(place: Place) -> &'static str {
    match place {
        Place::Listener => "a listener",
        Place::Connect => "a connection that was accepted",
        Place::Upgrade => "one whose request had come",
        Place::Open => "one that had its answer",
        Place::Fed => "one that had data",
        Place::Closing => "one that was ending",
    }
}

/// Why a fault cannot strike there.
fn unreachable(fault: &str, place: Place) -> Option<&'static str> {
    let mut forms = FORMS.iter();
    let acts = forms.find(|form| form.word == fault).map(|form| form.place);
    match (acts, place) {
        (None | Some(Where::Listener), Place::Listener) => None,
        (None, _) => Some("it happens to the server, not to a connection"),
        (Some(Where::Listener), _) => Some("it acts on listeners alone"),
        (Some(_), Place::Listener) => Some("it acts on connections alone"),
        (Some(Where::Accept), Place::Connect) => None,
        (Some(Where::Accept), _) => Some("it acts when a connection is accepted"),
        (Some(Where::Anywhere), _) if fault == "upgrade_reply" || fault == "upgrade_delay" => {
            match place {
                Place::Connect | Place::Upgrade => None,
                _ => Some("the handshake is answered once"),
            }
        }
        // A rule about messages or bytes strikes when one comes.
        (Some(Where::Anywhere), Place::Connect | Place::Open) if of_traffic(fault) => {
            Some("it acts on what is under way, and nothing is yet")
        }
        _ => None,
    }
}

/// Whether a fault is applied when something passes, or when nothing has for a while.
fn of_traffic(fault: &str) -> bool {
    fault.ends_with("_frame")
        || fault.ends_with("_message")
        || ["cut", "idle_timeout", "bandwidth"].contains(&fault)
}
