//! Entries by chance: each from a stream of its own, so that one can go without
//! changing any other random choice.

use std::collections::BTreeSet;

use environment::{Draw, Key, Realm, Seed};

use super::entry::{
    Action, Entry, Fault, Parameter, Phase, Progress, ServerEvent, Span, Target, Trigger, Value,
};
use super::setting::{Figures, Setting};
use super::table::{
    ACTIONS, AFTER, ATTEMPTS, BYTES, FORMS, FRAMES, Family, Form, LASTING, LATER_ATTEMPTS, PAUSE,
    Place, Range, SERVER_AWAY, SERVER_EVENTS,
};

/// The most entries of a fresh schedule.
const MOST_ENTRIES: u64 = 4;

/// The stream of this name in this case.
pub(super) fn stream(seed: Seed, number: u64, purpose: &str, index: u64) -> Draw {
    let key = Key::new(Realm::Proxy, "explore", purpose);
    seed.draw(&key.attempt(number).index(index))
}

/// The families that a case may draw from: all, or by the toss of a coin each.
pub(super) fn families(draw: &mut Draw) -> BTreeSet<Family> {
    let some: BTreeSet<Family> = Family::ALL
        .into_iter()
        .filter(|_| draw.chance(0.6))
        .collect();
    let is_enough = FORMS.iter().any(|form| some.contains(&form.family));
    if is_enough { some } else { Family::ALL.into() }
}

/// The entries of a fresh case.
pub(super) fn entries(
    seed: Seed,
    number: u64,
    setting: &Setting,
    families: &BTreeSet<Family>,
) -> Vec<Entry> {
    let mut draw = stream(seed, number, "count", 0);
    let is_gentle = setting.expect.is_none() && draw.chance(0.06);
    let count = if is_gentle {
        draw.below(3)
    } else {
        1 + draw.below(MOST_ENTRIES)
    };
    let drawn = (1..=count).map(|index| {
        let mut draw = stream(seed, number, "entry", index);
        if is_gentle {
            gentle(index, setting, &mut draw)
        } else {
            entry(index, setting, families, &mut draw)
        }
    });
    let given = setting.actions.iter().cloned().map(Entry::Given);
    given.chain(drawn).collect()
}

/// One entry of these families, whose number makes its name.
pub(super) fn entry(
    index: u64,
    setting: &Setting,
    families: &BTreeSet<Family>,
    draw: &mut Draw,
) -> Entry {
    let kind = draw.below(10);
    if kind == 0
        && families.contains(&Family::Actions)
        && let Some(action) = action(index, setting, draw)
    {
        return action;
    }
    if kind == 1 && families.contains(&Family::Server) && setting.can_lose_server() {
        return server_event(index, setting, draw);
    }
    let forms: Vec<&Form> = FORMS
        .iter()
        .filter(|form| families.contains(&form.family))
        .collect();
    Entry::Fault(fault(index, weighed(&forms, draw), setting, draw))
}

fn weighed<'a>(forms: &[&'a Form], draw: &mut Draw) -> &'a Form {
    let all: u64 = forms.iter().map(|form| form.weight).sum();
    let mut rest = draw.below(all);
    for form in forms {
        if rest < form.weight {
            return form;
        }
        rest -= form.weight;
    }
    &FORMS[0]
}

/// Something that nobody has to notice.
fn gentle(index: u64, setting: &Setting, draw: &mut Draw) -> Entry {
    const WORDS: [&str; 3] = ["latency", "delay_frame", "duplicate_frame"];
    let word = WORDS[pick(WORDS.len(), draw)];
    let form = FORMS.iter().find(|form| form.word == word);
    let mut fault = fault(index, form.unwrap_or(&FORMS[0]), setting, draw);
    let most = setting.figures.liveness / 5;
    for parameter in &mut fault.parameters {
        match &mut parameter.value {
            Value::Time(millis) => *millis = 1 + *millis % most.max(2),
            Value::Word(word) if parameter.key == "opcode" => "data".clone_into(word),
            _ => {}
        }
    }
    jitter_within_delay(&mut fault);
    Entry::Fault(fault)
}

/// A fault of this form.
pub(super) fn fault(index: u64, form: &Form, setting: &Setting, draw: &mut Draw) -> Fault {
    let trigger = if form.place == Place::Listener || draw.chance(0.5) {
        by_the_clock(form, setting, draw)
    } else {
        on_connections(form, setting, draw)
    };
    let parameters = form.parameters.iter();
    let parameters = parameters.filter_map(|(key, range)| {
        let value = value(range, &setting.figures, draw)?;
        let key = (*key).to_owned();
        Some(Parameter { key, value })
    });
    let parameters = parameters.collect();
    let mut fault = Fault {
        name: format!("f{index} {}", form.word),
        trigger,
        target: target(setting, draw),
        word: form.word.to_owned(),
        parameters,
    };
    jitter_within_delay(&mut fault);
    fault
}

/// The jitter is less than the delay.
fn jitter_within_delay(fault: &mut Fault) {
    let delay = fault.number_of("delay").unwrap_or_default();
    for parameter in &mut fault.parameters {
        if let (Value::Time(jitter), "jitter") = (&mut parameter.value, &*parameter.key) {
            *jitter = (*jitter).min(delay / 2).max(1);
        }
    }
}

/// One out of so many.
pub(super) fn pick(count: usize, draw: &mut Draw) -> usize {
    usize::try_from(draw.below(count as u64)).unwrap_or(0)
}

/// From low to high, both included.
fn uniform((low, high): (u64, u64), draw: &mut Draw) -> u64 {
    low + draw.below(high.saturating_sub(low) + 1)
}

