//! Expressions that no message is of, whatever it says.
//!
//! Pure. Invariant: what is called unmatched can never match. What looks around
//! words or at CRLF is given the benefit of the doubt, and so is what cannot be
//! worked out here.

use std::collections::BTreeSet;

use chaos_proxy::Pattern;
use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use scenarios::language::Scenario;

/// The most memory that an expression may take here.
const LARGEST: usize = 1024 * 1024;

/// What of a file no message is ever of, in words.
pub(super) fn unmatched(scenario: &Scenario) -> Vec<String> {
    let mut all = Vec::new();
    for rule in &scenario.rules {
        let patterns = rule.patterns();
        let never = patterns.filter(|pattern| is_never(pattern));
        all.extend(
            never.map(|pattern| format!("`{}` never acts: no message {pattern}", rule.name)),
        );
    }
    let data = scenario.data.iter().filter(|data| is_never(data));
    all.extend(data.map(|data| format!("nothing is data of this server: no message {data}")));
    all
}

fn is_never(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Matches(regex) => !may_match(regex.as_str()),
        _ => false,
    }
}

/// What stands before a place in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Before {
    Nothing,
    LineFeed,
    Other,
}

/// What must come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Anything,
    Nothing,
    LineFeed,
}

/// A state of the automaton, at some place in some message.
type Place = (StateID, Before, Next);

/// Whether some path leads to a match.
fn may_match(expression: &str) -> bool {
    let config = NFA::config().nfa_size_limit(Some(LARGEST));
    let Ok(nfa) = NFA::compiler().configure(config).build(expression) else {
        return true;
    };
    let befores = [Before::Nothing, Before::LineFeed, Before::Other];
    let start = nfa.start_anchored();
    let mut waiting: Vec<Place> = befores.map(|before| (start, before, Next::Anything)).into();
    let mut seen: BTreeSet<Place> = waiting.iter().copied().collect();
    while let Some(place) = waiting.pop() {
        let (state, ..) = place;
        if matches!(nfa.state(state), State::Match { .. }) {
            return true;
        }
        let following = following(nfa.state(state), place);
        waiting.extend(following.into_iter().filter(|place| seen.insert(*place)));
    }
    false
}

fn following(state: &State, (_, before, next): Place) -> Vec<Place> {
    match state {
        State::ByteRange { trans } => passed(trans.start, trans.end, trans.next, next),
        State::Sparse(sparse) => sparse
            .transitions
            .iter()
            .flat_map(|trans| passed(trans.start, trans.end, trans.next, next))
            .collect(),
        State::Dense(dense) => (0..=u8::MAX)
            .zip(dense.transitions.iter())
            .filter(|(_, to)| **to != StateID::ZERO)
            .flat_map(|(byte, to)| passed(byte, byte, *to, next))
            .collect(),
        State::Look { look, next: to } => looked(*look, before, next)
            .into_iter()
            .map(|next| (*to, before, next))
            .collect(),
        State::Union { alternates } => alternates.iter().map(|to| (*to, before, next)).collect(),
        State::BinaryUnion { alt1, alt2 } => {
            vec![(*alt1, before, next), (*alt2, before, next)]
        }
        State::Capture { next: to, .. } => vec![(*to, before, next)],
        State::Fail | State::Match { .. } => Vec::new(),
    }
}

/// One of these bytes is taken.
fn passed(from: u8, to: u8, state: StateID, next: Next) -> Vec<Place> {
    let has_line_feed = (from..=to).contains(&b'\n');
    let has_other = from != b'\n' || to != b'\n';
    let may_be = |before: Before| (state, before, Next::Anything);
    let line_feed = (has_line_feed && next != Next::Nothing).then_some(may_be(Before::LineFeed));
    let other = (has_other && next == Next::Anything).then_some(may_be(Before::Other));
    line_feed.into_iter().chain(other).collect()
}

/// What may come next where this is seen; nothing if it cannot be.
fn looked(look: Look, before: Before, next: Next) -> Vec<Next> {
    match look {
        Look::Start if before != Before::Nothing => Vec::new(),
        Look::StartLF if before == Before::Other => Vec::new(),
        Look::End if next == Next::LineFeed => Vec::new(),
        Look::End => vec![Next::Nothing],
        Look::EndLF if next == Next::Anything => vec![Next::Nothing, Next::LineFeed],
        _ => vec![next],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_text_is_of_is_found_and_nothing_else() {
        for never in [
            "a^", "$a", r"[^\s\S]", r"x\Ay", "(?m)a^b", "(?m)a$b", r"\zx", "(a^|$b)c", "b+^a*c",
        ] {
            assert!(!may_match(never), "{never}");
        }
        for sometimes in [
            "",
            "a",
            "^$",
            "^a*$",
            "a*^",
            "$b*",
            "(?m)a$\n^b",
            "(?m)\n^a",
            r"\bx\b",
            r"é\b",
            "(a^|b)c",
            "[^a]",
            r"\d+$",
            "(?i)tick",
            r"^\{.*\}$",
            "(?mR)a$\r\n^b",
        ] {
            assert!(may_match(sometimes), "{sometimes}");
        }
    }
}
