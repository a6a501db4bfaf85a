//! Which clients are meant: the reading and the drawing of a `target`, for
//! `[[fault]]` and for every other table that has one.

use std::collections::BTreeSet;

use environment::text::{FromToml, Mismatch, Span, Table, Value};

/// Which clients a rule is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Every client.
    All,
    /// Each client with this probability, chosen by its own key.
    Share(f64),
    /// These, by name.
    Clients(BTreeSet<String>),
    /// One connection, by its number within the proxy; not for files.
    Connection(u64),
}

/// What a table allows as its `target`, and how it says what is wrong.
#[derive(Debug, Clone, Copy)]
pub struct TargetGrammar<'a> {
    /// The clients that there will be, if that is known.
    pub clients: Option<&'a [String]>,
    /// Whether a share of 0 is allowed.
    pub may_be_nobody: bool,
    /// What is said of a share that is out of range.
    pub share_help: &'static str,
    /// What is said of a list without clients.
    pub empty: &'static str,
    /// Whether an unknown client is marked by itself, and not its whole list.
    pub marks_names: bool,
}

impl Target {
    /// Reads the key `target`; without it everybody is meant. `None`: it is
    /// wrong, and reported.
    #[doc(hidden)]
    pub fn read(table: &mut Table<'_>, grammar: TargetGrammar<'_>) -> Option<Self> {
        let Some(mut target) = table.table("target") else {
            return (!table.has("target")).then_some(Self::All);
        };
        let share = target.spanned::<f64>("share");
        let clients = target.optional::<Vec<ClientName>>("clients");
        match (target.has("share"), target.has("clients")) {
            (true, true) => {
                target.error(target.span(), "`share` and `clients` exclude each other");
                None
            }
            (true, false) => grammar.possible_share(&target, share?).map(Self::Share),
            (false, true) => grammar.known_clients(&target, clients?).map(Self::Clients),
            (false, false) => {
                let message =
                    "a target is a `share` or a list of `clients`; without `target`, all clients";
                target.error(target.span(), message);
                None
            }
        }
    }

    /// Which of `clients` are meant. `draw` gives a client's number in [0, 1);
    /// if a share draws nobody, the client with the lowest one is meant.
    #[doc(hidden)]
    pub fn drawn(&self, clients: &[String], draw: impl Fn(&str) -> f64) -> BTreeSet<String> {
        let meant = clients.iter().filter(|client| self.is_drawn(client, &draw));
        let mut meant: BTreeSet<String> = meant.cloned().collect();
        if let Self::Share(share) = self
            && *share > 0.0
            && meant.is_empty()
        {
            let lowest = clients
                .iter()
                .min_by(|a, b| draw(a).total_cmp(&draw(b)))
                .cloned();
            meant.extend(lowest);
        }
        meant
    }

    /// Whether this client is meant, whoever else there is.
    pub(crate) fn is_drawn(&self, client: &str, draw: impl Fn(&str) -> f64) -> bool {
        match self {
            Self::All => true,
            Self::Clients(names) => names.contains(client),
            // Known only to the engine.
            Self::Connection(_) => false,
            Self::Share(share) => draw(client) < *share,
        }
    }
}

impl TargetGrammar<'_> {
    fn possible_share(&self, target: &Table<'_>, (share, span): (f64, Span)) -> Option<f64> {
        if (0.0..=1.0).contains(&share) && (share > 0.0 || self.may_be_nobody) {
            return Some(share);
        }
        let message = format!("a share of {share} is not possible");
        target.error_with_help(span, message, self.share_help);
        None
    }

    fn known_clients(
        &self,
        target: &Table<'_>,
        named: Vec<ClientName>,
    ) -> Option<BTreeSet<String>> {
        let list = target.span_of("clients");
        if named.is_empty() {
            target.error(list, self.empty);
            return None;
        }
        let strangers = self.strangers(&named);
        for ClientName(name, span) in &strangers {
            let span = if self.marks_names { span } else { &list };
            let message = format!("there is no client `{}`", name.escape_debug());
            target.error_with_help(span.clone(), message, self.population()?);
        }
        let is_known = strangers.is_empty();
        is_known.then(|| named.into_iter().map(|ClientName(name, _)| name).collect())
    }

    fn strangers<'n>(&self, named: &'n [ClientName]) -> Vec<&'n ClientName> {
        let Some(population) = self.clients else {
            return Vec::new();
        };
        // A set: both lists may be long.
        let known: BTreeSet<&String> = population.iter().collect();
        let is_stranger = |named: &&ClientName| !known.contains(&named.0);
        named.iter().filter(is_stranger).collect()
    }

    fn population(&self) -> Option<String> {
        let (first, last) = (self.clients?.first()?, self.clients?.last()?);
        Some(format!("the clients are `{first}` to `{last}`"))
    }
}

struct ClientName(String, Span);

impl FromToml for ClientName {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        String::from_toml(value).map(|name| Self(name, value.span()))
    }
}
