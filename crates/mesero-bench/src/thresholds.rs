//! What a measurement has to show: `gave_up=0, p95<5s, ok>=99%`.

use std::str::FromStr;
use std::time::Duration;

use crate::comparison::ratio::{Figure, Ratio};
use crate::comparison::results::STATISTICS;
use crate::comparison::{self, Answers, Comparison};
use crate::stats::bootstrap::{Interval, LEAST_ROUNDS};
use crate::stats::metric::{Metric, Value};
use crate::stats::record::Record;

/// Expectations, all of which have to hold.
#[derive(Debug, Clone)]
pub(crate) struct Expectations(Vec<Expectation>);

/// One metric, compared with a value.
#[derive(Debug, Clone)]
struct Expectation {
    /// As it was written.
    text: String,
    expected: Expected,
}

#[derive(Debug, Clone)]
enum Expected {
    Metric {
        metric: Metric,
        comparison: Sign,
        wanted: Wanted,
    },
    /// A figure, in times of that of the one that all are compared with.
    Ratio {
        name: String,
        comparison: Sign,
        times: f64,
    },
    /// As the one answers that all are compared with.
    SameAnswers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What is wanted of a metric, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Number(f64),
    /// Of all requests, from 0 to 1.
    Share(f64),
    Time(Duration),
}

/// Whom a contestant is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// By its figures.
    pub(crate) figures: Option<&'a Comparison>,
    /// By its answers.
    pub(crate) answers: Option<&'a Comparison>,
}

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) text: String,
    pub(crate) holds: bool,
    /// What was found, in words.
    pub(crate) found: String,
}

impl Expectations {
    /// Compares them with what was measured; those that are relative are compared with the ratio to
    /// the reference, and are left out where the record is the reference itself. Where nothing was
    /// measured, none holds.
    pub(crate) fn judge(&self, record: &Record, beside: Beside<'_>) -> Vec<Judged> {
        self.0.iter().filter_map(|expectation| expectation.judge(record, beside)).collect()
    }

    /// The first that compares a figure with another's.
    pub(crate) fn relative(&self) -> Option<&str> {
        self.first(|expected| matches!(expected, Expected::Ratio { .. }))
    }

    /// The one that compares answers with another's.
    pub(crate) fn of_answers(&self) -> Option<&str> {
        self.first(|expected| matches!(expected, Expected::SameAnswers))
    }

    fn first(&self, is_it: impl Fn(&Expected) -> bool) -> Option<&str> {
        let found = self.0.iter().find(|expectation| is_it(&expectation.expected));
        found.map(|expectation| expectation.text.as_str())
    }
}

impl Expectation {
    fn judge(&self, record: &Record, beside: Beside<'_>) -> Option<Judged> {
        let judged = |holds, found| Some(Judged { text: self.text.clone(), holds, found });
        let nothing = "there was nothing to measure";
        match &self.expected {
            _ if !record.has_times() => judged(false, nothing.to_owned()),
            Expected::Metric { metric, comparison, wanted } => {
                let (holds, found) = comparison.of_metric(*wanted, metric.of(record));
                judged(holds, found)
            }
            Expected::Ratio { name, comparison, times } => {
                let beside = beside.figures?;
                let ratio = beside.ratio(name);
                let found = comparison::text(ratio);
                match beside.has_rounds() {
                    true => judged(comparison.of_ratio(ratio, *times), with_why(found, ratio)),
                    false => judged(
                        false,
                        format!(
                            "{found}, of which nothing is sure with fewer than {LEAST_ROUNDS} rounds"
                        ),
                    ),
                }
            }
            Expected::SameAnswers => match &beside.answers?.answers {
                Answers::Same => judged(true, "they are".to_owned()),
                Answers::Differ(how) => judged(false, how.clone()),
                Answers::Unseen => judged(false, "nobody saw them".to_owned()),
            },
        }
    }
}

/// What was found, and why that is not enough where it is not.
fn with_why(found: String, ratio: Ratio) -> String {
    match ratio {
        Ratio::Of { interval: None, .. } => {
            format!("{found}, of which nothing is sure, since some rounds have no such figure")
        }
        _ => found,
    }
}

impl Sign {
    /// Only what is true of all that it may be is known: of the whole interval, or of all beyond a bound.
    fn of_ratio(self, ratio: Ratio, wanted: f64) -> bool {
        match ratio {
            Ratio::Of { interval: Some(Interval { low, high }), .. } => match self {
                Sign::Unequal => wanted < low || wanted > high,
                _ => self.holds(&low, &wanted) && self.holds(&high, &wanted),
            },
            Ratio::MoreThan(bound) => {
                matches!(self, Sign::More | Sign::AtLeast | Sign::Unequal) && bound >= wanted
            }
            Ratio::LessThan(bound) => {
                matches!(self, Sign::Less | Sign::AtMost | Sign::Unequal) && bound <= wanted
            }
            Ratio::Of { interval: None, .. } | Ratio::Unknown => false,
        }
    }

