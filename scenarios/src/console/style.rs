//! Colours for verdicts, or none.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
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
    /// Colours for a terminal that has some, unless `NO_COLOR` is set; for
    /// anything, if `CLICOLOR_FORCE` is.
    pub fn of(stream: &impl RawStream) -> Self {
        match AutoStream::choice(stream) {
            ColorChoice::Never => Self::Plain,
            _ => Self::Colour,
        }
    }

    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Failed => AnsiColor::Red,
            Verdict::Inconclusive => AnsiColor::Yellow,
            Verdict::NotApplicable => AnsiColor::Cyan,
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
