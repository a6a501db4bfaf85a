//! A client's profile: what was measured of it, and the form of `profile.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claim::TOLERANCE_TIME;
use super::course::Course;
use super::probe::{Probe, Setting};
use crate::subject::Traits;

/// What one client came to after something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should after so long.
    After(Duration),
    /// It said that it will not come back by itself.
    GaveUp,
    /// It did not, as long as it was watched.
    Never,
}

/// How far apart measured times are, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The shortest.
    pub min_us: u64,
    /// The one in the middle.
    pub median_us: u64,
    /// The longest.
    pub max_us: u64,
    /// How many there are.
    pub n: u64,
}

/// A measured time, and how often it was not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The times; `None`: there was none.
    pub times: Option<Spread>,
    /// So many clients said that they give up.
    pub gave_up: u64,
    /// So many never did it while they were watched.
    pub never: u64,
}

/// What clients did once something had happened to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// What, such as `fin`, `close-1001` or `status-503`.
    pub to: String,
    /// How long they waited before they dialled again.
    pub redial: Figure,
}

/// All that was measured of a client; `profile.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Always [`Profile::FORMAT`].
    pub format: String,
    /// Always [`Profile::VERSION`].
    pub version: u32,
    /// The client's name.
    pub client: String,
    /// The client's version; of the simulated one none.
    pub client_version: Option<String>,
    /// `real` or `virtual`.
    pub time: String,
    /// The seed.
    pub seed: u64,
    /// How many clients took part in each probe.
    pub clients: u32,
    /// The longest time for which the machine let the harness wait, in microseconds:
    /// so much later than it was may anything have been seen.
    #[serde(default)]
    pub held_up_us: u64,
    /// The wait before the first dial after FIN, RST, or a loss before rejections.
    pub first_delay: Figure,
    /// The waits between dials that are rejected, one after the other.
    pub delays: Figure,
    /// How many times as long each of these waits is as the one before, until they
    /// grow no more.
    pub growth: Option<f64>,
    /// The same, where each connection opens and is dropped at once.
    pub growth_when_dropped: Option<f64>,
    /// How far the first delays differ, as a share of the longest.
    pub jitter: Option<f64>,
    /// The wait after a connection that worked for 10 s, with three failed dials
    /// before it.
    pub delay_after_rest: Figure,
    /// How long a dial lasts whose upgrade is never answered.
    pub dial_bound: Figure,
    /// How long a dial lasts whose SYN is never answered; not to be had of clients
    /// that do not tell of their dials.
    pub connect_bound: Figure,
    /// How long a silence lasts until it is noticed.
    pub liveness: Figure,
    /// How long it takes to notice that nothing of what it sends arrives, while data
    /// still comes.
    #[serde(default)]
    pub upstream_liveness: Figure,
    /// What it does on each kind of end.
    pub reactions: Vec<Reaction>,
    /// Whether it waits as long as Retry-After asks; `None` if that cannot be told.
    pub reads_retry_after: Option<bool>,
}

/// A text that is no profile.
#[derive(Debug, thiserror::Error)]
pub enum FromText {
    /// It has another form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// It is something else, or of another version.
    #[error("not of format `{}`, version {}", Profile::FORMAT, Profile::VERSION)]
    Other,
}

impl Spread {
    /// Of these times, if there are any.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut all: Vec<u64> = times.into_iter().map(micros).collect();
        all.sort_unstable();
        Some(Self {
            min_us: *all.first()?,
            median_us: *all.get(all.len() / 2)?,
            max_us: *all.last()?,
            n: all.len() as u64,
        })
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us)
    }
}

impl Figure {
    fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let outcomes: Vec<Outcome> = outcomes.into_iter().collect();
        let count = |outcome| outcomes.iter().filter(|one| **one == outcome).count() as u64;
        let times = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::After(time) => Some(*time),
            Outcome::GaveUp | Outcome::Never => None,
        });
        Self {
            times: Spread::of(times),
            gave_up: count(Outcome::GaveUp),
            never: count(Outcome::Never),
        }
    }

    /// The longest, if it was always to be had.
    pub fn longest(&self) -> Option<Duration> {
        let times = self.times.filter(|_| self.never == 0);
        times.map(|times| times.max())
    }
}

/// What came of every probe.
type Courses = BTreeMap<Probe, Vec<Course>>;

impl Profile {
    /// The word by which a profile is known.
    pub const FORMAT: &str = "chaos-profile";
    /// The version of the form.
    pub const VERSION: u32 = 1;
    /// What its file is called.
    pub const FILE: &str = "profile.json";

