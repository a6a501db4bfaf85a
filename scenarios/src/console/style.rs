//! Colours for verdicts, or none.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Effects, Style as Ansi};

use crate::checks::Finding;
use crate::verdict::Verdict;

/// How text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For pipes, and for whoever wants none.
    Plain,
    /// For terminals.
    Colour,
}

impl Style {
    /// Colours for a terminal, unless `NO_COLOR` is set to something.
    pub fn of(stream: &impl IsTerminal) -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !is_unwanted {
            Self::Colour
        } else {
            Self::Plain
        }
    }

    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Failed => AnsiColor::Red,
            Verdict::Inconclusive => AnsiColor::Yellow,
        };
        self.paint(colour.on_default().effects(Effects::BOLD), text)
    }

    pub(super) fn finding(self, finding: Finding, text: &str) -> String {
        let colour = match finding {
            Finding::Ok => AnsiColor::Green,
            Finding::Failed => AnsiColor::Red,
            Finding::NotObservable => AnsiColor::Yellow,
        };
        self.paint(colour.on_default(), text)
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("{style}{text}{style:#}"),
        }
    }
}
