//! Keeps one slip of syntax from hiding the rest of the file.
//!
//! A forgotten `=` or bracket makes the parser drop or swallow what follows.
//! Here the lines of such a slip are blanked out and the rest is parsed again.
//!
//! Invariant: blanking keeps every byte offset and line end, so places found
//! in the repaired text are places in the file.

use super::diagnostics::Diagnostic;
use super::document::syntax;
use super::source::{Source, Span};
use std::collections::BTreeSet;
use toml::de::{DeTable, Error};

/// Parses at most this often: each pass can uncover another slip.
const PASSES: usize = 5;

/// What the repair of a text took.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// The text with blanked lines; `None` if nothing was repaired.
    pub(super) text: Option<String>,
    /// What was wrong in the blanked lines.
    pub(super) reports: Vec<Diagnostic>,
    /// Keys in the blanked lines: present, though their values are lost.
    pub(super) lost: BTreeSet<String>,
}

/// One slip: its lines, the (dotted) key they begin with, and its report.
struct Slip {
    lines: Span,
    key: String,
    report: Diagnostic,
}

/// Whether this error makes the parser lose more than one value.
pub(super) fn loses_the_rest(message: &str) -> bool {
    let marks = ["unclosed", "key with no value", "missing value for key"];
    let whole = ["invalid multi-line", "recursion limit", "cannot recurse"];
    marks
        .iter()
        .chain(&whole)
        .any(|mark| message.starts_with(mark))
}

/// Blanks out slips until none is left or [`PASSES`] are used up.
pub(super) fn repair(source: &Source) -> Repair {
    let mut repair = Repair::default();
    for _ in 1..PASSES {
        let text = repair.text.as_deref().unwrap_or(source.text());
        let slips = slips(source, text);
        if slips.is_empty() {
            break;
        }
        let text = blanked(text, slips.iter().map(|slip| slip.lines.clone()));
        repair.text = Some(text);
        for slip in slips {
            repair.reports.push(slip.report);
            repair.lost.extend(slip.key.split('.').map(str::to_owned));
        }
    }
    repair
}

fn slips(source: &Source, text: &str) -> Vec<Slip> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let suspects = errors
        .iter()
        .filter(|error| loses_the_rest(error.message()));
    let mut slips: Vec<Slip> = Vec::new();
    // Unclosed values end where the text ends: one search finds the outermost.
    let mut searched = false;
    for error in suspects {
        let value = matches!(kind(error), Kind::Value);
        // Looking again at lines already given up would be quadratic.
        let covered = slips.last().map_or(0, |slip| slip.lines.end);
        let known = error.span().is_some_and(|span| span.start < covered);
        let skipped = if value { searched } else { known };
        if !skipped {
            slips.extend(slip(source, text, error));
        }
        searched |= value;
    }
    slips
}

enum Kind {
    Key,
    Header,
    Value,
    Other,
}

fn kind(error: &Error) -> Kind {
    match error.message() {
        m if m.starts_with("unclosed table") || m.starts_with("unclosed array table") => {
            Kind::Header
        }
        m if m.starts_with("unclosed") => Kind::Value,
        m if m.starts_with("key with no value") => Kind::Key,
        _ => Kind::Other,
    }
}

fn slip(source: &Source, text: &str, error: &Error) -> Option<Slip> {
    let at = error.span()?.start;
    let report = || syntax(source, at..at, error.message());
    let (start, end, report) = match kind(error) {
        Kind::Key => (at, source.line_span(at).end, report()),
        Kind::Header => (at, resume(source, text, at, is_header), report()),
        Kind::Value => {
            let opening = opening(text)?;
            let array = text[opening..].starts_with('[');
            let what = if array {
                "unclosed array"
            } else {
                "unclosed inline table"
            };
            let report = Diagnostic::new(opening..opening + 1, what).with_label("never closed");
            let end = resume(source, text, opening, |line| {
                is_header(line) || is_pair(line)
            });
            (opening, end, report)
        }
        Kind::Other => return None,
    };
    let lines = source.line_span(start).start..end;
    // Only what begins its line is understood; within braces nothing is.
    let head = text[lines.start..].trim_start_matches([' ', '\t', '[']);
    let key = head.split(|c: char| !is_key(c)).next().unwrap_or_default();
    let whole_line =
        !matches!(kind(error), Kind::Key) || !text[lines.start..at].contains(['=', '{']);
    (whole_line && !key.is_empty()).then(|| Slip {
        lines,
        key: key.to_owned(),
        report,
    })
}

