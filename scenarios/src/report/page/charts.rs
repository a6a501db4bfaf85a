//! The charts beside a timeline: connections over time, recovery times, and
//! waits against the policy's envelope.

use std::time::Duration;

use maud::{Markup, html};

use super::plot::{Anchor, Plot, Row, percent};
use crate::report::timeline::{Axis, Bar, Level, Recoveries, Timeline, Waits, readable};

/// Room above the highest value, in pixels.
const HEADROOM: u32 = 14;

/// How many connections there were, all and live ones.
pub(super) fn connections(timeline: &Timeline, anchor: &str) -> Markup {
    let mut plot = Plot::default();
    let clients = u32::try_from(timeline.crowd.count).unwrap_or(u32::MAX);
    let most = timeline.open.most().max(clients).max(1);
    let top = plot.row(Row::Chart, &format!("connections, at most {}", timeline.open.most()), false);
    let scale = Scale::new(top, u64::from(most));
    let wanted = scale.y(u64::from(clients));
    plot.shape(html! {
        path class="limit" d={ "M0 " (wanted) "H" (Axis::WIDTH) } {}
        path class="level open" d=(outline(&timeline.open, &scale)) {}
        path class="level live" d=(outline(&timeline.live, &scale)) {}
    });
    let label = format!("{clients}: one for each client");
    plot.text(60, wanted - 3, Anchor::Start, "", &label);
    plot.time_axis(&timeline.axis, top);
    let description = format!(
        "At most {} connections at once, of which at most {} live, for {clients} clients.",
        timeline.open.most(),
        timeline.live.most()
    );
    html! {
        figure {
            figcaption {
                b { "Connections over time." } " "
                span class="legend" {
                    (key("live", "level live")) (key("accepted and not closed", "level open"))
                }
            }
            (plot.finish(&format!("{anchor}-level"), "Connections over time", &description))
        }
    }
}

fn key(word: &str, class: &str) -> Markup {
    html! { span class="key" { svg width="22" height="16" aria-hidden="true" { path class=(class) d="M1 13V4h20v9" {} } " " (word) } }
}

/// Values in a row of a plot.
struct Scale {
    top: u32,
    height: u32,
    most: u64,
}

impl Scale {
    fn new(row_top: u32, most: u64) -> Self {
        Self {
            top: row_top + HEADROOM,
            height: Row::Chart.height() - HEADROOM - 1,
            most: most.max(1),
        }
    }

    fn bottom(&self) -> u32 {
        self.top + self.height
    }

    fn y(&self, value: u64) -> u32 {
        let up = u128::from(value.min(self.most)) * u128::from(self.height) / u128::from(self.most);
        self.bottom() - u32::try_from(up).unwrap_or(self.height)
    }

    fn y_of(&self, time: Duration) -> u32 {
        self.y(micros(time))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A line in steps; where it went up and down within a pixel, it does so there.
fn outline(level: &Level, scale: &Scale) -> String {
    let mut path = format!("M0 {}", scale.bottom());
    for step in &level.steps {
        path += &format!("H{}", step.x);
        let (least, most, last) = (step.least.into(), step.most.into(), step.last.into());
        if step.most != step.last {
            path += &format!("V{}", scale.y(most));
        }
        if step.least != step.last {
            path += &format!("V{}", scale.y(least));
        }
        path += &format!("V{}", scale.y(last));
    }
    path + &format!("H{}", Axis::WIDTH)
}

/// How long it took to have data again, outage by outage.
pub(super) fn recoveries(timeline: &Timeline, anchor: &str) -> Markup {
    let recoveries = &timeline.recoveries;
    html! {
        figure {
            figcaption { b { "Recovery times." } " " (told(recoveries)) }
            @if !recoveries.bars.is_empty() { (bars(recoveries, anchor)) }
        }
    }
}

fn told(recoveries: &Recoveries) -> String {
    let taken = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), readable);
    match recoveries.count {
        0 => "No client had an outage to recover from.".to_owned(),
        count => {
            let slowest = recoveries.bars.last().and_then(|bar| bar.taken);
            let outages = if count == 1 { "outage" } else { "outages" };
            let never = match recoveries.never {
                0 => String::new(),
                never => format!(" {never} without any data again."),
            };
            format!(
                "{count} {outages}, from the quickest to the slowest; data again after {} in the middle, {} at the latest.{never}",
                taken(recoveries.median),
                taken(slowest)
            )
        }
    }
}