/// Likewise, but every third time next to one of the figures.
pub(super) fn time(range: (u64, u64), figures: &Figures, draw: &mut Draw) -> u64 {
    if !draw.chance(0.33) {
        return uniform(range, draw);
    }
    let edges = figures.edges();
    let edge = edges[pick(edges.len(), draw)];
    let off = 5 + draw.below(60);
    let near = if draw.chance(0.5) {
        edge + off
    } else {
        edge.saturating_sub(off)
    };
    near.clamp(range.0, range.1)
}

/// `None`: the key is left out.
pub(super) fn value(range: &Range, figures: &Figures, draw: &mut Draw) -> Option<Value> {
    Some(match *range {
        Range::Time(low, high) => Value::Time(time((low, high), figures, draw)),
        Range::MayTime(low, high) => {
            let value = Value::Time(time((low, high), figures, draw));
            return draw.chance(0.7).then_some(value);
        }
        Range::Count(low, high) => Value::Number(uniform((low, high), draw)),
        Range::Numbers(numbers) => Value::Number(numbers[pick(numbers.len(), draw)]),
        Range::Size(low, high) => Value::Size(uniform((low, high), draw)),
        Range::Rates(rates) => Value::Rate(rates[pick(rates.len(), draw)]),
        Range::Flag => Value::Flag(draw.chance(0.5)),
        Range::Words(words) => Value::Word(words[pick(words.len(), draw)].to_owned()),
        Range::Spans(spans) => Value::Span(spans[pick(spans.len(), draw)]),
        Range::RetryAfter(low, high) => Value::RetryAfter(uniform((low, high), draw)),
    })
}

fn by_the_clock(form: &Form, setting: &Setting, draw: &mut Draw) -> Trigger {
    let latest = setting.duration.saturating_sub(1500).max(1);
    let at = draw.below(latest);
    let needs_window = form.place == Place::Listener;
    let has_window = needs_window || !form.is_once && draw.chance(0.9) || draw.chance(0.2);
    let lasting = time(LASTING, &setting.figures, draw);
    let every = lasting + uniform(PAUSE, draw);
    let repeats = at + every < setting.duration && draw.chance(0.3);
    // A cut waits for its byte as long as it holds.
    let is_momentary = form.is_once && form.word != "cut";
    Trigger::At {
        at,
        lasting: has_window.then_some(lasting),
        every: (repeats && (has_window || is_momentary)).then_some((every, setting.duration)),
    }
}

/// Which connections a fault may be about.
pub(super) fn attempts(setting: &Setting) -> &'static [Span] {
    if setting.from_first_dial {
        ATTEMPTS
    } else {
        LATER_ATTEMPTS
    }
}

fn on_connections(form: &Form, setting: &Setting, draw: &mut Draw) -> Trigger {
    let all = attempts(setting);
    let attempts = all[pick(all.len(), draw)];
    let is_of_accept = form.place == Place::Accept;
    let phase = (!is_of_accept && draw.chance(0.5)).then(|| Phase::ALL[pick(4, draw)]);
    let progress = progress(is_of_accept, draw);
    let after = time(AFTER, &setting.figures, draw);
    let lasting = time(LASTING, &setting.figures, draw);
    Trigger::On {
        attempts,
        phase,
        progress,
        after: (!is_of_accept && draw.chance(0.4)).then_some(after),
        lasting: (!form.is_once && !is_of_accept && draw.chance(0.7)).then_some(lasting),
    }
}

fn progress(is_of_accept: bool, draw: &mut Draw) -> Option<Progress> {
    if is_of_accept {
        return None;
    }
    if draw.chance(0.2) {
        Some(Progress::Frame(uniform(FRAMES, draw)))
    } else if draw.chance(0.2) {
        Some(Progress::Bytes(uniform(BYTES, draw)))
    } else {
        None
    }
}

/// Whom something is about.
pub(super) fn target(setting: &Setting, draw: &mut Draw) -> Target {
    match draw.below(4) {
        0 => Target::Half,
        1 => Target::Client(1 + draw.below(setting.clients)),
        _ => Target::Everybody,
    }
}

/// `None` if the clients can do none of them.
fn action(index: u64, setting: &Setting, draw: &mut Draw) -> Option<Entry> {
    let can = |word: &&&str| setting.abilities.iter().any(|able| able == *word);
    let words: Vec<&&str> = ACTIONS.iter().filter(can).collect();
    let word = words.get(pick(words.len(), draw))?;
    Some(Entry::Action(Action {
        name: format!("a{index}"),
        at: draw.below(setting.duration),
        target: target(setting, draw),
        word: (**word).to_owned(),
    }))
}

fn server_event(index: u64, setting: &Setting, draw: &mut Draw) -> Entry {
    let lasting = uniform(SERVER_AWAY, draw);
    let latest = setting.duration.saturating_sub(lasting + 500).max(1);
    Entry::Server(ServerEvent {
        name: format!("e{index}"),
        at: draw.below(latest),
        lasting,
        word: SERVER_EVENTS[pick(SERVER_EVENTS.len(), draw)].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Base, Schedule};

    /// What is refused is not tried, and so costs the search a case.
    #[test]
    fn hardly_any_schedule_that_is_drawn_is_refused() {
        const DRAWN: u64 = 400;
        let draw = |number| Schedule::draw(Seed(3), number, &[Base::Three]);
        let refused = (0..DRAWN).filter(|number| draw(*number).scenario().is_err());
        assert!(refused.count() as u64 * 100 < DRAWN);
    }
}