    /// Whether it holds, and what was found.
    fn of_metric(self, wanted: Wanted, value: Value) -> (bool, String) {
        let found = value.to_string();
        let judged = |holds, found| (holds, found);
        match (wanted, value) {
            (Wanted::Number(wanted), Value::Count { count, .. }) => {
                judged(self.holds(&(count as f64), &wanted), found)
            }
            (Wanted::Share(wanted), Value::Count { count, of }) => {
                // Multiplied and not divided, so that 99 of 100 are exactly 99 %.
                let wanted = wanted * of as f64;
                judged(self.holds(&(count as f64), &wanted), found)
            }
            (Wanted::Number(wanted), Value::Rate(rate)) => {
                judged(self.holds(&rate, &wanted), found)
            }
            (Wanted::Time(wanted), Value::Time(Some(time))) if time.is_more => {
                // Only what is true of every longer time is known.
                let beyond = matches!(self, Sign::More | Sign::AtLeast | Sign::Unequal);
                judged(beyond && time.time >= wanted, found)
            }
            (Wanted::Time(wanted), Value::Time(Some(time))) => {
                judged(self.holds(&time.time, &wanted), found)
            }
            _ => judged(false, found),
        }
    }
}

impl Sign {
    fn holds<T: PartialOrd>(self, found: &T, wanted: &T) -> bool {
        match self {
            Sign::Equal => found == wanted,
            Sign::Unequal => found != wanted,
            Sign::Less => found < wanted,
            Sign::AtMost => found <= wanted,
            Sign::More => found > wanted,
            Sign::AtLeast => found >= wanted,
        }
    }
}

impl FromStr for Expectations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// The longer first, since one begins like the other.
const COMPARISONS: [(&str, Sign); 7] = [
    ("<=", Sign::AtMost),
    (">=", Sign::AtLeast),
    ("!=", Sign::Unequal),
    ("==", Sign::Equal),
    ("<", Sign::Less),
    (">", Sign::More),
    ("=", Sign::Equal),
];

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "same_answers" {
            return Ok(Self { text: text.to_owned(), expected: Expected::SameAnswers });
        }
        let at = text.find(['<', '>', '=', '!']);
        let cut = at.and_then(|at| {
            let (name, rest) = text.split_at(at);
            COMPARISONS.iter().find_map(|(sign, comparison)| {
                Some((name.trim(), *comparison, rest.strip_prefix(sign)?.trim()))
            })
        });
        let Some((name, comparison, value)) = cut else {
            return Err(format!(
                "`{text}` compares nothing; wanted METRIC, one of = != < <= > >=, and a value, \
                 such as p95<5s"
            ));
        };
        if let Some(times) = value.strip_suffix(['x', '×']) {
            let expected = relative(name, comparison, times)?;
            return Ok(Self { text: text.to_owned(), expected });
        }
        let metric = Metric::from_str(name)?;
        let wanted = wanted(&metric, value).ok_or_else(|| {
            format!("`{value}` is no value for `{name}`; wanted {}", metric.unit())
        })?;
        let expected = Expected::Metric { metric, comparison, wanted };
        Ok(Self { text: text.to_owned(), expected })
    }
}

/// What is wanted in times of another's.
fn relative(name: &str, comparison: Sign, times: &str) -> Result<Expected, String> {
    if Figure::named(name).is_none() {
        Metric::from_str(name)?;
        let names = STATISTICS.map(|(name, _)| name).join(", ");
        return Err(format!("`{name}` is not compared with another's; rate, {names} are"));
    }
    let number = times.trim().parse().ok().filter(|times: &f64| *times > 0.0);
    let number = number.filter(|times| times.is_finite());
    let times = number.ok_or_else(|| format!("`{times}x` is no multiple; wanted 1.1x, say"))?;
    Ok(Expected::Ratio { name: name.to_owned(), comparison, times })
}

fn wanted(metric: &Metric, value: &str) -> Option<Wanted> {
    let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| *number >= 0.0);
    if metric.is_time() {
        return humantime::parse_duration(value).ok().map(Wanted::Time);
    }
    if metric.is_rate() {
        return number(value.strip_suffix("/s").unwrap_or(value)).map(Wanted::Number);
    }
    match value.strip_suffix('%') {
        Some(percent) => number(percent).filter(|p| *p <= 100.0).map(|p| Wanted::Share(p / 100.0)),
        None => number(value).map(Wanted::Number),
    }
}

#[cfg(test)]
mod tests;
