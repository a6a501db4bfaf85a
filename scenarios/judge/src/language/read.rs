//! One file's text made into a scenario, or into everything that is wrong with
//! it.

use chaos_proxy::Pattern;
use client_sim::ClientsConfig;
use environment::text::{Diagnostics, Document, Source, Span, Table};

use super::action::Action;
use super::address::{Address, Scheme};
use super::client_options::ClientOptions;
use super::exercisable::{Setting, ensure_exercisable};
use super::expect::Expectation;
use super::figures::figures;
use super::own_server::OwnServer;
use super::proof::Proof;
use super::rules::Rules;
use super::scenario::{Scenario, names};
use super::server_event::ServerEvent;
use super::situation::Situation;
use super::top::Top;
use super::validate::{Sections, validate};
use super::{action, expect, own_server, proof, rules, server_event, situation, unobeyed};
use crate::checks::{self, Limit};
use crate::subject::{Ability, Traits};

/// Everything that is wrong with a file.
#[derive(Debug)]
pub struct Mistakes {
    /// How many there are.
    pub count: usize,
    /// All of them for a person, each as `FILE:LINE:COLUMN: message`.
    pub rendered: String,
}

/// Reads one scenario file, as it is for the simulated client: by the figures of
/// its own `[clients]`.
///
/// # Errors
/// Every error in it at once.
pub fn read(source: &Source) -> Result<Scenario, Mistakes> {
    read_for(source, None)
}

/// Reads one scenario file, as it is for such a client: its times that are
/// expressions are of the figures which that declares.
///
/// # Errors
/// Every error in it at once.
pub fn read_for(source: &Source, subject: Option<&Traits>) -> Result<Scenario, Mistakes> {
    let diagnostics = Diagnostics::new();
    let scenario = read_into(source, subject, &diagnostics);
    match scenario.filter(|_| diagnostics.is_empty()) {
        Some(scenario) => Ok(scenario),
        None => Err(Mistakes {
            count: diagnostics.len(),
            rendered: diagnostics.render(source),
        }),
    }
}

/// Errors go to `diagnostics`; `None` when something needed is not there.
pub(super) fn read_into(
    source: &Source,
    subject: Option<&Traits>,
    diagnostics: &Diagnostics,
) -> Option<Scenario> {
    let document = Document::parse(source, diagnostics);
    let mut root = document.root(diagnostics);
    let parts = Parts::read(&mut root, subject);
    ensure_able(&root, &parts.top, &parts.clients);
    ensure_secure(&root, &parts);
    validate(Sections {
        top: &parts.top,
        client_count: parts.clients.count,
        rules: &parts.rules,
        actions: &parts.actions,
        action_places: &parts.action_places,
        server_events: &parts.server_events,
        own_server: parts.own_server.as_ref(),
        diagnostics,
    });
    parts.into_scenario(source)
}

/// A file's sections, each read for itself.
struct Parts {
    top: Top,
    server: ticker_server::Config,
    own_server: Option<OwnServer>,
    /// The only server of the client's, which takes the ticker's place.
    of_client: Option<OwnServer>,
    /// What the file wants of the ticker and that one does not obey.
    unobeyed: Vec<String>,
    data: Option<Pattern>,
    clients: ClientsConfig,
    /// Whether they dial by TLS, and where the file says so.
    clients_tls: Option<Span>,
    client_options: ClientOptions,
    rules: Rules,
    actions: Vec<Action>,
    action_places: Vec<action::Place>,
    server_events: Vec<(ServerEvent, server_event::Place)>,
    situation: Vec<Situation>,
    expect: Vec<Expectation>,
    proof: Option<Proof>,
}

impl Parts {
    /// `[clients]` first: all other times may be expressions of it.
    fn read(root: &mut Table<'_>, subject: Option<&Traits>) -> Self {
        let (clients, client_options, clients_tls) = match root.table("clients") {
            Some(mut table) => (
                ClientsConfig::from_table(&mut table),
                ClientOptions::read(&mut table),
                table.or("tls", false).then(|| table.span_of("tls")),
            ),
            None => Default::default(),
        };
        root.set_figures(figures(&clients.behaviour, subject));
        let top = Top::read(root);
        let is_obeyed = |key: &str| subject.is_some_and(|subject| subject.obeys.contains(key));
        let Server {
            ticker,
            own: own_server,
            data,
            mut unobeyed,
        } = read_server(root, is_obeyed);
        let of_client = match &own_server {
            None => server_of(subject, root),
            Some(_) => None,
        };
        let population = names(clients.count);
        let rules = rules::read(root, &population, &top);
        let action_tables = root.tables("action");
        let action_count = action_tables.len();
        let actions = action::read(action_tables, &population, top.duration);
        let (actions, action_places): (Vec<_>, Vec<_>) = actions.into_iter().unzip();
        let server_events = server_event::read(root.tables("server_event"), top.duration);
        let events = server_events.iter().map(|(event, _)| event);
        unobeyed.extend(unobeyed::of_events(events, is_obeyed));
        let setting = Setting {
            clients: &clients,
            rules: &rules.rules,
            actions: &actions,
            is_undisturbed: !["fault", "server_event"].iter().any(|key| root.has(key)),
            has_server_events: !server_events.is_empty(),
            own_server: own_server.as_ref().or(of_client.as_ref()),
            is_whole: actions.len() == action_count,
        };
        let situation = situation::read(root.table("situation"), &setting);
        let expect = read_expect(root, &setting);
        let proof = root.table("proof");
        let proof = proof.and_then(|mut table| proof::read(&mut table, &expect));
        Self {
            top,
            server: ticker,
            own_server,
            of_client,
            unobeyed,
            data,
            clients,
            clients_tls,
            client_options,
            rules,
            actions,
            action_places,
            server_events,
            situation,
            expect,
            proof,
        }
    }

