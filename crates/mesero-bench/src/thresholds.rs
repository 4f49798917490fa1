//! Thresholds for results: `client_timeout=0, p95<5s, ok>=99%`.

use std::str::FromStr;
use std::time::Duration;

use mesero_terminal::units::parse_duration;

use crate::stats::metric::{Figure, Metric, STATISTICS};

/// Thresholds, all of which must hold.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds(pub(crate) Vec<Threshold>);

/// A metric and the values that it may have.
#[derive(Debug, Clone)]
pub(crate) struct Threshold {
    /// As typed.
    pub(crate) text: String,
    pub(crate) condition: Condition,
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Metric {
        metric: Metric,
        comparator: Comparator,
        limit: ThresholdValue,
    },
    /// The ratio of a figure to that of the reference.
    Ratio {
        name: String,
        comparator: Comparator,
        times: f64,
    },
    /// The same response as the reference.
    SameResponses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value in the unit of its metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ThresholdValue {
    Number(f64),
    /// Of all requests, from 0 to 1.
    Share(f64),
    Time(Duration),
}

impl Thresholds {
    /// The first relative threshold.
    pub(crate) fn relative(&self) -> Option<&str> {
        self.first(|condition| matches!(condition, Condition::Ratio { .. }))
    }

    /// The threshold that compares responses.
    pub(crate) fn of_responses(&self) -> Option<&str> {
        self.first(|condition| matches!(condition, Condition::SameResponses))
    }

    fn first(&self, is_it: impl Fn(&Condition) -> bool) -> Option<&str> {
        let threshold = self.0.iter().find(|threshold| is_it(&threshold.condition));
        threshold.map(|threshold| threshold.text.as_str())
    }
}

impl Comparator {
    pub(crate) fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Comparator::Equal => value == limit,
            Comparator::Unequal => value != limit,
            Comparator::Less => value < limit,
            Comparator::AtMost => value <= limit,
            Comparator::More => value > limit,
            Comparator::AtLeast => value >= limit,
        }
    }
}

impl FromStr for Thresholds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Longer signs first, since some begin like others.
const COMPARISONS: [(&str, Comparator); 7] = [
    ("<=", Comparator::AtMost),
    (">=", Comparator::AtLeast),
    ("!=", Comparator::Unequal),
    ("==", Comparator::Equal),
    ("<", Comparator::Less),
    (">", Comparator::More),
    ("=", Comparator::Equal),
];

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "same_answers" {
            return Ok(Self { text: text.to_owned(), condition: Condition::SameResponses });
        }
        let at = text.find(['<', '>', '=', '!']);
        let cut = at.and_then(|at| {
            let (name, rest) = text.split_at(at);
            COMPARISONS.iter().find_map(|(sign, comparator)| {
                Some((name.trim(), *comparator, rest.strip_prefix(sign)?.trim()))
            })
        });
        let Some((name, comparator, value)) = cut else {
            return Err(format!(
                "`{text}` has no comparison; wanted METRIC, one of = != < <= > >=, and a value, \
                 such as p95<5s"
            ));
        };
        if let Some(times) = value.strip_suffix(['x', '×']) {
            let condition = relative(name, comparator, times)?;
            return Ok(Self { text: text.to_owned(), condition });
        }
        let metric = Metric::from_str(name)?;
        let limit = parse_limit(&metric, value).ok_or_else(|| {
            format!("`{value}` is not a value of `{name}`; wanted {}", metric.unit())
        })?;
        let condition = Condition::Metric { metric, comparator, limit };
        Ok(Self { text: text.to_owned(), condition })
    }
}

/// Reads a relative threshold.
fn relative(name: &str, comparator: Comparator, times: &str) -> Result<Condition, String> {
    if Figure::named(name).is_none() {
        Metric::from_str(name)?;
        let names = STATISTICS.map(|(name, _)| name).join(", ");
        return Err(format!(
            "`{name}` has no ratio to a reference; those of rate, {names} are accepted"
        ));
    }
    let number = times.trim().parse().ok().filter(|times: &f64| *times > 0.0);
    let number = number.filter(|times| times.is_finite());
    let times =
        number.ok_or_else(|| format!("`{times}x` is not a ratio; wanted a number such as 1.1x"))?;
    Ok(Condition::Ratio { name: name.to_owned(), comparator, times })
}

fn parse_limit(metric: &Metric, value: &str) -> Option<ThresholdValue> {
    let number = |text: &str| text.trim().parse().ok().filter(|number: &f64| *number >= 0.0);
    if metric.is_time() {
        return parse_duration(value).map(ThresholdValue::Time);
    }
    if metric.is_rate() {
        return number(value.strip_suffix("/s").unwrap_or(value)).map(ThresholdValue::Number);
    }
    match value.strip_suffix('%') {
        Some(percent) => {
            number(percent).filter(|p| *p <= 100.0).map(|p| ThresholdValue::Share(p / 100.0))
        }
        None => number(value).map(ThresholdValue::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_timeouts_in_mesero_0_1_is_still_read() {
        for text in ["client_timeout=0", "gave_up=0"] {
            let thresholds: Thresholds = text.parse().unwrap();
            let Condition::Metric { metric, .. } = &thresholds.0[0].condition else { panic!() };
            assert_eq!(*metric, Metric::ClientTimeout, "{text}");
        }
    }
}
