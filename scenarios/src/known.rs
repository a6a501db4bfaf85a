//! `known.toml` beside a client: where it is known to deviate, and why; so that its
//! own pipeline is red only when something has changed, for better or worse.
//!
//! Pure but for reading the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use environment::text::{Diagnostics, Document, Source, Table, choice};

use crate::checks::Finding;
use crate::plain;
use crate::results::{Results, ScenarioResult};
use crate::subjects::text;
use crate::verdict::Verdict;

/// The file, in the client's folder.
pub const KNOWN_FILE: &str = "known.toml";

/// What one client is known for, by scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<String, Deviation>);

/// A scenario that a client does not pass, and everybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deviation {
    verdict: Verdict,
    /// The checks that fail, and no others; empty: whichever.
    checks: BTreeSet<String>,
    why: String,
    link: Option<String>,
}

/// A result that is not the known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which scenario.
    pub id: String,
    /// Which client.
    pub client: String,
    /// With which seed.
    pub seed: u64,
    /// Whether it has become better.
    pub is_better: bool,
    sentence: String,
}

/// How results compare with what is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// So many deviate as known.
    pub as_known: usize,
    /// The others that are not as they should be, in the order of the results.
    pub changes: Vec<Change>,
}

impl Known {
    /// What stands in the client's folder; nothing, if there is no such file.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let path = folder.join(KNOWN_FILE);
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        match path.metadata() {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Err(format!("{}: this is not a file", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(told(error)),
        }
        let text = text(&path).map_err(told)?;
        Self::read(&Source::new(path.display().to_string(), text))
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// All that is wrong with it, each as `FILE:LINE:COLUMN: message`.
    pub fn read(source: &Source) -> Result<Self, String> {
        let diagnostics = Diagnostics::new();
        let document = Document::parse(source, &diagnostics);
        let mut known = BTreeMap::new();
        let mut root = document.root(&diagnostics);
        for mut table in root.tables("deviation") {
            let span = table.span_of("scenario");
            let Some((id, deviation)) = Deviation::read(&mut table) else {
                continue;
            };
            if known.insert(id.clone(), deviation).is_some() {
                table.error(
                    span,
                    format!("`{}` stands here twice", plain::line(&id, 100)),
                );
            }
        }
        root.finish();
        if diagnostics.is_empty() {
            Ok(Self(known))
        } else {
            Err(diagnostics.render(source))
        }
    }

    fn compare(&self, result: &ScenarioResult) -> Option<Result<(), Change>> {
        let deviation = self.0.get(&result.id);
        let change = |is_better, sentence| {
            Some(Err(Change {
                id: result.id.clone(),
                client: result.client.clone(),
                seed: result.seed,
                is_better,
                sentence,
            }))
        };
        let verdict = result.verdict;
        match deviation {
            None if verdict == Verdict::Failed => {
                change(false, "failed, which is not known".to_owned())
            }
            None => None,
            Some(known) if known.is_this(result) => Some(Ok(())),
            // It says nothing, this time.
            Some(_) if verdict == Verdict::Inconclusive => None,
            Some(known) => {
                let is_better = matches!(verdict, Verdict::Passed | Verdict::NotApplicable);
                change(
                    is_better,
                    format!("{}, and is known as {known}", came_to(result)),
                )
            }
        }
    }
}

/// "failed by `a`, `b`"; or the verdict's word.
fn came_to(result: &ScenarioResult) -> String {
    let failed = failed(result);
    if result.verdict == Verdict::Failed && !failed.is_empty() {
        return format!("failed by {}", listed(&failed));
    }
    result.verdict.word().to_owned()
}

fn failed(result: &ScenarioResult) -> BTreeSet<String> {
    let checks = result.checks.iter();
    let failed = checks.filter(|check| check.result == Finding::Failed);
    failed.map(|check| check.name.to_string()).collect()
}

fn listed(checks: &BTreeSet<String>) -> String {
    let checks: Vec<String> = checks.iter().map(|check| format!("`{check}`")).collect();
    checks.join(", ")
}

impl Deviation {
    fn read(table: &mut Table<'_>) -> Option<(String, Self)> {
        let id = table.required::<String>("scenario");
        let words = [
            Verdict::Failed,
            Verdict::Inconclusive,
            Verdict::NotApplicable,
        ];
        let words = words.map(|verdict| (verdict.word(), verdict));
        let verdict = table.optional_with("verdict", |value| choice(value, &words));
        let checks = table.or::<Vec<String>>("checks", Vec::new());
        let why = table.required::<String>("why");
        let link = table.optional::<String>("link");
        if verdict.is_none() && table.has("verdict") {
            return None;
        }
        let deviation = Self {
            verdict: verdict.unwrap_or(Verdict::Failed),
            checks: checks.into_iter().collect(),
            why: why?,
            link,
        };
        Some((id?, deviation))
    }

    fn is_this(&self, result: &ScenarioResult) -> bool {
        let is_any = self.checks.is_empty() || self.verdict != Verdict::Failed;
        self.verdict == result.verdict && (is_any || self.checks == failed(result))
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict.word())?;
        if !self.checks.is_empty() {
            write!(f, " by {}", listed(&self.checks))?;
        }
        write!(f, ": {}", plain::line(&self.why, 300))?;
        match &self.link {
            Some(link) => write!(f, " ({})", plain::line(link, 300)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_better { "better" } else { "worse" };
        let Self {
            id,
            client,
            seed,
            sentence,
            ..
        } = self;
        write!(f, "{how}: {id} ({client}, seed {seed}) {sentence}")
    }
}

/// Compares results with what is known of their clients, by the clients' names.
pub fn compare(results: &Results, known: &BTreeMap<String, Known>) -> Compared {
    let mut compared = Compared::default();
    let nothing = Known::default();
    for result in &results.scenarios {
        let known = known.get(&result.client).unwrap_or(&nothing);
        match known.compare(result) {
            None => {}
            Some(Ok(())) => compared.as_known += 1,
            Some(Err(change)) => compared.changes.push(change),
        }
    }
    compared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample;

    const TEXT: &str = r#"
[[deviation]]
scenario = "R01"
checks = ["recover_within"]
why = "it never looks"
link = "https://example.test/1"

[[deviation]]
scenario = "R02"
why = "likewise"
"#;

    fn read(text: &str) -> Result<Known, String> {
        Known::read(&Source::new("known.toml", text))
    }

    fn compared(runs: Vec<ScenarioResult>) -> Vec<String> {
        let known = BTreeMap::from([("sim".to_owned(), read(TEXT).unwrap())]);
        let compared = compare(&Results::new(runs), &known);
        let changes = compared.changes.iter().map(Change::to_string);
        [format!("{} as known", compared.as_known)]
            .into_iter()
            .chain(changes)
            .collect()
    }

    #[test]
    fn what_has_changed_is_told_for_better_and_worse_and_nothing_else() {
        let run = |id, verdict| sample::scenario(id, verdict);
        let same = [run("R02", Verdict::Failed), run("R03", Verdict::Passed)];
        assert_eq!(compared(same.into()), ["1 as known"]);
        let better = compared(vec![run("R02", Verdict::Passed)]);
        let sentence = "better: R02 (sim, seed 1) passed, and is known as failed: likewise";
        assert_eq!(better, ["0 as known", sentence]);
        let worse = compared(vec![run("R03", Verdict::Failed)]);
        let sentence = "worse: R03 (sim, seed 1) failed, which is not known";
        assert_eq!(worse, ["0 as known", sentence]);
        assert_eq!(
            compared(vec![run("R02", Verdict::Inconclusive)]),
            ["0 as known"]
        );
    }

    #[test]
    fn mistakes_stand_at_their_place() {
        let wrong = read("[[deviation]]\nscenario = 'a'\nverdict = 'passed'\n").unwrap_err();
        assert!(
            wrong.contains("known.toml:3:11: `passed` is not allowed here"),
            "{wrong}"
        );
        assert!(wrong.contains("missing key `why`"), "{wrong}");
        let twice = "[[deviation]]\nscenario = 'a'\nwhy = 'x'\n".repeat(2);
        assert!(
            read(&twice)
                .unwrap_err()
                .contains("known.toml:5:12: `a` stands here twice")
        );
    }
}