    fn into_scenario(self, source: &Source) -> Option<Scenario> {
        let top = self.top;
        let id = top.id?;
        let events = self.server_events.into_iter().map(|(event, _)| event);
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
            outcomes: top.outcomes,
            server: self.server,
            unobeyed: match &self.of_client {
                Some(_) => unobeyed::listed(&self.unobeyed),
                None => None,
            },
            own_server: self.own_server.or(self.of_client),
            data: self.data,
            clients: self.clients,
            clients_tls: self.clients_tls.is_some(),
            client_options: self.client_options,
            rules: self.rules.rules,
            actions: self.actions,
            server_events: events.collect(),
            situation: self.situation,
            expect: self.expect,
            proof: self.proof,
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
}

/// `[expect]`, with what only the rest of the file shows to be wrong with it.
fn read_expect(root: &mut Table<'_>, setting: &Setting<'_>) -> Vec<Expectation> {
    let Some(mut table) = root.required_table("expect") else {
        return Vec::new();
    };
    let read = expect::read(&mut table);
    ensure_exercisable(&table, &read, setting);
    ensure_sequences(&table, &read, setting.clients);
    ensure_room(&table, &read, setting.clients);
    read.into_iter().map(|(expected, _)| expected).collect()
}

/// The id up to its first `-`.
fn case_of(id: &str) -> String {
    id.split('-').next().unwrap_or(id).to_owned()
}

/// `[server]`, as a file has it.
#[derive(Default)]
struct Server {
    ticker: ticker_server::Config,
    /// Who takes its place.
    own: Option<OwnServer>,
    /// What is data of theirs.
    data: Option<Pattern>,
    /// What is wanted of the ticker alone, in words.
    unobeyed: Vec<String>,
}

fn read_server(root: &mut Table<'_>, is_obeyed: impl Fn(&str) -> bool) -> Server {
    let Some(mut table) = root.table("server") else {
        return Server::default();
    };
    let data = table.table("data");
    let data = data.and_then(|mut table| Pattern::read(&mut table));
    let own = own_server::read(&mut table);
    if own_server::is_own(&table) {
        own_server::ignore_ticker(&mut table);
        return Server {
            own,
            data,
            ..Server::default()
        };
    }
    let ticker = ticker_server::Config::from_table(&mut table);
    Server {
        unobeyed: unobeyed::of_server(&table, &ticker, is_obeyed),
        ticker,
        own,
        data,
    }
}

/// The one server that such a client speaks to.
fn server_of(subject: Option<&Traits>, root: &Table<'_>) -> Option<OwnServer> {
    let url = subject?.server.as_ref()?;
    // A journal may be anybody's: what is no address is none.
    let address: Address = url.parse().ok()?;
    Some(OwnServer::of_client(address, root.span()))
}

/// Without resume a client does not promise to lose nothing.
fn ensure_sequences(table: &Table<'_>, expect: &[(Expectation, Span)], clients: &ClientsConfig) {
    let lost = expect.iter().find(|(e, _)| e.name() == checks::LOST.key);
    if let Some((_, span)) = lost.filter(|_| !clients.behaviour.resume) {
        table.error_with_help(
            span.clone(),
            "`lost` cannot be measured for clients with `resume = false`",
            "they begin a fresh session at every connect and promise nothing about the old one",
        );
    }
}

/// Whoever may hold more than is expected does so when it must.
fn ensure_room(table: &Table<'_>, expect: &[(Expectation, Span)], clients: &ClientsConfig) {
    let bound = expect.iter().find_map(|(e, span)| match e.limit {
        Limit::Count(count) if e.name() == checks::QUEUE_AT_MOST.key => Some((count, span)),
        _ => None,
    });
    if let (Some((count, span)), Some(sending)) = (bound, clients.behaviour.sending)
        && count < sending.at_most.into()
    {
        let message = format!(
            "`queue_at_most` is {count}, and the clients hold up to {}",
            sending.at_most
        );
        let help = "give [clients] a `queue` with an `at_most` that is no more";
        table.error_with_help(span.clone(), message, help);
    }
}

/// Clients of plain bytes may dial in any way, so nobody could tell them.
fn ensure_secure(root: &Table<'_>, parts: &Parts) {
    let own = parts.own_server.as_ref();
    let is_tcp = own.is_some_and(|own| own.address().scheme == Scheme::Tcp);
    if let (Some(span), true) = (&parts.clients_tls, is_tcp) {
        root.error_with_help(
            span.clone(),
            "`tls` is for clients of WebSockets and of HTTP, and the server is plain TCP",
            "what is `tls://` as `external` is spoken to over TLS without it",
        );
    }
}

fn ensure_able(root: &Table<'_>, top: &Top, clients: &ClientsConfig) {
    if top.requires.contains(&Ability::Resume) && !clients.behaviour.resume {
        let message = "`resume` is required, and `[clients]` says `resume = false`";
        root.error(top.requires_span.clone(), message);
    }
}
