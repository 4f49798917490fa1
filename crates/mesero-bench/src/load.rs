//! Puts a load on a target, and records what comes of it.

pub(crate) mod progress;
pub(crate) mod timer;
pub(crate) mod validity;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::load::timer::Timer;
use crate::plan::{Load, Plan, Until};
use crate::stats::outcome::Outcome;
use crate::stats::record::{Instants, Record, Window};
use crate::target::{Caller, Subject};

mod open;

/// Who could not even ask tries again a little later, as anyone does; without a pause a refusal,
/// which takes no time, would be asked for a hundred thousand times a second.
const AFTER_NOT_ASKED: Duration = Duration::from_millis(100);

/// How often the generator is looked at in a closed load.
const LOOK: Duration = Duration::from_millis(10);

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Session {
    plan: Plan,
    subject: Subject,
    begin: Instant,
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

    /// Runs until all requests are over, which takes at most the patience of a client longer than
    /// was planned. Dropped, it closes all connections.
    ///
    /// # Errors
    /// If the system has no timer.
    pub(crate) async fn run(self: &Arc<Self>) -> io::Result<()> {
        match self.plan.load {
            Load::Closed { clients } => {
                let mut tasks = JoinSet::new();
                let mut callers = self.subject.callers();
                for _ in 0..clients.get() {
                    tasks.spawn(Arc::clone(self).closed(callers.next()));
                }
                let mut timer = Timer::new()?;
                tokio::select! {
                    lagging = self.watch(&mut timer) => lagging?,
                    () = async { while tasks.join_next().await.is_some() {} } => {}
                }
            }
            Load::Open { .. } => open::run(self).await?,
        }
        self.close();
        Ok(())
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

    async fn ask(&self, client: &mut Caller, until: Instant) -> Outcome {
        self.in_work.fetch_add(1, Relaxed);
        let outcome = client.ask(until).await;
        self.in_work.fetch_sub(1, Relaxed);
        outcome
    }

    /// A client of a closed load: the next request follows the answer to the one before.
    async fn closed(self: Arc<Self>, mut client: Caller) {
        let mut now = Instant::now();
        while self.takes_turn(now) {
            let planned = now;
            let outcome = self.ask(&mut client, planned + self.plan.patience).await;
            now = Instant::now();
            let pause = was_not_asked(&outcome);
            let instants = Instants { planned, begun: planned, ended: now };
            self.record().add(instants, outcome);
            if pause {
                sleep(AFTER_NOT_ASKED).await;
                now = Instant::now();
            }
        }
    }

    /// Whether another request is to be made now.
    fn takes_turn(&self, now: Instant) -> bool {
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

    /// Looks how late the generator gets round to things.
    async fn watch(&self, timer: &mut Timer) -> io::Result<()> {
        loop {
            let planned = Instant::now() + LOOK;
            timer.until(planned).await?;
            self.record().lag.add(planned.elapsed());
        }
    }
}

fn was_not_asked(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(fault) if fault.kind.is_before_asking())
}
