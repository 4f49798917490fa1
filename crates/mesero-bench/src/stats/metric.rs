//! Figures of results, by name.

use std::fmt;
use std::str::FromStr;

use mesero_terminal::nearest::nearest;
use mesero_terminal::units;

use crate::stats::latency_histogram::{Latency, LatencyHistogram};
use crate::stats::outcome::FaultKind;
use crate::stats::record::LoadRecord;

/// A figure that a threshold can name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    Requests,
    Ok,
    Failed,
    ClientTimeout,
    Unsent,
    /// Statuses other than 2xx: all, or one.
    Statuses(Option<u16>),
    Fault(FaultKind),
    Rate,
    Response(Statistic),
    Service(Statistic),
}

/// A statistic of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    Mean,
    Min,
    Max,
    /// From 0 to 1.
    Quantile(f64),
}

/// The value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MetricValue {
    /// Requests, and their total.
    Count {
        count: u64,
        of: u64,
    },
    /// A second.
    Rate(f64),
    Time(Option<Latency>),
}

/// Statistics of all reports.
pub(crate) const STATISTICS: [(&str, Statistic); 8] = [
    ("min", Statistic::Min),
    ("p50", Statistic::Quantile(0.5)),
    ("p90", Statistic::Quantile(0.9)),
    ("p95", Statistic::Quantile(0.95)),
    ("p99", Statistic::Quantile(0.99)),
    ("p99.9", Statistic::Quantile(0.999)),
    ("max", Statistic::Max),
    ("mean", Statistic::Mean),
];

const COUNTS: [(&str, Metric); 6] = [
    ("requests", Metric::Requests),
    ("ok", Metric::Ok),
    ("failed", Metric::Failed),
    ("client_timeout", Metric::ClientTimeout),
    ("unsent", Metric::Unsent),
    ("statuses", Metric::Statuses(None)),
];

/// The name of a count in mesero 0.1, still read in thresholds.
const RENAMED: [(&str, Metric); 1] = [("gave_up", Metric::ClientTimeout)];

const SPELLED: [(&str, Statistic); 3] =
    [("mean", Statistic::Mean), ("min", Statistic::Min), ("max", Statistic::Max)];

/// A figure that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// `ok` responses a second.
    Rate,
    /// One of [`STATISTICS`], of response times.
    Response(usize),
}

impl Figure {
    /// The figure with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let position = STATISTICS.iter().position(|(known, _)| *known == name);
        if name == "rate" { Some(Figure::Rate) } else { position.map(Figure::Response) }
    }
}

impl Metric {
    pub(crate) fn of(self, record: &LoadRecord) -> MetricValue {
        let count = |count| MetricValue::Count { count, of: record.requests };
        match self {
            Metric::Requests => count(record.requests),
            Metric::Ok => count(record.ok),
            Metric::Failed => count(record.failed()),
            Metric::ClientTimeout => count(record.client_timeouts),
            Metric::Unsent => count(record.unsent),
            Metric::Statuses(None) => count(record.statuses.values().sum()),
            Metric::Statuses(Some(status)) => {
                count(record.statuses.get(&status).copied().unwrap_or_default())
            }
            Metric::Fault(kind) => count(record.of_kind(kind)),
            Metric::Rate => MetricValue::Rate(record.rate()),
            Metric::Response(statistic) => MetricValue::Time(statistic.of(&record.response)),
            Metric::Service(statistic) => MetricValue::Time(statistic.of(&record.service)),
        }
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(self, Metric::Response(_) | Metric::Service(_))
    }

    pub(crate) fn is_rate(self) -> bool {
        self == Metric::Rate
    }

    /// The kind of value that a threshold on it takes.
    pub(crate) fn unit(self) -> &'static str {
        match (self.is_time(), self.is_rate()) {
            (true, _) => "a duration such as 5s or 250ms",
            (_, true) => "a number of answers a second such as 95 or 95/s",
            _ => "a number of requests such as 0, or a share of them such as 99%",
        }
    }
}

impl Statistic {
    pub(crate) fn of(self, times: &LatencyHistogram) -> Option<Latency> {
        match self {
            Statistic::Mean => times.mean(),
            Statistic::Min => times.min(),
            Statistic::Max => times.max(),
            Statistic::Quantile(share) => times.quantile(share),
        }
    }

    fn read(name: &str) -> Option<Self> {
        if let Some((_, statistic)) = SPELLED.iter().find(|(known, _)| *known == name) {
            return Some(*statistic);
        }
        let digits = name.strip_prefix('p')?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = digits.parse().ok().filter(|_| is_plain)?;
        (percent <= 100.0).then_some(Statistic::Quantile(percent / 100.0))
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some((_, metric)) = COUNTS.iter().chain(&RENAMED).find(|(known, _)| *known == name) {
            return Ok(*metric);
        }
        if let Some(kind) = FaultKind::ALL.into_iter().find(|kind| kind.name() == name) {
            return Ok(Metric::Fault(kind));
        }
        if name == "rate" {
            return Ok(Metric::Rate);
        }
        let status = name.strip_prefix("status_").and_then(|status| status.parse().ok());
        if let Some(status) = status.filter(|status| (300..=999).contains(status)) {
            return Ok(Metric::Statuses(Some(status)));
        }
        let service = name.strip_prefix("service_").and_then(Statistic::read);
        if let Some(statistic) = service {
            return Ok(Metric::Service(statistic));
        }
        Statistic::read(name).map(Metric::Response).ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> String {
    let faults = FaultKind::ALL.map(FaultKind::name);
    let known = || {
        let counts = COUNTS.iter().map(|(name, _)| *name).chain(faults);
        counts.chain(["status_503", "rate", "p50", "p99.9", "mean", "min", "max", "service_p95"])
    };
    match nearest(name, known()) {
        Some(near) => format!("there is no metric `{name}`; is it `{near}`?"),
        None => {
            let known: Vec<_> = known().collect();
            format!("there is no metric `{name}`; there are {}", known.join(", "))
        }
    }
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricValue::Count { count, of } => {
                write!(f, "{} of {}", units::grouped(*count), units::grouped(*of))
            }
            MetricValue::Rate(rate) => write!(f, "{}/s", units::number(*rate)),
            MetricValue::Time(None) => f.write_str("no time was measured"),
            MetricValue::Time(Some(Latency { time, is_lower_bound: false })) => {
                f.write_str(&units::with_three_digits(*time))
            }
            MetricValue::Time(Some(Latency { time, .. })) => {
                write!(f, "more than {}", units::with_three_digits(*time))
            }
        }
    }
}
