//! Reading `[[fault]]` tables: every error is reported at its place, and what
//! is read is ready to use.

use std::collections::BTreeMap;
use std::time::Duration;

use environment::text::{FromToml, Mismatch, Span, Table, Value, choice, format_duration};

use super::Rule;
use super::possible::{Impossible, impossible, name_mistake};
use super::target::{Target, TargetGrammar};
use super::when::{Condition, ConditionGrammar, Phase, When};
use crate::fault::Fault;
use crate::plan::{MAX_AT_ONCE, MAX_OCCURRENCES};

/// What the reader is told about the rest of the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'a> {
    /// The clients that there will be, if that is known.
    pub clients: Option<&'a [String]>,
    /// When the run ends, after t = 0.
    pub horizon: Option<Duration>,
    /// Whether all clients dial one listener: then a client's name is known
    /// only from its upgrade on, too late for rules about dials.
    pub is_shared: bool,
    /// Whether the rules are added while the proxy runs: then they begin at once.
    pub is_live: bool,
}

/// What a rule can wait for.
const CONDITION: ConditionGrammar = ConditionGrammar {
    phase: |value| choice(value, &Phase::WORDS),
    counts: true,
    empty: "a condition needs `attempt`, `phase`, `bytes`, `frame` or `message`",
    example: "for example `on = { attempt = 2 }`",
};

impl<'a> Reading<'a> {
    fn target(self) -> TargetGrammar<'a> {
        TargetGrammar {
            clients: self.clients,
            may_be_nobody: true,
            share_help: "0.0 is no client, 1.0 is all clients",
            empty: "an empty list: the fault would affect no client",
            marks_names: true,
        }
    }
}

/// Reads all `[[fault]]` tables. Tables with an error are left out; the
/// errors are in the tables' diagnostics.
pub fn read_rules(tables: Vec<Table<'_>>, reading: Reading<'_>) -> Vec<Rule> {
    let mut names = BTreeMap::new();
    tables
        .into_iter()
        .filter_map(|mut table| {
            let rule = read_rule(&mut table, reading)?;
            ensure_unique(&table, &rule.name, &mut names).then_some(rule)
        })
        .collect()
}

fn ensure_unique(table: &Table<'_>, name: &str, names: &mut BTreeMap<String, Span>) -> bool {
    let span = if table.has("name") {
        table.span_of("name")
    } else {
        table.span()
    };
    if names.insert(name.to_owned(), span.clone()).is_some() {
        table.error_with_help(
            span,
            format!("two faults are called `{name}`"),
            "a name decides its fault's random choices, so it must be unique; without `name` it is the fault's word",
        );
        return false;
    }
    true
}

fn read_rule(table: &mut Table<'_>, reading: Reading<'_>) -> Option<Rule> {
    let name = table.optional::<Name>("name");
    let must_fire = table.or("must_fire", true);
    let probability = table
        .optional::<Share>("probability")
        .map(|Share(probability)| probability);
    let target = Target::read(table, reading.target());
    let fault = read_inject(table);
    let when = read_when(table, reading);
    let until_on = table
        .table("until_on")
        .map(|mut on| Condition::read(&mut on, &CONDITION));
    let (fault, when, target) = (fault?, when?, target?);
    let until_on = match until_on {
        Some(condition) => Some(condition?),
        None => None,
    };
    let name = name.map_or_else(|| fault.word().to_owned(), |Name(name)| name);
    let rule = Rule {
        name,
        when,
        until_on,
        probability,
        target,
        fault,
        must_fire,
    };
    is_possible(table, &rule, reading).then_some(rule)
}

/// Reports what cannot be, though each part of it could.
fn is_possible(table: &Table<'_>, rule: &Rule, reading: Reading<'_>) -> bool {
    let Some(Impossible { key, message, help }) = impossible(rule, reading.is_shared) else {
        return true;
    };
    match help {
        Some(help) => table.error_with_help(table.span_of(key), message, help),
        None => table.error(table.span_of(key), message),
    }
    false
}

fn read_when(table: &mut Table<'_>, reading: Reading<'_>) -> Option<When> {
    if reading.is_live {
        ensure_untimed(table)?;
    }
    let at = table.spanned::<Duration>("at");
    let every = table.spanned::<Duration>("every");
    let until = table.spanned::<Duration>("until");
    let lasting = table.spanned::<Duration>("for");
    let on = table.table("on");
    if let Some((Duration::ZERO, span)) = &lasting {
        table.error(
            span.clone(),
            "`for` is no time at all; leave it out, or give it a length",
        );
        return None;
    }
    let after = table.or("after", Duration::ZERO);
    if let Some(mut on) = on {
        let condition = Condition::read(&mut on, &CONDITION);
        for key in ["at", "every", "until"] {
            if table.has(key) {
                table.error(
                    table.span_of(key),
                    format!("`{key}` and `on` exclude each other: a fault waits for a time or for a connection"),
                );
                return None;
            }
        }
        return Some(When::On {
            condition: condition?,
            after,
            lasting: lasting.map(|(lasting, _)| lasting),
        });
    }
    if table.has("after") {
        table.error(
            table.span_of("after"),
            "`after` needs `on`: it counts from what a connection does",
        );
        return None;
    }
    if reading.is_live {
        return Some(When::at_once(lasting.map(|(lasting, _)| lasting)));
    }
    if !table.has("at") {
        table.error_with_help(
            table.span(),
            "a fault needs `at` or `on`",
            "for example `at = \"3s\"`, or `on = { attempt = 2 }`",
        );
    }
    let (at, at_span) = at?;
    ensure_window(table, at, &at_span, every.as_ref(), until.as_ref(), reading)?;
    ensure_few_at_once(
        table,
        at,
        every.as_ref(),
        until.as_ref(),
        lasting.as_ref(),
        reading,
    )?;
    Some(When::Timed {
        at,
        every: every.map(|(every, _)| every),
        until: until.map(|(until, _)| until),
        lasting: lasting.map(|(lasting, _)| lasting),
    })
}

