//! Drawing: a plot that is as wide as the page lets it be.
//!
//! ```text
//! div.plot ┬ div.names   the rows' names, HTML, so that long ones are cut with dots
//!          └ svg         100 % wide, its height in pixels
//!              ├ svg     shapes: 10,000 wide and stretched to the whole width
//!              └ text    not stretched: placed in per cent
//! ```
//!
//! Lines in the stretched part keep their width by `vector-effect` in the style
//! sheet. Heights of rows stand here and, for the names, in the style sheet.

use maud::{Markup, PreEscaped, html};

use crate::report::timeline::Axis;

/// Rows from top to bottom, and all that is drawn in them.
#[derive(Debug, Default)]
pub(super) struct Plot {
    names: Vec<Name>,
    shapes: String,
    texts: String,
    height: u32,
}

#[derive(Debug)]
struct Name {
    class: &'static str,
    text: String,
    is_marked: bool,
}

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// The labels of what is marked by a line from top to bottom.
    Head,
    /// A fault's, or what else is done from outside.
    Track,
    /// A client's, among few.
    Lane,
    /// A client's, among many.
    Thin,
    /// A whole chart.
    Chart,
    /// A lower one, under a timeline.
    Level,
    /// A small one.
    Strip,
    /// The labels of the axis.
    Foot,
}

impl Row {
    pub(super) fn height(self) -> u32 {
        match self {
            Self::Head => 32,
            Self::Track => 22,
            Self::Lane => 26,
            Self::Thin => 12,
            Self::Chart => 150,
            Self::Level => 96,
            Self::Strip => 44,
            Self::Foot => 22,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Head => "row-head",
            Self::Track => "row-track",
            Self::Lane => "row-lane",
            Self::Thin => "row-thin",
            Self::Chart => "row-chart",
            Self::Level => "row-level",
            Self::Strip => "row-strip",
            Self::Foot => "row-foot",
        }
    }
}

/// Where the text stands, seen from its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Plot {
    /// Begins a row; where its upper edge is.
    pub(super) fn row(&mut self, row: Row, name: &str, is_marked: bool) -> u32 {
        self.names.push(Name {
            class: row.class(),
            text: name.to_owned(),
            is_marked,
        });
        let top = self.height;
        self.height += row.height();
        top
    }

    /// The lower edge so far.
    pub(super) fn bottom(&self) -> u32 {
        self.height
    }

    /// Something that is stretched with the plot.
    pub(super) fn shape(&mut self, shape: Markup) {
        self.shapes += &shape.into_string();
    }

    /// Something that is stretched with the plot, behind all that is there.
    pub(super) fn behind(&mut self, shape: Markup) {
        self.shapes.insert_str(0, &shape.into_string());
    }

    /// Something that is not stretched.
    pub(super) fn unstretched(&mut self, mark: Markup) {
        self.texts += &mark.into_string();
    }

    /// A few words at a place of the axis; `y` is their base line.
    pub(super) fn text(&mut self, x: u32, y: u32, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => None,
            Anchor::Middle => Some("middle"),
            Anchor::End => Some("end"),
        };
        let class = Some(class).filter(|class| !class.is_empty());
        self.unstretched(html! {
            text x=(percent(x)) y=(y) text-anchor=[anchor] class=[class] { (text) }
        });
    }

    /// The labels of a time axis and its lines, up to `top`.
    pub(super) fn time_axis(&mut self, axis: &Axis, top: u32) {
        let bottom = self.height;
        let y = self.row(Row::Foot, "", false) + 15;
        let mut lines = String::new();
        for (x, label) in axis.ticks(8) {
            lines += &format!("M{x} {top}V{bottom}");
            let anchor = match x {
                0..600 => Anchor::Start,
                9_400.. => Anchor::End,
                _ => Anchor::Middle,
            };
            self.text(x, y, anchor, "", &label);
        }
        self.behind(html! { path class="grid" d=(lines) {} });
    }

    /// The whole; `id` names its parts, the description is for who cannot see it.
    pub(super) fn finish(self, id: &str, title: &str, description: &str) -> Markup {
        let height = self.height;
        html! {
            div class="plot" {
                div class="names" aria-hidden="true" {
                    @for name in &self.names {
                        span class={ (name.class) @if name.is_marked { " marked" } } title=[(!name.text.is_empty()).then_some(&name.text)] { (name.text) }
                    }
                }
                svg width="100%" height=(height) role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
                    title id={ (id) "-t" } { (title) }
                    desc id={ (id) "-d" } { (description) }
                    svg width="100%" height=(height) viewBox={ "0 0 " (Axis::WIDTH) " " (height) } preserveAspectRatio="none" {
                        (PreEscaped(self.shapes))
                    }
                    (PreEscaped(self.texts))
                }
            }
        }
    }
}

/// A place of the axis in per cent.
pub(super) fn percent(x: u32) -> String {
    let hundredth = Axis::WIDTH / 100;
    format!("{}.{:02}%", x / hundredth, x % hundredth)
}

/// What figures refer to: hatching, and the sign of a strike.
pub(super) fn patterns() -> Markup {
    html! {
        svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id="hatch" width="90" height="6" patternUnits="userSpaceOnUse" {
                    rect class="hurt-back" width="90" height="6" {}
                    path class="hurt-line" d="M-20 1.5L20 -1.5M-10 6.7L100 -.7M70 7.5L110 4.5" {}
                }
                pattern id="never" width="90" height="6" patternUnits="userSpaceOnUse" {
                    rect class="never-back" width="90" height="6" {}
                    path class="never-line" d="M-20 1.5L20 -1.5M-10 6.7L100 -.7M70 7.5L110 4.5" {}
                }
                path id="strike" class="strike" d="M-4.5 0h9l-4.5 7z" {}
                path id="instant" d="M0 -7l5 7l-5 7l-5 -7z" {}
            }
        }
    }
}
