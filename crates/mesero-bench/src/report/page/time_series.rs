//! Throughput, response times, timeouts and failures over time.

use std::time::Duration;

use mesero_terminal::units;

use crate::report::page::chart::{
    Axis, PlotArea, Point, Tick, Tooltip, apart, label, line, path, point, short,
};
use crate::report::page::latency_cdf::ticks;
use crate::report::page::markup::{MarkupElement, element};
use crate::report::page::{TargetView, class, legend};
use crate::stats::format;
use crate::stats::metric::Statistic;
use crate::stats::scale::{self, AxisScale, Span};
use crate::stats::time_series::TimeSlice;

/// Quantiles of the charts, as in the tables.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

const WHOLE: PlotArea =
    PlotArea { width: 880.0, height: 240.0, left: 64.0, right: 24.0, top: 12.0, bottom: 46.0 };
/// One of several charts beside each other.
const PANEL: PlotArea =
    PlotArea { width: 430.0, height: 210.0, left: 58.0, right: 34.0, top: 26.0, bottom: 30.0 };

/// The time axis: the same for all targets, though some may have taken longer.
struct TimeAxis {
    seconds: f64,
    /// Seconds of a unit.
    unit: f64,
}

/// None with too few requests.
pub(crate) fn section(targets: &[TargetView]) -> Option<MarkupElement> {
    let max = targets.iter().map(|target| seconds(&target.time_series)).fold(0.0, f64::max);
    let is_told = |target: &TargetView| target.time_series.len() > 1 && target.response.count() > 0;
    if max <= 0.0 || !targets.iter().any(is_told) {
        return None;
    }
    let clock = TimeAxis { seconds: max, unit: if max > 180.0 { 60.0 } else { 1.0 } };
    let how = match targets.len() {
        1 => {
            "Responses with 2xx count when they arrive; response times, timeouts and failures count when their requests \
              are due."
        }
        _ => {
            "Responses with 2xx count when they arrive; response times, timeouts and failures count when their requests \
              are due. The time axis is time under load: the rounds of each target, one after the other."
        }
    };
    let section = crate::report::page::section("Over time", Some(how)).all(legend(targets));
    let section =
        section.put(element("h3").text("Responses a second")).put(throughput(targets, &clock));
    let mut reading = "Median, p95 and p99 by due time.".to_owned();
    if targets
        .iter()
        .flat_map(|target| &target.time_series)
        .any(|interval| interval.client_timeouts > 0)
    {
        reading.push_str(" An arrow marks a lower bound.");
    }
    let mut later = targets.iter().flat_map(|target| target.time_series.iter().skip(1));
    if later.any(|interval| interval.rounds == 1) {
        reading.push_str(" A dotted line marks the start of a round.");
    }
    let section = section
        .put(element("h3").text("Response time"))
        .put(element("p").with("class", "how").text(reading));
    let panels = waited(targets, &clock);
    let class = if panels.len() == 1 { "wide" } else { "panels" };
    let section =
        section.put(element("figure").put(element("div").with("class", class).all(panels)));
    Some(section.put(crate::report::page::tables::time_series_table(targets)))
}

impl TimeAxis {
    fn scale(&self, field: &PlotArea) -> AxisScale {
        AxisScale::to(self.seconds / self.unit, field.across())
    }

    fn ticks(&self, scale: &AxisScale, about: f64) -> Vec<Tick> {
        ticks(scale, about, |value| format!("{} {}", scale::number(value), self.name()))
    }

    fn name(&self) -> &'static str {
        if self.unit > 1.0 { "min" } else { "s" }
    }

    fn at(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.unit
    }

    /// The interval at this share of the axis.
    fn interval<'a>(&self, time_series: &'a [TimeSlice], share: f64) -> Option<&'a TimeSlice> {
        let mut left = share * self.seconds;
        time_series.iter().find(|interval| {
            left -= interval.covered.as_secs_f64();
            left < 0.0
        })
    }

    fn label(&self, share: f64) -> String {
        format!(
            "after {}",
            units::with_three_digits(
                Duration::try_from_secs_f64(share * self.seconds).unwrap_or_default()
            )
        )
    }
}

fn seconds(time_series: &[TimeSlice]) -> f64 {
    time_series.iter().map(|interval| interval.covered.as_secs_f64()).sum()
}

