//! What all rounds of a contestant came to.

use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::time::Instant;

use super::metric::Statistic;
use super::record::{Record, Window};
use super::seen::Seen;
use super::times::Found;

/// What was measured of a contestant.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) url: String,
    /// All rounds together, also one that was interrupted.
    pub(super) record: Record,
    /// Each that was finished, in the order in which they were run.
    pub(super) rounds: Vec<Round>,
    /// What it took; none if it was not started here.
    pub(super) taken: Option<Taken>,
    /// What an answer looks like, if somebody looked.
    pub(super) seen: Option<Seen>,
    /// What else is to be known, a sentence each.
    pub(super) notes: Vec<String>,
}

/// What something that was started here has taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// While requests were counted.
    pub(super) cpu: Duration,
    /// In that time.
    pub(super) requests: u64,
    /// The most that was seen at once; it is looked at every second, and at the end.
    pub(super) memory_bytes: u64,
}

/// What is kept of a single round, so that many take little memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Round {
    pub(super) requests: u64,
    pub(super) ok: u64,
    pub(super) measured: Duration,
    /// Work done a second.
    pub(super) rate: f64,
    /// Of response times, in the order of [`STATISTICS`]; none where there were no times.
    pub(super) response: [Option<Found>; STATISTICS.len()],
}

/// What is told of times.
pub(super) const STATISTICS: [(&str, Statistic); 8] = [
    ("min", Statistic::Least),
    ("p50", Statistic::Quantile(0.5)),
    ("p90", Statistic::Quantile(0.9)),
    ("p95", Statistic::Quantile(0.95)),
    ("p99", Statistic::Quantile(0.99)),
    ("p99.9", Statistic::Quantile(0.999)),
    ("max", Statistic::Most),
    ("mean", Statistic::Mean),
];

impl Measured {
    /// Nothing yet.
    pub(super) fn new(name: String, url: String) -> Result<Self, CreationError> {
        let now = Instant::now();
        let record = Record::new(Window { begin: now, end: Some(now) })?;
        Ok(Self {
            name,
            url,
            record,
            rounds: Vec::new(),
            taken: None,
            seen: None,
            notes: Vec::new(),
        })
    }

    /// Adds what it took in a round.
    pub(super) fn took(&mut self, more: Taken) {
        let taken = self.taken.get_or_insert_default();
        taken.cpu += more.cpu;
        taken.requests += more.requests;
        taken.memory_bytes = taken.memory_bytes.max(more.memory_bytes);
    }

    /// Adds a round that ran to its end.
    pub(super) fn add(&mut self, record: &Record) {
        self.record.merge(record);
        self.rounds.push(Round::of(record));
    }

    /// Adds what there is of a round that did not.
    pub(super) fn add_interrupted(&mut self, record: &Record) {
        self.record.merge(record);
    }
}

impl Taken {
    /// None if there were no requests.
    pub(super) fn cpu_per_request(&self) -> Option<Duration> {
        (self.requests > 0).then(|| self.cpu.div_f64(self.requests as f64))
    }
}

impl Round {
    fn of(record: &Record) -> Self {
        Self {
            requests: record.requests,
            ok: record.ok,
            measured: record.measured(),
            rate: record.rate(),
            response: STATISTICS.map(|(_, statistic)| statistic.of(&record.response)),
        }
    }
}
