//! `client.toml`: a third-party client, and what is to be known of it.
//!
//! Invariant: an [`Adapter`] exists only without a single error in its file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chaos_judge::language::{ClientOptions, CommandLine};
use chaos_judge::profile::Profile;
use environment::text::{
    Diagnostics, Document, FromToml, Mismatch, Source, Table, Value, format_duration,
};

use super::driver::MAIN;
use super::{Ability, Brought, Page, Report, Subject, Traits};
use crate::plain;
use crate::process::{Program, StartError};

/// The version of a client that does not say its own.
const UNKNOWN: &str = "unknown";

/// The file that makes a folder an adapter.
pub const CLIENT_FILE: &str = "client.toml";

/// The longest time that a client may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long a setup may take unless the file says otherwise: it may install
/// things.
const SETUP_WITHIN: Duration = Duration::from_secs(300);

/// A client that runs as a process of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// Safe as a folder's name.
    pub name: String,
    /// Of the client, such as that of the library; `unknown` if it does not say.
    pub version: String,
    /// Makes it ready, once for all its processes; may be empty.
    pub setup: Vec<String>,
    /// How long that may take.
    pub setup_within: Duration,
    /// Starts one client; empty of a page.
    pub command: Vec<String>,
    /// What each client opens in a browser, in place of a command.
    pub page: Option<Page>,
    /// The server that it brings, since it speaks to no other.
    pub server: Option<Brought>,
    /// Where the program is that drives a browser; of a page only.
    pub driver: PathBuf,
    /// What it can do.
    pub can: BTreeSet<Ability>,
    /// What it tells of itself.
    pub reports: BTreeSet<Report>,
    /// How long it takes to notice a silent connection, if it ever does.
    pub liveness: Option<Duration>,
    /// How long it takes to notice that its own pings go unanswered while data still
    /// comes; nothing: it awaits no answer.
    pub upstream_liveness: Option<Duration>,
    /// How long after the last fault it takes until all is as it should be.
    pub settle: Option<Duration>,
    /// How long a dial, with its upgrade, takes at most before it is given up.
    pub dial_bound: Option<Duration>,
    /// The longest wait before the first dial after a loss.
    pub first_delay: Option<Duration>,
    /// The longest wait before any dial.
    pub longest_delay: Option<Duration>,
    /// What was measured of it, if that lies beside.
    pub profile: Option<Profile>,
    /// Where `setup` and `command` run.
    pub folder: PathBuf,
    /// What `--client` was told.
    pub argument: String,
    /// What the command line adds.
    pub options: ClientOptions,
}