fn throughput(targets: &[TargetView], clock: &TimeAxis) -> MarkupElement {
    let rates = targets.iter().flat_map(|target| &target.time_series).map(TimeSlice::rate);
    let x = clock.scale(&WHOLE);
    let y = AxisScale::up_to(rates.fold(0.0, f64::max), WHOLE.up());
    let (x_ticks, y_ticks) = (clock.ticks(&x, 8.0), ticks(&y, 4.0, scale::number));
    let mut drawing = WHOLE.drawing("Answers a second over time");
    drawing = drawing
        .put(WHOLE.axes(Axis { scale: &x, ticks: &x_ticks }, Axis { scale: &y, ticks: &y_ticks }));
    for (index, target) in targets.iter().enumerate() {
        let places = |interval: &TimeSlice| Some(y.place(interval.rate()));
        let line = path(points(&target.time_series, clock, &x, places));
        drawing = drawing.put(line.with("class", class(index, "line")));
    }
    drawing = drawing.put(WHOLE.tips(48, |share| {
        let lines = targets.iter().enumerate().filter_map(|(index, target)| {
            let interval = clock.interval(&target.time_series, share)?;
            let rate = format!("{}/s", units::number(interval.rate()));
            Some(match targets.len() {
                1 => (None, rate),
                _ => (Some(index), format!("{rate}  {}", short(&target.name, 24))),
            })
        });
        Some(Tooltip { head: clock.label(share), lines: lines.collect() })
    }));
    element("figure").put(element("div").with("class", "wide").put(drawing))
}

/// The middle of each interval, and the ends of the first and of the last.
fn points(
    time_series: &[TimeSlice],
    clock: &TimeAxis,
    x: &AxisScale,
    place: impl Fn(&TimeSlice) -> Option<f64>,
) -> Vec<Option<Point>> {
    let mut points = Vec::new();
    let mut begin = Duration::ZERO;
    for (index, interval) in time_series.iter().enumerate() {
        let y = place(interval);
        let mut add = |time| points.push(y.map(|y| point(x.place(clock.at(time)), y)));
        if index == 0 {
            add(begin);
        }
        add(begin + interval.covered / 2);
        begin += interval.covered;
        if index + 1 == time_series.len() {
            add(begin);
        }
    }
    points
}

/// A chart for each target, all with the same axes, so that they can be compared.
fn waited(targets: &[TargetView], clock: &TimeAxis) -> Vec<MarkupElement> {
    let all = || targets.iter().flat_map(|target| &target.time_series);
    let times = all().flat_map(|interval| {
        QUANTILES.iter().filter_map(|(_, share)| interval.response.quantile(*share))
    });
    let times: Vec<f64> = times.map(|latency| latency.time.as_secs_f64()).collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    let bad =
        all().map(|interval| interval.client_timeouts + interval.failed).max().unwrap_or_default();
    let mut field = if targets.len() == 1 { WHOLE } else { PANEL };
    if bad > 0 {
        field.height += STRIP;
        field.bottom += STRIP;
    }
    let x = clock.scale(&field);
    let y = AxisScale::times(if times.is_empty() { 0.001..=1.0 } else { least..=most }, field.up());
    let panel = Panel { clock, x, y, field, bad };
    targets
        .iter()
        .enumerate()
        .map(|(index, target)| panel.of(target, index, targets.len() > 1))
        .collect()
}

/// Height of the strip for timeouts and failures.
const STRIP: f64 = 30.0;

struct Panel<'a> {
    clock: &'a TimeAxis,
    x: AxisScale,
    y: AxisScale,
    field: PlotArea,
    /// The most timeouts and failures in an interval.
    bad: u64,
}

