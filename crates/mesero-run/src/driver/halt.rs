//! Rules that end a run early, as in GNU parallel's `--halt`.

use std::fmt;
use std::str::FromStr;

use crate::output::counts::StatusCounts;

/// A rule that ends a run early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HaltRule {
    pub(crate) mode: HaltMode,
    counted: CountedItems,
    threshold: HaltThreshold,
}

/// The fate of items in flight when a run is halted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HaltMode {
    CancelRunning,
    FinishRunning,
}

/// The items that a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountedItems {
    Failed,
    Succeeded,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum HaltThreshold {
    Items(u64),
    /// Percent of the finished items.
    Percent(f64),
}

impl HaltRule {
    /// Whether the run should halt.
    ///
    /// A share is compared once a single item would not exceed it, and at least three items have finished.
    pub(crate) fn is_due(&self, counts: &StatusCounts) -> bool {
        let (failed, done) = (counts.failed(), counts.done());
        let count = match self.counted {
            CountedItems::Failed => failed,
            CountedItems::Succeeded => done - failed,
            CountedItems::Done => done,
        };
        match self.threshold {
            HaltThreshold::Items(threshold) => count >= threshold,
            HaltThreshold::Percent(percent) => {
                let min_done = (100.0 / percent).ceil().max(3.0);
                done as f64 >= min_done && count as f64 * 100.0 >= percent * done as f64
            }
        }
    }
}

impl FromStr for HaltRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |why: &str| {
            format!(
                "expected [now|soon,]fail|success|done=N or N%, such as `fail=5%` or `now,fail=1`: {why}"
            )
        };
        let (mode, rule) = match text.split_once(',') {
            None => (HaltMode::FinishRunning, text),
            Some(("soon", rule)) => (HaltMode::FinishRunning, rule),
            Some(("now", rule)) => (HaltMode::CancelRunning, rule),
            Some((mode, _)) => {
                return Err(error(&format!("`{mode}` is neither `now` nor `soon`")));
            }
        };
        let (counted, threshold) = rule.split_once('=').ok_or_else(|| error("there is no `=`"))?;
        let counted = match counted {
            "fail" => CountedItems::Failed,
            "success" => CountedItems::Succeeded,
            "done" => CountedItems::Done,
            _ => return Err(error(&format!("`{counted}` is not `fail`, `success` or `done`"))),
        };
        let threshold = match threshold.strip_suffix('%') {
            None => {
                let items = threshold.parse().ok().filter(|items| *items > 0);
                HaltThreshold::Items(
                    items
                        .ok_or_else(|| error(&format!("`{threshold}` is not a number above 0")))?,
                )
            }
            Some(_) if counted == CountedItems::Done => {
                return Err(error("`done` takes a number: a share of it is always 100%"));
            }
            Some(percent) => {
                let percent: Option<f64> = percent.parse().ok();
                let percent = percent.filter(|percent| *percent > 0.0 && *percent <= 100.0);
                HaltThreshold::Percent(
                    percent.ok_or_else(|| error("a share is above 0% and at most 100%"))?,
                )
            }
        };
        Ok(Self { mode, counted, threshold })
    }
}

impl fmt::Display for HaltRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = match self.counted {
            CountedItems::Failed => "failed",
            CountedItems::Succeeded => "succeeded",
            CountedItems::Done => "are done",
        };
        match self.threshold {
            HaltThreshold::Items(items) => write!(f, "{items} of the items {counted}"),
            HaltThreshold::Percent(percent) => write!(f, "{percent} % of the items {counted}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::status::ItemStatus;

    fn is_due(rule: &str, succeeded: u64, failed: u64) -> bool {
        let mut counts = StatusCounts::default();
        for (status, items) in [(ItemStatus::Succeeded, succeeded), (ItemStatus::Failed, failed)] {
            (0..items).for_each(|_| counts.add(status));
        }
        rule.parse::<HaltRule>().unwrap().is_due(&counts)
    }

    #[test]
    fn a_run_halts_at_a_number_of_items() {
        assert!(!is_due("fail=2", 100, 1) && is_due("fail=2", 0, 2));
        assert!(!is_due("now,success=2", 1, 9) && is_due("now,success=2", 2, 0));
        assert!(!is_due("soon,done=3", 1, 1) && is_due("soon,done=3", 2, 1));
    }

    #[test]
    fn a_share_is_compared_once_a_single_item_does_not_exceed_it() {
        assert!(!is_due("fail=5%", 0, 19) && is_due("fail=5%", 19, 1));
        assert!(!is_due("fail=5%", 20, 1));
        assert!(!is_due("fail=100%", 0, 2) && is_due("fail=100%", 0, 3));
    }

    #[test]
    fn an_invalid_rule_is_rejected_with_what_is_expected() {
        for bad in [
            "",
            "fail",
            "fail=",
            "fail=0",
            "fail=0%",
            "fail=101%",
            "later,fail=1",
            "done=5%",
            "x=1",
        ] {
            assert!(bad.parse::<HaltRule>().unwrap_err().starts_with("expected"), "{bad}");
        }
    }
}
