//! Callers with a timeout, and a resource that counts its running calls.

use super::*;

/// A call that will come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Duration,
    pub(super) service: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Times {
    Fixed,
    Exponential,
}

/// Arrivals for each call that the resource can answer, first and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) first: f64,
    pub(super) until: Duration,
    pub(super) then: f64,
}

impl Load {
    pub(super) fn steady(load: f64) -> Self {
        Self { first: load, until: LENGTH, then: load }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    pub(super) load: Load,
    pub(super) times: Times,
    /// True if a caller leaves at its timeout.
    pub(super) leaves: bool,
    /// True if work stops when its caller leaves.
    pub(super) stops: bool,
}

/// The outcome of one call.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    arrived: Duration,
    ended: Duration,
    in_time: bool,
}

impl World {
    /// Poisson arrivals, the same in every run.
    pub(super) fn arrivals(self) -> Vec<Arrival> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut exponential = move |mean: f64| -mean * (1.0 - random.f64()).ln();
        let (mut at, mut arrivals) = (Duration::ZERO, Vec::new());
        while at < LENGTH {
            let load = if at < self.load.until { self.load.first } else { self.load.then };
            at += Duration::from_secs_f64(exponential(MEAN / LIMIT as f64 / load));
            let service = match self.times {
                Times::Fixed => MEAN,
                Times::Exponential => exponential(MEAN),
            };
            arrivals.push(Arrival { at, service: Duration::from_secs_f64(service) });
        }
        arrivals
    }

    /// The share of the capacity that goes into answers in time.
    pub(super) async fn goodput(self, builder: DispatcherBuilder<()>) -> f64 {
        let outcomes = self.outcomes(builder).await;
        let measured = |outcome: &&Outcome| WARM_UP < outcome.ended && outcome.ended <= LENGTH;
        let answers = outcomes.iter().filter(measured).filter(|outcome| outcome.in_time).count();
        answers as f64 / (LENGTH - WARM_UP).as_secs_f64() / (LIMIT as f64 / MEAN)
    }

    /// The arrival of the last caller that got no answer in time.
    pub(super) async fn last_failure(self, builder: DispatcherBuilder<()>) -> Duration {
        let outcomes = self.outcomes(builder).await;
        let failed = outcomes.iter().filter(|outcome| !outcome.in_time);
        failed.map(|outcome| outcome.arrived).max().unwrap_or_default()
    }

    async fn outcomes(self, builder: DispatcherBuilder<()>) -> Vec<Outcome> {
        let dispatcher = TestDispatcher::new(builder.limit(LIMIT).build().unwrap());
        let in_work = InWork::default();
        let (tasks, start) = (TaskTracker::new(), Instant::now());
        let mut callers = Vec::new();
        for Arrival { at, service } in self.arrivals() {
            sleep_until(start + at).await;
            let (dispatcher, in_work) = (dispatcher.dispatcher(), in_work.clone());
            callers.push(tasks.spawn(async move {
                let work = move |attempt| in_work.serve(attempt, service, self.stops);
                let call = dispatcher.call(Call::unkeyed(), work);
                let answered = if self.leaves {
                    matches!(timeout(CALLER_TIMEOUT, call).await, Ok(Ok(())))
                } else {
                    call.await.is_ok()
                };
                let ended = start.elapsed();
                Outcome { arrived: at, ended, in_time: answered && ended <= at + CALLER_TIMEOUT }
            }));
        }
        // Those that stay are answered in the end, or refused.
        sleep(CALLER_TIMEOUT).await;
        dispatcher.stop();
        let mut outcomes = Vec::new();
        for caller in callers {
            outcomes.push(caller.await.unwrap());
        }
        dispatcher.idle().await;
        outcomes
    }
}

/// The calls that run at the resource, of which there are never more than the limit.
#[derive(Debug, Clone, Default)]
struct InWork {
    calls: Arc<AtomicU64>,
    tasks: TaskTracker,
}

impl InWork {
    fn serve(
        &self,
        attempt: Attempt,
        service: Duration,
        stops: bool,
    ) -> impl Future<Output = Result<(), Failure>> + use<> {
        let (occupied, tasks) = (Occupied::new(self, attempt), self.tasks.clone());
        let work = async move {
            let _occupied = occupied;
            sleep(service).await;
        };
        async move {
            if stops {
                work.await;
            } else {
                // It runs on when this future is dropped.
                tasks.spawn(work).await?;
            }
            Ok(())
        }
    }
}

struct Occupied {
    in_work: Arc<AtomicU64>,
    /// Returned after the count.
    _attempt: Attempt,
}

impl Occupied {
    fn new(in_work: &InWork, attempt: Attempt) -> Self {
        let in_work = Arc::clone(&in_work.calls);
        assert!(in_work.fetch_add(1, Ordering::Relaxed) < LIMIT as u64, "the limit holds");
        Self { in_work, _attempt: attempt }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.in_work.fetch_sub(1, Ordering::Relaxed);
    }
}
