//! Thresholds, judged by what was measured.

use crate::comparison::ratio::Ratio;
use crate::comparison::response_snapshot::Answers;
use crate::comparison::{self, Comparison};
use crate::stats::bootstrap::{Interval, LEAST_ROUNDS};
use crate::stats::metric::Value;
use crate::stats::record::Record;
use crate::thresholds::{Expectation, Expectations, Expected, Sign, Wanted};

/// Compares them with what was measured; those that are relative are compared with the ratio to
/// the reference, and are left out where the record is the reference itself. Where nothing was
/// measured, none holds.
pub(crate) fn judge(expected: &Expectations, record: &Record, beside: Beside<'_>) -> Vec<Judged> {
    expected.0.iter().filter_map(|expectation| one(expectation, record, beside)).collect()
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

fn one(expectation: &Expectation, record: &Record, beside: Beside<'_>) -> Option<Judged> {
    let judged = |holds, found| Some(Judged { text: expectation.text.clone(), holds, found });
    let nothing = "there was nothing to measure";
    match &expectation.expected {
        _ if !record.has_times() => judged(false, nothing.to_owned()),
        Expected::Metric { metric, comparison, wanted } => {
            let (holds, found) = of_metric(*comparison, *wanted, metric.of(record));
            judged(holds, found)
        }
        Expected::Ratio { name, comparison, times } => {
            let beside = beside.figures?;
            let ratio = beside.ratio(name);
            let found = comparison::text(ratio);
            match beside.has_rounds() {
                true => judged(of_ratio(*comparison, ratio, *times), with_why(found, ratio)),
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

/// What was found, and why that is not enough where it is not.
fn with_why(found: String, ratio: Ratio) -> String {
    match ratio {
        Ratio::Of { interval: None, .. } => {
            format!("{found}, of which nothing is sure, since some rounds have no such figure")
        }
        _ => found,
    }
}

/// Only what is true of all that it may be is known: of the whole interval, or of all beyond a bound.
fn of_ratio(sign: Sign, ratio: Ratio, wanted: f64) -> bool {
    match ratio {
        Ratio::Of { interval: Some(Interval { low, high }), .. } => match sign {
            Sign::Unequal => wanted < low || wanted > high,
            _ => sign.holds(&low, &wanted) && sign.holds(&high, &wanted),
        },
        Ratio::MoreThan(bound) => {
            matches!(sign, Sign::More | Sign::AtLeast | Sign::Unequal) && bound >= wanted
        }
        Ratio::LessThan(bound) => {
            matches!(sign, Sign::Less | Sign::AtMost | Sign::Unequal) && bound <= wanted
        }
        Ratio::Of { interval: None, .. } | Ratio::Unknown => false,
    }
}

/// Whether it holds, and what was found.
fn of_metric(sign: Sign, wanted: Wanted, value: Value) -> (bool, String) {
    let found = value.to_string();
    let judged = |holds, found| (holds, found);
    match (wanted, value) {
        (Wanted::Number(wanted), Value::Count { count, .. }) => {
            judged(sign.holds(&(count as f64), &wanted), found)
        }
        (Wanted::Share(wanted), Value::Count { count, of }) => {
            // Multiplied and not divided, so that 99 of 100 are exactly 99 %.
            let wanted = wanted * of as f64;
            judged(sign.holds(&(count as f64), &wanted), found)
        }
        (Wanted::Number(wanted), Value::Rate(rate)) => judged(sign.holds(&rate, &wanted), found),
        (Wanted::Time(wanted), Value::Time(Some(time))) if time.is_more => {
            // Only what is true of every longer time is known.
            let beyond = matches!(sign, Sign::More | Sign::AtLeast | Sign::Unequal);
            judged(beyond && time.time >= wanted, found)
        }
        (Wanted::Time(wanted), Value::Time(Some(time))) => {
            judged(sign.holds(&time.time, &wanted), found)
        }
        _ => judged(false, found),
    }
}

#[cfg(test)]
mod tests;
