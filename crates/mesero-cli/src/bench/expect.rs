//! What a measurement has to show: `gave_up=0, p95<5s, ok>=99%`.

use std::str::FromStr;
use std::time::Duration;

use super::metric::{Metric, Value};
use super::record::Record;

/// Expectations, all of which have to hold.
#[derive(Debug, Clone)]
pub(crate) struct Expectations(Vec<Expectation>);

/// One metric, compared with a value.
#[derive(Debug, Clone)]
struct Expectation {
    /// As it was written.
    text: String,
    metric: Metric,
    comparison: Comparison,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
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

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) text: String,
    pub(crate) holds: bool,
    /// What was found, in words.
    pub(crate) found: String,
}

impl Expectations {
    /// Compares them with what was measured. Where nothing was measured, none holds.
    pub(crate) fn judge(&self, record: &Record) -> Vec<Judged> {
        self.0.iter().map(|expectation| expectation.judge(record)).collect()
    }
}

impl Expectation {
    fn judge(&self, record: &Record) -> Judged {
        let judged = |holds, found| Judged { text: self.text.clone(), holds, found };
        if !record.has_times() {
            return judged(false, "there was nothing to measure".to_owned());
        }
        let value = self.metric.of(record);
        let found = value.to_string();
        match (self.wanted, value) {
            (Wanted::Number(wanted), Value::Count { count, .. }) => {
                judged(self.comparison.holds(&(count as f64), &wanted), found)
            }
            (Wanted::Share(wanted), Value::Count { count, of }) => {
                // Multiplied and not divided, so that 99 of 100 are exactly 99 %.
                let wanted = wanted * of as f64;
                judged(self.comparison.holds(&(count as f64), &wanted), found)
            }
            (Wanted::Number(wanted), Value::Rate(rate)) => {
                judged(self.comparison.holds(&rate, &wanted), found)
            }
            (Wanted::Time(wanted), Value::Time(Some(time))) if time.is_more => {
                // Only what is true of every longer time is known.
                let beyond = matches!(
                    self.comparison,
                    Comparison::More | Comparison::AtLeast | Comparison::Unequal
                );
                judged(beyond && time.time >= wanted, found)
            }
            (Wanted::Time(wanted), Value::Time(Some(time))) => {
                judged(self.comparison.holds(&time.time, &wanted), found)
            }
            _ => judged(false, found),
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd>(self, found: &T, wanted: &T) -> bool {
        match self {
            Comparison::Equal => found == wanted,
            Comparison::Unequal => found != wanted,
            Comparison::Less => found < wanted,
            Comparison::AtMost => found <= wanted,
            Comparison::More => found > wanted,
            Comparison::AtLeast => found >= wanted,
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
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("!=", Comparison::Unequal),
    ("==", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("=", Comparison::Equal),
];

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
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
        let metric = Metric::from_str(name)?;
        let wanted = wanted(&metric, value).ok_or_else(|| {
            format!("`{value}` is no value for `{name}`; wanted {}", metric.unit())
        })?;
        Ok(Self { text: text.to_owned(), metric, comparison, wanted })
    }
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
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::bench::outcome::{Answer, Fault, FaultKind, Outcome};
    use crate::bench::record::{Instants, Window};

    /// So many ok answers of a second, give-ups after seven, and refusals.
    fn record(ok: u64, gave_up: u64, refused: u64) -> Record {
        let begin = Instant::now() - Duration::from_secs(60);
        let end = Some(begin + Duration::from_secs(10));
        let mut record = Record::new(Window { begin, end }).unwrap();
        let after = |seconds| {
            let ended = begin + Duration::from_secs(seconds);
            Instants { planned: begin, begun: begin, ended }
        };
        let answer = Answer { status: 200, body_bytes: 0, keeps: true };
        (0..ok).for_each(|_| record.add(after(1), Outcome::Answered(answer)));
        (0..gave_up).for_each(|_| record.add(after(7), Outcome::GaveUp));
        let refusal = || Outcome::Failed(Fault::new(FaultKind::Refused, "refused"));
        (0..refused).for_each(|_| record.add(after(0), refusal()));
        record
    }

    fn holds(text: &str, record: &Record) -> bool {
        let judged = text.parse::<Expectations>().unwrap().judge(record);
        judged.iter().all(|judged| judged.holds)
    }

    #[test]
    fn counts_shares_times_and_rates_are_compared_each_in_its_unit() {
        let record = record(99, 1, 0);
        for text in [
            "ok=99",
            "ok>=99%",
            "ok<100%",
            "gave_up<=1%",
            "gave_up!=0",
            "requests==100",
            "p50<1010ms, p50>=1s",
            "p95<5s",
            "mean<7s, service_p50<=1010ms",
            " rate >= 9.9/s ",
            "failed=1",
            "refused=0",
            "status_503=0",
            "statuses=0",
            "min=1s",
        ] {
            // The mean is more than 1.06 s, since one gave up: nobody knows whether it is below 7.
            let wanted = !text.starts_with("mean<7s");
            assert_eq!(holds(text, &record), wanted, "{text}");
        }
    }

    #[test]
    fn of_what_was_cut_off_only_that_it_is_longer_is_known() {
        let record = record(90, 10, 0);
        assert!(holds("p99>5s, p99>=7s", &record));
        for unknown in ["p99<10s", "p99=7s", "p99>8s", "max<1h"] {
            assert!(!holds(unknown, &record), "{unknown}");
        }
        assert_eq!(
            "p99<10s".parse::<Expectations>().unwrap().judge(&record)[0].found,
            "more than 7.00 s"
        );
    }

    #[test]
    fn nothing_measured_is_no_pass() {
        for text in ["gave_up=0", "p95<5s", "ok>=0%", "failed>=0"] {
            assert!(!holds(text, &record(0, 0, 0)), "{text}");
            assert!(!holds(text, &record(0, 0, 5)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expected_is_refused_with_what_could() {
        let error = |text: &str| text.parse::<Expectations>().unwrap_err();
        assert!(error("p95").contains("compares nothing"));
        assert!(error("").contains("compares nothing"));
        let misspelt = error("gaveup=0");
        assert!(misspelt.contains("`gaveup`") && misspelt.contains("`gave_up`"), "{misspelt}");
        for bad in ["p95<5", "p101<5s", "p<5s", "ok>=101%", "ok>=many", "rate>1%", "status_99=0"] {
            assert!(bad.parse::<Expectations>().is_err(), "{bad}");
        }
    }
}
