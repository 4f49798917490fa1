//! A dispatcher, its callers and its mock resource, and the invariants between two steps.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, Weak};

use mesero::testing::{MockHandle, MockWork, PendingAttempt, TestDispatcher, mock_resource};
use mesero::{
    Cache, Call, Error, Event, Fact, Failure, JobId, Observer, OnDisconnect, Order, PerTenant,
    Phase, Retry, Slot,
};
use proptest::sample::Index;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance};
use tokio_util::task::TaskTracker;

use super::{RandomCall, Step};
use crate::facts::Tally;
use crate::harness::{builder, millis, secs, slots, some};

/// The rules of a dispatcher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RandomPolicy {
    pub(crate) limit: usize,
    pub(crate) queue: usize,
    pub(crate) order: Order,
    /// True if a tenant has one slot at most.
    pub(crate) bounds_tenants: bool,
    pub(crate) queue_times_out: bool,
    pub(crate) coalesces: bool,
    pub(crate) caches: bool,
    pub(crate) stale: bool,
    pub(crate) retries: bool,
    pub(crate) times_out: bool,
    pub(crate) finishes: bool,
}

pub(crate) struct Simulation {
    dispatcher: TestDispatcher<u32>,
    tally: Tally,
    work: MockWork<u32, u32>,
    handle: MockHandle<u32, u32>,
    tasks: TaskTracker,
    callers: Vec<Caller>,
    /// Attempts at the resource, including abandoned ones.
    working: Vec<PendingAttempt<u32, u32>>,
    /// Slots that are still occupied after the reply.
    held_slots: Vec<Slot>,
    closed: HashSet<usize>,
    limit: usize,
    queue: usize,
    order: Order,
    bounds_tenants: bool,
    in_use: u64,
    inputs: u32,
    served: Served,
    tokens: Vec<Weak<()>>,
}

/// The jobs that got a slot, in this order. Their attempts may begin in another: the runtime runs a
/// newly spawned task before a task that is woken later.
#[derive(Clone, Default)]
struct Served(Arc<Mutex<Vec<JobId>>>);

impl Observer for Served {
    fn observe(&self, event: &Event) {
        if let Fact::SlotTaken { job, .. } = &event.fact {
            let mut served = self.0.lock().unwrap();
            // A retry counts with its job's first attempt.
            if !served.contains(&job.id) {
                served.push(job.id);
            }
        }
    }
}

struct Caller {
    task: JoinHandle<()>,
    /// The latest time of its answer; `None` without a deadline, or while it waits for room.
    until: Option<Instant>,
}

impl Simulation {
    pub(crate) fn of(policy: RandomPolicy) -> Self {
        let (tally, served) = (Tally::default(), Served::default());
        let mut builder = builder().limit(policy.limit).queue(policy.queue).order(policy.order);
        if policy.bounds_tenants {
            let mut each = PerTenant::default();
            each.limit = Some(slots(1));
            builder = builder.per_tenant(each);
        }
        if policy.queue_times_out {
            builder = builder.queue_timeout(secs(3));
        }
        builder = builder.observer(tally.clone()).observer(served.clone());
        if policy.coalesces {
            builder = builder.coalesce();
        }
        if policy.caches {
            let mut cache = Cache::new(secs(2), 10_000, |_| 4);
            if policy.stale {
                cache = cache
                    .stale_while_revalidate(secs(2))
                    .stale_if_error(secs(4))
                    .negative(secs(1), |error| matches!(error, Error::Failed(_)));
            }
            builder = builder.cache(cache);
        }
        if policy.retries {
            builder = builder.retry(Retry { max_attempts: some(3), ..Retry::default() });
        }
        if policy.times_out {
            builder = builder.timeout(secs(1));
        }
        if policy.finishes {
            builder = builder.on_disconnect(OnDisconnect::Finish);
        }
        let (work, handle) = mock_resource();
        Self {
            dispatcher: TestDispatcher::new(builder.build().unwrap()),
            tally,
            work,
            handle,
            tasks: TaskTracker::new(),
            callers: Vec::new(),
            working: Vec::new(),
            held_slots: Vec::new(),
            closed: HashSet::new(),
            limit: policy.limit,
            queue: policy.queue,
            order: policy.order,
            bounds_tenants: policy.bounds_tenants,
            in_use: 0,
            inputs: 100,
            served,
            tokens: Vec::new(),
        }
    }

