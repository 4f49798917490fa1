//! The report in JSON; its members are listed in the reference.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::baseline::BaselineComparison;
use crate::capacity::estimate::CapacityEstimate;
use crate::comparison::Comparison;
use crate::comparison::ratio::Ratio;
use crate::comparison::response_snapshot::ResponseMatch;
use crate::comparison::results::RoundResults;
use crate::plan::{Arrivals, Load, LoadPlan, StopCondition};
use crate::report::verdict::ThresholdResult;
use crate::report::{BenchReport, TargetReport};
use crate::stats::latency_histogram::{Latency, LatencyHistogram};
use crate::stats::metric::STATISTICS;
use crate::stats::time_series::{TimeSeries, TimeSlice};

impl BenchReport {
    /// The object of a single target; of several an object with all of theirs.
    pub(crate) fn value(&self) -> Value {
        match &self.target_reports[..] {
            [target_report] => target_report.value(),
            target_reports => json!({
                "targets": target_reports.iter().map(TargetReport::value).collect::<Vec<_>>(),
                "comparisons": self.comparisons.iter().map(comparison).collect::<Vec<_>>(),
                "conclusions": self.conclusions(),
            }),
        }
    }
}

impl TargetReport {
    fn value(&self) -> Value {
        let record = &self.results.record;
        let statuses =
            record.statuses.iter().map(|(status, count)| (status.to_string(), json!(count)));
        let faults = self.fault_counts().map(|(name, count)| (name.to_owned(), json!(count)));
        let verdict = self.verdict.as_ref().map(|verdict| {
            let one = |judged: &ThresholdResult| {
                json!({ "expected": judged.text, "holds": judged.holds, "found": judged.observed })
            };
            verdict.iter().map(one).collect::<Vec<_>>()
        });
        json!({
            "name": self.results.name,
            "url": self.results.url,
            "plan": plan(&self.plan),
            "measured_s": record.measured_time().as_secs_f64(),
            "requests": record.requests,
            "ok": record.ok,
            "failed": record.failed(),
            "client_timeout": record.client_timeouts,
            "unsent": record.unsent,
            "statuses": statuses.collect::<Map<_, _>>(),
            "faults": faults.collect::<Map<_, _>>(),
            "delayed": record.delayed,
            "body_bytes": record.body_bytes,
            "rate": record.rate(),
            "in_flight": record.in_flight(),
            "response_s": times(&record.response),
            "service_s": times(&record.service),
            "lag_s": times(&record.lag),
            "series": series(&record.series),
            "rounds": self.results.rounds.iter().map(round).collect::<Vec<_>>(),
            "cpu_s_per_request": self.results.resource_usage.and_then(|resource_usage| resource_usage.cpu_per_request()).map(|cpu| cpu.as_secs_f64()),
            "memory_bytes": self.results.resource_usage.map(|resource_usage| resource_usage.memory_bytes),
            "notes": self.notes(),
            "void": self.issues.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "interrupted": self.is_interrupted,
            "verdict": verdict,
            "workers": self.waves().and_then(workers),
            "baseline": self.baseline.as_ref().map(|baseline| self.beside(baseline)),
        })
    }
}

impl TargetReport {
    /// The comparison with the baseline.
    fn beside(&self, baseline: &BaselineComparison) -> Value {
        let conclusion = self.issues.is_empty().then(|| baseline.comparison.sentence());
        json!({
            "file": baseline.origin.file,
            "when": baseline.origin.when,
            "rate": ratio(baseline.comparison.rate),
            "response": response(&baseline.comparison),
            "notes": baseline.origin.notes,
            "conclusion": conclusion,
        })
    }
}

/// The estimated number of workers.
fn workers(waves: CapacityEstimate) -> Option<Value> {
    match waves {
        CapacityEstimate::Enough { workers, is_certain, now, .. } => {
            Some(json!({ "needed": workers, "certain": is_certain, "now": now }))
        }
        CapacityEstimate::Unknown => None,
    }
}

