//! Of a large crowd: how many clients were in which state, and how many dialled.

use maud::html;

use super::plot::{Plot, Row};
use crate::report::timeline::{Axis, COLUMNS, Stack, State};

/// The shares of a crowd, one state on top of the other; and its dials.
pub(super) fn draw(plot: &mut Plot, stack: &Stack, count: usize) {
    let height = Row::Chart.height();
    let top = plot.row(Row::Chart, &format!("{count} clients"), false);
    let columns = COLUMNS as usize;
    let mut below = vec![0_u64; columns];
    for (state, shares) in State::ALL.iter().zip(&stack.shares) {
        let above: Vec<u64> = below
            .iter()
            .zip(shares)
            .map(|(below, share)| below + u64::from(*share))
            .collect();
        if above != below {
            let y = |share: &u64| {
                let whole = (count as u64 * 1000).max(1);
                let up = share.min(&whole) * u64::from(height) * 10 / whole;
                u64::from(top + height) * 10 - up
            };
            let edge = steps(above.iter().map(y));
            let back = back(below.iter().map(y));
            plot.shape(html! {
                path class=(state.class()) d={ "M0 " (edge) (back) "z" } { title { (state.word()) } }
            });
        }
        below = above;
    }
    draw_dials(plot, &stack.dials);
}

/// Tenths of a pixel.
fn tenths(y: u64) -> String {
    format!("{}.{}", y / 10, y % 10)
}

/// To the right: "y h… V… h…", a column after the other.
fn steps(heights: impl Iterator<Item = u64>) -> String {
    let width = Axis::WIDTH / COLUMNS;
    let mut path = String::new();
    let mut last = None;
    let mut along = 0;
    for y in heights {
        match last {
            None => path += &tenths(y),
            Some(before) if before != y => {
                path += &format!("h{along}V{}", tenths(y));
                along = 0;
            }
            Some(_) => {}
        }
        last = Some(y);
        along += width;
    }
    format!("{path}h{along}")
}

/// And back to the left along the lower edge.
fn back(heights: impl DoubleEndedIterator<Item = u64>) -> String {
    let width = Axis::WIDTH / COLUMNS;
    let mut path = String::new();
    let mut last = None;
    let mut along = 0;
    for y in heights.rev() {
        if last != Some(y) {
            if last.is_some() {
                path += &format!("h-{along}");
            }
            path += &format!("V{}", tenths(y));
            along = 0;
        }
        last = Some(y);
        along += width;
    }
    format!("{path}h-{along}")
}

fn draw_dials(plot: &mut Plot, dials: &[u32]) {
    let most = dials.iter().copied().max().unwrap_or(0);
    let name = format!("dials: {most} at most");
    let height = Row::Strip.height() - 8;
    let top = plot.row(Row::Strip, &name, false) + 4;
    let width = Axis::WIDTH / COLUMNS;
    let mut path = String::new();
    for (x, count) in (0..).step_by(width as usize).zip(dials) {
        let tall = u64::from(*count) * u64::from(height) / u64::from(most.max(1));
        if *count > 0 {
            path += &format!("M{x} {}v-{}h{width}V{0}z", top + height, tall.max(1));
        }
    }
    plot.shape(html! { path class="dials" d=(path) {} });
}
