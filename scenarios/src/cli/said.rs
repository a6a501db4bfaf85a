//! What other people's programs complained in runs that did not pass: it often
//! says why.

use std::path::Path;

use environment::Seed;
use scenarios::results::Results;
use scenarios::runner::Folder;
use scenarios::verdict::Verdict;

use super::complain;

/// Of so many runs at most; of the others it is in their folders.
const RUNS: usize = 5;
/// So many of the last lines of each.
const LINES: usize = 20;

/// Shows the end of it, on stderr.
pub(super) fn show(results: &Results, out: &Path) {
    let wanting = results.scenarios.iter();
    let wanting = wanting.filter(|result| result.verdict != Verdict::Passed);
    let said = wanting.filter_map(|result| {
        let seed = Seed(result.seed);
        Folder::new(out, &result.id, &result.client, seed).said()
    });
    let mut said = said.peekable();
    for (path, text) in said.by_ref().take(RUNS) {
        let lines: Vec<&str> = text.lines().collect();
        let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
        complain(&format!("\n{}, at its end:\n{end}", path.display()));
    }
    if said.peek().is_some() {
        complain("\nand more, in the said.txt of other runs that did not pass");
    }
}
