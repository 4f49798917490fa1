//! The state of a load while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::plan::{LoadPlan, StopCondition};
use crate::stats::outcome::RequestOutcome;
use crate::stats::record::{LoadRecord, MeasurementWindow};
use crate::target::{BenchTarget, TargetClient};

/// A running load.
#[derive(Debug)]
pub(crate) struct LoadSession {
    pub(crate) plan: LoadPlan,
    pub(crate) target: BenchTarget,
    pub(crate) begin: Instant,
    record: Mutex<LoadRecord>,
    /// Requests started after the warm-up.
    started: AtomicU64,
    /// Requests in flight.
    in_flight: AtomicUsize,
    stopped: AtomicBool,
}

impl LoadSession {
    /// A load that starts now.
    ///
    /// # Errors
    /// If a histogram cannot be created.
    pub(crate) fn new(plan: LoadPlan, target: BenchTarget) -> Result<Self, CreationError> {
        let now = Instant::now();
        let begin = now + plan.warm_up;
        let end = match plan.until {
            StopCondition::Time(time) => Some(begin + time),
            StopCondition::Requests(_) => None,
        };
        let record = Mutex::new(LoadRecord::new(MeasurementWindow { begin, end })?);
        let (started, in_flight) = (AtomicU64::new(0), AtomicUsize::new(0));
        let stopped = AtomicBool::new(false);
        Ok(Self { plan, target, begin: now, record, started, in_flight, stopped })
    }

    /// Stops new requests; those in flight are awaited.
    pub(crate) fn finish(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Ends the counting now, unless it has ended.
    pub(crate) fn close(&self) {
        self.stopped.store(true, Relaxed);
        let now = Instant::now();
        let mut record = self.record();
        let end = record.window.end.map_or(now, |end| end.min(now));
        record.window.end = Some(end);
        let measured_time = record.measured_time();
        record.series.cover(measured_time);
    }

    /// The record so far.
    pub(crate) fn record(&self) -> MutexGuard<'_, LoadRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests in flight now.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    /// Progress from 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        let elapsed = self.begin.elapsed();
        let share = match self.plan.until {
            StopCondition::Time(time) => {
                elapsed.as_secs_f64() / (self.plan.warm_up + time).as_secs_f64()
            }
            StopCondition::Requests(count) => self.record().requests as f64 / count.get() as f64,
        };
        share.min(1.0)
    }

    pub(crate) async fn send(&self, client: &mut TargetClient, until: Instant) -> RequestOutcome {
        self.in_flight.fetch_add(1, Relaxed);
        let outcome = client.send(until).await;
        self.in_flight.fetch_sub(1, Relaxed);
        outcome
    }

    /// Whether a client may start another request now.
    pub(crate) fn may_start(&self, now: Instant) -> bool {
        if self.stopped.load(Relaxed) {
            return false;
        }
        let measured_from = self.begin + self.plan.warm_up;
        match self.plan.until {
            StopCondition::Time(time) => now < measured_from + time,
            StopCondition::Requests(_) if now < measured_from => true,
            StopCondition::Requests(count) => self.started.fetch_add(1, Relaxed) < count.get(),
        }
    }
}
