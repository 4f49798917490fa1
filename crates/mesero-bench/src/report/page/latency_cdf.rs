//! Cumulative distribution of response times: the share of requests answered within a time.

use std::time::Duration;

use mesero_terminal::units;

use crate::report::page::chart::{
    Axis, PlotArea, Point, Tick, Tooltip, apart, label, line, path, point, short,
};
use crate::report::page::markup::{MarkupElement, element};
use crate::report::page::{OutcomeKind, TargetView, class, legend};
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::scale::{self, AxisScale, Span};

const FIELD: PlotArea =
    PlotArea { width: 880.0, height: 360.0, left: 64.0, right: 24.0, top: 12.0, bottom: 46.0 };

/// Points of a curve, more than a screen shows.
const POINTS: u32 = 240;

/// Start of the curves: the few fastest requests would take half of the chart.
const FIRST: f64 = 0.01;

pub(crate) fn section(targets: &[TargetView]) -> MarkupElement {
    let how = "The share of requests that were answered within a time, of those that were answered with 2xx or \
               timed out. Curves further to the left are faster. A dotted end means that the other requests timed \
               out, so that their response times are unknown.";
    let section = crate::report::page::section("Response times", Some(how));
    section.all(legend(targets)).put(figure(targets))
}

fn figure(targets: &[TargetView]) -> MarkupElement {
    let histograms =
        || targets.iter().map(|target| &target.response).filter(|times| times.count() > 0);
    let ends = |times: &LatencyHistogram| {
        let ends = [times.quantile(FIRST), times.max()].into_iter().flatten();
        ends.map(|latency| latency.time.as_secs_f64()).collect::<Vec<_>>()
    };
    let ends: Vec<f64> = histograms().flat_map(ends).collect();
    let least = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ends.iter().copied().fold(0.0, f64::max);
    let x = AxisScale::times(least..=most, FIELD.across());
    let requests = histograms().map(LatencyHistogram::count).max().unwrap_or_default();
    let y = AxisScale::nines(requests, FIELD.up());
    let x_ticks = ticks(&x, 8.0, scale::seconds);
    let y_ticks = ticks(&y, 0.0, scale::percent);
    let mut drawing = FIELD.drawing("Share of requests answered within a time, a curve each");
    drawing = drawing
        .put(FIELD.axes(Axis { scale: &x, ticks: &x_ticks }, Axis { scale: &y, ticks: &y_ticks }));
    let Span { start: left, end: right } = FIELD.across();
    let caption = "response time (logarithmic)";
    let under = point((left + right) / 2.0, FIELD.height - 6.0);
    drawing = drawing.put(label(under, "middle", caption).with("class", "caption"));
    let mut ends = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let curve = curve(&target.response, &x, &y);
        drawing =
            drawing.put(path(curve.iter().copied().map(Some)).with("class", class(index, "line")));
        if let Some(end) = target.response.uncensored_share().filter(|share| *share < 1.0) {
            let at = y.place(end);
            let from = curve.last().map_or(left, |point| point.x);
            drawing = drawing.put(
                line(point(from, at), point(right, at)).with("class", class(index, "line cut")),
            );
            ends.push((at, timeout_label(target), index));
        }
    }
    let places = apart(ends.iter().map(|end| end.0 - 5.0).collect(), 14.0);
    for ((_, text, index), at) in ends.iter().zip(places) {
        let label = label(point(right, at), "end", text).with("class", class(*index, "own"));
        drawing = drawing.put(label);
    }
    drawing = drawing.put(FIELD.tips(60, |share| Some(tip(targets, x.value(share)))));
    element("figure").put(element("div").with("class", "wide").put(drawing))
}

/// Share of requests that timed out.
fn timeout_label(target: &TargetView) -> String {
    let client_timeouts = target.count(OutcomeKind::ClientTimeout);
    format!("{} timed out", units::share(client_timeouts, target.response.count()))
}

/// The points of a curve, up to the first lower bound.
fn curve(times: &LatencyHistogram, x: &AxisScale, y: &AxisScale) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut add = |point: Point| {
        if points.last() != Some(&point) {
            points.push(point);
        }
    };
    // The slowest of ten requests is somewhere in the last tenth.
    let last = 1.0 - 0.5 / times.count().max(1) as f64;
    let known = times.uncensored_share().unwrap_or_default().min(last);
    for number in 0..=POINTS {
        let share = y.value(f64::from(number) / f64::from(POINTS)).clamp(FIRST, known.max(FIRST));
        let latency = times.quantile(share).filter(|latency| !latency.is_lower_bound);
        if let Some(latency) = latency {
            add(point(x.place(latency.time.as_secs_f64()), y.place(share)));
        }
    }
    points
}

fn tip(targets: &[TargetView], seconds: f64) -> Tooltip {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let lines = targets.iter().enumerate().filter(|(_, target)| target.response.count() > 0);
    let lines = lines.map(|(index, target)| {
        let share = target.response.share_within(time);
        let text = units::percent(share);
        match targets.len() {
            1 => (None, text),
            _ => (Some(index), format!("{text}  {}", short(&target.name, 24))),
        }
    });
    Tooltip { head: format!("within {}", units::with_three_digits(time)), lines: lines.collect() }
}

pub(crate) fn ticks(scale: &AxisScale, about: f64, text: impl Fn(f64) -> String) -> Vec<Tick> {
    scale.ticks(about).into_iter().map(|value| (value, text(value))).collect()
}