fn plan(plan: &LoadPlan) -> Value {
    let (duration, requests) = match plan.until {
        StopCondition::Time(time) => (Some(time.as_secs_f64()), None),
        StopCondition::Requests(count) => (None, Some(count)),
    };
    let (rate, arrivals) = match plan.load {
        Load::Closed { .. } => (None, None),
        Load::Open { rate, arrivals: Arrivals::Poisson, .. } => (Some(rate), Some("poisson")),
        Load::Open { rate, arrivals: Arrivals::Uniform, .. } => (Some(rate), Some("uniform")),
    };
    json!({
        "clients": plan.load.concurrency(),
        "rate": rate,
        "arrivals": arrivals,
        "http2": plan.protocol.json(),
        "duration_s": duration,
        "requests": requests,
        "timeout_s": plan.timeout.as_secs_f64(),
        "warm_up_s": plan.warm_up.as_secs_f64(),
        "seed": plan.seed,
        "rounds": plan.rounds,
    })
}

fn comparison(comparison: &Comparison) -> Value {
    json!({
        "name": comparison.name,
        "reference": comparison.reference,
        "rate": ratio(comparison.rate),
        "response": response(comparison),
        "answers": match &comparison.responses {
            ResponseMatch::Same => json!("same"),
            ResponseMatch::Differ(how) => json!({ "differ": how }),
            ResponseMatch::Unknown => Value::Null,
        },
    })
}

/// Ratios of response times, by name.
fn response(comparison: &Comparison) -> Map<String, Value> {
    let names = STATISTICS.iter().map(|(name, _)| (*name).to_owned());
    names.zip(comparison.response.map(ratio)).collect()
}

fn ratio(ratio: Ratio) -> Value {
    match ratio {
        Ratio::Of { ratio, interval } => json!({
            "ratio": ratio,
            "low": interval.map(|interval| interval.low),
            "high": interval.map(|interval| interval.high),
        }),
        Ratio::MoreThan(ratio) => json!({ "more_than": ratio }),
        Ratio::LessThan(ratio) => json!({ "less_than": ratio }),
        Ratio::Unknown => Value::Null,
    }
}

/// The figures of a round.
fn round(round: &RoundResults) -> Value {
    let names = STATISTICS.iter().map(|(name, _)| (*name).to_owned());
    let times = names.zip(round.response.map(latency)).collect::<Map<_, _>>();
    json!({
        "measured_s": round.measured_time.as_secs_f64(),
        "requests": round.requests,
        "ok": round.ok,
        "rate": round.rate,
        "response_s": times,
    })
}

/// In seconds. Lower bounds are `{"more_than": …}`, so that no program adds them up.
fn latency(latency: Option<Latency>) -> Value {
    match latency {
        None => Value::Null,
        Some(Latency { time, is_lower_bound: false }) => json!(time.as_secs_f64()),
        Some(Latency { time, .. }) => json!({ "more_than": time.as_secs_f64() }),
    }
}

/// The time series.
fn series(series: &TimeSeries) -> Vec<Value> {
    const MOST: usize = 60;
    let mut from = Duration::ZERO;
    let one = |interval: &TimeSlice| {
        let to = from + interval.covered;
        let quantile = |share| latency(interval.response.quantile(share));
        let value = json!({
            "from_s": from.as_secs_f64(),
            "to_s": to.as_secs_f64(),
            "ok": interval.ok,
            "rate": interval.rate(),
            "client_timeout": interval.client_timeouts,
            "failed": interval.failed,
            "response_s": { "p50": quantile(0.5), "p95": quantile(0.95), "p99": quantile(0.99) },
        });
        from = to;
        value
    };
    series.intervals(MOST).iter().map(one).collect()
}

/// All statistics of a histogram.
fn times(times: &LatencyHistogram) -> Value {
    let statistics =
        STATISTICS.map(|(name, statistic)| (name.to_owned(), latency(statistic.of(times))));
    let mut object: Map<_, _> = statistics.into_iter().collect();
    object.insert("count".to_owned(), json!(times.count()));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use crate::report::target_report::tests::target_report;

    #[test]
    fn json_has_numbers_and_no_number_for_a_lower_bound() {
        let value = target_report().value();
        assert_eq!((&value["requests"], &value["ok"]), (&20.into(), &10.into()));
        assert_eq!(value["statuses"]["503"], 1);
        assert_eq!(value["faults"]["refused"], 0);
        let median = value["response_s"]["p50"].as_f64().unwrap();
        assert!((median - 1.0).abs() < 0.001, "{median}");
        assert_eq!(value["response_s"]["p95"]["more_than"], 7.0);
        assert_eq!(value["verdict"][0]["holds"], false);
        assert_eq!(value["plan"]["clients"], 10);
    }
}