    /// Applies a step, and lets all tasks run until they wait.
    pub(crate) async fn apply(&mut self, step: Step) {
        match step {
            Step::Call(random_call) => self.call(&random_call),
            Step::Leave(index) => {
                if !self.callers.is_empty() {
                    let caller = self.callers.swap_remove(index.index(self.callers.len()));
                    caller.task.abort();
                }
            }
            Step::Cancel(index) => {
                let jobs = self.dispatcher.jobs();
                if !jobs.is_empty() {
                    self.dispatcher.cancel(index.get(&jobs).info.id);
                }
            }
            Step::Reply(index) => self.ends(index, |attempt| {
                let value = *attempt.input();
                attempt.reply(value);
            }),
            Step::Fail(index) => {
                self.ends(index, |attempt| {
                    attempt.fail(Failure::unreachable("connection refused"))
                });
            }
            Step::FailForGood(index) => {
                self.ends(index, |attempt| attempt.fail(Failure::raised("no")));
            }
            Step::Panic(index) => self.ends(index, PendingAttempt::panic),
            Step::KeepSlot(index) => {
                if !self.working.is_empty() {
                    let attempt = self.working.swap_remove(index.index(self.working.len()));
                    let value = *attempt.input();
                    self.held_slots.push(attempt.reply_and_keep_slot(value));
                }
            }
            Step::ReleaseSlot(index) => {
                if !self.held_slots.is_empty() {
                    drop(self.held_slots.swap_remove(index.index(self.held_slots.len())));
                }
            }
            Step::Pass { milliseconds } => advance(millis(milliseconds)).await,
            Step::Limit(limit) => {
                self.limit = limit;
                self.dispatcher.set_limit(slots(limit));
            }
            Step::Close(seat) => {
                self.closed.insert(seat);
                self.dispatcher.seats().close(&[seat]);
            }
            Step::Open(seat) => {
                self.closed.remove(&seat);
                self.dispatcher.seats().open(&[seat]);
            }
            Step::Drain => self.dispatcher.drain(),
        }
        self.settle().await;
    }

    fn call(&mut self, random_call: &RandomCall) {
        let mut call = random_call.key.map_or_else(Call::unkeyed, |key| Call::new(key.to_string()));
        let expected = random_call.key;
        call = call.tenant(random_call.tenant.to_string()).urgency(random_call.urgency);
        let input = expected.unwrap_or(self.inputs);
        self.inputs += 1;
        if let Some(after) = random_call.deadline {
            call = call.deadline(millis(after));
        }
        let mut until = random_call.deadline.map(|after| Instant::now() + millis(after));
        if random_call.waits_for_room {
            (call, until) = (call.wait_for_room(), None);
        }
        let token = Arc::new(());
        self.tokens.push(Arc::downgrade(&token));
        let (dispatcher, work) = (self.dispatcher.dispatcher(), self.work.on(input));
        let task = self.tasks.spawn(async move {
            let answer = dispatcher.call(call, move |attempt| {
                let _token = &token;
                work(attempt)
            });
            if let Ok(value) = answer.await {
                assert_eq!(value, input, "an answer belongs to its input");
            }
        });
        self.callers.push(Caller { task, until });
    }

    fn ends(&mut self, index: Index, end: impl FnOnce(PendingAttempt<u32, u32>)) {
        if !self.working.is_empty() {
            end(self.working.swap_remove(index.index(self.working.len())));
        }
    }

