//! Judges thresholds.

use crate::comparison::ratio::Ratio;
use crate::comparison::response_snapshot::ResponseMatch;
use crate::comparison::{self, Comparison};
use crate::stats::bootstrap::{ConfidenceInterval, LEAST_ROUNDS};
use crate::stats::metric::MetricValue;
use crate::stats::record::LoadRecord;
use crate::thresholds::{Comparator, Condition, Threshold, ThresholdValue, Thresholds};

/// Judges all thresholds by the results of a target. Relative thresholds use the ratio to their reference, and are left
/// out for the reference itself. Without any latency, no threshold holds.
pub(crate) fn judge(
    thresholds: &Thresholds,
    record: &LoadRecord,
    references: References<'_>,
) -> Vec<ThresholdResult> {
    thresholds.0.iter().filter_map(|threshold| judge_one(threshold, record, references)).collect()
}

/// Comparisons for relative thresholds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct References<'a> {
    /// For figures.
    pub(crate) figures: Option<&'a Comparison>,
    /// For responses.
    pub(crate) responses: Option<&'a Comparison>,
}

/// The result of a threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ThresholdResult {
    pub(crate) text: String,
    pub(crate) holds: bool,
    /// The measured value as text.
    pub(crate) observed: String,
}

fn judge_one(
    threshold: &Threshold,
    record: &LoadRecord,
    references: References<'_>,
) -> Option<ThresholdResult> {
    let judged =
        |holds, observed| Some(ThresholdResult { text: threshold.text.clone(), holds, observed });
    let nothing = "no request was answered or timed out";
    match &threshold.condition {
        _ if !record.has_latencies() => judged(false, nothing.to_owned()),
        Condition::Metric { metric, comparator, limit } => {
            let (holds, observed) = of_metric(*comparator, *limit, metric.of(record));
            judged(holds, observed)
        }
        Condition::Ratio { name, comparator, times } => {
            let references = references.figures?;
            let ratio = references.ratio(name);
            let observed = comparison::text(ratio);
            if references.has_rounds() {
                judged(of_ratio(*comparator, ratio, *times), with_why(observed, ratio))
            } else {
                judged(
                    false,
                    format!(
                        "{observed}, without a confidence interval, which takes {LEAST_ROUNDS} rounds"
                    ),
                )
            }
        }
        Condition::SameResponses => match &references.responses?.responses {
            ResponseMatch::Same => judged(true, "they are the same".to_owned()),
            ResponseMatch::Differ(how) => judged(false, how.clone()),
            ResponseMatch::Unknown => judged(false, "a response was not received".to_owned()),
        },
    }
}

/// The ratio, with the reason if it has no interval.
fn with_why(observed: String, ratio: Ratio) -> String {
    match ratio {
        Ratio::Of { interval: None, .. } => {
            format!(
                "{observed}, without a confidence interval, since some rounds have no such figure"
            )
        }
        _ => observed,
    }
}

/// Holds only if it does so for the whole interval, or for all values beyond a bound.
fn of_ratio(sign: Comparator, ratio: Ratio, limit: f64) -> bool {
    match ratio {
        Ratio::Of { interval: Some(ConfidenceInterval { low, high }), .. } => match sign {
            Comparator::Unequal => limit < low || limit > high,
            _ => sign.holds(&low, &limit) && sign.holds(&high, &limit),
        },
        Ratio::MoreThan(bound) => {
            matches!(sign, Comparator::More | Comparator::AtLeast | Comparator::Unequal)
                && bound >= limit
        }
        Ratio::LessThan(bound) => {
            matches!(sign, Comparator::Less | Comparator::AtMost | Comparator::Unequal)
                && bound <= limit
        }
        Ratio::Of { interval: None, .. } | Ratio::Unknown => false,
    }
}

/// Whether the threshold holds, and the measured value as text.
fn of_metric(sign: Comparator, limit: ThresholdValue, value: MetricValue) -> (bool, String) {
    let observed = value.to_string();
    let judged = |holds, observed| (holds, observed);
    match (limit, value) {
        (ThresholdValue::Number(limit), MetricValue::Count { count, .. }) => {
            judged(sign.holds(&(count as f64), &limit), observed)
        }
        (ThresholdValue::Share(limit), MetricValue::Count { count, of }) => {
            // Multiplied instead of divided, so that 99 of 100 are exactly 99 %.
            let limit = limit * of as f64;
            judged(sign.holds(&(count as f64), &limit), observed)
        }
        (ThresholdValue::Number(limit), MetricValue::Rate(rate)) => {
            judged(sign.holds(&rate, &limit), observed)
        }
        (ThresholdValue::Time(limit), MetricValue::Time(Some(time))) if time.is_lower_bound => {
            // Only what is true of all longer times is certain.
            let beyond =
                matches!(sign, Comparator::More | Comparator::AtLeast | Comparator::Unequal);
            judged(beyond && time.time >= limit, observed)
        }
        (ThresholdValue::Time(limit), MetricValue::Time(Some(time))) => {
            judged(sign.holds(&time.time, &limit), observed)
        }
        _ => judged(false, observed),
    }
}

#[cfg(test)]
mod tests;