fn bars(recoveries: &Recoveries, anchor: &str) -> Markup {
    let mut plot = Plot::default();
    let taken = recoveries.bars.iter().filter_map(|bar| bar.taken);
    let longest = taken.max().unwrap_or_default();
    let limit = recoveries.limit;
    // A limit far above everything would press it all to the ground.
    let is_limit_near = limit.is_some_and(|limit| limit <= longest * 4 || longest.is_zero());
    let most = if is_limit_near { longest.max(limit.unwrap_or_default()) } else { longest };
    let top = plot.row(Row::Chart, "", false);
    let scale = Scale::new(top, micros(most));
    let count = u32::try_from(recoveries.bars.len()).unwrap_or(1);
    for (number, bar) in (0..).zip(&recoveries.bars) {
        plot.shape(one_bar(bar, number, count, &scale));
    }
    heights(&mut plot, &scale, most);
    if let Some(limit) = limit {
        let y = if is_limit_near { scale.y_of(limit) } else { top + HEADROOM - 3 };
        let far = if is_limit_near { "" } else { " (further up)" };
        if is_limit_near {
            plot.shape(html! { path class="limit" d={ "M0 " (y) "H" (Axis::WIDTH) } {} });
        }
        let label = format!("limit {}{far}", readable(limit));
        plot.text(Axis::WIDTH - 60, y.max(11) - 3, Anchor::End, "limit-word", &label);
    }
    plot.finish(&format!("{anchor}-recovery"), "Recovery times", &told(recoveries))
}

/// Never is as high as the chart, and hatched.
fn one_bar(bar: &Bar, number: u32, count: u32, scale: &Scale) -> Markup {
    let pitch = Axis::WIDTH / count;
    let width = (pitch * 4 / 5).clamp(20, 1_200);
    let x = pitch * number + (pitch - width.min(pitch)) / 2;
    let y = bar.taken.map_or(scale.top, |taken| scale.y_of(taken));
    let height = (scale.bottom() - y).max(2);
    let class = if bar.taken.is_some() { "taken" } else { "never" };
    let taken = bar.taken.map_or_else(|| "no data again".to_owned(), readable);
    let others = match bar.count {
        1 => String::new(),
        count => format!("; the longest of {count}"),
    };
    let title = format!("{} after {}, healed at {}: {taken}{others}", bar.client, bar.rules.join(" and "), bar.healed);
    html! {
        rect class=(class) x=(x) y=(scale.bottom() - height) width=(width) height=(height) { title { (title) } }
    }
}

/// Half and whole of the scale.
fn heights(plot: &mut Plot, scale: &Scale, most: Duration) {
    for value in [most / 2, most] {
        let y = scale.y_of(value);
        plot.shape(html! { path class="grid" d={ "M0 " (y) "H" (Axis::WIDTH) } {} });
        plot.text(40, y - 3, Anchor::Start, "", &readable(value));
    }
}

/// How long clients waited before their dials, against what the policy allows.
pub(super) fn waits(timeline: &Timeline, anchor: &str) -> Markup {
    let waits = &timeline.waits;
    html! {
        figure {
            figcaption {
                b { "Waits before each new dial." } " "
                @if waits.count == 0 {
                    "No client had to dial again."
                } @else {
                    "By the number of the retry; the band is what " code { (waits.shape) } " in the scenario allows."
                }
            }
            @if waits.count > 0 { (dots(waits, anchor)) }
        }
    }
}

fn dots(waits: &Waits, anchor: &str) -> Markup {
    let mut plot = Plot::default();
    let most = waits.longest();
    let top = plot.row(Row::Chart, "", false);
    let scale = Scale::new(top, micros(most));
    let count = u32::try_from(waits.envelope.len()).unwrap_or(1).max(1);
    let pitch = Axis::WIDTH / count;
    plot.shape(html! { path class="envelope" d=(band(waits, pitch, &scale)) {} });
    heights(&mut plot, &scale, most);
    for dot in &waits.dots {
        let retry = u32::try_from(dot.retry).unwrap_or(0);
        let (x, y) = (pitch * retry + pitch / 2, scale.y_of(dot.wait));
        let radius = if dot.count > 1 { 4 } else { 3 };
        let others = if dot.count > 1 { format!("; {} about so", dot.count) } else { String::new() };
        let title = format!("retry {} of {}: {}{others}", retry + 1, dot.client, readable(dot.wait));
        plot.unstretched(html! {
            circle class="dot" cx=(percent(x)) cy=(y) r=(radius) { title { (title) } }
        });
    }
    let y = plot.row(Row::Foot, "", false) + 15;
    let every = count.div_ceil(10);
    for retry in (0..count).filter(|retry| retry % every == 0) {
        plot.text(pitch * retry + pitch / 2, y, Anchor::Middle, "", &(retry + 1).to_string());
    }
    let description = format!(
        "{} waits, the longest {}; the policy allows at most {}.",
        waits.count,
        readable(waits.dots.iter().map(|dot| dot.wait).max().unwrap_or_default()),
        readable(waits.envelope.iter().map(|(_, high)| *high).max().unwrap_or_default())
    );
    plot.finish(&format!("{anchor}-waits"), "Waits before dials", &description)
}

/// From the longest allowed waits to the shortest and back, in steps.
fn band(waits: &Waits, pitch: u32, scale: &Scale) -> String {
    let mut path = String::new();
    for (x, (_, high)) in (0..).step_by(pitch as usize).zip(&waits.envelope) {
        let word = if x == 0 { "M0 " } else { "V" };
        path += &format!("{word}{}h{pitch}", scale.y_of(*high));
    }
    for (low, _) in waits.envelope.iter().rev() {
        // A policy without jitter has a band of no height.
        let y = (scale.y_of(*low) + 1).min(scale.bottom());
        path += &format!("V{y}h-{pitch}");
    }
    path + "z"
}
