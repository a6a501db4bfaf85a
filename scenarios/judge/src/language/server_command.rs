//! A server that is started for the run: its command, with what it is told of its port
//! and of the proxies before it, and what shows that it is ready.

use std::sync::Arc;
use std::time::Duration;

use environment::text::{FromToml, Mismatch, Span, Table, Value, choice, format_duration};

use super::address::Address;
use super::command_line::CommandLine;
use super::scenario::names;
use super::validate::Sections;

/// What stands for the port in a command and in its URL.
pub const PORT: &str = "{port}";

/// What stands for the address at which the one client reaches it, in a command.
const PROXY: &str = "proxy";

/// How long it may take to end after SIGTERM, if the file is silent; behind the
/// time that its connections may last.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// How long a server may take to be ready, if the file is silent.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The longest that it may be given.
const LONGEST: Duration = Duration::from_secs(600);

/// A server that is started for the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCommand {
    /// The program and its arguments, with [`PORT`] where its port belongs.
    words: Vec<String>,
    /// Its URL, likewise.
    url: String,
    /// What shows that it is ready, besides that its port answers.
    pub ready: Ready,
    /// How long that may take.
    pub within: Duration,
    /// How long it may take to end after SIGTERM; then it is killed.
    pub stop_within: Duration,
    /// Where it runs.
    pub cwd: Cwd,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cwd {
    /// Where `chaos` was typed.
    #[default]
    Here,
    /// Where the file is that names it.
    File,
    /// In the folder of the client that brings it.
    Client,
}

impl FromToml for Cwd {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &[("here", Self::Here), ("file", Self::File)])
    }
}

/// What shows that a server is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Its port answers.
    Port,
    /// It prints a line with this in it, on stdout or stderr.
    Line(String),
    /// A GET of this path is answered with 2xx.
    Http(String),
}

impl Ready {
    /// What was waited for, in words.
    pub fn wanted(&self) -> String {
        match self {
            Self::Port => "its port was to answer".to_owned(),
            Self::Line(part) => {
                format!("its port was to answer, and a line with {part:?} to be printed")
            }
            Self::Http(path) => format!("GET {path} should have been answered with 2xx"),
        }
    }
}

impl ServerCommand {
    /// The port, if the file names it.
    pub fn fixed_port(&self) -> Option<u16> {
        if self.url.contains(PORT) {
            return None;
        }
        let address: Address = self.url.parse().ok()?;
        address.authority.rsplit(':').next()?.parse().ok()
    }

    /// What is started. `proxies`: by which `host:port` each client reaches it.
    pub fn words(&self, port: u16, proxies: &[(Arc<str>, String)]) -> Vec<String> {
        let port = port.to_string();
        let fill = |word: &String| {
            let mut word = word.replace(PORT, &port);
            if let [(_, only)] = proxies {
                word = word.replace(&format!("{{{PROXY}}}"), only);
            }
            for name in proxies_in(&word.clone()) {
                let via = proxies.iter().find(|(client, _)| is_of(name, client));
                if let Some((_, via)) = via {
                    word = word.replace(&format!("{{{name}}}"), via);
                }
            }
            word
        };
        self.words.iter().map(fill).collect()
    }

    /// Reports proxies of clients that there are not.
    pub(super) fn ensure_proxies(&self, span: &Span, file: &Sections<'_>) {
        let clients = names(file.client_count);
        for name in self.words.iter().flat_map(|word| proxies_in(word)) {
            let is_known = match name {
                PROXY => clients.len() == 1,
                _ => clients.iter().any(|client| is_of(name, client)),
            };
            if is_known {
                continue;
            }
            let allowed = match &clients[..] {
                [only] => format!("allowed here: {{proxy}}, {{proxy.{only}}}, {{port}}"),
                many => format!(
                    "allowed here: {{proxy.c1}} to {{proxy.c{}}}, {{port}}",
                    many.len()
                ),
            };
            let message = format!("nothing is known by the name of `{{{name}}}`");
            file.diagnostics
                .error_with_help(span.clone(), message, allowed);
        }
    }

    /// Its URL then.
    pub fn url(&self, port: u16) -> String {
        self.url.replace(PORT, &port.to_string())
    }

    /// Where it is then.
    pub fn address(&self, port: u16) -> Address {
        self.url(port)
            .parse()
            .expect("read with a port when the file was; ports differ in digits only")
    }
}