/// Times after t = 0 are for what is known before it.
fn ensure_untimed(table: &Table<'_>) -> Option<()> {
    let timed = ["at", "every", "until"]
        .into_iter()
        .find(|key| table.has(key));
    let Some(key) = timed else { return Some(()) };
    let message = format!(
        "`{key}` is for rules that are there from the start: one that is added acts now, or waits with `on`"
    );
    table.error(table.key_span(key), message);
    None
}

/// Whatever holds is looked at with each change: thousands that hold at once are
/// nothing but slow.
fn ensure_few_at_once(
    table: &Table<'_>,
    at: Duration,
    every: Option<&(Duration, Span)>,
    until: Option<&(Duration, Span)>,
    lasting: Option<&(Duration, Span)>,
    reading: Reading<'_>,
) -> Option<()> {
    let (Some((every, _)), Some((lasting, span))) = (every, lasting) else {
        return Some(());
    };
    let end = until.map(|(until, _)| *until).or(reading.horizon);
    let repeats = end.map_or(Duration::MAX, |end| end.saturating_sub(at));
    let at_once = repeats.min(*lasting).as_nanos() / every.as_nanos().max(1);
    if at_once <= u128::from(MAX_AT_ONCE) {
        return Some(());
    }
    table.error_with_help(
        span.clone(),
        format!("this fault would be in force {at_once} times at once; at most {MAX_AT_ONCE} are possible"),
        "a shorter `for`, or a longer `every`",
    );
    None
}

fn ensure_window(
    table: &Table<'_>,
    at: Duration,
    at_span: &Span,
    every: Option<&(Duration, Span)>,
    until: Option<&(Duration, Span)>,
    reading: Reading<'_>,
) -> Option<()> {
    const SHORTEST: Duration = Duration::from_millis(1);
    let at_text = format_duration(at);
    if let Some(horizon) = reading.horizon.filter(|&horizon| at >= horizon) {
        let end = format_duration(horizon);
        table.error(
            at_span.clone(),
            format!("this fault is never applied: `at` is {at_text}, and the run ends at {end}"),
        );
        return None;
    }
    if let Some((every, span)) = every
        && *every < SHORTEST
    {
        table.error(span.clone(), "`every` must be at least 1ms");
        return None;
    }
    let end = until.map(|(until, _)| *until).or(reading.horizon);
    if let (Some((every, span)), Some(end)) = (every, end)
        && end.saturating_sub(at).as_nanos() / every.as_nanos().max(1)
            >= u128::from(MAX_OCCURRENCES)
    {
        table.error(
            span.clone(),
            format!("this fault would be applied more than {MAX_OCCURRENCES} times"),
        );
        return None;
    }
    if let Some((until, span)) = until {
        if *until < at {
            table.error(
                span.clone(),
                format!("`until` comes before `at` ({at_text})"),
            );
            return None;
        }
        if every.is_none() {
            table.error_with_help(
                span.clone(),
                "`until` needs `every`",
                "`until` ends a repetition; a single window ends after `for`",
            );
            return None;
        }
    }
    Some(())
}

fn read_inject(table: &mut Table<'_>) -> Option<Fault> {
    if let Some(word) = table
        .value("inject")
        .and_then(|value| String::from_toml(value).ok())
    {
        let known = Fault::words().contains(&&*word);
        let example = if known { &*word } else { "reset" };
        table.error_with_help(
            table.span_of("inject"),
            "a fault is a table with its settings",
            format!("for example `inject.{example} = {{}}`"),
        );
        return None;
    }
    let inject = table.table("inject");
    if !table.has("inject") {
        table.error_with_help(
            table.span(),
            "a fault needs `inject.<fault>`",
            format!("the faults are {}", Fault::words().join(", ")),
        );
        return None;
    }
    Fault::read(&mut inject?)
}

/// A probability.
struct Share(f64);

impl FromToml for Share {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let share = f64::from_toml(value)?;
        if (0.0..=1.0).contains(&share) {
            return Ok(Self(share));
        }
        let problem = Mismatch::new(value.span(), format!("{share} is not possible here"));
        Err(problem.with_help("0.0 is never or no client, 1.0 is always or all clients"))
    }
}

/// A rule's name: something to see, and on one line.
struct Name(String);

impl FromToml for Name {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let name = String::from_toml(value)?;
        match name_mistake(&name) {
            Some(mistake) => Err(Mismatch::new(value.span(), mistake)),
            None => Ok(Self(name)),
        }
    }
}
