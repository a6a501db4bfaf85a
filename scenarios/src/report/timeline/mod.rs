//! What a report shows of one run: a pure fold of its evidence, small enough to
//! be kept for many runs when their journals are gone.
//!
//! Everything in it rests on [`definitions`](crate::definitions): nothing is
//! measured here that is not judged by the same words.

mod axis;
mod crowd;
mod evidence;
mod lane;
mod level;
mod recovery;
mod state;
#[cfg(test)]
mod tests;
mod track;
mod waits;

use environment::Moment;

pub(crate) use axis::{Axis, readable};
pub(crate) use crowd::{COLUMNS, Crowd, Stack};
pub(crate) use lane::{Lane, Stray, StrayKind, Tick};
pub(crate) use level::Level;
pub(crate) use recovery::{Bar, Recoveries};
pub(crate) use state::{Segment, State};
pub(crate) use track::{Span, Track};
pub(crate) use waits::{Authority, Waits};

use crate::checks::{CheckResult, Evidence};
use evidence::Known;

/// So many bytes of a scenario file are shown.
const MOST_TEXT: usize = 32 * 1024;
/// So many bytes of one of its texts.
const MOST_WORDS: usize = 2 * 1024;

/// One run, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// What goes wrong otherwise, as the file says.
    pub(crate) why: String,
    /// Where it was seen.
    pub(crate) source: String,
    /// The scenario file.
    pub(crate) text: String,
    pub(crate) axis: Axis,
    /// When every fault was healed.
    pub(crate) healed: Option<Moment>,
    /// When the clients were to have settled.
    pub(crate) settled: Option<Moment>,
    pub(crate) tracks: Vec<Track>,
    /// How many more tracks there would be.
    pub(crate) more_tracks: usize,
    pub(crate) crowd: Crowd,
    /// All connections, and the live ones.
    pub(crate) open: Level,
    pub(crate) live: Level,
    pub(crate) recoveries: Recoveries,
    pub(crate) waits: Waits,
}

impl Timeline {
    /// What was observed of a run, and which clients its checks speak of.
    pub fn of(evidence: &Evidence<'_>, checks: &[CheckResult]) -> Self {
        let known = Known::new(evidence);
        let marks = &evidence.observed.marks;
        let axis = Axis {
            from: Moment::ORIGIN,
            until: evidence.observed.watched_until(),
            zero: marks.t_zero,
        };
        let (tracks, more_tracks) = track::tracks(&known, &axis);
        let (open, live) = Level::of_connections(&known, &axis);
        Self {
            why: clipped(&evidence.scenario.why, MOST_WORDS),
            source: clipped(&evidence.scenario.source, MOST_WORDS),
            text: clipped(&evidence.scenario.text, MOST_TEXT),
            axis,
            healed: marks.healed,
            settled: marks.settled,
            tracks,
            more_tracks,
            crowd: Crowd::new(&known, &axis, checks),
            open,
            live,
            recoveries: Recoveries::new(evidence, &axis),
            waits: Waits::new(evidence),
        }
    }

    /// Whether nothing happened that could be shown.
    pub(crate) fn is_empty(&self) -> bool {
        self.crowd.lanes.iter().all(|lane| lane.segments.is_empty()) && self.crowd.stack.is_none()
    }
}

/// The text, or its beginning with a sign that there is more.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    format!("{} \u{2026}", &text[..end.unwrap_or(0)])
}
