//! The timeline: what was done from outside, and what each client was about.

use std::time::Duration;

use environment::Moment;
use maud::{Markup, html};

use super::plot::{Anchor, Plot, Row, percent};
use super::section::Detail;
use super::stack;
use crate::report::timeline::{
    Axis, Lane, Segment, Span, State, Stray, StrayKind, Tick, Timeline, Track, readable,
};

/// With more clients than this, rows are thin.
const MOST_LARGE: usize = 16;
/// With more strikes than this on a row, they are lines and not signs.
const MOST_SIGNS: usize = 24;
/// The base lines of the words in the head, in pixels.
const UPPER: u32 = 12;
const LOWER: u32 = 27;
/// What is shorter is drawn this wide.
const LEAST_WIDTH: u32 = Axis::PIXEL;

/// The figure with its legend.
pub(super) fn timeline(timeline: &Timeline, anchor: &str, detail: Detail) -> Markup {
    let mut plot = Plot::default();
    plot.row(Row::Head, "", false);
    let has_titles = detail == Detail::Full;
    for track in &timeline.tracks {
        draw_track(&mut plot, &timeline.axis, track);
    }
    let top = plot.bottom();
    if let Some(stack) = &timeline.crowd.stack {
        stack::draw(&mut plot, stack, timeline.crowd.count);
        let bottom = plot.bottom();
        plot.shape(shades(timeline, top, bottom));
    }
    let lanes_top = plot.bottom();
    let row = if timeline.crowd.lanes.len() > MOST_LARGE {
        Row::Thin
    } else {
        Row::Lane
    };
    for lane in &timeline.crowd.lanes {
        draw_lane(&mut plot, &timeline.axis, lane, row, has_titles);
    }
    let lanes_bottom = plot.bottom();
    plot.behind(shades(timeline, lanes_top, lanes_bottom));
    marks(&mut plot, timeline);
    plot.time_axis(&timeline.axis, Row::Head.height());
    let id = format!("{anchor}-lanes");
    html! {
        figure {
            figcaption {
                (caption(timeline)) " "
                (legend(timeline))
            }
            (plot.finish(&id, "Timeline of the clients", &description(timeline)))
            @if timeline.more_tracks > 0 {
                p class="note" { "Not drawn: " (timeline.more_tracks) " more faults." }
            }
        }
    }
}

fn caption(timeline: &Timeline) -> Markup {
    let count = timeline.crowd.count;
    html! {
        @match &timeline.crowd.stack {
            None => b { "Each client over time." },
            Some(_) => {
                b { "How many of " (count) " clients were in which state." }
                " Below: the " (timeline.crowd.lanes.len()) " that a failed check names or that were live for the shortest time."
            }
        }
    }
}

/// What is there to be seen, and nothing else.
fn legend(timeline: &Timeline) -> Markup {
    let lanes = &timeline.crowd.lanes;
    let has_state = |state: State| {
        let in_stack = timeline.crowd.stack.as_ref().is_some_and(|stack| {
            let place = State::ALL.iter().position(|other| *other == state);
            let shares = place.and_then(|place| stack.shares.get(place));
            shares.is_some_and(|shares| shares.iter().any(|share| *share > 0))
        });
        let mut segments = lanes.iter().flat_map(|lane| &lane.segments);
        in_stack || segments.any(|segment| segment.state == state)
    };
    let has_stray = |kind: StrayKind| {
        let mut strays = lanes.iter().flat_map(|lane| &lane.strays);
        strays.any(|stray| stray.kind == kind)
    };
    html! {
        span class="legend" {
            @for state in State::ALL.into_iter().filter(|state| has_state(*state)) {
                (key(state.word(), &bar(state, 0, 22, 2, 12)))
            }
            @if lanes.iter().any(|lane| !lane.dials.is_empty()) {
                (key("a dial", &html! { path class="dial" d="M11 3v10" {} }))
            }
            @if lanes.iter().any(|lane| !lane.strikes.is_empty()) {
                (key("a fault is applied", &html! { path class="strike" d="M6 4h10l-5 8z" {} }))
            }
            @if timeline.tracks.iter().any(|track| track.spans.iter().any(|span| !span.was_felt)) {
                (key("scheduled, no client affected", &html! { rect class="track missed" x="1" y="3" width="20" height="10" {} }))
            }
            @for kind in [StrayKind::Lost, StrayKind::Again, StrayKind::OutOfOrder] {
                @if has_stray(kind) {
                    (key(&format!("ticks {}", kind.word()), &html! { rect class=(stray_class(kind)) y="6" width="22" height="4" {} }))
                }
            }
        }
    }
}

