//! The table of all metrics. A new metric is a new row here and in REFERENCE.md.

use std::time::Duration;

use mesero::Outcome;
use mesero_services::dispatcher_metrics::{DispatcherMetrics, Histogram};
use prometheus_client::metrics::MetricType;

use super::snapshot::Snapshot;

/// A counter or a gauge. Counters get the suffix `_total`, all get the prefix `mesero_`.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: MetricKind,
    /// The label beside `resource`, if there is one.
    pub(super) label: Option<&'static str>,
    /// That label's values, each with its count.
    pub(super) samples: fn(&Snapshot) -> Vec<(&'static str, u64)>,
}

/// A counter of time. It gets the prefix `mesero_` and the suffix `_seconds_total`.
pub(super) struct SecondsFamily {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) time: fn(&Snapshot) -> Duration,
}

/// A histogram of durations. It gets the prefix `mesero_` and the suffix `_seconds`.
pub(super) struct HistogramFamily {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) histogram: fn(&DispatcherMetrics) -> &Histogram,
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "calls",
        help: "Calls by kind of answer: led a job, joined a job in flight, a fresh, stale or negative \
               (failed) reply from the cache, or refused.",
        kind: MetricKind::Counter,
        label: Some("how"),
        samples: |snapshot| {
            let calls = &snapshot.stats.calls;
            vec![
                ("led", calls.led),
                ("joined", calls.joined),
                ("cached", calls.cached),
                ("stale", calls.stale),
                ("negative", calls.negative),
                ("refused", calls.refused),
            ]
        },
    },
    Family {
        name: "calls_rescued",
        help: "Calls whose job failed and that got a stale reply instead.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.calls.rescued)],
    },
    Family {
        name: "calls_in_flight",
        help: "Calls with a waiting caller.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.calls.in_flight)],
    },
    Family {
        name: "refusals",
        help: "Calls rejected on arrival, by reason.",
        kind: MetricKind::Counter,
        label: Some("reason"),
        samples: |snapshot| snapshot.metrics.refusals(),
    },
    Family {
        name: "jobs",
        help: "Finished jobs, by outcome.",
        kind: MetricKind::Counter,
        label: Some("outcome"),
        samples: |snapshot| {
            let count = |outcome: Outcome| (outcome.as_str(), *snapshot.stats.jobs.of(outcome));
            Outcome::ALL.map(count).to_vec()
        },
    },
    Family {
        name: "refreshes",
        help: "Jobs without a call, which replace a stale reply in the cache.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.jobs.refreshes)],
    },
    Family {
        name: "jobs_in_flight",
        help: "Jobs by phase; stopping jobs have finished, but still occupy their slots.",
        kind: MetricKind::Gauge,
        label: Some("phase"),
        samples: |snapshot| snapshot.phases(),
    },
    Family {
        name: "attempts",
        help: "Attempts, including retries.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.started)],
    },
    Family {
        name: "retries",
        help: "Attempts after the first of their job.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.retries)],
    },
    Family {
        name: "retries_refused",
        help: "Retries that the budget rejected.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.retries_refused)],
    },
    Family {
        name: "slots",
        help: "Slots in use, all slots, and closed seats.",
        kind: MetricKind::Gauge,
        label: Some("state"),
        samples: |snapshot| {
            let slots = &snapshot.stats.slots;
            vec![("in_use", slots.in_use), ("total", slots.total), ("closed", slots.closed)]
        },
    },
    Family {
        name: "limit",
        help: "The concurrency limit in force.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.limit)],
    },
    Family {
        name: "limit_changes",
        help: "Changes of the concurrency limit, by hand or as it finds itself.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.slots.limit_changes)],
    },
    Family {
        name: "queue_length",
        help: "Jobs waiting for a slot.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.queue.len)],
    },
    Family {
        name: "queue_bound",
        help: "Maximum number of waiting jobs.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.queue.bound)],
    },
    Family {
        name: "stops",
        help: "Canceled or timed-out attempts that have stopped: by themselves, interrupted, with \
               their killed process, or as their slots were released on that assumption.",
        kind: MetricKind::Counter,
        label: Some("how"),
        samples: |snapshot| snapshot.metrics.stops(),
    },
    Family {
        name: "workers",
        help: "Processes of the resource that serve, and that are configured.",
        kind: MetricKind::Gauge,
        label: Some("state"),
        samples: |snapshot| {
            let health = &snapshot.health;
            vec![("up", as_u64(health.up)), ("wanted", as_u64(health.wanted))]
        },
    },
    Family {
        name: "worker_restarts",
        help: "Processes started again, because one had exited or was killed.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.health.restarts)],
    },
    Family {
        name: "loop_blocked",
        help: "Number of times an event loop was blocked for too long.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.blocked.times)],
    },
    Family {
        name: "worker_replacements",
        help: "Healthy processes that were replaced without a dropped call, by reason.",
        kind: MetricKind::Counter,
        label: Some("reason"),
        samples: |snapshot| snapshot.replaced.clone(),
    },
];

pub(super) const SECONDS: &[SecondsFamily] = &[SecondsFamily {
    name: "loop_blocked",
    help: "Total time for which event loops were blocked, each time for too long.",
    time: |snapshot| snapshot.blocked.total,
}];

pub(super) const HISTOGRAMS: &[HistogramFamily] = &[
    HistogramFamily {
        name: "queue",
        help: "Total time that each finished job spent in the queue.",
        histogram: DispatcherMetrics::queued,
    },
    HistogramFamily {
        name: "run",
        help: "Duration of each attempt, until its result, cancellation or timeout.",
        histogram: DispatcherMetrics::ran,
    },
    HistogramFamily {
        name: "slot_overdue",
        help: "Time that a slot stayed occupied after its attempt, if over a millisecond.",
        histogram: DispatcherMetrics::overdue,
    },
    HistogramFamily {
        name: "stop",
        help: "Time from the cancellation or timeout of an attempt until it has stopped.",
        histogram: DispatcherMetrics::stopped,
    },
];

/// The kind of a family's samples.
#[derive(Debug, Clone, Copy)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
}

impl From<MetricKind> for MetricType {
    fn from(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        }
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