impl Adapter {
    /// Reads the text of a `client.toml` that stands in `folder`.
    ///
    /// # Errors
    /// Every error in it, each as `FILE:LINE:COLUMN: message`.
    pub fn read(source: &Source, folder: &Path, argument: &str) -> Result<Self, String> {
        let diagnostics = Diagnostics::new();
        let document = Document::parse(source, &diagnostics);
        let mut root = document.root(&diagnostics);
        let name = root.required::<Name>("name");
        let version = root.optional::<Line>("version");
        let setup = root.optional::<CommandLine>("setup");
        let setup_within = bounded(&mut root, "setup_within");
        let page = Page::read(&mut root);
        let server = match root.has("page") {
            true => None,
            false => Brought::read(&mut root),
        };
        let command = read_command(&mut root);
        let can: Vec<Ability> = root.or("can", Vec::new());
        let reports: Vec<Report> = root.or("reports", Vec::new());
        let liveness = bounded(&mut root, "liveness");
        let upstream_liveness = bounded(&mut root, "upstream_liveness");
        let settle = bounded(&mut root, "settle");
        let dial_bound = bounded(&mut root, "dial_bound");
        let first_delay = at_most_longest(&mut root, "first_delay");
        let longest_delay = at_most_longest(&mut root, "longest_delay");
        root.finish();
        let wrong = || diagnostics.render(source);
        if !diagnostics.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            name: name.ok_or_else(wrong)?.0,
            version: version.map_or_else(|| UNKNOWN.to_owned(), |Line(version)| version),
            setup: setup.map(|CommandLine(words)| words).unwrap_or_default(),
            setup_within: setup_within.unwrap_or(SETUP_WITHIN),
            can: of_page(&page, &Ability::OF_PAGES, can),
            reports: of_page(&page, &Report::OF_PAGES, reports),
            command: command.unwrap_or_default(),
            page,
            server,
            driver: PathBuf::new(),
            liveness,
            upstream_liveness,
            settle,
            dial_bound,
            first_delay,
            longest_delay,
            profile: None,
            folder: folder.to_owned(),
            argument: argument.to_owned(),
            options: ClientOptions::default(),
        })
    }

    /// A page that has no file.
    ///
    /// # Errors
    /// What is wrong with its URL, or with what it dials.
    pub fn of_page(url: &str, socket: Option<&str>) -> Result<Self, String> {
        let page = Page::given(url, socket)?;
        let text = format!("name = '{}'\ncommand = ['-']\n", page.name());
        let source = Source::new(CLIENT_FILE, text);
        let adapter = Self::read(&source, Path::new("."), url)?;
        let page = Some(page);
        Ok(Self {
            can: of_page(&page, &Ability::OF_PAGES, Vec::new()),
            reports: of_page(&page, &Report::OF_PAGES, Vec::new()),
            command: Vec::new(),
            page,
            ..adapter
        })
    }

    /// One of it, with what a scenario adds, and behind that the command line.
    pub(crate) fn program(&self, added: &ClientOptions) -> Program {
        let all = [added, &self.options];
        let args = all.iter().flat_map(|options| &options.args);
        let env = all.iter().flat_map(|options| &options.env);
        let command = match &self.page {
            Some(_) => self.drive(&[]),
            None => self.command.clone(),
        };
        Program {
            words: command.iter().chain(args).cloned().collect(),
            folder: self.folder.clone(),
            variables: env.cloned().collect(),
        }
    }

    /// What makes it ready, if anything does, and the file that stands for what no
    /// two may do at once.
    pub(crate) fn setup_program(&self) -> Option<(Program, PathBuf)> {
        let program = self.own_program(&self.setup)?;
        Some((program, self.folder.join(CLIENT_FILE)))
    }

    /// What finds a browser for a page, or has one installed, likewise.
    pub(crate) fn browser_setup(&self) -> Option<(Program, PathBuf)> {
        self.page.as_ref()?;
        let program = self.own_program(&self.drive(&["--setup"]))?;
        Some((program, self.driver.join(MAIN)))
    }

    /// These words in its folder, if there are any.
    pub(super) fn own_program(&self, words: &[String]) -> Option<Program> {
        let is_needed = !words.is_empty();
        is_needed.then(|| Program {
            words: words.to_vec(),
            folder: self.folder.clone(),
            variables: self.options.env.clone(),
        })
    }

    fn drive(&self, args: &[&str]) -> Vec<String> {
        let main = self.driver.join(MAIN).display().to_string();
        let args = args.iter().map(|arg| (*arg).to_owned());
        ["node".to_owned(), main].into_iter().chain(args).collect()
    }

    /// Whether it could be started, as far as that shows before.
    ///
    /// # Errors
    /// Its program is not there, or is none.
    pub fn ensure_startable(&self) -> Result<(), StartError> {
        self.program(&ClientOptions::default()).ensure_startable()
    }

    /// What it declares.
    pub fn traits(&self) -> Traits {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Traits {
            version: self.version.clone(),
            can: self.can.clone(),
            reports: self.reports.clone(),
            liveness_us: self.liveness.map(micros),
            upstream_liveness_us: self.upstream_liveness.map(micros),
            settle_us: self.settle.map(micros),
            dial_bound_us: self.dial_bound.map(micros),
            first_delay_us: self.first_delay.map(micros),
            longest_delay_us: self.longest_delay.map(micros),
            server: match &self.server {
                Some(brought) => Some(brought.url()),
                None => self.page.as_ref().and_then(Page::server_url),
            },
            obeys: self.server.iter().flat_map(Brought::obeys).collect(),
        }
    }
}

