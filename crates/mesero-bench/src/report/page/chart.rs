//! The parts of all charts: a plot area with axes, lines, and tooltips.

use crate::report::page::class;
use crate::report::page::markup::{MarkupElement, element, place};
use crate::stats::scale::{AxisScale, Span};

/// A plot area and its margins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlotArea {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A position in a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

pub(crate) fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A scale and its ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis<'a> {
    pub(crate) scale: &'a AxisScale,
    pub(crate) ticks: &'a [Tick],
}

/// A value on an axis and its label.
pub(crate) type Tick = (f64, String);

/// A tooltip: a head, and a line for each series.
pub(crate) struct Tooltip {
    pub(crate) head: String,
    pub(crate) lines: Vec<(Option<usize>, String)>,
}

impl PlotArea {
    /// Left and right.
    pub(crate) fn across(&self) -> Span {
        Span { start: self.left, end: self.width - self.right }
    }

    /// Bottom and top.
    pub(crate) fn up(&self) -> Span {
        Span { start: self.height - self.bottom, end: self.top }
    }

    /// An empty chart, with a title for screen readers.
    pub(crate) fn drawing(&self, title: &str) -> MarkupElement {
        let (width, height) = (place(self.width), place(self.height));
        element("svg")
            .with("viewBox", format_args!("0 0 {width} {height}"))
            .with("role", "img")
            .with("aria-label", title)
    }

    /// Grid lines and labels of both axes.
    pub(crate) fn axes(&self, x: Axis<'_>, y: Axis<'_>) -> MarkupElement {
        let Span { start: left, end: right } = self.across();
        let Span { start: bottom, end: top } = self.up();
        let mut axes = element("g").with("class", "axes").with("aria-hidden", "true");
        for (value, text) in y.ticks {
            let at = y.scale.place(*value);
            axes = axes.put(line(point(left, at), point(right, at)));
            axes = axes.put(label(point(left - 8.0, at + 4.0), "end", text));
        }
        for (value, text) in x.ticks {
            let at = x.scale.place(*value);
            axes = axes.put(line(point(at, bottom), point(at, top)).with("class", "faint"));
            axes = axes.put(label(point(at, bottom + 18.0), "middle", text));
        }
        axes.put(line(point(left, bottom), point(right, bottom)).with("class", "base"))
    }

    /// Vertical stripes, each with a tooltip for the pointer.
    pub(crate) fn tips(&self, count: usize, tip: impl Fn(f64) -> Option<Tooltip>) -> MarkupElement {
        let Span { start: left, end: right } = self.across();
        let wide = (right - left) / count as f64;
        let mut tips = element("g").with("class", "tips").with("aria-hidden", "true");
        for index in 0..count {
            let share = (index as f64 + 0.5) / count as f64;
            if let Some(tip) = tip(share) {
                tips = tips.put(self.stripe(left + index as f64 * wide, wide, &tip));
            }
        }
        tips
    }

    fn stripe(&self, left: f64, wide: f64, tip: &Tooltip) -> MarkupElement {
        let Span { start: bottom, end: top } = self.up();
        let middle = left + wide / 2.0;
        let stripe = element("rect").with("class", "stripe").at("x", left).at("y", top);
        let stripe = stripe.at("width", wide).at("height", bottom - top);
        let cursor = line(point(middle, bottom), point(middle, top)).with("class", "cursor");
        element("g").put(stripe).put(element("g").put(cursor).put(self.tooltip_box(middle, tip)))
    }

    /// The box of a tooltip, on the side with room.
    fn tooltip_box(&self, at: f64, tip: &Tooltip) -> MarkupElement {
        const LINE: f64 = 16.0;
        // Wider than characters of most fonts, which differ between machines.
        const LETTER: f64 = 6.6;
        let texts =
            tip.lines.iter().map(|(series, text)| (usize::from(series.is_some()) * 2, text));
        let letters = texts.map(|(more, text)| more + text.chars().count());
        let letters = letters.chain([tip.head.chars().count()]).max().unwrap_or_default();
        let wide = letters as f64 * LETTER + 20.0;
        let high = (tip.lines.len() as f64 + 1.0) * LINE + 10.0;
        let fits = at + 10.0 + wide <= self.width;
        let left = if fits { at + 10.0 } else { (at - 10.0 - wide).max(0.0) };
        let top = self.top + 4.0;
        let frame = element("rect").with("class", "told").at("x", left).at("y", top);
        let frame = frame.at("width", wide).at("height", high).with("rx", 4);
        let mut tooltip = element("g").put(frame);
        tooltip = tooltip
            .put(label(point(left + 10.0, top + 17.0), "start", &tip.head).with("class", "head"));
        for (index, (series, text)) in tip.lines.iter().enumerate() {
            let y = top + 17.0 + (index as f64 + 1.0) * LINE;
            let mut x = left + 10.0;
            if let Some(series) = series {
                let dot = element("circle").with("class", class(*series, "dot"));
                tooltip = tooltip.put(dot.at("cx", x + 4.0).at("cy", y - 4.0).with("r", 4));
                x += 2.0 * LETTER;
            }
            tooltip = tooltip.put(label(point(x, y), "start", text));
        }
        tooltip
    }
}

pub(crate) fn line(from: Point, to: Point) -> MarkupElement {
    let line = element("line").at("x1", from.x).at("y1", from.y);
    line.at("x2", to.x).at("y2", to.y)
}

pub(crate) fn label(at: Point, anchor: &str, text: &str) -> MarkupElement {
    element("text").at("x", at.x).at("y", at.y).with("text-anchor", anchor).text(text)
}

/// A line through points, with a gap for each missing one.
pub(crate) fn path(points: impl IntoIterator<Item = Option<Point>>) -> MarkupElement {
    let mut written = String::new();
    let mut is_down = false;
    for point in points {
        match point {
            Some(Point { x, y }) => {
                let command = if is_down { 'L' } else { 'M' };
                written.push_str(&format!("{command}{} {}", place(x), place(y)));
                is_down = true;
            }
            None => is_down = false,
        }
    }
    element("path").with("d", written)
}

/// Moves labels apart that would overlap, in their order.
pub(crate) fn apart(mut places: Vec<f64>, least: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|one, other| places[*one].total_cmp(&places[*other]));
    // Each pair is moved by half of the missing distance on each side; a few iterations are enough for eight labels.
    for _ in 0..24 {
        for pair in order.windows(2) {
            let missing = least - (places[pair[1]] - places[pair[0]]);
            if missing > 0.0 {
                places[pair[0]] -= missing / 2.0;
                places[pair[1]] += missing / 2.0;
            }
        }
    }
    places
}

/// A shortened text with its beginning and its end, where names differ.
pub(crate) fn short(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    let (head, tail) = (letters / 2, letters - letters / 2 - 1);
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(count - tail));
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_begins_a_line_anew() {
        let points = [Some(point(0.0, 1.0)), Some(point(2.0, 3.0)), None, Some(point(4.0, 5.0))];
        assert_eq!(path(points).to_string(), "<path d=\"M0 1L2 3M4 5\"></path>");
    }

    #[test]
    fn labels_are_moved_apart_and_keep_their_order() {
        let places = apart(vec![50.0, 10.0, 51.0], 12.0);
        assert!(places[2] - places[0] > 11.9 && places[0] - places[1] > 11.9, "{places:?}");
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(short("http://localhost:8001/resource", 13), "http:/…source");
        assert_eq!(short("short", 13), "short");
    }
}
