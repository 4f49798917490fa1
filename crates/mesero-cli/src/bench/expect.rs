//! What a measurement has to show: `gave_up=0, p95<5s, ok>=99%`.

use std::str::FromStr;
use std::time::Duration;

use super::bootstrap::{Interval, LEAST_ROUNDS};
use super::comparison::{self, Answers, Comparison};
use super::measured::STATISTICS;
use super::metric::{Metric, Value};
use super::ratio::{Figure, Ratio};
use super::record::Record;

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
pub(super) struct Beside<'a> {
    /// By its figures.
    pub(super) figures: Option<&'a Comparison>,
    /// By its answers.
    pub(super) answers: Option<&'a Comparison>,
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
    pub(super) fn judge(&self, record: &Record, beside: Beside<'_>) -> Vec<Judged> {
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
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::bench::comparison::tests::measured;
    use crate::bench::outcome::{Answer, Fault, FaultKind, Outcome};
    use crate::bench::plan::Load;
    use crate::bench::ratio::Pairing;
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
        let judged = text.parse::<Expectations>().unwrap().judge(record, Beside::default());
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
            "p99<10s".parse::<Expectations>().unwrap().judge(&record, Beside::default())[0].found,
            "more than 7.00 s"
        );
    }

    fn beside(contestant: &[u64], reference: &[u64]) -> (Record, Comparison) {
        let [contestant, reference] = [("slow", contestant), ("fast", reference)]
            .map(|(name, rounds)| measured(name, rounds));
        let load = Load::Closed { clients: std::num::NonZeroUsize::MIN };
        let comparison = Comparison::of(&contestant, &reference, &load, Pairing::Rounds);
        (contestant.record, comparison)
    }

    fn judge(text: &str, (record, comparison): &(Record, Comparison)) -> Vec<Judged> {
        let beside = Beside { figures: Some(comparison), answers: Some(comparison) };
        text.parse::<Expectations>().unwrap().judge(record, beside)
    }

    #[test]
    fn what_is_relative_is_compared_with_the_ratio_to_another_and_only_with_that() {
        let slower = beside(&[110; 8], &[100; 8]);
        let text = "rate>=0.9x, rate>=0.95x, p99<=1.11x, mean<1.05×, same_answers, ok=100%";
        let holds: Vec<_> = judge(text, &slower).iter().map(|judged| judged.holds).collect();
        assert_eq!(holds, [true, false, true, false, false, true]);
        let expectations = text.parse::<Expectations>().unwrap();
        let alone = expectations.judge(&slower.0, Beside::default());
        assert_eq!(alone.len(), 1, "nobody is compared with himself");
        assert_eq!(expectations.relative(), Some("rate>=0.9x"));
        assert_eq!(expectations.of_answers(), Some("same_answers"));
        let absolute = "ok=1".parse::<Expectations>().unwrap();
        assert_eq!((absolute.relative(), absolute.of_answers()), (None, None));
        for bad in ["ok>=0.9x", "p98<1x", "rate>x", "rate>0x", "gaveup<1x"] {
            assert!(bad.parse::<Expectations>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_relative_holds_only_if_it_does_for_all_that_the_ratio_may_be() {
        let rounds = [100, 130, 80, 100, 120, 90, 110, 100];
        let unsure = beside(&rounds, &[100; 8]);
        let holds = |text: &str| judge(text, &unsure)[0].holds;
        // In the median it is 1, and it may be 1.1.
        for (text, wanted) in [("p50<=1.05x", false), ("p50<=1.5x", true), ("p50!=1x", false)] {
            assert_eq!(holds(text), wanted, "{text}: {}", judge(text, &unsure)[0].found);
        }
        assert!(!holds("p50>=1x") && holds("p50>=0.7x") && holds("p50!=2x"));
    }

    #[test]
    fn what_is_relative_does_not_hold_for_lack_of_rounds() {
        let few = beside(&[100; 7], &[100; 8]);
        let judged = &judge("p50<=1000x", &few)[0];
        assert!(!judged.holds);
        assert_eq!(judged.found, "1.00 ×, of which nothing is sure with fewer than 8 rounds");
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
