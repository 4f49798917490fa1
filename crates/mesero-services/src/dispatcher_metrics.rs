//! What a dispatcher's events come to, beyond what its own counts keep: durations and reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mesero::{Event, Fact, Observer, Refusal, StopKind};
use mesero_resources::blocked::{Blocked, BlockedSoFar};

mod histogram;

pub use histogram::Histogram;

/// Adds up one dispatcher's events; cheap to clone, and all clones are one.
///
/// Give one clone to the dispatcher's builder as its observer. Hearing an event takes a few atomic
/// additions, and never waits.
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

/// The last is for reasons that this file has not learned yet.
const REASONS: [&str; 5] =
    ["queue_full", "rate_limited", "deadline_unmeetable", "draining", "other"];

fn reason(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::QueueFull { .. } => 0,
        Refusal::RateLimited { .. } => 1,
        Refusal::DeadlineUnmeetable { .. } => 2,
        Refusal::Draining => 3,
        _ => 4,
    }
}

/// Tries at the resource that have not ended, or not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAttempts {
    /// How many there are that somebody waits for.
    pub running: u64,
    /// How many retries were scheduled and have not begun; at least as many as are in backoff.
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

    /// By attempts that held their thread, which is one of mesero's own.
    pub fn blocked(&self) -> BlockedSoFar {
        self.0.blocked.so_far()
    }

    /// Attempts that stopped after they had been given up, by how.
    pub fn stops(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.stops.iter().map(|count| count.load(Relaxed));
        StopKind::ALL.into_iter().map(StopKind::as_str).zip(counts).collect()
    }

    pub fn open_attempts(&self) -> OpenAttempts {
        let sums = &*self.0;
        // What ends is read before what begins, and so is never the larger.
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
                sums.blocked.begun();
                sums.blocked.lasted(*held);
            }
            Fact::RetryScheduled { .. } => count(&sums.retries_scheduled),
            Fact::AttemptStopped { stop, .. } => {
                // In the order of `StopKind::ALL`, which is that of declaration.
                count(&sums.stops[stop.kind as usize]);
                sums.stopped.add(stop.after);
            }
            Fact::JobFinished { waited, .. } => sums.queued.add(*waited),
            Fact::SlotReturned { overdue, .. } if *overdue > NOTHING_LEFT => {
                sums.overdue.add(*overdue);
            }
            _ => {}
        }
    }
}

/// A slot comes back a moment after its job has ended even where nothing outlives the job.
const NOTHING_LEFT: Duration = Duration::from_millis(1);
