//! The charts beside a timeline: connections over time, recovery times, and
//! waits against the policy's envelope.

use std::time::Duration;

use maud::{Markup, html};

use super::plot::{Anchor, Plot, Row, percent};
use crate::report::timeline::{Authority, Axis, Bar, Level, Recoveries, Timeline, Waits, readable};

/// Room on the left for the heights in words.
const MARGIN: u32 = 1_200;
/// Room above the highest value, in pixels.
const HEADROOM: u32 = 14;

/// How many connections there were, all and live ones.
pub(super) fn connections(timeline: &Timeline, anchor: &str) -> Markup {
    let mut plot = Plot::default();
    let clients = u32::try_from(timeline.crowd.count).unwrap_or(u32::MAX);
    let most = timeline.open.most().max(clients).max(1);
    let name = format!("{} at most", timeline.open.most());
    let top = plot.row(Row::Level, &name, false);
    let scale = Scale::new(top, Row::Level, u64::from(most));
    let wanted = scale.y(u64::from(clients));
    plot.shape(html! {
        path class="wanted" d={ "M0 " (wanted) "H" (Axis::WIDTH) } {}
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
    fn new(row_top: u32, row: Row, most: u64) -> Self {
        Self {
            top: row_top + HEADROOM,
            height: row.height() - HEADROOM - 1,
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
    let Recoveries { count, never, .. } = recoveries;
    let outages = if *count == 1 { "outage" } else { "outages" };
    let slowest = recoveries.bars.iter().filter_map(|bar| bar.taken).max();
    match (recoveries.median, slowest) {
        _ if *count == 0 => "No client had an outage to recover from.".to_owned(),
        (_, None) => format!("{count} {outages}, and no data after any of them."),
        (median, Some(slowest)) => {
            let median = median.map_or_else(|| "never".to_owned(), readable);
            let never = match never {
                0 => String::new(),
                never => format!(" After {never} of them there was no data again."),
            };
            format!(
                "{count} {outages}, from the quickest to the slowest: the median is {median}, the longest {}.{never}",
                readable(slowest)
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
    let near = limit.filter(|limit| *limit <= longest * 4 || longest.is_zero());
    // Nobody could tell less than this from nothing.
    let most = longest
        .max(near.unwrap_or_default())
        .max(Duration::from_millis(10));
    let top = plot.row(Row::Chart, "", false);
    let scale = Scale::new(top, Row::Chart, micros(most));
    heights(&mut plot, &scale, most);
    let count = u32::try_from(recoveries.bars.len()).unwrap_or(1);
    for (number, bar) in (0..).zip(&recoveries.bars) {
        let x = MARGIN + (Axis::WIDTH - MARGIN) * number / count;
        one_bar(
            &mut plot,
            bar,
            x,
            (Axis::WIDTH - MARGIN) / count,
            &scale,
            limit,
        );
    }
    if let Some(limit) = limit {
        let y = near.map_or(top + HEADROOM, |limit| scale.y_of(limit));
        let far = if near.is_some() { "" } else { ", further up" };
        if near.is_some() {
            plot.shape(
                html! { path class="limit" d={ "M" (MARGIN) " " (y) "H" (Axis::WIDTH) } {} },
            );
        }
        let label = format!("limit {}{far}", readable(limit));
        plot.text(
            MARGIN + 60,
            y.max(14) - 3,
            Anchor::Start,
            "limit-word",
            &label,
        );
    }
    plot.finish(
        &format!("{anchor}-recovery"),
        "Recovery times",
        &told(recoveries),
    )
}

/// What took too long has another colour, and a sign if there is room; never is
/// as high as the chart, and hatched.
fn one_bar(plot: &mut Plot, bar: &Bar, x: u32, pitch: u32, scale: &Scale, limit: Option<Duration>) {
    let width = (pitch * 4 / 5).clamp(20, 1_200);
    let x = x + (pitch - width.min(pitch)) / 2;
    let y = bar.taken.map_or(scale.top, |taken| scale.y_of(taken));
    let height = (scale.bottom() - y).max(2);
    let is_late = bar
        .taken
        .is_some_and(|taken| limit.is_some_and(|limit| taken > limit));
    let class = match bar.taken {
        None => "never",
        Some(_) if is_late => "late",
        Some(_) => "taken",
    };
    let taken = bar
        .taken
        .map_or_else(|| "no data again".to_owned(), readable);
    let others = match bar.count {
        1 => String::new(),
        count => format!("; the longest of {count}"),
    };
    let rules = bar.rules.join(" and ");
    let title = format!(
        "{} after {rules}, healed at {}: {taken}{others}",
        bar.client, bar.healed
    );
    plot.shape(html! {
        rect class=(class) x=(x) y=(scale.bottom() - height) width=(width) height=(height) { title { (title) } }
    });
    if bar.taken.is_none() && pitch > 700 {
        let y = scale.top + scale.height / 2;
        plot.text(x + width / 2, y, Anchor::Middle, "never-word", "never");
    }
}

/// Half and whole of the scale.
fn heights(plot: &mut Plot, scale: &Scale, most: Duration) {
    // Times are told in milliseconds, so half of a few is not.
    let has_half = most >= Duration::from_millis(10);
    let half = has_half.then_some(most / 2);
    for value in half.into_iter().chain([most]) {
        let y = scale.y_of(value);
        plot.shape(html! { path class="grid" d={ "M" (MARGIN) " " (y) "H" (Axis::WIDTH) } {} });
        plot.text(MARGIN - 100, y + 4, Anchor::End, "", &readable(value));
    }
}

/// How long clients waited before their dials, against what is allowed.
pub(super) fn waits(timeline: &Timeline, anchor: &str) -> Markup {
    let waits = &timeline.waits;
    html! {
        figure {
            figcaption {
                b { "Waits before each new dial." } " "
                @if waits.count == 0 {
                    "No client had to reconnect by itself."
                } @else {
                    "By the number of the retry; "
                    @match waits.by {
                        Authority::Scenario(shape) => { "the band is what " code { (shape) } " in the scenario allows." },
                        Authority::Client => "the band is what this client says of itself, or was measured to do: up to its first delay, and up to its longest.",
                        Authority::Nobody => "how long this client may wait is neither declared nor measured.",
                    }
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
    let scale = Scale::new(top, Row::Chart, micros(most));
    let count = u32::try_from(waits.retries).unwrap_or(1).max(1);
    let pitch = (Axis::WIDTH - MARGIN) / count;
    if !waits.envelope.is_empty() {
        plot.shape(html! { path class="envelope" d=(band(waits, pitch, &scale)) {} });
    }
    heights(&mut plot, &scale, most);
    for dot in &waits.dots {
        let retry = u32::try_from(dot.retry).unwrap_or(0);
        let (x, y) = (MARGIN + pitch * retry + pitch / 2, scale.y_of(dot.wait));
        let radius = if dot.count > 1 { 4 } else { 3 };
        let others = if dot.count > 1 {
            format!("; {} about so", dot.count)
        } else {
            String::new()
        };
        let title = format!(
            "retry {} of {}: {}{others}",
            retry + 1,
            dot.client,
            readable(dot.wait)
        );
        plot.unstretched(html! {
            circle class="dot" cx=(percent(x)) cy=(y) r=(radius) { title { (title) } }
        });
    }
    let y = plot.row(Row::Foot, "", false) + 15;
    let every = count.div_ceil(10);
    for retry in (0..count).filter(|retry| retry % every == 0) {
        plot.text(
            MARGIN + pitch * retry + pitch / 2,
            y,
            Anchor::Middle,
            "",
            &(retry + 1).to_string(),
        );
    }
    plot.finish(
        &format!("{anchor}-waits"),
        "Waits before dials",
        &in_words(waits),
    )
}

fn in_words(waits: &Waits) -> String {
    let longest = waits.dots.iter().map(|dot| dot.wait).max();
    let longest = readable(longest.unwrap_or_default());
    let allowed = waits.envelope.iter().map(|(_, high)| *high).max();
    let allowed = match (allowed.map(readable), waits.by) {
        (Some(most), Authority::Scenario(_)) => format!("; the policy allows at most {most}"),
        (Some(most), _) => format!("; the client's own longest is {most}"),
        (None, _) => String::new(),
    };
    format!("{} waits, the longest {longest}{allowed}.", waits.count)
}

/// From the longest allowed waits to the shortest and back, in steps.
fn band(waits: &Waits, pitch: u32, scale: &Scale) -> String {
    let mut path = format!("M{MARGIN} {}", scale.bottom());
    for (_, high) in &waits.envelope {
        path += &format!("V{}h{pitch}", scale.y_of(*high));
    }
    for (low, _) in waits.envelope.iter().rev() {
        // A policy without jitter has a band of no height.
        let y = (scale.y_of(*low) + 1).min(scale.bottom());
        path += &format!("V{y}h-{pitch}");
    }
    path + "z"
}
