//! `[server]` with `external` or `command`: a custom server in place of
//! the ticker.

use std::collections::BTreeSet;

use environment::text::{FromToml, Mismatch, Span, Table, Value, choice};

use super::address::{Address, Scheme};
use super::command_line::CommandLine;
use super::server_command::{Cwd, ServerCommand, read_command};
use super::server_event::ServerEnd;
use super::validate::Sections;

/// The keys of the ticker.
pub(super) const TICKER: [&str; 12] = [
    "tick",
    "heartbeat",
    "buffer",
    "session_expiry",
    "refuse_unknown",
    "max_sessions",
    "max_connections",
    "ping_every",
    "pong_within",
    "header_timeout",
    "allow_origins",
    "drain",
];

/// A server that is not the ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnServer {
    /// Where it comes from.
    pub kind: OwnKind,
    /// Where the file says so.
    pub span: Span,
}

/// Where a custom server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnKind {
    /// It runs already.
    External(Address),
    /// It is started for the run.
    Command(ServerCommand),
}

impl OwnServer {
    /// Reads `[server]` of a client that brings its server; `None` if it is wrong and
    /// reported. Besides the command, what of the ticker's keys the server obeys.
    pub fn read_brought(table: &mut Table<'_>) -> Option<(ServerCommand, BTreeSet<String>)> {
        if table.has("cwd") {
            let message = "a client's server runs in the client's folder";
            table.error(table.key_span("cwd"), message);
            table.ignore("cwd");
        }
        let command = read_command(table);
        table.required::<CommandLine>("command");
        let obeys: Vec<Obeyed> = table.or("obeys", Vec::new());
        let obeys = obeys.into_iter().map(|Obeyed(key)| key.to_owned());
        let mut command = command?;
        command.cwd = Cwd::Client;
        Some((command, obeys.collect()))
    }

    /// The server of a client that speaks to no other.
    pub(super) fn of_client(address: Address, span: Span) -> Self {
        let kind = OwnKind::External(address);
        Self { kind, span }
    }

    /// Its URL, as far as that is known before it runs.
    pub fn address(&self) -> Address {
        match &self.kind {
            OwnKind::External(address) => address.clone(),
            OwnKind::Command(command) => command.address(command.fixed_port().unwrap_or(1)),
        }
    }

    /// It may speak no WebSocket, and may not be ours to end: reports what
    /// wants that of it.
    pub(super) fn ensure_obeyed(&self, file: Sections<'_>) {
        let speaks = match self.address().scheme {
            Scheme::WebSocket => None,
            Scheme::Http => Some("speaks HTTP"),
            Scheme::Tcp => Some("is plain TCP"),
        };
        if let Some(speaks) = speaks {
            let rules = file.rules.placed();
            for (rule, place) in rules.filter(|(rule, _)| rule.needs_websocket()) {
                let message = format!(
                    "`{}` acts on WebSockets only, and the server {speaks}",
                    rule.name
                );
                file.diagnostics.error(place.table.clone(), message);
            }
        }
        if let OwnKind::Command(command) = &self.kind {
            command.ensure_proxies(&self.span, &file);
        }
        if let OwnKind::External(_) = self.kind {
            for (event, place) in file.server_events {
                file.diagnostics.error_with_help(
                    place.at.clone(),
                    format!("chaos cannot {} an `external` server", event.end.word()),
                    "let it be started here with `command` instead, or close its port with `refuse`",
                );
            }
        }
    }
}

/// Reads the keys of a custom server; `None` without any, or if they are
/// wrong and reported. Then the table's other keys are the ticker's.
pub(super) fn read(table: &mut Table<'_>) -> Option<OwnServer> {
    let (external, command) = (table.has("external"), table.has("command"));
    let span = table.key_span(if external { "external" } else { "command" });
    let given = read_external(table);
    let started = read_command(table);
    if !external && !command {
        return None;
    }
    // Whoever is started may be given time to let go, as the ticker is.
    let is_foreign = |key: &&str| !command || *key != "drain";
    for key in TICKER
        .into_iter()
        .filter(is_foreign)
        .filter(|key| table.has(key))
    {
        table.error_with_help(
            table.key_span(key),
            format!(
                "`{key}` is a key of the built-in ticker, and this file has a server of its own"
            ),
            "do it to your server yourself",
        );
    }
    if external && command {
        table.error(
            span,
            "`external` and `command` exclude each other: a server runs already, or is started",
        );
        return None;
    }
    let kind = if external {
        OwnKind::External(given?)
    } else {
        OwnKind::Command(started?)
    };
    Some(OwnServer { kind, span })
}