/// `command`, which is needed where there is no page, and is in its place.
fn read_command(root: &mut Table<'_>) -> Option<Vec<String>> {
    let command = if root.has("page") {
        root.optional::<CommandLine>("command")
    } else {
        root.required::<CommandLine>("command")
    };
    if root.has("page") && root.has("command") {
        let message = "`page` and `command` exclude each other: a client is a page in a browser, or a program";
        root.error(root.key_span("command"), message);
    }
    command.map(|CommandLine(words)| words)
}

/// What is said of a client, and of every page.
fn of_page<T: Ord + Copy>(page: &Option<Page>, all: &[T], said: Vec<T>) -> BTreeSet<T> {
    let all = page.iter().flat_map(|_| all.iter().copied());
    said.into_iter().chain(all).collect()
}

fn bounded(root: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (duration, span) = root.spanned::<Duration>(key)?;
    if duration.is_zero() || duration > LONGEST {
        let (given, most) = (format_duration(duration), format_duration(LONGEST));
        let message = format!("`{key}` is {given}; it must be more than 0s and at most {most}");
        root.error(span, message);
    }
    Some(duration)
}

/// Nothing at all is possible, too: who dials at once.
fn at_most_longest(root: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (duration, span) = root.spanned::<Duration>(key)?;
    if duration > LONGEST {
        let (given, most) = (format_duration(duration), format_duration(LONGEST));
        root.error(
            span,
            format!("`{key}` is {given}; it must be at most {most}"),
        );
    }
    Some(duration)
}

/// A name that is safe as a folder's, and nobody else's.
struct Name(String);

impl FromToml for Name {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let name = String::from_toml(value)?;
        match ensure_name(&name) {
            Ok(()) => Ok(Self(name)),
            Err(message) => Err(Mismatch::new(value.span(), message)),
        }
    }
}

