//! A latency histogram in a baseline file.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::to_raw_value;

use crate::stats::latency_histogram::{LONGEST, LatencyHistogram, nanoseconds};
use crate::stats::nullable;

/// All figures of a histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HistogramForm {
    pub(crate) count: u64,
    /// In seconds; null, like the next two, without latencies.
    #[serde(deserialize_with = "nullable::required")]
    min_s: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    mean_s: Option<f64>,
    #[serde(deserialize_with = "nullable::required")]
    max_s: Option<f64>,
    /// The smallest censored value.
    #[serde(deserialize_with = "nullable::required")]
    #[serde(alias = "cut_s")]
    censored_s: Option<f64>,
    /// Latencies in nanoseconds, to three digits and rising, with their counts.
    #[serde(serialize_with = "on_one_line")]
    histogram_ns: Vec<(u64, u64)>,
}

fn on_one_line<S: Serializer>(buckets: &[(u64, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    to_raw_value(buckets).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl From<&LatencyHistogram> for HistogramForm {
    fn from(times: &LatencyHistogram) -> Self {
        let seconds = |time: Option<crate::stats::latency_histogram::Latency>| {
            time.map(|latency| latency.time.as_secs_f64())
        };
        let bucket = |bucket: hdrhistogram::iterators::IterationValue<u64>| {
            (bucket.value_iterated_to(), bucket.count_at_value())
        };
        Self {
            count: times.count(),
            min_s: seconds(times.min()),
            mean_s: seconds(times.mean()),
            max_s: seconds(times.max()),
            censored_s: times.censored.map(|censored| censored.as_secs_f64()),
            histogram_ns: times.histogram.iter_recorded().map(bucket).collect(),
        }
    }
}

impl HistogramForm {
    /// Reads the histogram.
    ///
    /// # Errors
    /// If two figures contradict each other.
    pub(crate) fn times(&self) -> Result<LatencyHistogram, String> {
        let mut times = LatencyHistogram::new().map_err(|error| format!("{error:?}"))?;
        let mut before = None;
        for &(value, count) in &self.histogram_ns {
            if before.is_some_and(|before| value <= before) || count == 0 || value > ROOM {
                return Err(format!(
                    "`histogram_ns` has [{value}, {count}], and wanted are rising times and how many there were of each"
                ));
            }
            before = Some(value);
            times.histogram.saturating_record_n(value, count);
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
        times.min = duration("min_s", self.min_s)?;
        times.max = duration("max_s", self.max_s)?;
        times.total = duration("mean_s", self.mean_s.map(|mean| mean * self.count as f64))?;
        times.censored =
            self.censored_s.map(|censored| duration("censored_s", Some(censored))).transpose()?;
        self.check_bounds(&times)?;
        Ok(times)
    }

    /// Checks that minimum, maximum and mean agree with the histogram.
    fn check_bounds(&self, times: &LatencyHistogram) -> Result<(), String> {
        let same = |time, value| {
            times.histogram.equivalent(nanoseconds(time).min(LONGEST), u64::min(value, LONGEST))
        };
        let ends = (self.histogram_ns.first(), self.histogram_ns.last());
        if let (Some((first, _)), Some((last, _))) = ends {
            if !same(times.min, *first) {
                return Err("`min_s` is not where `histogram_ns` begins".to_owned());
            }
            if !same(times.max, *last) {
                return Err("`max_s` is not where `histogram_ns` ends".to_owned());
            }
        }
        let bounds = times.min..=times.max;
        let rounding = 1e-9;
        let mean = self.mean_s.unwrap_or_default();
        let (least, most) = (bounds.start().as_secs_f64(), bounds.end().as_secs_f64());
        if mean < least * (1.0 - rounding) - rounding || mean > most * (1.0 + rounding) + rounding {
            return Err("`mean_s` is not between `min_s` and `max_s`".to_owned());
        }
        if times.censored.is_none_or(|censored| bounds.contains(&censored)) {
            Ok(())
        } else {
            Err("`censored_s` is not between `min_s` and `max_s`".to_owned())
        }
    }
}

/// The upper end of the bucket of an hour.
const ROOM: u64 = LONGEST + LONGEST / 500;

fn duration(name: &str, seconds: Option<f64>) -> Result<Duration, String> {
    let seconds = seconds.ok_or_else(|| format!("`{name}` is null, and `count` is not 0"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = &'a dyn Fn(&mut HistogramForm);

    fn times() -> LatencyHistogram {
        let mut times = LatencyHistogram::new().unwrap();
        (1..=1_000).for_each(|number| times.add(Duration::from_micros(number * number * 7)));
        (0..3).for_each(|_| times.add_censored(Duration::from_secs(7)));
        times
    }

    fn read_again(kept: &HistogramForm) -> HistogramForm {
        serde_json::from_str(&serde_json::to_string_pretty(kept).unwrap()).unwrap()
    }

    #[test]
    fn a_saved_histogram_has_the_same_figures() {
        let hour = Duration::from_secs(3_600);
        let mut long = times();
        long.add_censored(2 * hour);
        for times in [times(), long, LatencyHistogram::new().unwrap()] {
            let again = read_again(&HistogramForm::from(&times)).times().unwrap();
            assert_eq!(again.histogram, times.histogram);
            for share in [0.0, 0.5, 0.9, 0.999, 1.0] {
                assert_eq!(again.quantile(share), times.quantile(share), "{share}");
            }
            assert_eq!((again.min(), again.max()), (times.min(), times.max()));
            let [mean, before] =
                [&again, &times].map(|times| times.mean().map(|latency| latency.time));
            let difference = mean.zip(before).map(|(mean, before)| mean.abs_diff(before));
            assert!(difference.unwrap_or_default() <= Duration::from_micros(1), "{difference:?}");
        }
        let [error, before] = [HistogramForm::from(&times()).times().unwrap(), times()]
            .map(|times| times.error().unwrap().0);
        assert!((error - before).abs() <= before / 100.0, "{error} {before}");
    }

    #[test]
    fn contradicting_figures_are_rejected_with_their_names() {
        let whole = HistogramForm::from(&times());
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
            (&|kept| kept.censored_s = Some(-1.0), "`censored_s`: "),
        ];
        for (change, text) in cases {
            assert!(refused(change).contains(text), "{text}: {}", refused(change));
        }
    }

    #[test]
    fn a_missing_member_is_not_read_as_null() {
        let kept = serde_json::to_string(&HistogramForm::from(&times())).unwrap();
        let error = serde_json::from_str::<HistogramForm>(&kept.replace("censored_s", "other"))
            .unwrap_err();
        assert!(error.to_string().contains("missing field `censored_s`"), "{error}");
    }
}
