//! When a run stops early: GNU parallel's rules.

use std::fmt;
use std::str::FromStr;

use crate::output::summary::Counts;

/// When to stop, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Halt {
    pub(crate) manner: Manner,
    of: What,
    most: Most,
}

/// What becomes of the items in work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// They are given up.
    Now,
    /// They finish.
    Soon,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Fail,
    Success,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Most {
    Items(u64),
    /// Of the items that are done.
    Percent(f64),
}

impl Halt {
    /// Whether it is time to stop.
    ///
    /// A share is looked at once so many items are done that one alone is not more than it, and three at least.
    pub(crate) fn is_due(&self, counts: &Counts) -> bool {
        let (failed, done) = (counts.failed(), counts.done());
        let count = match self.of {
            What::Fail => failed,
            What::Success => done - failed,
            What::Done => done,
        };
        match self.most {
            Most::Items(most) => count >= most,
            Most::Percent(percent) => {
                let enough = (100.0 / percent).ceil().max(3.0);
                done as f64 >= enough && count as f64 * 100.0 >= percent * done as f64
            }
        }
    }
}

impl FromStr for Halt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = |why: &str| {
            format!(
                "wanted [now|soon,]fail|success|done=N or N%, such as `fail=5%` or `now,fail=1`: {why}"
            )
        };
        let (manner, rule) = match text.split_once(',') {
            None => (Manner::Soon, text),
            Some(("soon", rule)) => (Manner::Soon, rule),
            Some(("now", rule)) => (Manner::Now, rule),
            Some((manner, _)) => {
                return Err(wanted(&format!("`{manner}` is neither now nor soon")));
            }
        };
        let (of, most) = rule.split_once('=').ok_or_else(|| wanted("there is no `=`"))?;
        let of = match of {
            "fail" => What::Fail,
            "success" => What::Success,
            "done" => What::Done,
            _ => return Err(wanted(&format!("`{of}` is not counted"))),
        };
        let most = match most.strip_suffix('%') {
            None => {
                let items = most.parse().ok().filter(|items| *items > 0);
                Most::Items(items.ok_or_else(|| wanted(&format!("`{most}` is no number above 0")))?)
            }
            Some(_) if of == What::Done => {
                return Err(wanted("of the items that are done, all are; give a number"));
            }
            Some(percent) => {
                let percent: Option<f64> = percent.parse().ok();
                let percent = percent.filter(|percent| *percent > 0.0 && *percent <= 100.0);
                Most::Percent(
                    percent.ok_or_else(|| wanted("a share is above 0% and at most 100%"))?,
                )
            }
        };
        Ok(Self { manner, of, most })
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            What::Fail => "failed",
            What::Success => "succeeded",
            What::Done => "are done",
        };
        match self.most {
            Most::Items(items) => write!(f, "{items} of the items {of}"),
            Most::Percent(percent) => write!(f, "{percent} % of the items {of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::record::Status;

    fn is_due(rule: &str, succeeded: u64, failed: u64) -> bool {
        let mut counts = Counts::default();
        for (status, times) in [(Status::Succeeded, succeeded), (Status::Failed, failed)] {
            (0..times).for_each(|_| counts.add(status));
        }
        rule.parse::<Halt>().unwrap().is_due(&counts)
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
            assert!(bad.parse::<Halt>().unwrap_err().starts_with("wanted"), "{bad}");
        }
    }
}
