//! How it went over time: work done, what clients waited, who gave up and what failed.

use std::time::Duration;

use crate::report::page::chart::{Field, Tick, Tip, apart, label, line, path, short};
use crate::report::page::latency_cdf::ticks;
use crate::report::page::markup::{Element, element};
use crate::report::page::{Subject, class, legend};
use crate::stats::format;
use crate::stats::metric::Statistic;
use crate::stats::scale::{self, Scale};
use crate::stats::time_series::Interval;

/// What is drawn of times, as in the tables.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

const WHOLE: Field =
    Field { width: 880.0, height: 240.0, left: 64.0, right: 24.0, top: 12.0, bottom: 46.0 };
/// One of several beside each other.
const PANEL: Field =
    Field { width: 430.0, height: 210.0, left: 58.0, right: 34.0, top: 26.0, bottom: 30.0 };

/// The axis of time: the same for all, though some may have taken longer.
struct Clock {
    seconds: f64,
    /// Of how many seconds its unit is.
    unit: f64,
}

/// None where there were too few requests to say anything.
pub(crate) fn section(subjects: &[Subject]) -> Option<Element> {
    let longest = subjects.iter().map(|subject| seconds(&subject.course)).fold(0.0, f64::max);
    let is_told = |subject: &Subject| subject.course.len() > 1 && subject.response.count() > 0;
    if longest <= 0.0 || !subjects.iter().any(is_told) {
        return None;
    }
    let clock = Clock { seconds: longest, unit: if longest > 180.0 { 60.0 } else { 1.0 } };
    let how = match subjects.len() {
        1 => {
            "Throughput is answers of 2xx by when they came; times, give-ups and failures are by when their \
              clients came."
        }
        _ => {
            "Throughput is answers of 2xx by when they came; times, give-ups and failures are by when their \
              clients came. Time is time under load: the rounds of each, one behind the other."
        }
    };
    let section = crate::report::page::section("Over time", Some(how)).all(legend(subjects));
    let section =
        section.put(element("h3").text("Answers a second")).put(throughput(subjects, &clock));
    let mut reading = "The median, p95 and p99 of those who came.".to_owned();
    if subjects.iter().flat_map(|subject| &subject.course).any(|interval| interval.gave_up > 0) {
        reading.push_str(" An arrow is on what is only known to be longer.");
    }
    let mut later = subjects.iter().flat_map(|subject| subject.course.iter().skip(1));
    if later.any(|interval| interval.rounds == 1) {
        reading.push_str(" A dotted line is where a round begins.");
    }
    let section = section
        .put(element("h3").text("Response time"))
        .put(element("p").with("class", "how").text(reading));
    let panels = waited(subjects, &clock);
    let class = if panels.len() == 1 { "wide" } else { "panels" };
    let section =
        section.put(element("figure").put(element("div").with("class", class).all(panels)));
    Some(section.put(crate::report::page::tables::courses(subjects)))
}

impl Clock {
    fn scale(&self, field: &Field) -> Scale {
        Scale::to(self.seconds / self.unit, field.across())
    }

    fn ticks(&self, scale: &Scale, about: f64) -> Vec<Tick> {
        ticks(scale, about, |value| format!("{} {}", scale::number(value), self.name()))
    }

    fn name(&self) -> &'static str {
        if self.unit > 1.0 { "min" } else { "s" }
    }

    fn at(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.unit
    }

    /// The interval at a share of the way.
    fn interval<'a>(&self, course: &'a [Interval], share: f64) -> Option<&'a Interval> {
        let mut left = share * self.seconds;
        course.iter().find(|interval| {
            left -= interval.covered.as_secs_f64();
            left < 0.0
        })
    }

    fn told(&self, share: f64) -> String {
        format!(
            "after {}",
            format::time(Duration::try_from_secs_f64(share * self.seconds).unwrap_or_default())
        )
    }
}

fn seconds(course: &[Interval]) -> f64 {
    course.iter().map(|interval| interval.covered.as_secs_f64()).sum()
}

