//! The table of all metrics: a new one is a new row here, and in REFERENCE.md.

use std::time::Duration;

use mesero::Outcome;
use mesero_services::tally::{Histogram, Tally};
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
    pub(super) histogram: fn(&Tally) -> &Histogram,
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "calls",
        help: "Calls by how they were answered: led a job, joined one in flight, from the cache \
               with a fresh reply, an old one or a remembered failure, or refused.",
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
        help: "Calls whose job came to an error, and that got an old reply instead.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.calls.rescued)],
    },
    Family {
        name: "calls_in_flight",
        help: "Calls whose caller still waits.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.calls.in_flight)],
    },
    Family {
        name: "refusals",
        help: "Calls turned away on arrival, by reason.",
        kind: MetricKind::Counter,
        label: Some("reason"),
        samples: |snapshot| snapshot.tally.refusals(),
    },
    Family {
        name: "jobs",
        help: "Jobs that are over, by how they ended.",
        kind: MetricKind::Counter,
        label: Some("outcome"),
        samples: |snapshot| {
            let count = |outcome: Outcome| (outcome.as_str(), *snapshot.stats.jobs.of(outcome));
            Outcome::ALL.map(count).to_vec()
        },
    },
    Family {
        name: "refreshes",
        help: "Jobs that no call led, since they replace an old reply in the cache.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.jobs.refreshes)],
    },
    Family {
        name: "jobs_in_flight",
        help: "Jobs by what they are doing; those that are stopping are over, but still occupy \
               their slots.",
        kind: MetricKind::Gauge,
        label: Some("phase"),
        samples: |snapshot| snapshot.phases(),
    },
    Family {
        name: "attempts",
        help: "Tries at the resource, retries included.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.started)],
    },
    Family {
        name: "retries",
        help: "Tries that were not the first of their job.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.retries)],
    },
    Family {
        name: "retries_refused",
        help: "Retries that were due, and that the budget refused.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.attempts.retries_refused)],
    },
    Family {
        name: "slots",
        help: "Slots that occupy the resource, slots in all, and seats that are closed.",
        kind: MetricKind::Gauge,
        label: Some("state"),
        samples: |snapshot| {
            let slots = &snapshot.stats.slots;
            vec![("in_use", slots.in_use), ("total", slots.total), ("closed", slots.closed)]
        },
    },
    Family {
        name: "queue_length",
        help: "Jobs that wait for a slot.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.queue.len)],
    },
    Family {
        name: "queue_bound",
        help: "How many new jobs may wait for a slot.",
        kind: MetricKind::Gauge,
        label: None,
        samples: |snapshot| vec![("", snapshot.stats.queue.bound)],
    },
    Family {
        name: "stops",
        help: "Tries that had been given up and have really stopped: by themselves, because they \
               were told to, or because their process was ended.",
        kind: MetricKind::Counter,
        label: Some("how"),
        samples: |snapshot| snapshot.tally.stops(),
    },
    Family {
        name: "workers",
        help: "Processes of the resource: how many serve, and how many should.",
        kind: MetricKind::Gauge,
        label: Some("state"),
        samples: |snapshot| {
            let health = &snapshot.health;
            vec![("up", as_u64(health.up)), ("wanted", as_u64(health.wanted))]
        },
    },
    Family {
        name: "worker_restarts",
        help: "Processes that were started again, because one had ended or was given up.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.health.restarts)],
    },
    Family {
        name: "loop_blocked",
        help: "How often something kept an event loop from running for too long.",
        kind: MetricKind::Counter,
        label: None,
        samples: |snapshot| vec![("", snapshot.blocked.times)],
    },
    Family {
        name: "worker_replacements",
        help: "Processes that were well, and were replaced without a dropped call, by reason.",
        kind: MetricKind::Counter,
        label: Some("reason"),
        samples: |snapshot| snapshot.replaced.clone(),
    },
];

pub(super) const SECONDS: &[SecondsFamily] = &[SecondsFamily {
    name: "loop_blocked",
    help: "For how long something kept an event loop from running, each time for too long.",
    time: |snapshot| snapshot.blocked.total,
}];

pub(super) const HISTOGRAMS: &[HistogramFamily] = &[
    HistogramFamily {
        name: "queue",
        help: "How long each job that is over stood in the queue, all its turns together.",
        histogram: Tally::queued,
    },
    HistogramFamily {
        name: "run",
        help: "How long each try at the resource took, until its job had what it wanted or gave up.",
        histogram: Tally::ran,
    },
    HistogramFamily {
        name: "slot_overdue",
        help: "How long each slot that outlived its try, by a millisecond or more, was still occupied.",
        histogram: Tally::overdue,
    },
    HistogramFamily {
        name: "stop",
        help: "How long tries took to stop after they had been given up.",
        histogram: Tally::stopped,
    },
];

/// What a family's samples are.
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
