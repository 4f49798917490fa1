//! Metrics of one dispatcher, from its events, beside its own counts: durations and reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mesero::{Event, Fact, Observer, Refusal, StopKind};
use mesero_resources::blocked::{Blocked, BlockedTotals};

mod histogram;

pub use histogram::Histogram;

/// Sums of one dispatcher's events; cheap to clone, and all clones share their sums.
///
/// One clone is the observer of the dispatcher. An event takes a few atomic additions, and never
/// waits.
#[derive(Debug, Clone, Default)]
pub struct DispatcherMetrics(Arc<Sums>);

#[derive(Debug, Default)]
struct Sums {
    queued: Histogram,
    ran: Histogram,
    overdue: Histogram,
    stopped: Histogram,
    refusals: [AtomicU64; REASONS.len()],
    stops: [AtomicU64; StopKind::ALL.len()],
    attempts_started: AtomicU64,
    attempts_finished: AtomicU64,
    retries_scheduled: AtomicU64,
    retries_started: AtomicU64,
    blocked: Blocked,
}

/// The last is for reasons that are added to the engine later.
const REASONS: [&str; 7] = [
    "queue_full",
    "key_queue_full",
    "queue_timeout",
    "rate_limited",
    "deadline_unmeetable",
    "draining",
    "other",
];

fn reason(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::QueueFull { .. } => 0,
        Refusal::TenantQueueFull { .. } => 1,
        Refusal::QueueTimeout { .. } => 2,
        Refusal::RateLimited { .. } => 3,
        Refusal::DeadlineUnmeetable { .. } => 4,
        Refusal::Draining => 5,
        _ => 6,
    }
}

/// Attempts that have not ended, or not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAttempts {
    /// Attempts that a job waits for.
    pub running: u64,
    /// Retries that are scheduled and have not begun; at least as many as are in backoff.
    pub awaited: u64,
}

impl DispatcherMetrics {
    pub fn queued(&self) -> &Histogram {
        &self.0.queued
    }

    pub fn ran(&self) -> &Histogram {
        &self.0.ran
    }

    pub fn overdue(&self) -> &Histogram {
        &self.0.overdue
    }

    pub fn stopped(&self) -> &Histogram {
        &self.0.stopped
    }

    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.refusals.iter().map(|count| count.load(Relaxed));
        REASONS.into_iter().zip(counts).collect()
    }

    /// Blocks by attempts that held their thread, which is one of mesero's own.
    pub fn blocked(&self) -> BlockedTotals {
        self.0.blocked.totals()
    }

    /// Abandoned attempts that have stopped, by the kind of stop.
    pub fn stops(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.stops.iter().map(|count| count.load(Relaxed));
        StopKind::ALL.into_iter().map(StopKind::as_str).zip(counts).collect()
    }

    pub fn open_attempts(&self) -> OpenAttempts {
        let sums = &*self.0;
        // Ends are read before starts, so that they are never more.
        let (finished, retried) =
            (sums.attempts_finished.load(Relaxed), sums.retries_started.load(Relaxed));
        OpenAttempts {
            running: sums.attempts_started.load(Relaxed).saturating_sub(finished),
            awaited: sums.retries_scheduled.load(Relaxed).saturating_sub(retried),
        }
    }
}

impl Observer for DispatcherMetrics {
    fn observe(&self, event: &Event) {
        let sums = &*self.0;
        let count = |sum: &AtomicU64| {
            sum.fetch_add(1, Relaxed);
        };
        match &event.fact {
            Fact::CallRefused(refusal) => count(&sums.refusals[reason(refusal)]),
            Fact::AttemptStarted { number, .. } => {
                count(&sums.attempts_started);
                if *number > 1 {
                    count(&sums.retries_started);
                }
            }
            Fact::AttemptFinished { ran, .. } => {
                count(&sums.attempts_finished);
                sums.ran.add(*ran);
            }
            Fact::AttemptBlocked { held, .. } => {
                sums.blocked.record_start();
                sums.blocked.add_time(*held);
            }
            Fact::RetryScheduled { .. } => count(&sums.retries_scheduled),
            Fact::AttemptStopped { stop, .. } => {
                // In the order of `StopKind::ALL`, which is that of declaration.
                count(&sums.stops[stop.kind as usize]);
                sums.stopped.add(stop.after);
            }
            Fact::JobFinished { waited, .. } => sums.queued.add(*waited),
            Fact::SlotReturned { overdue, .. } if *overdue > SLOT_RETURN_DELAY => {
                sums.overdue.add(*overdue);
            }
            _ => {}
        }
    }
}

/// A slot is returned a moment after its job has ended, even if nothing outlives the job.
const SLOT_RETURN_DELAY: Duration = Duration::from_millis(1);