/// Whether nothing of the ticker is to be read.
pub(super) fn is_own(table: &Table<'_>) -> bool {
    table.has("external") || table.has("command")
}

/// The ticker's keys are known, but not read here.
pub(super) fn ignore_ticker(table: &mut Table<'_>) {
    TICKER.into_iter().for_each(|key| table.ignore(key));
}

fn read_external(table: &mut Table<'_>) -> Option<Address> {
    let span = table.span_of("external");
    let address = table.optional::<Address>("external");
    let is_remote = table.or("remote", false);
    if !table.has("external") {
        if table.has("remote") {
            let message = "`remote` is about an `external` server";
            table.error(table.key_span("remote"), message);
        }
        return None;
    }
    let address = address?;
    if !address.is_loopback() && !is_remote {
        let message = format!("{} is not on this machine", address.authority);
        table.error_with_help(
            span,
            message,
            "faults and crowds of clients are going there: say `remote = true` beside it if that is meant",
        );
    }
    Some(address)
}

/// A key of the ticker that another server obeys, or that it says goodbye as the ticker
/// does when it is to restart.
struct Obeyed(&'static str);

impl FromToml for Obeyed {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let restart = ServerEnd::Restart.word();
        let all = TICKER.into_iter().chain([restart]);
        let all: Vec<_> = all.map(|key| (key, key)).collect();
        choice(value, &all).map(Self)
    }
}

impl FromToml for Address {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = String::from_toml(value)?;
        let wrong = |message: String| Mismatch::new(value.span(), message);
        text.parse().map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::language::sample::{sound, wrong};
    use crate::language::server_command::Ready;

    const SMALL: &str = "id = 'x'\nduration = '4s'\n[expect]\nmax_live = 1\n";

    #[test]
    fn a_server_of_ones_own_is_there_or_started() {
        let read = |server: &str| sound(&format!("{SMALL}[server]\n{server}\n"));
        let external = read("external = 'ws://localhost:8080/a?b=c'");
        let own = external.own_server.as_ref().unwrap();
        let url = external.url(Some(&own.address()), "127.0.0.1:9", false);
        assert_eq!(url, "ws://127.0.0.1:9/a?b=c");
        assert!(external.needs_real_time().is_some());
        assert_eq!(read("tick = '1s'").needs_real_time(), None);
        let why = external.only_in_real_time();
        let begins = "x.toml:6:1: a custom server runs in real time only";
        assert!(why.is_some_and(|why| why.starts_with(begins)));
        read("external = 'tcp://example.org:7'\nremote = true");
        let started =
            read("command = ['x', '--port={port}']\nready = { http = '/up', within = '3s' }");
        let Some(OwnKind::Command(command)) = started.own_server.map(|own| own.kind) else {
            panic!("no command");
        };
        assert_eq!(command.words(7, &[]), ["x", "--port=7"]);
        assert_eq!(command.stop_within, Duration::from_secs(3));
        assert_eq!(command.address(7).through("p:1", false), "ws://p:1/");
        assert_eq!(command.fixed_port(), None);
        assert_eq!(command.ready, Ready::Http("/up".into()));
        let fixed = read("command = ['x']\nurl = 'tcp://127.0.0.1:99'");
        assert!(fixed.unsuited_to_sim().is_some_and(|why| {
            why.starts_with("x.toml:6:1: the simulated client speaks WebSocket only")
        }));
        let Some(OwnKind::Command(command)) = fixed.own_server.map(|own| own.kind) else {
            panic!("no command");
        };
        assert_eq!(command.fixed_port(), Some(99));
    }

    fn started(server: &str) -> ServerCommand {
        let text = format!("{SMALL}[clients]\ncount = 2\n[server]\n{server}\n");
        match sound(&text).own_server.map(|own| own.kind) {
            Some(OwnKind::Command(command)) => command,
            other => panic!("no command: {other:?}"),
        }
    }

    #[test]
    fn a_server_may_be_told_where_its_clients_are_and_be_given_time() {
        let command = started(
            "command = ['x', '{proxy.c1},{proxy.c2}', '{print}']\ndrain = '8s'\ncwd = 'file'",
        );
        let via: Vec<(Arc<str>, String)> = vec![
            ("c1".into(), "127.0.0.1:5".into()),
            ("c2".into(), "127.0.0.1:6".into()),
        ];
        let words = command.words(7, &via);
        assert_eq!(words, ["x", "127.0.0.1:5,127.0.0.1:6", "{print}"]);
        assert_eq!(command.stop_within, Duration::from_secs(11));
        assert_eq!(command.cwd, Cwd::File);
        let stated = started("command = ['x']\nstop_within = '9s'\ndrain = '8s'");
        assert_eq!(stated.stop_within, Duration::from_secs(9));
        let one = sound(&format!("{SMALL}[server]\ncommand = ['x', '{{proxy}}']\n"));
        let Some(OwnKind::Command(command)) = one.own_server.map(|own| own.kind) else {
            panic!("no command");
        };
        assert_eq!(command.words(7, &via[..1]), ["x", "127.0.0.1:5"]);
    }

