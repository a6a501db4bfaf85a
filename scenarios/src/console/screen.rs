//! Where something is shown.

use console::Term;

use super::style::Style;

/// Colours or none, and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Its colours.
    pub style: Style,
    /// Its width; a pipe has none.
    pub columns: Option<usize>,
}

impl Screen {
    /// What a pipe or a file is.
    pub const PIPE: Self = Self {
        style: Style::Plain,
        columns: None,
    };

    /// What stdout is.
    pub fn stdout() -> Self {
        let size = Term::stdout().size_checked();
        Self {
            style: Style::of(&std::io::stdout()),
            // A terminal that does not know its width says that it is 0.
            columns: size.map(|(_, columns)| columns.into()).filter(|n| *n > 0),
        }
    }

    /// Each line, cut off where the screen ends.
    pub(super) fn cut(&self, text: &str) -> String {
        let Some(columns) = self.columns else {
            return text.to_owned();
        };
        let cut = |line| console::truncate_str(line, columns, "…");
        let lines: Vec<_> = text.split('\n').map(cut).collect();
        lines.join("\n")
    }

    /// Each line, broken between words where the screen ends, and what follows
    /// indented by four. A word that is wider than the screen stays whole.
    pub(super) fn wrapped(&self, text: &str) -> String {
        let Some(columns) = self.columns else {
            return text.to_owned();
        };
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| wrapped(line, columns))
            .collect();
        lines.join("\n")
    }
}

fn wrapped(line: &str, columns: usize) -> String {
    const INDENT: &str = "\n    ";
    let (mut text, mut taken) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let width = console::measure_text_width(word.trim_end());
        if taken + width > columns && taken > INDENT.len() {
            text.truncate(text.trim_end().len());
            text += INDENT;
            taken = INDENT.len() - 1;
        }
        text += word;
        taken += console::measure_text_width(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: usize) -> Screen {
        Screen {
            columns: Some(columns),
            ..Screen::PIPE
        }
    }

    #[test]
    fn lines_are_cut_by_what_is_seen_of_them() {
        let coloured = "\u{1b}[1mverdict\u{1b}[0m and title";
        assert_eq!(of(40).cut(coloured), coloured);
        assert_eq!(console::strip_ansi_codes(&of(9).cut(coloured)), "verdict …");
        assert_eq!(of(4).cut("漢字漢字"), "漢…");
        assert_eq!(Screen::PIPE.cut(coloured), coloured);
    }

    #[test]
    fn sentences_are_broken_between_words() {
        let sentence = "  recover_within failed: c1 had no data";
        assert_eq!(
            of(20).wrapped(sentence),
            "  recover_within\n    failed: c1 had\n    no data"
        );
        assert_eq!(of(39).wrapped(sentence), sentence);
        assert_eq!(
            of(5).wrapped("  recover_within x"),
            "  recover_within\n    x"
        );
        assert_eq!(Screen::PIPE.wrapped(sentence), sentence);
    }
}