impl Panel<'_> {
    fn of(&self, target: &TargetView, index: usize, is_named: bool) -> MarkupElement {
        let Self { field, x, y, clock, .. } = self;
        let about = if is_named { 4.0 } else { 8.0 };
        let (x_ticks, y_ticks) = (clock.ticks(x, about), ticks(y, 5.0, scale::seconds));
        let mut drawing = field.drawing(&format!("Response times of {} over time", target.name));
        if is_named {
            let name = label(point(field.left, 14.0), "start", &short(&target.name, 48));
            drawing = drawing.put(name.with("class", class(index, "name own")));
        }
        drawing = drawing
            .put(field.axes(Axis { scale: x, ticks: &[] }, Axis { scale: y, ticks: &y_ticks }));
        drawing = drawing.put(self.time_axis(&x_ticks)).all(self.rounds(target));
        drawing = drawing.put(self.band(target).with("class", class(index, "band")));
        let mut ends = Vec::new();
        for (name, share) in QUANTILES {
            let place = |interval: &TimeSlice| {
                let latency = interval.response.quantile(share)?;
                Some(y.place(latency.time.as_secs_f64()))
            };
            let curve = points(&target.time_series, clock, x, place);
            if let Some(end) = curve.iter().rev().flatten().next() {
                ends.push((name, *end));
            }
            drawing = drawing.put(path(curve).with("class", class(index, &format!("line {name}"))));
        }
        drawing = drawing.all(self.cut(target));
        // Of equal values the higher quantile is above.
        ends.reverse();
        let places = apart(ends.iter().map(|(_, end)| end.y + 4.0).collect(), 12.0);
        for ((name, end), height) in ends.iter().zip(places) {
            drawing =
                drawing.put(label(point(end.x + 4.0, height), "start", name).with("class", "mark"));
        }
        drawing = drawing.all(self.strip(target));
        drawing.put(field.tips(if is_named { 30 } else { 48 }, |share| self.tip(target, share)))
    }

    /// Below the strip of timeouts and failures, if there is one.
    fn time_axis(&self, ticks: &[Tick]) -> MarkupElement {
        let bottom = self.field.height - self.field.bottom + if self.bad > 0 { STRIP } else { 0.0 };
        let label = |(value, text): &Tick| {
            label(point(self.x.place(*value), bottom + 18.0), "middle", text)
        };
        element("g").with("class", "axes").with("aria-hidden", "true").all(ticks.iter().map(label))
    }

    /// The starts of rounds, without the first; none if they are too many to tell apart.
    fn rounds(&self, target: &TargetView) -> Vec<MarkupElement> {
        let Span { start: bottom, end: top } = self.field.up();
        let mut begin = Duration::ZERO;
        let mut lines = Vec::new();
        for interval in &target.time_series {
            if interval.rounds == 1 && !begin.is_zero() {
                let at = self.x.place(self.clock.at(begin));
                lines.push(line(point(at, bottom), point(at, top)).with("class", "round"));
            }
            begin += interval.covered;
        }
        lines
    }

    /// The band between the median and p99.
    fn band(&self, target: &TargetView) -> MarkupElement {
        let edge = |share| {
            points(&target.time_series, self.clock, &self.x, move |interval| {
                let latency = interval.response.quantile(share)?;
                Some(self.y.place(latency.time.as_secs_f64()))
            })
        };
        let (low, high) = (edge(0.5), edge(0.99));
        // Both have gaps at the same places; each part is an area of its own.
        let mut areas: Vec<Option<Point>> = Vec::new();
        for piece in low.iter().zip(&high).collect::<Vec<_>>().split(|(low, _)| low.is_none()) {
            areas.extend(piece.iter().map(|(low, _)| **low));
            areas.extend(piece.iter().rev().map(|(_, high)| **high));
            areas.push(None);
        }
        path(areas)
    }

    /// Arrows at lower bounds.
    fn cut(&self, target: &TargetView) -> Vec<MarkupElement> {
        let mut begin = Duration::ZERO;
        let mut arrows = Vec::new();
        for interval in &target.time_series {
            let middle = begin + interval.covered / 2;
            begin += interval.covered;
            let latencies =
                QUANTILES.iter().filter_map(|(_, share)| interval.response.quantile(*share));
            if let Some(latency) = latencies.into_iter().find(|latency| latency.is_lower_bound) {
                let (x, y) =
                    (self.x.place(self.clock.at(middle)), self.y.place(latency.time.as_secs_f64()));
                let corners = [point(x - 3.5, y + 2.0), point(x, y - 5.0), point(x + 3.5, y + 2.0)];
                arrows.push(path(corners.map(Some)).with("class", "more"));
            }
        }
        arrows
    }

    /// Timeouts and failures, as bars in each interval.
    fn strip(&self, target: &TargetView) -> Vec<MarkupElement> {
        if self.bad == 0 {
            return Vec::new();
        }
        let bottom = self.field.height - self.field.bottom + STRIP;
        let high = STRIP - 8.0;
        let mut parts =
            vec![label(point(self.field.left - 8.0, bottom), "end", "lost").with("class", "mark")];
        let mut begin = Duration::ZERO;
        for interval in &target.time_series {
            let (left, right) = (
                self.x.place(self.clock.at(begin)),
                self.x.place(self.clock.at(begin + interval.covered)),
            );
            begin += interval.covered;
            let mut foot = bottom;
            for (count, class) in
                [(interval.failed, "fault"), (interval.client_timeouts, "gave-up")]
            {
                if count > 0 {
                    let tall = (count as f64 / self.bad as f64 * high).max(1.5);
                    foot -= tall;
                    let bar = element("rect").with("class", class).at("x", left).at("y", foot);
                    parts.push(bar.at("width", (right - left - 0.6).max(0.8)).at("height", tall));
                }
            }
        }
        parts
    }

    fn tip(&self, target: &TargetView, share: f64) -> Option<Tooltip> {
        let interval = self.clock.interval(&target.time_series, share)?;
        let quantiles = QUANTILES.map(|(name, share)| {
            (
                None,
                format!(
                    "{name} {}",
                    format::latency(Statistic::Quantile(share).of(&interval.response))
                ),
            )
        });
        let mut lines = quantiles.to_vec();
        for (count, what) in [(interval.client_timeouts, "timed out"), (interval.failed, "failed")]
        {
            if count > 0 {
                lines.push((None, format!("{} {what}", units::grouped(count))));
            }
        }
        Some(Tooltip { head: self.clock.label(share), lines })
    }
}
