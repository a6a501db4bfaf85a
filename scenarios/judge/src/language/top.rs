//! The keys at the top of a file.

use std::collections::BTreeSet;
use std::time::Duration;

use environment::Seed;
use environment::text::{FromToml, Mismatch, Span, Table, Value, choice, format_duration};

use super::scenario::{Outcome, Start};
use crate::plain;
use crate::subject::Ability;

/// How long clients may take to have their first message, if the file is silent.
const START_WITHIN: Duration = Duration::from_secs(30);

/// The longest run. Longer than anybody waits for, and short enough that every
/// moment of a journal fits its numbers.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What is read before anything else.
#[derive(Debug)]
pub(super) struct Top {
    pub(super) id: Option<String>,
    pub(super) id_span: Span,
    pub(super) case: Option<String>,
    pub(super) title: Option<String>,
    pub(super) why: String,
    pub(super) source: String,
    pub(super) seed: Option<Seed>,
    pub(super) duration: Option<Duration>,
    pub(super) settle: Option<Duration>,
    pub(super) start: Start,
    pub(super) start_within: Duration,
    pub(super) requires: BTreeSet<Ability>,
    pub(super) requires_span: Span,
    pub(super) outcomes: BTreeSet<Outcome>,
}

impl Top {
    pub(super) fn read(root: &mut Table<'_>) -> Self {
        let id = root.required::<Id>("id").map(|Id(id)| id);
        let case = root.optional::<Id>("case").map(|Id(case)| case);
        Self {
            id,
            id_span: root.span_of("id"),
            case,
            title: root.optional::<Line>("title").map(|Line(title)| title),
            why: root.or("why", String::new()),
            source: root.or("source", String::new()),
            seed: root.optional("seed").map(Seed),
            duration: bounded(root, "duration", true),
            settle: bounded(root, "settle", false),
            start: root.or("start", Start::FirstMessage),
            start_within: bounded(root, "start_within", false).unwrap_or(START_WITHIN),
            requires_span: root.span_of("requires"),
            requires: root.or("requires", Vec::new()).into_iter().collect(),
            outcomes: outcomes(root),
        }
    }
}

/// What a client may come to; that it recovers is always good.
fn outcomes(root: &mut Table<'_>) -> BTreeSet<Outcome> {
    let given = root.spanned::<Vec<Outcome>>("outcomes");
    let (given, span) = given.unwrap_or_else(|| (vec![Outcome::Recovered], root.span()));
    let outcomes: BTreeSet<Outcome> = given.into_iter().collect();
    if !outcomes.contains(&Outcome::Recovered) {
        let help = "list it too: outcomes = [\"recovered\", \"gave_up\"]";
        root.error_with_help(span, "to have `recovered` is always a good outcome", help);
    }
    outcomes
}

fn bounded(root: &mut Table<'_>, key: &'static str, is_required: bool) -> Option<Duration> {
    let (duration, span) = if is_required {
        root.required_spanned::<Duration>(key)?
    } else {
        root.spanned::<Duration>(key)?
    };
    if duration.is_zero() || duration > LONGEST {
        let (given, most) = (format_duration(duration), format_duration(LONGEST));
        let message = format!("`{key}` is {given}; it must be more than 0s and at most {most}");
        root.error(span, message);
        return None;
    }
    Some(duration)
}

/// A name that is safe as a folder's.
struct Id(String);

impl FromToml for Id {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let id = String::from_toml(value)?;
        if !plain::is_folder_name(&id) {
            return Err(Mismatch::new(value.span(), plain::NO_FOLDER_NAME));
        }
        Ok(Self(id))
    }
}

/// Something to see, on one line.
struct Line(String);

impl FromToml for Line {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let line = String::from_toml(value)?;
        if line.trim().is_empty() || line.chars().any(plain::is_unseen) {
            return Err(Mismatch::new(value.span(), "expected one line of text"));
        }
        Ok(Self(line))
    }
}

/// What an action or a server event is called: part of draws and of messages.
pub(super) struct Name(pub(super) String);

impl FromToml for Name {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        const LONGEST: usize = 100;
        match Line::from_toml(value)? {
            Line(name) if name.len() <= LONGEST => Ok(Self(name)),
            _ => {
                let message = format!("a name is one line of 1 to {LONGEST} characters");
                Err(Mismatch::new(value.span(), message))
            }
        }
    }
}

impl FromToml for Outcome {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(
            value,
            &[("recovered", Self::Recovered), ("gave_up", Self::GaveUp)],
        )
    }
}

impl FromToml for Start {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(
            value,
            &[
                ("first_message", Self::FirstMessage),
                ("first_dial", Self::FirstDial),
            ],
        )
    }
}
