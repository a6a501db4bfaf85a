//! `page` and what goes with it in a `client.toml`: each client is a browser of its
//! own that opens a page.
//!
//! Invariant: a [`Page`] exists only with a way for its WebSocket to come by the
//! proxy: it dials `socket` by itself, or its URL tells it what to dial.

use chaos_judge::language::{Address, CommandLine};
use environment::text::{FromToml, Mismatch, Span, Table, Value};

/// What stands for the WebSocket's URL in that of the page.
const URL: &str = "{url}";

/// What stands for the host and port at which the page reaches its server.
const PROXY: &str = "{proxy}";

/// What stands for the host and port of the true server.
const SERVER: &str = "{server}";

/// A page in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What is opened; with `{url}`, `{proxy}` and `{server}` in it.
    pub url: String,
    /// `host:port` that the page dials by itself.
    pub socket: Option<String>,
    /// Serves the page; may be empty: it is there already.
    pub serve: Vec<String>,
    /// Listens at `socket`; likewise.
    pub server: Vec<String>,
}

impl Page {
    /// The keys of this in a `client.toml`, besides `page` itself.
    const OTHERS: [&'static str; 2] = ["socket", "serve"];

    /// Of a command line.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn given(url: &str, socket: Option<&str>) -> Result<Self, String> {
        let socket = socket.map(read_socket).transpose();
        let socket = socket.map_err(|why| format!("--socket: {why}"))?;
        check_url(url).map_err(|why| format!("--page: {why}"))?;
        if socket.is_none() && !is_told(url) {
            return Err(format!("--page {}: {WITHOUT}", url.escape_debug()));
        }
        Ok(Self {
            url: url.to_owned(),
            socket,
            serve: Vec::new(),
            server: Vec::new(),
        })
    }

    /// Reads its keys; `None` without `page`, or if they are wrong and reported.
    pub(super) fn read(root: &mut Table<'_>) -> Option<Self> {
        let page = root.spanned::<PageUrl>("page");
        let socket = root.optional::<Socket>("socket");
        let serve = root.optional::<CommandLine>("serve");
        if !root.has("page") {
            ensure_page(root);
            return None;
        }
        let server = root.table("server").and_then(|mut table| {
            let command = table.required::<CommandLine>("command");
            table.finish();
            command
        });
        let (PageUrl(url), span) = page?;
        if !root.has("socket") {
            ensure_reached(root, &url, span);
        }
        let words = |line: Option<CommandLine>| line.map(|CommandLine(words)| words);
        Some(Self {
            url,
            socket: socket.map(|Socket(socket)| socket),
            serve: words(serve).unwrap_or_default(),
            server: words(server).unwrap_or_default(),
        })
    }

    /// A name for one that has none: where it is.
    pub fn name(&self) -> String {
        let authority = self.authority().unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let parts = authority
            .split(|c| !is_plain(c))
            .filter(|part| !part.is_empty());
        match parts.collect::<Vec<_>>().join("-") {
            name if name.is_empty() => "page".to_owned(),
            name => name,
        }
    }

    /// `host:port` of the page, if that is not only known in a run.
    pub fn authority(&self) -> Option<String> {
        address(&self.url).ok().map(|address| address.authority)
    }

    /// The URL of the one server that it speaks to.
    pub(super) fn server_url(&self) -> Option<String> {
        let socket = self.socket.as_ref();
        socket.map(|socket| format!("ws://{socket}/"))
    }

