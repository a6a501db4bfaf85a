//! One file's text made into a scenario, or into everything that is wrong with
//! it.

use client_sim::ClientsConfig;
use environment::text::{Diagnostics, Document, Source, Span, Table};

use super::exercisable::{Setting, ensure_exercisable};
use super::expect::Expectation;
use super::own_server::OwnServer;
use super::rules::Rules;
use super::scenario::{Scenario, names};
use super::server_event::ServerEvent;
use super::top::Top;
use super::validate::{Sections, validate};
use super::{action, expect, own_server, proof, rules, server_event};
use crate::checks;
use crate::subject::Ability;

/// Everything that is wrong with a file.
#[derive(Debug)]
pub struct Mistakes {
    /// How many there are.
    pub count: usize,
    /// All of them for a person, each as `FILE:LINE:COLUMN: message`.
    pub rendered: String,
}

/// Reads one scenario file.
///
/// # Errors
/// Every mistake in it at once.
pub fn read(source: &Source) -> Result<Scenario, Mistakes> {
    let diagnostics = Diagnostics::new();
    let scenario = read_into(source, &diagnostics);
    match scenario.filter(|_| diagnostics.is_empty()) {
        Some(scenario) => Ok(scenario),
        None => Err(Mistakes {
            count: diagnostics.len(),
            rendered: diagnostics.render(source),
        }),
    }
}

/// Mistakes go to `diagnostics`; `None` when something needed is not there.
pub(super) fn read_into(source: &Source, diagnostics: &Diagnostics) -> Option<Scenario> {
    let document = Document::parse(source, diagnostics);
    let mut root = document.root(diagnostics);
    let top = Top::read(&mut root);
    let (server, own_server) = read_server(&mut root);
    let clients = match root.table("clients") {
        Some(mut table) => ClientsConfig::from_table(&mut table),
        None => ClientsConfig::default(),
    };
    let population = names(clients.count);
    let rules = rules::read(&mut root, &population, &top);
    let action_tables = root.tables("action");
    let action_count = action_tables.len();
    let actions = action::read(action_tables, &population, top.duration);
    let (actions, action_places): (Vec<_>, Vec<_>) = actions.into_iter().unzip();
    let server_events = server_event::read(root.tables("server_event"), top.duration);
    let events: Vec<ServerEvent> = server_events.iter().map(|(e, _)| e.clone()).collect();
    let expect = root.required_table("expect").map(|mut table| {
        let read = expect::read(&mut table);
        let setting = Setting {
            clients: &clients,
            rules: &rules.rules,
            actions: &actions,
            server_events: &events,
            is_whole: actions.len() == action_count,
        };
        ensure_exercisable(&table, &read, &setting);
        ensure_sequences(&table, &read, &clients);
        read
    });
    let expected: Vec<Expectation> = expect.into_iter().flatten().map(|(e, _)| e).collect();
    let proof = root
        .table("proof")
        .map(|mut table| proof::read(&mut table, &expected));
    ensure_able(&root, &top, &clients);
    validate(Sections {
        top: &top,
        client_count: clients.count,
        rules: &rules,
        actions: &actions,
        action_places: &action_places,
        server_events: &server_events,
        own_server: own_server.as_ref(),
        diagnostics,
    });
    ensure_harm(&root, &rules);
    let id = top.id?;
    let mut scenario = Scenario {
        case: top.case.unwrap_or_else(|| case_of(&id)),
        title: top.title.unwrap_or_else(|| id.clone()),
        why: top.why,
        source: top.source,
        seed: top.seed,
        duration: top.duration?,
        settle: top.settle.unwrap_or_default(),
        start: top.start,
        start_within: top.start_within,
        requires: top.requires,
        server,
        own_server,
        clients,
        rules: rules.rules,
        actions,
        server_events: events,
        expect: expected,
        proof: proof.flatten(),
        text: source.text().to_owned(),
        id,
        id_span: top.id_span,
        name: source.name().to_owned(),
    };
    if top.settle.is_none() {
        scenario.settle = scenario.default_settle();
    }
    Some(scenario)
}

/// The id up to its first `-`.
fn case_of(id: &str) -> String {
    id.split('-').next().unwrap_or(id).to_owned()
}

/// The ticker, and whoever takes its place.
fn read_server(root: &mut Table<'_>) -> (ticker_server::Config, Option<OwnServer>) {
    let Some(mut table) = root.table("server") else {
        return (ticker_server::Config::default(), None);
    };
    let own = own_server::read(&mut table);
    if own_server::is_own(&table) {
        own_server::ignore_ticker(&mut table);
        return (ticker_server::Config::default(), own);
    }
    (ticker_server::Config::from_table(&mut table), own)
}

/// Without resume a client does not promise to lose nothing.
fn ensure_sequences(table: &Table<'_>, expect: &[(Expectation, Span)], clients: &ClientsConfig) {
    let lost = expect.iter().find(|(e, _)| e.name() == checks::LOST.key);
    if let Some((_, span)) = lost.filter(|_| !clients.behaviour.resume) {
        table.error_with_help(
            span.clone(),
            "`lost` cannot be judged of clients with `resume = false`",
            "they begin a fresh session at every connect and promise nothing about the old one",
        );
    }
}

fn ensure_able(root: &Table<'_>, top: &Top, clients: &ClientsConfig) {
    if top.requires.contains(&Ability::Resume) && !clients.behaviour.resume {
        let message = "`resume` is required, and `[clients]` says `resume = false`";
        root.error(top.requires_span.clone(), message);
    }
}

/// A run on which nothing acts says nothing.
fn ensure_harm(root: &Table<'_>, rules: &Rules) {
    if rules.table_count == 0 && !root.has("server_event") && !root.has("fault") {
        root.error_with_help(
            root.span(),
            "nothing goes wrong in this file, so nothing could be judged",
            "give it a [[fault]], or a [[server_event]]",
        );
    }
}
