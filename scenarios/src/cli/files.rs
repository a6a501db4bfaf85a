//! The commands that only read scenario files: `chaos check`, `list`, `plan` and
//! `schema`; and how every command reads them.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use environment::text::shown;
use scenarios::checks;
use scenarios::files::gather;
use scenarios::language::{Given, Scenario, read_all};
use scenarios::runner::{decision_line, ensure_server_startable};
use scenarios::subjects::{CLIENT_FILE, Subject, find};
use scenarios::suite::Suite;
use scenarios::verdict;

use super::args::{PathArgs, PlanArgs};
use super::output::{complain, print, print_all};
use super::unmatched::unmatched;
use super::{EXIT_PASSED, EXIT_USAGE};

/// A plan is for so many connections of each client.
const ATTEMPTS: u64 = 20;

/// What is said of a file that does not say what data of its own server is.
const ANY_MESSAGE: &str = "    note: any first message of this server counts as recovery; \
`[server] data = { contains = \"…\" }` or `{ json = \"/type\", equals = \"…\" }` says what does\n";

/// What editors complete and check scenario files by; the shipped copy, held to the decoder by a test, key by key.
pub(super) const SCHEMA: &str = include_str!("../../schema/scenario.schema.json");

/// Scenarios that are sound, or `None` after every complaint has been made.
pub(super) fn read(paths: &[PathBuf]) -> Option<Vec<(Given, Scenario)>> {
    let given = match gather(paths) {
        Ok(given) => given,
        Err(errors) => {
            for error in &errors {
                complain(&format!("chaos: {error}"));
            }
            return None;
        }
    };
    match read_all(given) {
        Ok(scenarios) => Some(scenarios),
        Err(mistakes) => {
            complain(&mistakes.rendered);
            let noun = if mistakes.count == 1 {
                "error"
            } else {
                "errors"
            };
            complain(&format!(
                "\nchaos: {} {noun}; nothing was run",
                mistakes.count
            ));
            None
        }
    }
}

/// Says of each file that it is sound, and of each adapter.
pub(super) fn check(args: &PathArgs) -> anyhow::Result<u8> {
    let (adapters, files): (Vec<_>, Vec<_>) = args
        .paths
        .iter()
        .cloned()
        .partition(|path: &PathBuf| is_adapter(path));
    // Each is told of, whatever the others are.
    let checked: Vec<Option<Subject>> = adapters.iter().map(|path| check_adapter(path)).collect();
    let are_sound = checked.iter().all(Option::is_some);
    if files.is_empty() && !adapters.is_empty() {
        return Ok(if are_sound { EXIT_PASSED } else { EXIT_USAGE });
    }
    let Some(scenarios) = read(&files).filter(|_| are_sound) else {
        return Ok(EXIT_USAGE);
    };
    let lines = scenarios.iter().map(|(given, scenario)| {
        let name = shown(given.source.name());
        let is_any = scenario.own_server.is_some() && scenario.data.is_none();
        let note = if is_any { ANY_MESSAGE } else { "" };
        let blind = blind_notes(scenario, &checked);
        let reach = reach_notes(scenario);
        let never = notes(unmatched(scenario));
        let missing = missing_note(scenario);
        format!(
            "ok  {}  {name}\n{missing}{note}{never}{reach}{blind}",
            scenario.id
        )
    });
    // That they are sound is so, whoever hears of it.
    print(lines.collect::<String>());
    Ok(EXIT_PASSED)
}

/// A line each.
fn notes(told: Vec<String>) -> String {
    let lines = told.into_iter();
    lines.map(|told| format!("    note: {told}\n")).collect()
}

/// That the server's program cannot be started, as `chaos run` says it. A note and
/// no error: the file may be checked where its server is not built yet.
fn missing_note(scenario: &Scenario) -> String {
    let error = ensure_server_startable(scenario).err();
    let note = error.map(|error| format!("note: {}", error.trim_end()));
    let lines = note.iter().flat_map(|note| note.lines());
    lines.map(|line| format!("    {line}\n")).collect()
}

/// Which faults are about connections that no client may ever open.
fn reach_notes(scenario: &Scenario) -> String {
    let notes = scenario.out_of_reach().into_iter().map(|(rule, number)| {
        format!(
            "    note: `{rule}` is about connection {number}, and nothing in this file ends one \
before it, so clients may never open that many; see docs/recipes.md#nth-connection\n"
        )
    });
    notes.collect()
}