/// Start of the first line after `at` that satisfies `fresh`, else the end.
fn resume(source: &Source, text: &str, at: usize, fresh: impl Fn(&str) -> bool) -> usize {
    let after = (source.line_span(at).end + 1).min(text.len());
    let after = source.boundary(after);
    let mut start = after;
    for line in text[after..].split_inclusive('\n') {
        if fresh(line) {
            return start;
        }
        start += line.len();
    }
    text.len()
}

fn is_header(line: &str) -> bool {
    let name = line.trim_start_matches('[');
    name.len() < line.len() && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_pair(line: &str) -> bool {
    let rest = line.trim_start_matches(is_key);
    rest.len() < line.len() && rest.trim_start_matches([' ', '\t']).starts_with('=')
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The bracket that is open at the end and lies outermost, if any. The parser's
/// tree cannot tell: it places an unclosed table where its last pair begins.
fn opening(text: &str) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let mut header = false;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let length = match byte {
            b'#' => line_length(&text[at..]),
            b'"' | b'\'' => string_length(&text[at..]),
            b'[' | b'{' => {
                header |= open.is_empty() && begins_line(&text[..at]);
                open.push(at);
                1
            }
            b']' | b'}' => {
                open.pop();
                1
            }
            b'\n' => {
                if std::mem::take(&mut header) {
                    open.clear();
                }
                1
            }
            _ => 1,
        };
        at += length;
    }
    open.first().copied()
}

fn begins_line(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with('\n')
}

fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Bytes of the string that `text` begins with, to the end of the line (or of
/// the text, if it may have several lines) when it is not closed.
fn string_length(text: &str) -> usize {
    let quote = &text[..1];
    let long = quote.repeat(3);
    let (fence, limit) = if text.starts_with(&long) {
        (long.as_str(), text.len())
    } else {
        (quote, line_length(text))
    };
    let mut at = fence.len();
    while at < limit {
        if text.as_bytes()[at..].starts_with(fence.as_bytes()) {
            return at + fence.len();
        }
        let escape = quote == "\"" && text.as_bytes()[at] == b'\\';
        at += if escape { 2 } else { 1 };
    }
    limit
}

/// The text with spaces for everything but line ends in the given ranges.
fn blanked(text: &str, ranges: impl Iterator<Item = Span>) -> String {
    let mut ranges: Vec<Span> = ranges.collect();
    ranges.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    for Span { start, end } in ranges {
        let start = start.max(out.len());
        if start < end {
            out.push_str(&text[out.len()..start]);
            let blank = |byte| {
                if matches!(byte, b'\r' | b'\n') {
                    char::from(byte)
                } else {
                    ' '
                }
            };
            out.extend(text[start..end].bytes().map(blank));
        }
    }
    out.push_str(&text[out.len()..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanking_keeps_offsets() {
        let text = "a = 'é'\r\nb\nc = 1\n";
        let blank = blanked(text, [9..11, 0..9].into_iter());
        assert_eq!(blank, "        \r\n \nc = 1\n");
        assert_eq!(blank.len(), text.len());
    }

    #[test]
    fn the_outermost_open_bracket_is_found() {
        fn found(text: &str) -> Option<&str> {
            opening(text).map(|at| &text[at..])
        }
        assert_eq!(found("[a]\nb = [[1], {c = 2}]\n"), None);
        assert_eq!(found("a = [[1], [2\n"), Some("[[1], [2\n"));
        assert_eq!(found("[a\nb = {c = [\n"), Some("{c = [\n"));
        assert_eq!(found("a = '[' # [\nb = \"[\\\"[\"\nc = \"[\n"), None);
        assert_eq!(found("a = \'\'\'[\n\'[\'\'\' + {"), Some("{"));
    }

    #[test]
    fn lines_that_begin_anew() {
        assert!(is_pair("a.b-c = 1"));
        assert!(!is_pair("'x', # a = 1"));
        assert!(is_header("[[fault]]"));
        assert!(!is_header("[1, 2],"));
    }
}
