//! What all rounds of a contestant came to.

use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::comparison::response_snapshot::ResponseSnapshot;
use crate::stats::latency_histogram::Latency;
use crate::stats::metric::STATISTICS;
use crate::stats::record::{LoadRecord, MeasurementWindow};

/// What was measured of a contestant.
#[derive(Debug, Clone)]
pub(crate) struct TargetResults {
    pub(crate) name: String,
    pub(crate) url: String,
    /// All rounds together, also one that was interrupted.
    pub(crate) record: LoadRecord,
    /// Each that was finished, in the order in which they were run.
    pub(crate) rounds: Vec<RoundResults>,
    /// What it took; none if it was not started here.
    pub(crate) resource_usage: Option<ResourceUsage>,
    /// What an answer looks like, if somebody looked.
    pub(crate) snapshot: Option<ResponseSnapshot>,
    /// What else is to be known, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// What something that was started here has taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ResourceUsage {
    /// While requests were counted.
    pub(crate) cpu: Duration,
    /// In that time.
    pub(crate) requests: u64,
    /// The most that was seen at once; it is looked at every second, and at the end.
    pub(crate) memory_bytes: u64,
}

/// What is kept of a single round, so that many take little memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundResults {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    pub(crate) measured_time: Duration,
    /// Work done a second.
    pub(crate) rate: f64,
    /// Of response times, in the order of [`STATISTICS`]; none where there were no times.
    pub(crate) response: [Option<Latency>; STATISTICS.len()],
}

impl TargetResults {
    /// Nothing yet.
    pub(crate) fn new(name: String, url: String) -> Result<Self, CreationError> {
        let now = Instant::now();
        let record = LoadRecord::new(MeasurementWindow { begin: now, end: Some(now) })?;
        Ok(Self {
            name,
            url,
            record,
            rounds: Vec::new(),
            resource_usage: None,
            snapshot: None,
            notes: Vec::new(),
        })
    }

    /// Adds what it took in a round.
    pub(crate) fn add_usage(&mut self, more: ResourceUsage) {
        let resource_usage = self.resource_usage.get_or_insert_default();
        resource_usage.cpu += more.cpu;
        resource_usage.requests += more.requests;
        resource_usage.memory_bytes = resource_usage.memory_bytes.max(more.memory_bytes);
    }

    /// Adds a round that ran to its end.
    pub(crate) fn add(&mut self, record: &LoadRecord) {
        self.record.merge(record);
        self.rounds.push(RoundResults::of(record));
    }

    /// Adds what there is of a round that did not.
    pub(crate) fn add_interrupted(&mut self, record: &LoadRecord) {
        self.record.merge(record);
    }
}

impl ResourceUsage {
    /// None if there were no requests.
    pub(crate) fn cpu_per_request(&self) -> Option<Duration> {
        (self.requests > 0).then(|| self.cpu.div_f64(self.requests as f64))
    }
}

impl RoundResults {
    fn of(record: &LoadRecord) -> Self {
        Self {
            requests: record.requests,
            ok: record.ok,
            measured_time: record.measured_time(),
            rate: record.rate(),
            response: STATISTICS.map(|(_, statistic)| statistic.of(&record.response)),
        }
    }
}