/// Which checks of a file these clients cannot be judged by, or the simulated one
/// if there are none.
fn blind_notes(scenario: &Scenario, clients: &[Option<Subject>]) -> String {
    let sim = [Some(Subject::Sim)];
    let clients = if clients.is_empty() { &sim } else { clients };
    let suited = clients.iter().flatten();
    let suited = suited.filter(|client| client.unsuited(scenario).is_none());
    let notes = suited.map(|client| {
        let blind = verdict::blind(scenario, client.traits().as_ref()).into_iter();
        let blind = blind.map(|(check, why)| {
            let name = client.name();
            format!("    note: `{check}` cannot be measured for {name}: {why}\n")
        });
        blind.collect::<String>() + &unnumbered_note(scenario, client)
    });
    notes.collect()
}

/// Which checks hang on what nobody knows before: whether a custom server
/// numbers its messages so that the simulated client can read that.
fn unnumbered_note(scenario: &Scenario, client: &Subject) -> String {
    let is_unknown = scenario.own_server.is_some() && matches!(client, Subject::Sim);
    let numbered = [checks::LOST, checks::DUPLICATED, checks::REORDERED];
    let keys = scenario.expect.iter().map(|expected| expected.name());
    let keys: Vec<String> = keys
        .filter(|key| numbered.iter().any(|check| check.key == *key))
        .map(|key| format!("`{key}`"))
        .collect();
    if !is_unknown || keys.is_empty() {
        return String::new();
    }
    format!(
        "    note: of {} {} can be judged only if this server numbers its messages as the ticker does \
(docs/ticker.md)\n",
        client.name(),
        keys.join(", ")
    )
}

/// Whether this is a client's folder, or the file that makes it one.
fn is_adapter(path: &Path) -> bool {
    path.join(CLIENT_FILE).is_file() || path.ends_with(CLIENT_FILE) && path.is_file()
}

/// The client, if it could be under test; else it is told why not.
fn check_adapter(path: &Path) -> Option<Subject> {
    let folder = match path.ends_with(CLIENT_FILE) {
        true => path.parent().unwrap_or(Path::new(".")),
        false => path,
    };
    let folder = match folder.as_os_str().is_empty() {
        true => ".",
        false => &folder.display().to_string(),
    };
    let adapter = match find(folder) {
        Ok(Subject::Adapter(adapter)) => adapter,
        Ok(other @ (Subject::Sim | Subject::Client(_))) => return Some(other),
        Err(error) => {
            complain(&format!("chaos: {error}"));
            return None;
        }
    };
    let name = shown(&format!("{folder}/{CLIENT_FILE}"));
    // What a setup brings need not be there before.
    let missing = adapter.ensure_startable().err();
    if let Some(error) = missing.filter(|_| adapter.setup.is_empty()) {
        complain(&format!("chaos: {name}: {error}"));
        return None;
    }
    print(format!("ok  {}  {name}\n", adapter.name));
    Some(Subject::Adapter(adapter))
}

/// One line a scenario.
pub(super) fn list(args: &PathArgs) -> anyhow::Result<u8> {
    let Some(scenarios) = read(&args.paths) else {
        return Ok(EXIT_USAGE);
    };
    let scenarios: Vec<Scenario> = scenarios
        .into_iter()
        .map(|(_, scenario)| scenario)
        .collect();
    let ids = scenarios.iter().map(|scenario| scenario.id.len());
    let width = ids.max().unwrap_or_default();
    let mut text = String::new();
    for scenario in &scenarios {
        text += &format!("{:<width$}  {}\n", scenario.id, scenario.title);
        if let Some(proof) = &scenario.proof {
            let (flaw, fails) = (&proof.flaw, proof.fails);
            text += &format!("{:<width$}  catches {flaw} by {fails}\n", "");
        }
    }
    Ok(print_all(text))
}

/// Every decision that can be known beforehand, one line each, whose form depends
/// on no other line: so plans can be compared.
pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let shown = args.file.display();
    ensure!(
        !args.file.is_dir(),
        "plan {shown}: a folder; name one scenario file"
    );
    let Some(mut scenarios) = read(std::slice::from_ref(&args.file)) else {
        return Ok(EXIT_USAGE);
    };
    let Some((_, scenario)) = scenarios.pop() else {
        return Ok(EXIT_USAGE);
    };
    let plan = scenario.plan(Suite::seed(&scenario, args.seed));
    let mut text = String::new();
    for decision in plan.decisions(&scenario.client_names(), ATTEMPTS) {
        text += &if args.json {
            decision_line(&decision)
        } else {
            decision.to_string()
        };
        text.push('\n');
    }
    Ok(print_all(text))
}

/// Prints the schema.
pub(super) fn schema() -> u8 {
    print_all(SCHEMA)
}