/// Whether a client may be called that.
///
/// # Errors
/// What is wrong with the name.
pub(crate) fn ensure_name(name: &str) -> Result<(), String> {
    if name == Subject::SIM {
        return Err(format!("`{name}` is the simulated client"));
    }
    if !plain::is_folder_name(name) {
        return Err(plain::NO_FOLDER_NAME.to_owned());
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Adapter, String> {
        let source = Source::new("client.toml", text);
        Adapter::read(&source, Path::new("f"), "./f")
    }

    #[test]
    fn every_key_is_read() {
        let adapter = read(
            "name = 'x'\nversion = '1.2'\nsetup = ['sh', 's']\nsetup_within = '9m'\ncommand = ['node', 'c.js']\n\
             can = ['pause']\nreports = ['open', 'seq']\nliveness = '3s'\nsettle = '4s'\n\
             upstream_liveness = '7s'\ndial_bound = '5s'\nfirst_delay = '0s'\nlongest_delay = '6s'\n",
        );
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let expected = Adapter {
            name: "x".into(),
            version: "1.2".into(),
            setup: words(&["sh", "s"]),
            setup_within: Duration::from_secs(540),
            command: words(&["node", "c.js"]),
            page: None,
            server: None,
            driver: PathBuf::new(),
            can: [Ability::Pause].into(),
            reports: [Report::Open, Report::Seq].into(),
            liveness: Some(Duration::from_secs(3)),
            upstream_liveness: Some(Duration::from_secs(7)),
            settle: Some(Duration::from_secs(4)),
            dial_bound: Some(Duration::from_secs(5)),
            first_delay: Some(Duration::ZERO),
            longest_delay: Some(Duration::from_secs(6)),
            profile: None,
            folder: "f".into(),
            argument: "./f".into(),
            options: ClientOptions::default(),
        };
        assert_eq!(adapter, Ok(expected));
        let least = read("name = 'x'\ncommand = ['y']\n").unwrap();
        assert_eq!(least.version, UNKNOWN);
        assert!(least.setup.is_empty() && least.can.is_empty() && least.reports.is_empty());
        assert_eq!(least.setup_within, SETUP_WITHIN);
    }

    #[test]
    fn a_server_that_it_brings_is_read_and_may_be_killed() {
        let text = "name = 'x'\ncommand = ['y']\n[server]\ncommand = ['node', 's.js']\n";
        let adapter = read(&format!(
            "{text}obeys = ['tick', 'restart']\ndata.contains = 'a'\n"
        ))
        .unwrap();
        let traits = adapter.traits();
        assert_eq!(traits.server.as_deref(), Some("ws://127.0.0.1:1/"));
        let obeys: Vec<&str> = traits.obeys.iter().map(String::as_str).collect();
        assert_eq!(obeys, ["kill", "restart", "tick"]);
        let data = adapter.server.and_then(|server| server.data);
        assert_eq!(data, Some(chaos_proxy::Pattern::Contains("a".into())));
        for (more, part) in [
            ("obeys = ['tack']", "5:10: "),
            (
                "cwd = 'file'",
                "5:1: a client's server runs in the client's folder",
            ),
            ("url = 'ws://example.com/'", "is not on this machine"),
            ("external = 'ws://localhost:1/'", "5:1: "),
        ] {
            let error = read(&format!("{text}{more}\n")).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let without = text.replace("command = ['node', 's.js']", "ready.line = 'x'");
        let error = read(&without).unwrap_err();
        assert!(error.contains("`command`"), "{error}");
    }

    #[test]
    fn a_page_is_read_and_can_and_tells_what_every_page_does() {
        let text = "name = 'x'\npage = 'http://localhost:5173/'\nsocket = 'localhost:8080'\n\
                    serve = ['npm', 'run', 'dev']\ncan = ['pause']\nreports = ['seq']\n";
        let adapter = read(&format!("{text}server.command = ['node', 's.js']\n")).unwrap();
        let page = adapter.page.as_ref().unwrap();
        assert_eq!(page.socket.as_deref(), Some("localhost:8080"));
        assert_eq!((page.serve.len(), page.server.len()), (3, 2));
        assert!(adapter.can.contains(&Ability::Freeze) && adapter.can.contains(&Ability::Pause));
        assert_eq!(adapter.reports.len(), Report::OF_PAGES.len() + 1);
        let server = adapter.traits().server;
        assert_eq!(server.as_deref(), Some("ws://localhost:8080/"));
        for (text, part) in [
            (
                format!("{text}command = ['x']"),
                "`page` and `command` exclude each other",
            ),
            (
                text.replace("socket = 'localhost:8080'", ""),
                "2:8: where it connects must be known",
            ),
            (
                text.replace("localhost:8080", "8080"),
                "3:10: `8080` is no HOST:PORT",
            ),
            (
                text.replace("page", "comand"),
                "3:1: `socket` is about a `page`",
            ),
        ] {
            let wrong = read(&text).unwrap_err();
            assert!(wrong.contains(part), "{part}:\n{wrong}");
        }
        let bare = Adapter::of_page("http://localhost:5173/", Some("localhost:8080")).unwrap();
        assert_eq!(bare.name, "localhost-5173");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let rendered = read(
            "name = 'sim'\nversion = ''\ncommand = []\ncan = ['fly']\nreports = ['opn']\n\
             liveness = '0s'\nsettel = '4s'\nlongest_delay = '2h'\n",
        )
        .unwrap_err();
        let starts = [
            "client.toml:1:8: `sim` is the simulated client",
            "client.toml:2:11: expected one line of text",
            "client.toml:3:11: an empty command",
            "client.toml:4:8: `fly` is not allowed here",
            "client.toml:5:12: `opn` is not allowed here",
            "client.toml:6:12: `liveness` is 0s",
            "client.toml:7:1: unknown key `settel`",
            "client.toml:8:17: `longest_delay` is 2h; it must be at most 1h",
        ];
        for start in starts {
            assert!(rendered.contains(start), "{start}:\n{rendered}");
        }
        assert_eq!(rendered.matches("client.toml:").count(), starts.len());
        let missing = read("").unwrap_err();
        assert_eq!(missing.matches("missing key").count(), 2, "{missing}");
    }
}
