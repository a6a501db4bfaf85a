//! One diagnostic as text: place, message, source line, caret, help.
//!
//! Invariant: the source line takes at most [`WIDTH`] columns, whatever the
//! line's length and content, and the work for it does not grow with what is
//! cut off.

use super::diagnostics::Diagnostic;
use super::source::{Source, Span};
use super::words::{show, shown};
use std::fmt::Write as _;

/// Columns that a source line takes at most, its number included.
const WIDTH: usize = 120;

/// A line longer than this in bytes cannot fit: no character takes more than
/// four bytes or less than one column.
const UNCUT: usize = 4 * WIDTH;

/// The block of one diagnostic, newline at its end.
pub(super) fn block(source: &Source, diagnostic: &Diagnostic) -> String {
    let position = source.position(diagnostic.span.start);
    let number = position.line.to_string();
    let margin = " ".repeat(number.len() + 1);
    let room = WIDTH.saturating_sub(number.len() + 4);
    let excerpt = Excerpt::of(source, &diagnostic.span, room);

    let mut out = String::new();
    let name = shown(source.name());
    let message = shown(&diagnostic.message);
    let _ = writeln!(out, "{name}:{position}: {message}");
    let _ = writeln!(out, "{margin} |");
    let _ = writeln!(
        out,
        "{}",
        format!(" {number} | {}", excerpt.text).trim_end()
    );
    let _ = write!(out, "{margin} | {}", excerpt.underline());
    if let Some(label) = &diagnostic.label {
        let _ = write!(out, " {}", shown(label));
    }
    out.push('\n');
    for line in diagnostic.help.iter().flat_map(|help| help.lines()) {
        let _ = writeln!(out, "{margin} = {}", shown(line));
    }
    out
}

/// The closing line when not everything is shown.
pub(super) fn left_off(source: &Source, count: usize) -> String {
    let name = shown(source.name());
    let mistakes = if count == 1 { "error is" } else { "errors are" };
    format!("\n{name}: {count} more {mistakes} not shown\n")
}

/// The part of a source line that is shown, and which columns are meant.
#[derive(Debug, Default)]
struct Excerpt {
    text: String,
    caret: usize,
    width: usize,
}

impl Excerpt {
    /// Cuts the line that holds the start of `span` down to `room` columns.
    fn of(source: &Source, span: &Span, room: usize) -> Self {
        let line_span = source.line_span(span.start);
        let line = &source.text()[line_span.clone()];
        let within = |offset: usize| {
            let offset = source.boundary(offset);
            offset.clamp(line_span.start, line_span.end) - line_span.start
        };
        let start = within(span.start);
        let marked = start..within(span.end.max(span.start));
        let fits = line.len() <= UNCUT && shown_columns(line) <= room;
        let from = if fits {
            0
        } else {
            window_start(line, start, room / 2)
        };
        Self::window(line, from, &marked, room)
    }

    /// Fills up to `room` columns with the characters from `from` on.
    fn window(line: &str, from: usize, marked: &Span, room: usize) -> Self {
        let mut excerpt = Self::default();
        let mut column = 0;
        if from > 0 {
            excerpt.text.push('…');
            column = 1;
        }
        let (mut caret, mut end) = (None, None);
        for (offset, c) in line[from..].char_indices() {
            let at = from + offset;
            if at >= marked.start {
                caret.get_or_insert(column);
            }
            if at >= marked.end {
                end.get_or_insert(column);
            }
            let kept = excerpt.text.len();
            let columns = show(c, &mut excerpt.text);
            let last = at + c.len_utf8() == line.len();
            // The last column is kept for the ellipsis unless the line ends there.
            if column + columns + usize::from(!last) > room {
                excerpt.text.truncate(kept);
                excerpt.text.push('…');
                column += 1;
                break;
            }
            column += columns;
        }
        excerpt.caret = caret.unwrap_or(column);
        excerpt.width = end.unwrap_or(column).saturating_sub(excerpt.caret).max(1);
        excerpt
    }

    fn underline(&self) -> String {
        " ".repeat(self.caret) + &"^".repeat(self.width)
    }
}

/// Where to begin so that at most `before` columns precede `start`.
fn window_start(line: &str, start: usize, before: usize) -> usize {
    let mut scratch = String::new();
    let mut columns = 0;
    let mut from = start;
    for (offset, c) in line[..start].char_indices().rev() {
        scratch.clear();
        columns += show(c, &mut scratch);
        if columns > before {
            break;
        }
        from = offset;
    }
    from
}

fn shown_columns(line: &str) -> usize {
    let mut scratch = String::new();
    line.chars().map(|c| show(c, &mut scratch)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn at(text: &str, span: Span) -> String {
        let source = Source::new("a.toml", text);
        block(&source, &Diagnostic::new(span, "no"))
    }

    fn drawn(text: &str, word: &str) -> String {
        let start = text.find(word).expect("word is in the text");
        at(text, start..start + word.len())
    }

    #[test]
    fn tabs_wide_and_control_characters_keep_the_caret_in_place() {
        assert_snapshot!(drawn("\t日本 = \u{1b}[0m 'é' here", "here"), @r#"
        a.toml:1:16: no
           |
         1 |     日本 = \u{1b}[0m 'é' here
           |                          ^^^^
        "#);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = format!("{}here{}", "a".repeat(5_000_000), "b".repeat(5_000_000));
        let block = drawn(&line, "here");
        assert_snapshot!(block, @"
        a.toml:1:5000001: no
           |
         1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaherebbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
           |                                                           ^^^^
        ");
        assert!(block.lines().all(|line| line.chars().count() <= WIDTH));
        let wide = format!("{}here{}", "日".repeat(90), "\u{1}".repeat(90));
        assert_snapshot!(drawn(&wide, "here"), @r#"
        a.toml:1:91: no
           |
         1 | …日日日日日日日日日日日日日日日日日日日日日日日日日日日日here\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}…
           |                                                          ^^^^
        "#);
    }

    #[test]
    fn spans_of_several_lines_underline_the_first() {
        assert_snapshot!(at("a = [\n  1,\n]\n", 4..12), @"
        a.toml:1:5: no
           |
         1 | a = [
           |     ^
        ");
    }

    #[test]
    fn the_ends_of_lines_and_of_the_text_have_a_caret() {
        assert_snapshot!(at("a =\r\nb = 1", 3..4), @"
        a.toml:1:4: no
           |
         1 | a =
           |    ^
        ");
        assert_snapshot!(at("a = 1\n", 6..6), @"
        a.toml:2:1: no
           |
         2 |
           | ^
        ");
        assert_snapshot!(at("", 0..0), @"
        a.toml:1:1: no
           |
         1 |
           | ^
        ");
        assert_eq!(at("a", 90..95), at("a", 1..1));
    }
}