fn throughput(subjects: &[Subject], clock: &Clock) -> Element {
    let rates = subjects.iter().flat_map(|subject| &subject.course).map(Interval::rate);
    let x = clock.scale(&WHOLE);
    let y = Scale::up_to(rates.fold(0.0, f64::max), WHOLE.up());
    let (x_ticks, y_ticks) = (clock.ticks(&x, 8.0), ticks(&y, 4.0, scale::number));
    let mut drawing = WHOLE.drawing("Answers a second over time");
    drawing = drawing.put(WHOLE.axes((&x, &x_ticks), (&y, &y_ticks)));
    for (index, subject) in subjects.iter().enumerate() {
        let places = |interval: &Interval| Some(y.place(interval.rate()));
        let line = path(points(&subject.course, clock, &x, places));
        drawing = drawing.put(line.with("class", class(index, "line")));
    }
    drawing = drawing.put(WHOLE.tips(48, |share| {
        let lines = subjects.iter().enumerate().filter_map(|(index, subject)| {
            let interval = clock.interval(&subject.course, share)?;
            let rate = format!("{}/s", format::number(interval.rate()));
            Some(match subjects.len() {
                1 => (None, rate),
                _ => (Some(index), format!("{rate}  {}", short(&subject.name, 24))),
            })
        });
        Some(Tip { head: clock.told(share), lines: lines.collect() })
    }));
    element("figure").put(element("div").with("class", "wide").put(drawing))
}

/// The middle of each interval, and the ends of the first and of the last.
fn points(
    course: &[Interval],
    clock: &Clock,
    x: &Scale,
    place: impl Fn(&Interval) -> Option<f64>,
) -> Vec<Option<(f64, f64)>> {
    let mut points = Vec::new();
    let mut begin = Duration::ZERO;
    for (index, interval) in course.iter().enumerate() {
        let y = place(interval);
        let mut add = |time| points.push(y.map(|y| (x.place(clock.at(time)), y)));
        if index == 0 {
            add(begin);
        }
        add(begin + interval.covered / 2);
        begin += interval.covered;
        if index + 1 == course.len() {
            add(begin);
        }
    }
    points
}

/// A drawing each, all with the same axes, so that they can be compared.
fn waited(subjects: &[Subject], clock: &Clock) -> Vec<Element> {
    let all = || subjects.iter().flat_map(|subject| &subject.course);
    let times = all().flat_map(|interval| {
        QUANTILES.iter().filter_map(|(_, share)| interval.response.quantile(*share))
    });
    let times: Vec<f64> = times.map(|found| found.time.as_secs_f64()).collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    let bad = all().map(|interval| interval.gave_up + interval.failed).max().unwrap_or_default();
    let mut field = if subjects.len() == 1 { WHOLE } else { PANEL };
    if bad > 0 {
        field.height += STRIP;
        field.bottom += STRIP;
    }
    let x = clock.scale(&field);
    let y = Scale::times(if times.is_empty() { 0.001..=1.0 } else { least..=most }, field.up());
    let panel = Panel { clock, x, y, field, bad };
    subjects
        .iter()
        .enumerate()
        .map(|(index, subject)| panel.of(subject, index, subjects.len() > 1))
        .collect()
}

/// Room for those who gave up and what failed.
const STRIP: f64 = 30.0;

struct Panel<'a> {
    clock: &'a Clock,
    x: Scale,
    y: Scale,
    field: Field,
    /// The most that gave up or failed in an interval.
    bad: u64,
}