fn key(word: &str, swatch: &Markup) -> Markup {
    html! { span class="key" { svg width="22" height="16" aria-hidden="true" { (swatch) } " " (word) } }
}

/// A state is told by its height as well as by its colour.
fn bar(state: State, x: u32, width: u32, top: u32, height: u32) -> Markup {
    let (offset, height) = match state {
        State::Live | State::Hurt | State::Doubled => (0, height),
        State::Connected => (height / 4, height / 2),
        State::Connecting => (height * 3 / 8, height / 4),
        State::Down | State::GaveUp => (height * 3 / 4, height - height * 3 / 4),
    };
    html! { rect class=(state.class()) x=(x) y=(top + offset) width=(width) height=(height) {} }
}

fn draw_track(plot: &mut Plot, axis: &Axis, track: &Track) {
    let name = if track.what == track.name {
        track.name.clone()
    } else {
        format!("{} ({})", track.name, track.what)
    };
    let top = plot.row(Row::Track, &name, false);
    for span in &track.spans {
        let felt = if span.was_felt { "" } else { " missed" };
        let class = format!("track {}{felt}", track.kind.class());
        let what = span_in_words(axis, track, span);
        let (x, width) = extent(axis, span.from, span.until);
        if width > LEAST_WIDTH {
            plot.shape(html! {
                rect class=(class) x=(x) y=(top + 5) width=(width) height="12" { title { (what) } }
            });
        } else {
            plot.unstretched(html! {
                use class=(class) href="#instant" x=(percent(x)) y=(top + 11) { title { (what) } }
            });
        }
    }
}

fn span_in_words(axis: &Axis, track: &Track, span: &Span) -> String {
    let times = match span.count {
        1 => String::new(),
        count => format!(", {count} times"),
    };
    let missed = if span.was_felt {
        ""
    } else {
        ": scheduled, no client affected"
    };
    let when = if span.from == span.until {
        format!("at {}", axis.time(span.from))
    } else {
        format!("from {} to {}", axis.time(span.from), axis.time(span.until))
    };
    format!("{} {when}{times}{missed}", track.name)
}

fn extent(axis: &Axis, from: Moment, until: Moment) -> (u32, u32) {
    let (x, end) = (axis.x(from), axis.x(until));
    let width = end.saturating_sub(x).max(LEAST_WIDTH);
    (x.min(Axis::WIDTH - width), width)
}

fn draw_lane(plot: &mut Plot, axis: &Axis, lane: &Lane, row: Row, has_titles: bool) {
    let top = plot.row(row, &lane.client, lane.has_failed);
    let (bar_top, bar_height, strip) = match row {
        Row::Thin => (top + 2, 7, 2),
        _ => (top + 7, 13, 4),
    };
    for segment in &lane.segments {
        let (x, width) = extent(axis, segment.from, segment.until);
        let shape = bar(segment.state, x, width, bar_top, bar_height);
        plot.shape(with_title(shape, has_titles, || {
            told(axis, &lane.client, segment)
        }));
    }
    for stray in &lane.strays {
        let (x, width) = extent(axis, stray.from, stray.until);
        let width = width.max(4 * LEAST_WIDTH).min(Axis::WIDTH - x);
        let class = stray_class(stray.kind);
        let y = bar_top + bar_height + 1;
        let shape = html! { rect class=(class) x=(x) y=(y) width=(width) height=(strip) {} };
        plot.shape(with_title(shape, has_titles, || {
            told_stray(axis, &lane.client, stray)
        }));
    }
    let dials = lines(axis, &lane.dials, top, bar_top - top + 3);
    plot.shape(html! { @if !dials.is_empty() { path class="dial" d=(dials) {} } });
    if row == Row::Lane && lane.strikes.len() <= MOST_SIGNS {
        for strike in &lane.strikes {
            plot.unstretched(
                html! { use href="#strike" x=(percent(axis.x(strike.at))) y=(top) {} },
            );
        }
    } else {
        let strikes = lines(axis, &lane.strikes, top, bar_top - top + 3);
        plot.shape(html! { @if !strikes.is_empty() { path class="struck" d=(strikes) {} } });
    }
}

/// A shape, and what appears under a pointer.
fn with_title(shape: Markup, has_titles: bool, title: impl FnOnce() -> String) -> Markup {
    if !has_titles {
        return shape;
    }
    html! { g { (shape) title { (title()) } } }
}

fn lines(axis: &Axis, ticks: &[Tick], top: u32, height: u32) -> String {
    let lines = ticks.iter();
    lines
        .map(|tick| format!("M{} {top}v{height}", axis.x(tick.at)))
        .collect()
}

