//! The text being read, and where in it a byte offset lies.
//!
//! Invariant: every method accepts any offset. One past the end, or inside a
//! character, is moved back to the nearest boundary instead of panicking, and
//! a line is found by binary search in an index built once.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

/// Byte range within a [`Source`].
pub type Span = Range<usize>;

/// A place in a file as an editor counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters (not bytes, not cells), from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text with the name under which errors in it are reported.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    text: String,
    /// Offset of each line's first byte; never empty, ascending.
    line_starts: Vec<usize>,
    /// The text that is parsed instead, where syntax had to be repaired; kept
    /// here so that a parsed tree can borrow it. Same length, same line ends.
    pub(super) repaired: OnceLock<String>,
}

impl Source {
    /// Takes the text; `name` is the path as it is to be shown.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let after_newline = text.match_indices('\n').map(|(offset, _)| offset + 1);
        let line_starts = std::iter::once(0).chain(after_newline).collect();
        Self {
            name: name.into(),
            text,
            line_starts,
            repaired: OnceLock::new(),
        }
    }

    /// The name given to [`Source::new`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; past the end means the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.boundary(offset);
        let line = self.line_of(offset);
        let before = &self.text[self.line_starts[line - 1]..offset];
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// Byte range of the line (from 1) that holds `offset`, without its line end.
    pub(super) fn line_span(&self, offset: usize) -> Span {
        let line = self.line_of(self.boundary(offset));
        let start = self.line_starts[line - 1];
        let next = self.line_starts.get(line).map(|next| next - 1);
        let end = next.unwrap_or(self.text.len());
        let end = start + self.text[start..end].trim_end_matches('\r').len();
        start..end
    }

    /// The nearest character boundary at or before `offset`, within the text.
    pub(super) fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_accept_any_offset() {
        let source = Source::new("a", "äb\n\r\nxyz");
        let shown: Vec<String> = (0..=20).map(|o| source.position(o).to_string()).collect();
        assert_eq!(
            shown[..10].join(" "),
            "1:1 1:1 1:2 1:3 2:1 2:2 3:1 3:2 3:3 3:4"
        );
        assert_eq!(shown[20], "3:4");
    }

    #[test]
    fn lines_come_without_their_ends() {
        let source = Source::new("a", "one\r\ntwo\n");
        assert_eq!(source.line_span(1), 0..3);
        assert_eq!(source.line_span(4), 0..3);
        assert_eq!(source.line_span(5), 5..8);
        assert_eq!(source.line_span(99), 9..9);
    }
}