impl Panel<'_> {
    fn of(&self, subject: &Subject, index: usize, is_named: bool) -> Element {
        let Self { field, x, y, clock, .. } = self;
        let about = if is_named { 4.0 } else { 8.0 };
        let (x_ticks, y_ticks) = (clock.ticks(x, about), ticks(y, 5.0, scale::seconds));
        let mut drawing = field.drawing(&format!("Response times of {} over time", subject.name));
        if is_named {
            let name = label((field.left, 14.0), "start", &short(&subject.name, 48));
            drawing = drawing.put(name.with("class", class(index, "name own")));
        }
        drawing = drawing.put(field.axes((x, &[]), (y, &y_ticks)));
        drawing = drawing.put(self.time_axis(&x_ticks)).all(self.rounds(subject));
        drawing = drawing.put(self.band(subject).with("class", class(index, "band")));
        let mut ends = Vec::new();
        for (name, share) in QUANTILES {
            let place = |interval: &Interval| {
                let found = interval.response.quantile(share)?;
                Some(y.place(found.time.as_secs_f64()))
            };
            let curve = points(&subject.course, clock, x, place);
            if let Some((at, height)) = curve.iter().rev().flatten().next() {
                ends.push((name, *at, *height));
            }
            drawing = drawing.put(path(curve).with("class", class(index, &format!("line {name}"))));
        }
        drawing = drawing.all(self.cut(subject));
        // Where they are the same, the higher is above.
        ends.reverse();
        let places = apart(ends.iter().map(|(.., height)| height + 4.0).collect(), 12.0);
        for ((name, at, _), height) in ends.iter().zip(places) {
            drawing = drawing.put(label((at + 4.0, height), "start", name).with("class", "mark"));
        }
        drawing = drawing.all(self.strip(subject));
        drawing.put(field.tips(if is_named { 30 } else { 48 }, |share| self.tip(subject, share)))
    }

    /// Below the strip of what went wrong, if there is one.
    fn time_axis(&self, ticks: &[Tick]) -> Element {
        let bottom = self.field.height - self.field.bottom + if self.bad > 0 { STRIP } else { 0.0 };
        let label =
            |(value, text): &Tick| label((self.x.place(*value), bottom + 18.0), "middle", text);
        element("g").with("class", "axes").with("aria-hidden", "true").all(ticks.iter().map(label))
    }

    /// Where a round begins, unless it is the first, or there are more than can be told apart.
    fn rounds(&self, subject: &Subject) -> Vec<Element> {
        let (bottom, top) = self.field.up();
        let mut begin = Duration::ZERO;
        let mut lines = Vec::new();
        for interval in &subject.course {
            if interval.rounds == 1 && !begin.is_zero() {
                let at = self.x.place(self.clock.at(begin));
                lines.push(line((at, bottom), (at, top)).with("class", "round"));
            }
            begin += interval.covered;
        }
        lines
    }

    /// From the median to p99.
    fn band(&self, subject: &Subject) -> Element {
        let edge = |share| {
            points(&subject.course, self.clock, &self.x, move |interval| {
                let found = interval.response.quantile(share)?;
                Some(self.y.place(found.time.as_secs_f64()))
            })
        };
        let (low, high) = (edge(0.5), edge(0.99));
        // Both have gaps at the same places; each piece is an area of its own.
        let mut areas: Vec<Option<(f64, f64)>> = Vec::new();
        for piece in low.iter().zip(&high).collect::<Vec<_>>().split(|(low, _)| low.is_none()) {
            areas.extend(piece.iter().map(|(low, _)| **low));
            areas.extend(piece.iter().rev().map(|(_, high)| **high));
            areas.push(None);
        }
        path(areas)
    }

    /// Arrows where a time is only known to be longer.
    fn cut(&self, subject: &Subject) -> Vec<Element> {
        let mut begin = Duration::ZERO;
        let mut arrows = Vec::new();
        for interval in &subject.course {
            let middle = begin + interval.covered / 2;
            begin += interval.covered;
            let found =
                QUANTILES.iter().filter_map(|(_, share)| interval.response.quantile(*share));
            if let Some(found) = found.into_iter().find(|found| found.is_more) {
                let (x, y) =
                    (self.x.place(self.clock.at(middle)), self.y.place(found.time.as_secs_f64()));
                let corners = [(x - 3.5, y + 2.0), (x, y - 5.0), (x + 3.5, y + 2.0)];
                arrows.push(path(corners.map(Some)).with("class", "more"));
            }
        }
        arrows
    }

    /// Who gave up and what failed, as bars in each interval.
    fn strip(&self, subject: &Subject) -> Vec<Element> {
        if self.bad == 0 {
            return Vec::new();
        }
        let bottom = self.field.height - self.field.bottom + STRIP;
        let high = STRIP - 8.0;
        let mut parts =
            vec![label((self.field.left - 8.0, bottom), "end", "lost").with("class", "mark")];
        let mut begin = Duration::ZERO;
        for interval in &subject.course {
            let (left, right) = (
                self.x.place(self.clock.at(begin)),
                self.x.place(self.clock.at(begin + interval.covered)),
            );
            begin += interval.covered;
            let mut foot = bottom;
            for (count, class) in [(interval.failed, "fault"), (interval.gave_up, "gave-up")] {
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

    fn tip(&self, subject: &Subject, share: f64) -> Option<Tip> {
        let interval = self.clock.interval(&subject.course, share)?;
        let quantiles = QUANTILES.map(|(name, share)| {
            (
                None,
                format!(
                    "{name} {}",
                    format::found(Statistic::Quantile(share).of(&interval.response))
                ),
            )
        });
        let mut lines = quantiles.to_vec();
        for (count, what) in [(interval.gave_up, "gave up"), (interval.failed, "failed")] {
            if count > 0 {
                lines.push((None, format!("{} {what}", format::count(count))));
            }
        }
        Some(Tip { head: self.clock.told(share), lines })
    }
}