/// Every `{proxy…}` in a word, without its braces. Others are the program's own.
fn proxies_in(word: &str) -> impl Iterator<Item = &str> {
    let parts = word.split('{').skip(1);
    let names = parts.filter_map(|part| part.split_once('}').map(|(name, _)| name));
    names.filter(|name| name.starts_with(PROXY))
}

/// Whether this is `proxy.NAME`.
fn is_of(name: &str, client: &str) -> bool {
    let of = name.strip_prefix(PROXY);
    of.and_then(|rest| rest.strip_prefix('.')) == Some(client)
}

/// Reads the keys of a server that is started; `None` without a command, or if they
/// are wrong and reported.
pub(super) fn read_command(table: &mut Table<'_>) -> Option<ServerCommand> {
    let words = table.optional::<CommandLine>("command");
    let url = table.spanned::<String>("url");
    let (ready, within) = read_ready(table);
    let stop_within = read_stop_within(table);
    let cwd = table.or("cwd", Cwd::Here);
    if !table.has("command") {
        for key in ["url", "ready", "stop_within", "cwd"]
            .into_iter()
            .filter(|key| table.has(key))
        {
            let message = format!("`{key}` is about a `command` that starts a server");
            table.error(table.key_span(key), message);
        }
        return None;
    }
    let CommandLine(words) = words?;
    let (url, span) = url.unwrap_or_else(|| (format!("ws://127.0.0.1:{PORT}/"), table.span()));
    // Which digits stand there makes no difference to what is wrong with it.
    match url.replace(PORT, "1").parse::<Address>() {
        Err(message) => table.error(span, message),
        Ok(address) if !address.is_loopback() => {
            let message = format!(
                "{} is not on this machine, where the command runs",
                address.authority
            );
            table.error(span, message);
        }
        Ok(_) => {
            return Some(ServerCommand {
                words,
                url,
                ready: ready?,
                within,
                stop_within,
                cwd,
            });
        }
    }
    None
}

/// How long a custom server may take to end: what is said, or else as long
/// as its connections may last, and a little.
fn read_stop_within(table: &mut Table<'_>) -> Duration {
    // Without a command it is the ticker's.
    let is_ours = table.has("command");
    let drain = is_ours
        .then(|| table.optional::<Duration>("drain"))
        .flatten();
    let drain = drain.unwrap_or_default();
    let Some((within, span)) = table.spanned::<Duration>("stop_within") else {
        return (drain + STOP_WITHIN).min(LONGEST);
    };
    let given = format_duration(within);
    if within > LONGEST {
        let most = format_duration(LONGEST);
        table.error(
            span,
            format!("`stop_within` is {given}; at most {most} is waited"),
        );
    } else if within < drain {
        let drain = format_duration(drain);
        let message =
            format!("`stop_within` is {given}, and its connections may last for {drain} (`drain`)");
        table.error_with_help(span, message, "it would be killed in the midst of it");
    }
    within
}

fn read_ready(table: &mut Table<'_>) -> (Option<Ready>, Duration) {
    let Some(mut ready) = table.table("ready") else {
        return (
            Some(Ready::Port).filter(|_| !table.has("ready")),
            READY_WITHIN,
        );
    };
    let line = ready.optional::<String>("line");
    let http = ready.spanned::<String>("http");
    let within = match ready.spanned::<Duration>("within") {
        Some((within, span)) if within.is_zero() || within > LONGEST => {
            let (given, most) = (format_duration(within), format_duration(LONGEST));
            let message =
                format!("`within` is {given}; it must be more than 0s and at most {most}");
            ready.error(span, message);
            READY_WITHIN
        }
        given => given.map_or(READY_WITHIN, |(within, _)| within),
    };
    let shown = match (line, http) {
        (Some(_), Some(_)) => {
            ready.error(ready.span(), "`line` and `http` exclude each other");
            None
        }
        (Some(line), None) if line.is_empty() => {
            ready.error(ready.span_of("line"), "every line has nothing in it");
            None
        }
        (Some(line), None) => Some(Ready::Line(line)),
        (None, Some((path, span))) => {
            let is_path = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
            if !is_path {
                ready.error(span, "expected a path, such as \"/healthz\"");
            }
            is_path.then_some(Ready::Http(path))
        }
        (None, None) => Some(Ready::Port),
    };
    (shown, within)
}