fn told(axis: &Axis, client: &str, segment: &Segment) -> String {
    format!(
        "{client} {} from {} to {}, {}",
        segment.state.word(),
        axis.time(segment.from),
        axis.time(segment.until),
        readable(segment.length())
    )
}

fn told_stray(axis: &Axis, client: &str, stray: &Stray) -> String {
    let (count, word) = (stray.count, stray.kind.word());
    let ticks = if count == 1 { "tick" } else { "ticks" };
    let (from, until) = (axis.time(stray.from), axis.time(stray.until));
    format!("{client}: {count} {ticks} {word}, {from} to {until}")
}

fn stray_class(kind: StrayKind) -> &'static str {
    match kind {
        StrayKind::Lost => "lost",
        StrayKind::Again => "again",
        StrayKind::OutOfOrder => "disorder",
    }
}

/// Faults and what befell the server, from top to bottom of what they befell.
fn shades(timeline: &Timeline, top: u32, bottom: u32) -> Markup {
    let axis = &timeline.axis;
    let harms = timeline.tracks.iter().filter(|track| track.kind.is_harm());
    let felt = harms
        .flat_map(|track| &track.spans)
        .filter(|span| span.was_felt);
    html! {
        @for (x, width) in felt.map(|span| extent(axis, span.from, span.until)) {
            @let class = if width <= LEAST_WIDTH { "shade thin" } else { "shade" };
            rect class=(class) x=(x) y=(top) width=(width) height=(bottom - top) {}
        }
    }
}

/// t = 0, heal and settle, from top to bottom.
fn marks(plot: &mut Plot, timeline: &Timeline) {
    /// Two words beside each other take this much, also on a phone.
    const WORDS: u32 = 3_500;
    let axis = &timeline.axis;
    let x = |at: Option<Moment>| at.map(|at| axis.x(at));
    let (zero, healed, settled) = (x(axis.zero), x(timeline.healed), x(timeline.settled));
    let after_zero = healed.unwrap_or(0).saturating_sub(zero.unwrap_or(0));
    let heal = if after_zero < WORDS {
        (healed, "all healed", Anchor::Start, LOWER)
    } else {
        (healed, "all healed", Anchor::End, UPPER)
    };
    let marks = [
        (zero, "t = 0", Anchor::Start, UPPER),
        heal,
        (settled, "settled", Anchor::End, LOWER),
    ];
    let bottom = plot.bottom();
    for (x, word, anchor, y) in marks {
        let Some(x) = x else { continue };
        plot.shape(html! { path class="mark" d={ "M" (x) " " (y - 9) "V" (bottom) } {} });
        let nudged = match anchor {
            Anchor::Start => x + 50,
            Anchor::Middle | Anchor::End => x.saturating_sub(50),
        };
        plot.text(nudged, y, anchor, "mark-word", word);
    }
}

/// For whoever cannot see it.
fn description(timeline: &Timeline) -> String {
    const MOST: usize = 12;
    let axis = &timeline.axis;
    let count = timeline.crowd.count;
    let clients = if count == 1 {
        "1 client".to_owned()
    } else {
        format!("{count} clients")
    };
    let mut text = format!(
        "{clients}, from {} to {}.",
        axis.time(axis.from),
        axis.time(axis.until)
    );
    for track in &timeline.tracks {
        if let Some(span) = track.spans.first() {
            let what = span_in_words(axis, track, span);
            let more = match track.spans.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} times more"),
            };
            text += &format!(" {what}{more}.");
        }
    }
    let lanes = &timeline.crowd.lanes;
    let named = lanes.iter().filter(|lane| lane.has_failed);
    let others = lanes.iter().filter(|lane| !lane.has_failed);
    for lane in named.chain(others).take(MOST) {
        text += &lane_in_words(lane);
    }
    text
}

fn lane_in_words(lane: &Lane) -> String {
    let totals = State::ALL.into_iter().filter_map(|state| {
        let own = lane
            .segments
            .iter()
            .filter(|segment| segment.state == state);
        let total: Duration = own.map(Segment::length).sum();
        (!total.is_zero()).then(|| format!("{} for {}", state.word(), readable(total)))
    });
    let totals: Vec<String> = totals.collect();
    let strays = lane
        .strays
        .iter()
        .map(|stray| format!(", {} ticks {}", stray.count, stray.kind.word()));
    let strays: String = strays.take(3).collect();
    format!(" {}: {}{strays}.", lane.client, totals.join(", "))
}