    async fn settle(&mut self) {
        self.dispatcher.settle().await;
        while let Some(attempt) = self.handle.try_next() {
            self.working.push(attempt);
        }
        for caller in self.callers.extract_if(.., |caller| caller.task.is_finished()) {
            caller.task.await.expect("no caller panics");
        }
    }

    /// Checks the invariants, when all tasks wait.
    pub(crate) fn check(&mut self) {
        self.dispatcher.check();
        let stats = self.dispatcher.stats();
        self.tally.check(&stats);

        // Slots: each has an occupant, and there are no more than the limit.
        let seats = self.working.iter().map(|attempt| attempt.attempt().slot().seat());
        let seats: HashSet<_> = seats.chain(self.held_slots.iter().map(Slot::seat)).collect();
        assert_eq!(
            seats.len(),
            self.working.len() + self.held_slots.len(),
            "a seat has one occupant"
        );
        assert_eq!(stats.slots.in_use, seats.len() as u64, "a slot has an occupant");
        let limit = self.limit as u64;
        assert!(stats.slots.in_use <= limit.max(self.in_use), "a lowered limit grants nothing");
        self.in_use = stats.slots.in_use;

        // The queue: no job waits while it could start.
        let open = |seat: &usize| !seats.contains(seat) && !self.closed.contains(seat);
        let grantable = stats.slots.in_use < limit && (0..self.limit).any(|seat| open(&seat));
        let idle = stats.queue.len > 0 && grantable;
        assert!(!idle || self.bounds_tenants, "no job waits while a slot is free");
        let waits_for_room = self.callers.len() as u64 - stats.calls.in_flight;
        let full = (!grantable || self.bounds_tenants) && stats.queue.len >= self.queue as u64;
        assert!(waits_for_room == 0 || full, "no call waits while there is room");

        let served = self.served.0.lock().unwrap();
        let in_order = self.order == Order::Fifo && !self.bounds_tenants;
        assert!(
            !in_order || served.is_sorted(),
            "first slots are granted in the order of admission"
        );
        drop(served);

        // Jobs: running ones have an attempt, queued ones are in the queue, and every caller waits
        // for one.
        let jobs = self.dispatcher.jobs();
        let count = |phase| jobs.iter().filter(|job| job.phase == phase).count();
        let wanted = self.working.iter().filter(|attempt| !attempt.is_abandoned()).count();
        assert_eq!(count(Phase::Running), wanted, "every job with a waiter runs");
        assert_eq!(count(Phase::Queued) as u64, stats.queue.len);
        assert_eq!(count(Phase::Stopping), seats.len() - wanted);
        let waiters: usize = jobs.iter().map(|job| job.waiters).sum();
        assert_eq!(waiters as u64, stats.calls.in_flight);

        let now = Instant::now();
        let late =
            self.callers.iter().find(|caller| caller.until.is_some_and(|until| until <= now));
        assert!(late.is_none(), "no caller waits beyond its deadline");
    }

    /// Ends all work, and checks that nothing is left.
    pub(crate) async fn end(mut self) {
        self.held_slots.clear();
        for seat in 0..5 {
            self.apply(Step::Open(seat)).await;
        }
        while !(self.dispatcher.stats().is_idle() && self.callers.is_empty()) {
            let before = self.dispatcher.stats();
            for attempt in std::mem::take(&mut self.working) {
                let value = *attempt.input();
                attempt.reply(value);
            }
            // Longer than every backoff.
            advance(secs(60)).await;
            self.settle().await;
            self.check();
            assert_ne!(before, self.dispatcher.stats(), "each round makes progress");
        }
        assert!(self.working.is_empty());
        self.tally.check(&self.dispatcher.stats());
        let left = self.tokens.iter().filter(|token| token.strong_count() > 0).count();
        assert_eq!(left, 0, "no work leaks");
    }
}