    /// From what clients did in every probe. Who they are and how they were run is
    /// for the caller to fill in.
    pub fn of(courses: &Courses, setting: &Setting, tells_dials: bool) -> Self {
        let all = |probe: Probe| courses.get(&probe).map_or(&[][..], Vec::as_slice);
        let after = |probe: Probe| {
            let own = all(probe).iter();
            own.map(move |course| course.after(probe.lost_dial()))
        };
        let bounds = |probe| Figure::of(all(probe).iter().flat_map(Course::bounds));
        let first = [Probe::Fin, Probe::Reset, Probe::Rejected];
        let first = Figure::of(first.into_iter().flat_map(after));
        let waits = all(Probe::Rejected).iter().flat_map(|course| &course.waits);
        let reactions = Probe::all().into_iter().filter(|probe| probe.is_reaction());
        Self {
            format: Self::FORMAT.to_owned(),
            version: Self::VERSION,
            client: String::new(),
            client_version: None,
            time: String::new(),
            seed: 0,
            clients: setting.clients,
            held_up_us: longest_hold_up(courses),
            first_delay: first,
            delays: Figure::of(waits.map(|wait| Outcome::After(*wait))),
            growth: growth(all(Probe::Rejected)),
            growth_when_dropped: growth(all(Probe::Dropped)),
            jitter: first.times.and_then(jitter),
            delay_after_rest: Figure::of(after(Probe::Rested)),
            dial_bound: bounds(Probe::Unanswered),
            connect_bound: if tells_dials {
                bounds(Probe::Unreachable)
            } else {
                Figure::default()
            },
            liveness: Figure::of(all(Probe::Silent).iter().map(Course::noticed)),
            upstream_liveness: Figure::of(all(Probe::Unheard).iter().map(Course::noticed)),
            reactions: reactions
                .map(|probe| Reaction {
                    to: probe.id().trim_start_matches("profile-").to_owned(),
                    redial: Figure::of(after(probe)),
                })
                .collect(),
            reads_retry_after: reads_retry_after(
                &Figure::of(after(Probe::Status(503))),
                &Figure::of(after(Probe::RetryAfter)),
                setting.retry_after(),
            ),
        }
    }

    /// Reads a `profile.json`.
    ///
    /// # Errors
    /// It is none, or one of another version.
    pub fn read(text: &str) -> Result<Self, FromText> {
        let profile: Self = serde_json::from_str(text)?;
        let is_known = profile.format == Self::FORMAT && profile.version == Self::VERSION;
        is_known.then_some(profile).ok_or(FromText::Other)
    }

    /// The text of a `profile.json`.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// Takes its figures for those that the client does not declare.
    pub fn fill(&self, traits: &mut Traits) {
        let longest = |figure: &Figure| figure.longest().map(|time| time.as_micros());
        let longest = |figure: &Figure| longest(figure).and_then(|us| u64::try_from(us).ok());
        let fill = |declared: &mut Option<u64>, figure: &Figure| {
            *declared = declared.or_else(|| longest(figure));
        };
        fill(&mut traits.liveness_us, &self.liveness);
        fill(&mut traits.upstream_liveness_us, &self.upstream_liveness);
        fill(&mut traits.dial_bound_us, &self.dial_bound);
        fill(&mut traits.first_delay_us, &self.first_delay);
        fill(&mut traits.longest_delay_us, &self.delays);
    }
}

fn longest_hold_up(courses: &Courses) -> u64 {
    let all = courses.values().flatten();
    let longest = all.map(Course::held_up).max().unwrap_or_default();
    u64::try_from(longest.as_micros()).unwrap_or(u64::MAX)
}

impl Probe {
    fn is_reaction(self) -> bool {
        matches!(
            self,
            Self::Fin | Self::Reset | Self::Code(_) | Self::Status(_) | Self::RetryAfter
        )
    }
}

/// From the first wait to the first that is nearly as long as any, on the mean of
/// all clients.
fn growth(courses: &[Course]) -> Option<f64> {
    /// Means of so few waits that they differ by this are the same.
    const NEARLY: f64 = 0.8;
    let means: Vec<f64> = (0..)
        .map(|index| {
            courses
                .iter()
                .filter_map(|course| course.waits.get(index))
                .collect()
        })
        // The last ones are those of the hastiest only.
        .take_while(|waits: &Vec<_>| !waits.is_empty() && waits.len() == courses.len())
        .map(|waits| waits.iter().map(|wait| wait.as_secs_f64()).sum::<f64>() / waits.len() as f64)
        .collect();
    let longest = means.iter().copied().fold(0.0, f64::max);
    let steps = means.iter().position(|mean| *mean >= NEARLY * longest)?;
    let first = means
        .first()
        .filter(|first| **first > 0.0 && means.len() > 1)?;
    if steps == 0 {
        return Some(1.0);
    }
    let exponent = 1.0 / steps as f64;
    Some(rounded(libm::pow(means[steps] / first, exponent)))
}

/// As a share of the longest.
fn jitter(times: Spread) -> Option<f64> {
    let width = (times.max_us - times.min_us) as f64;
    (times.max_us > 0 && times.n > 1).then(|| rounded(width / times.max_us as f64))
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Whether all wait as long as they are asked to, and without being asked do not.
fn reads_retry_after(plain: &Figure, asked: &Figure, least: Duration) -> Option<bool> {
    let least = least.saturating_sub(TOLERANCE_TIME);
    let least = u64::try_from(least.as_micros()).unwrap_or(u64::MAX);
    let (plain, asked) = (plain.times?, asked.times?);
    if asked.min_us < least {
        return Some(false);
    }
    (plain.max_us < least).then_some(true)
}
