//! When a run stops early: GNU parallel's rules.

use std::fmt;
use std::str::FromStr;

use crate::output::summary::StatusCounts;

/// When to stop, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HaltRule {
    pub(crate) mode: HaltMode,
    outcome: CountedOutcome,
    threshold: HaltThreshold,
}

/// What becomes of the items in work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HaltMode {
    /// They are given up.
    CancelRunning,
    /// They finish.
    FinishRunning,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountedOutcome {
    Fail,
    Success,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum HaltThreshold {
    Items(u64),
    /// Of the items that are done.
    Percent(f64),
}

impl HaltRule {
    /// Whether it is time to stop.
    ///
    /// A share is looked at once so many items are done that one alone is not more than it, and three at least.
    pub(crate) fn is_due(&self, counts: &StatusCounts) -> bool {
        let (failed, done) = (counts.failed(), counts.done());
        let count = match self.outcome {
            CountedOutcome::Fail => failed,
            CountedOutcome::Success => done - failed,
            CountedOutcome::Done => done,
        };
        match self.threshold {
            HaltThreshold::Items(threshold) => count >= threshold,
            HaltThreshold::Percent(percent) => {
                let enough = (100.0 / percent).ceil().max(3.0);
                done as f64 >= enough && count as f64 * 100.0 >= percent * done as f64
            }
        }
    }
}

impl FromStr for HaltRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |why: &str| {
            format!(
                "wanted [now|soon,]fail|success|done=N or N%, such as `fail=5%` or `now,fail=1`: {why}"
            )
        };
        let (mode, rule) = match text.split_once(',') {
            None => (HaltMode::FinishRunning, text),
            Some(("soon", rule)) => (HaltMode::FinishRunning, rule),
            Some(("now", rule)) => (HaltMode::CancelRunning, rule),
            Some((mode, _)) => {
                return Err(error(&format!("`{mode}` is neither now nor soon")));
            }
        };
        let (outcome, threshold) = rule.split_once('=').ok_or_else(|| error("there is no `=`"))?;
        let outcome = match outcome {
            "fail" => CountedOutcome::Fail,
            "success" => CountedOutcome::Success,
            "done" => CountedOutcome::Done,
            _ => return Err(error(&format!("`{outcome}` is not counted"))),
        };
        let threshold = match threshold.strip_suffix('%') {
            None => {
                let items = threshold.parse().ok().filter(|items| *items > 0);
                HaltThreshold::Items(
                    items.ok_or_else(|| error(&format!("`{threshold}` is no number above 0")))?,
                )
            }
            Some(_) if outcome == CountedOutcome::Done => {
                return Err(error("of the items that are done, all are; give a number"));
            }
            Some(percent) => {
                let percent: Option<f64> = percent.parse().ok();
                let percent = percent.filter(|percent| *percent > 0.0 && *percent <= 100.0);
                HaltThreshold::Percent(
                    percent.ok_or_else(|| error("a share is above 0% and at most 100%"))?,
                )
            }
        };
        Ok(Self { mode, outcome, threshold })
    }
}

impl fmt::Display for HaltRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            CountedOutcome::Fail => "failed",
            CountedOutcome::Success => "succeeded",
            CountedOutcome::Done => "are done",
        };
        match self.threshold {
            HaltThreshold::Items(items) => write!(f, "{items} of the items {outcome}"),
            HaltThreshold::Percent(percent) => write!(f, "{percent} % of the items {outcome}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::record::ItemStatus;

    fn is_due(rule: &str, succeeded: u64, failed: u64) -> bool {
        let mut counts = StatusCounts::default();
        for (status, times) in [(ItemStatus::Succeeded, succeeded), (ItemStatus::Failed, failed)] {
            (0..times).for_each(|_| counts.add(status));
        }
        rule.parse::<HaltRule>().unwrap().is_due(&counts)
    }

    #[test]
    fn a_number_is_reached() {
        assert!(!is_due("fail=2", 100, 1) && is_due("fail=2", 0, 2));
        assert!(!is_due("now,success=2", 1, 9) && is_due("now,success=2", 2, 0));
        assert!(!is_due("soon,done=3", 1, 1) && is_due("soon,done=3", 2, 1));
    }

    #[test]
    fn a_share_is_looked_at_once_one_item_alone_is_not_more_than_it() {
        assert!(!is_due("fail=5%", 0, 19) && is_due("fail=5%", 19, 1));
        assert!(!is_due("fail=5%", 20, 1));
        assert!(!is_due("fail=100%", 0, 2) && is_due("fail=100%", 0, 3));
    }

    #[test]
    fn anything_else_is_refused_with_what_was_wanted() {
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
            assert!(bad.parse::<HaltRule>().unwrap_err().starts_with("wanted"), "{bad}");
        }
    }
}