    /// What its driver is told: `url` is what the page is to dial, or to be sent to
    /// when it dials `socket`; behind that is the server.
    pub(crate) fn variables(&self, url: &str, server: &str) -> Vec<(String, String)> {
        let proxy = url.parse::<Address>().map(|address| address.authority);
        let page = self.url.replace(URL, url).replace(SERVER, server);
        let page = page.replace(PROXY, &proxy.unwrap_or_default());
        let server = self.socket.as_deref().unwrap_or(server);
        let socket = self.socket.clone().unwrap_or_default();
        [
            ("CHAOS_PAGE", page),
            ("CHAOS_SOCKET", socket),
            ("CHAOS_SERVER", server.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

const WITHOUT: &str = "where it connects must be known: give `socket` (--socket), the host and port to which it connects by itself, or put `{url}` or `{proxy}` into its address";

/// Whether this URL tells the page what to dial.
fn is_told(url: &str) -> bool {
    url.contains(URL) || url.contains(PROXY)
}

/// Reports what is about a page, where there is none.
fn ensure_page(root: &Table<'_>) {
    for key in Page::OTHERS.into_iter().filter(|key| root.has(key)) {
        let message = format!("`{key}` is about a `page`");
        root.error(root.key_span(key), message);
    }
}

/// Reports a page whose WebSocket would pass the proxy by.
fn ensure_reached(root: &Table<'_>, url: &str, span: Span) {
    if !is_told(url) {
        root.error(span, WITHOUT);
    } else if root.has("server") {
        let message = "a server listens at `socket`, which is not there";
        root.error(root.key_span("server"), message);
    }
}

struct PageUrl(String);

impl FromToml for PageUrl {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let url = String::from_toml(value)?;
        check_url(&url).map_err(|why| Mismatch::new(value.span(), why))?;
        Ok(Self(url))
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let example = url.replace(URL, "ws://127.0.0.1:1/");
    let example = example.replace(SERVER, "127.0.0.1:1");
    let example = example.replace(PROXY, "127.0.0.1:1");
    address(&example).map(drop)
}

/// What is behind the `#` is the page's own affair.
fn address(url: &str) -> Result<Address, String> {
    let (before, _) = url.split_once('#').unwrap_or((url, ""));
    let form = "a page is http://HOST:PORT/…, such as \"http://localhost:5173/\"";
    if !before.starts_with("http://") {
        return Err(format!("`{}` is no page: {form}", url.escape_debug()));
    }
    let address: Result<Address, String> = before.parse();
    address.map_err(|_| format!("`{}` cannot be read: {form}", url.escape_debug()))
}

struct Socket(String);

impl FromToml for Socket {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let socket = String::from_toml(value)?;
        let read = read_socket(&socket);
        read.map(Self)
            .map_err(|why| Mismatch::new(value.span(), why))
    }
}

fn read_socket(socket: &str) -> Result<String, String> {
    let wrong = || {
        let shown = socket.escape_debug();
        format!("`{shown}` is no HOST:PORT, such as \"localhost:8080\"")
    };
    let (_, port) = socket.rsplit_once(':').ok_or_else(wrong)?;
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_bare = !socket.contains(['/', '?', '#', '@']);
    let address: Result<Address, String> = format!("ws://{socket}/").parse();
    match address {
        Ok(address) if is_port && is_bare => Ok(address.authority),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_where_it_is_and_its_socket_is_to_be_known() {
        let page = Page::given("http://localhost:5173/a#b", Some("localhost:8080")).unwrap();
        assert_eq!(page.name(), "localhost-5173");
        assert_eq!(page.server_url().as_deref(), Some("ws://localhost:8080/"));
        let near = Page::given("http://{proxy}/", None).unwrap();
        let variables = near.variables("ws://127.0.0.1:5/ws", "127.0.0.1:6");
        assert_eq!(variables[0].1, "http://127.0.0.1:5/");
        let told = Page::given("http://{server}/?ws={url}", None).unwrap();
        assert_eq!((told.authority(), told.name().as_str()), (None, "page"));
        let variables = told.variables("ws://127.0.0.1:5/ws", "127.0.0.1:6");
        let page = "http://127.0.0.1:6/?ws=ws://127.0.0.1:5/ws";
        assert_eq!(variables[0], ("CHAOS_PAGE".into(), page.into()));
        for (url, socket, part) in [
            (
                "localhost:5173",
                Some("a:1"),
                "--page: `localhost:5173` is no page: a page is http://",
            ),
            ("https://a/", Some("a:1"), "`https://a/` is no page"),
            ("http://a:99999/", Some("a:1"), "cannot be read"),
            (
                "http://a/",
                Some("ws://a:1"),
                "--socket: `ws://a:1` is no HOST:PORT",
            ),
            ("http://a/", Some("a"), "`a` is no HOST:PORT"),
            ("http://a/", Some("a:0"), "`a:0` is no HOST:PORT"),
            ("http://a/", None, "give `socket` (--socket)"),
        ] {
            let error = Page::given(url, socket).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