    #[test]
    fn what_is_data_can_be_said_of_any_server() {
        let read = |server: &str| sound(&format!("{SMALL}[server]\n{server}\n"));
        let tick = read("tick = '1s'\ndata = { json = '/type', equals = 'tick' }");
        let said = tick.data.map(|data| data.to_string());
        assert_eq!(said.as_deref(), Some("/type equals \"tick\""));
        let own = read("external = 'http://localhost:1/feed'\ndata = { contains = 'x' }");
        assert!(own.data.is_some());
        assert!(
            own.unsuited_to_sim()
                .is_some_and(|why| why.contains("this server speaks HTTP"))
        );
        wrong(
            &format!("{SMALL}[server]\ndata = {{ contain = 'x' }}\n"),
            "x.toml:6:10: unknown key `contain`",
        );
    }

    #[test]
    fn what_is_wrong_with_a_server_of_ones_own_is_told_at_its_place() {
        let check = |server: &str, begins: &str| {
            wrong(&format!("{SMALL}[server]\n{server}\n"), begins);
        };
        let external = "external = 'ws://localhost:8080'\n";
        check(
            "external = 'ws://x:1/'",
            "x.toml:6:12: x:1 is not on this machine",
        );
        check(
            "external = 'wss://x:1/'",
            "x.toml:6:12: x:1 is not on this machine",
        );
        check(
            "remote = true",
            "x.toml:6:1: `remote` is about an `external` server",
        );
        check("ready = {}", "x.toml:6:1: `ready` is about a `command`");
        check("cwd = 'file'", "x.toml:6:1: `cwd` is about a `command`");
        check(
            "command = ['x']\nstop_within = '1s'\ndrain = '2s'",
            "x.toml:7:15: `stop_within` is 1s, and its connections may last for 2s",
        );
        check(
            "command = ['x', '{proxy.c2}']",
            "x.toml:6:1: nothing is known by the name of `{proxy.c2}`",
        );
        check(
            "command = ['x', '{proxy}']\n[clients]\ncount = 2",
            "x.toml:6:1: nothing is known by the name of `{proxy}`",
        );
        check("command = []", "x.toml:6:11: an empty command");
        check("command = 'x y'", "x.toml:6:11: expected an array");
        check(
            &format!("{external}tick = '1s'"),
            "x.toml:7:1: `tick` is a key of the built-in ticker",
        );
        check(
            &format!("{external}command = ['x']"),
            "x.toml:6:1: `external` and `command` exclude",
        );
        check(
            "command = ['x']\nurl = 'ws://example.org:{port}'",
            "x.toml:7:7: example.org",
        );
        check(
            "command = ['x']\nurl = 'ws://127.0.0.1:{prt}'",
            "x.toml:7:7: `ws://127.0.0.1:{prt}`",
        );
        check(
            "command = ['x']\nready = { line = '' }",
            "x.toml:7:18: every line",
        );
        check(
            "command = ['x']\nready = { http = 'up' }",
            "x.toml:7:18: expected a path",
        );
        check(
            "command = ['x']\nready = { line = 'a', http = '/' }",
            "x.toml:7:9: `line` and `http`",
        );
        check(
            "command = ['x']\nready = { within = '0s' }",
            "x.toml:7:20: `within` is 0s",
        );
        check("comand = ['x']", "x.toml:6:1: unknown key `comand`");
        check(
            &format!("{external}[[server_event]]\nat = '1s'\ndo = 'kill'"),
            "x.toml:8:6: chaos cannot kill an `external` server",
        );
        check(
            "external = 'tcp://localhost:1'\n[[fault]]\nat = '1s'\ninject.close_frame = { code = 1000 }",
            "x.toml:7:1: `close_frame` acts on WebSockets only",
        );
        check(
            "external = 'tcp://localhost:1'\n[[fault]]\non.message = { contains = 'x' }\ninject.reset = {}",
            "x.toml:7:1: `reset` acts on WebSockets only",
        );
    }
}
