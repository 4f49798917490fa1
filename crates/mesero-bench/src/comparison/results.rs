//! Results of a target in all rounds.

use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::comparison::response_snapshot::ResponseSnapshot;
use crate::stats::latency_histogram::Latency;
use crate::stats::metric::STATISTICS;
use crate::stats::record::{LoadRecord, MeasurementWindow};

/// Everything measured of a target.
#[derive(Debug, Clone)]
pub(crate) struct TargetResults {
    pub(crate) name: String,
    pub(crate) url: String,
    /// All rounds together, with an interrupted one.
    pub(crate) record: LoadRecord,
    /// The finished rounds, in their order.
    pub(crate) rounds: Vec<RoundResults>,
    /// None for targets that mesero did not launch.
    pub(crate) resource_usage: Option<ResourceUsage>,
    /// None unless responses are compared.
    pub(crate) snapshot: Option<ResponseSnapshot>,
    /// Notes for the reader, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// CPU time and memory of a launched target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ResourceUsage {
    /// While requests were counted.
    pub(crate) cpu: Duration,
    /// Requests in that time.
    pub(crate) requests: u64,
    /// The highest value; read every second, and at the end.
    pub(crate) memory_bytes: u64,
}

/// Figures of a round, in little memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundResults {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    pub(crate) measured_time: Duration,
    /// `ok` responses a second.
    pub(crate) rate: f64,
    /// Of response times, in the order of [`STATISTICS`]; none without latencies.
    pub(crate) response: [Option<Latency>; STATISTICS.len()],
}

impl TargetResults {
    /// Empty results.
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

    /// Adds the resource usage of a trial.
    pub(crate) fn add_usage(&mut self, more: ResourceUsage) {
        let resource_usage = self.resource_usage.get_or_insert_default();
        resource_usage.cpu += more.cpu;
        resource_usage.requests += more.requests;
        resource_usage.memory_bytes = resource_usage.memory_bytes.max(more.memory_bytes);
    }

    /// Adds a finished round.
    pub(crate) fn add(&mut self, record: &LoadRecord) {
        self.record.merge(record);
        self.rounds.push(RoundResults::of(record));
    }

    /// Adds an interrupted round.
    pub(crate) fn add_interrupted(&mut self, record: &LoadRecord) {
        self.record.merge(record);
    }
}

impl ResourceUsage {
    /// None without requests.
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
