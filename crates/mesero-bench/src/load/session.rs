//! Puts a load on a target, and records what comes of it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::plan::{Plan, Until};
use crate::stats::outcome::Outcome;
use crate::stats::record::{Record, Window};
use crate::target::{Caller, Subject};

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) plan: Plan,
    pub(crate) subject: Subject,
    pub(crate) begin: Instant,
    record: Mutex<Record>,
    /// Requests that were begun after the warm-up.
    begun: AtomicU64,
    /// Requests that are asked and not over.
    in_work: AtomicUsize,
    stopped: AtomicBool,
}

impl Session {
    /// It begins now.
    ///
    /// # Errors
    /// If times cannot be kept.
    pub(crate) fn new(plan: Plan, subject: Subject) -> Result<Self, CreationError> {
        let now = Instant::now();
        let begin = now + plan.warm_up;
        let end = match plan.until {
            Until::Time(time) => Some(begin + time),
            Until::Requests(_) => None,
        };
        let record = Mutex::new(Record::new(Window { begin, end })?);
        let (begun, in_work) = (AtomicU64::new(0), AtomicUsize::new(0));
        let stopped = AtomicBool::new(false);
        Ok(Self { plan, subject, begin: now, record, begun, in_work, stopped })
    }

    /// Lets nobody ask any more; those who have asked are waited for.
    pub(crate) fn finish(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Ends the counting here and now, unless it has ended already.
    pub(crate) fn close(&self) {
        self.stopped.store(true, Relaxed);
        let now = Instant::now();
        let mut record = self.record();
        let end = record.window.end.map_or(now, |end| end.min(now));
        record.window.end = Some(end);
        let measured = record.measured();
        record.series.measured(measured);
    }

    /// What was measured so far.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests are with the target right now.
    pub(crate) fn in_work(&self) -> usize {
        self.in_work.load(Relaxed)
    }

    /// How much of it is over, from 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        let elapsed = self.begin.elapsed();
        let share = match self.plan.until {
            Until::Time(time) => elapsed.as_secs_f64() / (self.plan.warm_up + time).as_secs_f64(),
            Until::Requests(count) => self.record().requests as f64 / count.get() as f64,
        };
        share.min(1.0)
    }

    pub(crate) async fn ask(&self, client: &mut Caller, until: Instant) -> Outcome {
        self.in_work.fetch_add(1, Relaxed);
        let outcome = client.ask(until).await;
        self.in_work.fetch_sub(1, Relaxed);
        outcome
    }

    /// Whether another request is to be made now.
    pub(crate) fn takes_turn(&self, now: Instant) -> bool {
        if self.stopped.load(Relaxed) {
            return false;
        }
        let measured_from = self.begin + self.plan.warm_up;
        match self.plan.until {
            Until::Time(time) => now < measured_from + time,
            Until::Requests(_) if now < measured_from => true,
            Until::Requests(count) => self.begun.fetch_add(1, Relaxed) < count.get(),
        }
    }
}
