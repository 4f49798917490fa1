//! A distribution of times as a file keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::to_raw_value;

use crate::stats::latency_histogram::{LONGEST, Times, nanoseconds};
use crate::stats::nullable;

/// All that can be told of a distribution, to the same digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) count: u64,
    /// In seconds; null, as the next two, where there are no times.
    #[serde(deserialize_with = "nullable::required")]
    min_s: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    mean_s: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    max_s: Option<f64>,
    /// The shortest of those that were cut off.
    #[serde(deserialize_with = "nullable::required")]
    cut_s: Option<f64>,
    /// Times in nanoseconds, to three digits and rising, and how many there were of each.
    #[serde(serialize_with = "on_one_line")]
    histogram_ns: Vec<(u64, u64)>,
}

fn on_one_line<S: Serializer>(buckets: &[(u64, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    to_raw_value(buckets).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl From<&Times> for Kept {
    fn from(times: &Times) -> Self {
        let seconds = |time: Option<crate::stats::latency_histogram::Found>| {
            time.map(|found| found.time.as_secs_f64())
        };
        let bucket = |found: hdrhistogram::iterators::IterationValue<u64>| {
            (found.value_iterated_to(), found.count_at_value())
        };
        Self {
            count: times.count(),
            min_s: seconds(times.shortest()),
            mean_s: seconds(times.mean()),
            max_s: seconds(times.longest()),
            cut_s: times.cut.map(|cut| cut.as_secs_f64()),
            histogram_ns: times.seen.iter_recorded().map(bucket).collect(),
        }
    }
}

impl Kept {
    /// The distribution again.
    ///
    /// # Errors
    /// What in it contradicts what else.
    pub(crate) fn times(&self) -> Result<Times, String> {
        let mut times = Times::new().map_err(|error| format!("{error:?}"))?;
        let mut before = None;
        for &(value, count) in &self.histogram_ns {
            if before.is_some_and(|before| value <= before) || count == 0 || value > ROOM {
                return Err(format!(
                    "`histogram_ns` has [{value}, {count}], and wanted are rising times and how many there were of each"
                ));
            }
            before = Some(value);
            times.seen.saturating_record_n(value, count);
            let seconds = value as f64 / 1e9;
            times.squares += seconds * seconds * count as f64;
        }
        let counts = self.histogram_ns.iter().map(|(_, count)| *count);
        let sum = counts.fold(0, u64::saturating_add);
        if sum != self.count {
            let count = self.count;
            return Err(format!("`histogram_ns` has {sum} times, and `count` says {count}"));
        }
        if self.count == 0 {
            return Ok(times);
        }
        times.shortest = duration("min_s", self.min_s)?;
        times.longest = duration("max_s", self.max_s)?;
        times.total = duration("mean_s", self.mean_s.map(|mean| mean * self.count as f64))?;
        times.cut = self.cut_s.map(|cut| duration("cut_s", Some(cut))).transpose()?;
        self.agrees(&times)?;
        Ok(times)
    }

    /// Whether the figures that are kept beside the histogram agree with it.
    fn agrees(&self, times: &Times) -> Result<(), String> {
        let same = |time, value| {
            times.seen.equivalent(nanoseconds(time).min(LONGEST), u64::min(value, LONGEST))
        };
        let ends = (self.histogram_ns.first(), self.histogram_ns.last());
        if let (Some((first, _)), Some((last, _))) = ends {
            if !same(times.shortest, *first) {
                return Err("`min_s` is not where `histogram_ns` begins".to_owned());
            }
            if !same(times.longest, *last) {
                return Err("`max_s` is not where `histogram_ns` ends".to_owned());
            }
        }
        let bounds = times.shortest..=times.longest;
        let rounding = 1e-9;
        let mean = self.mean_s.unwrap_or_default();
        let (least, most) = (bounds.start().as_secs_f64(), bounds.end().as_secs_f64());
        if mean < least * (1.0 - rounding) - rounding || mean > most * (1.0 + rounding) + rounding {
            return Err("`mean_s` is not between `min_s` and `max_s`".to_owned());
        }
        match times.cut.is_none_or(|cut| bounds.contains(&cut)) {
            true => Ok(()),
            false => Err("`cut_s` is not between `min_s` and `max_s`".to_owned()),
        }
    }
}

/// The longest that is kept is the upper end of what cannot be told from an hour.
const ROOM: u64 = LONGEST + LONGEST / 500;

fn duration(name: &str, seconds: Option<f64>) -> Result<Duration, String> {
    let seconds = seconds.ok_or_else(|| format!("`{name}` is null, and `count` is not 0"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = &'a dyn Fn(&mut Kept);

    fn times() -> Times {
        let mut times = Times::new().unwrap();
        (1..=1_000).for_each(|number| times.add(Duration::from_micros(number * number * 7)));
        (0..3).for_each(|_| times.add_cut(Duration::from_secs(7)));
        times
    }

    fn read_again(kept: &Kept) -> Kept {
        serde_json::from_str(&serde_json::to_string_pretty(kept).unwrap()).unwrap()
    }

    #[test]
    fn what_is_kept_of_a_distribution_tells_the_same_of_it() {
        let hour = Duration::from_secs(3_600);
        let mut long = times();
        long.add_cut(2 * hour);
        for times in [times(), long, Times::new().unwrap()] {
            let again = read_again(&Kept::from(&times)).times().unwrap();
            assert_eq!(again.seen, times.seen);
            for share in [0.0, 0.5, 0.9, 0.999, 1.0] {
                assert_eq!(again.quantile(share), times.quantile(share), "{share}");
            }
            assert_eq!((again.shortest(), again.longest()), (times.shortest(), times.longest()));
            let [mean, before] = [&again, &times].map(|times| times.mean().map(|found| found.time));
            let difference = mean.zip(before).map(|(mean, before)| mean.abs_diff(before));
            assert!(difference.unwrap_or_default() <= Duration::from_micros(1), "{difference:?}");
        }
        let [error, before] =
            [Kept::from(&times()).times().unwrap(), times()].map(|times| times.error().unwrap().0);
        assert!((error - before).abs() <= before / 100.0, "{error} {before}");
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_what_does() {
        let whole = Kept::from(&times());
        let refused = |change: Change<'_>| {
            let mut kept = whole.clone();
            change(&mut kept);
            kept.times().unwrap_err()
        };
        let cases: [(Change<'_>, &str); 8] = [
            (&|kept| kept.count += 1, "has 1003 times, and `count` says 1004"),
            (&|kept| kept.histogram_ns.swap(0, 1), "wanted are rising times"),
            (&|kept| kept.histogram_ns[3].1 = 0, "wanted are rising times"),
            (&|kept| kept.histogram_ns[3].1 = u64::MAX, "and `count` says 1003"),
            (&|kept| kept.min_s = Some(0.5), "`min_s` is not where"),
            (&|kept| kept.max_s = None, "`max_s` is null"),
            (&|kept| kept.mean_s = Some(8.0), "`mean_s` is not between"),
            (&|kept| kept.cut_s = Some(-1.0), "`cut_s`: "),
        ];
        for (change, text) in cases {
            assert!(refused(change).contains(text), "{text}: {}", refused(change));
        }
    }

    #[test]
    fn a_member_that_is_missing_is_not_taken_for_none() {
        let kept = serde_json::to_string(&Kept::from(&times())).unwrap();
        let error = serde_json::from_str::<Kept>(&kept.replace("cut_s", "other")).unwrap_err();
        assert!(error.to_string().contains("missing field `cut_s`"), "{error}");
    }
}
