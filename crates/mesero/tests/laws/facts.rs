//! Facts and counts: every fact is emitted once, and the counts are exactly their sum.

use std::sync::{Arc, Mutex};

use mesero::{Call, Event, Fact, Failure, Observer, Outcome, Phase, Retry, Stats, Stop, StopKind};
use tokio::time::{Instant, advance};

use crate::harness::{Harness, builder, secs};

/// The sum of the facts, counted apart from the engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Stats>>);

impl Observer for Tally {
    fn observe(&self, event: &Event) {
        let mut sum = self.0.lock().unwrap();
        let Stats { calls, jobs, attempts, slots, queue } = &mut *sum;
        match &event.fact {
            Fact::CallRefused(_) => {
                calls.refused += 1;
                calls.finished += 1;
            }
            Fact::CallCached => {
                calls.cached += 1;
                calls.finished += 1;
            }
            Fact::CallStale => {
                calls.stale += 1;
                calls.finished += 1;
            }
            Fact::CallNegative => {
                calls.negative += 1;
                calls.finished += 1;
            }
            Fact::CallLed(_) => {
                calls.led += 1;
                jobs.started += 1;
            }
            Fact::RefreshStarted(_) => {
                jobs.refreshes += 1;
                jobs.started += 1;
            }
            Fact::CallJoined(_) => calls.joined += 1,
            Fact::CallRescued => calls.rescued += 1,
            Fact::CallFinished => calls.finished += 1,
            // These rise and fall, and another thread's fall may arrive first.
            Fact::JobQueued { is_retry, .. } => {
                queue.len = queue.len.wrapping_add(1);
                queue.retries = queue.retries.wrapping_add(u64::from(*is_retry));
            }
            Fact::JobUnqueued { is_retry, .. } => {
                queue.len = queue.len.wrapping_sub(1);
                queue.retries = queue.retries.wrapping_sub(u64::from(*is_retry));
            }
            Fact::SlotTaken { .. } => slots.in_use = slots.in_use.wrapping_add(1),
            Fact::SlotReturned { .. } => slots.in_use = slots.in_use.wrapping_sub(1),
            Fact::LimitChanged { .. } => slots.limit_changes += 1,
            Fact::AttemptStarted { number: 1, .. } => jobs.attempted += 1,
            Fact::AttemptStarted { .. } => attempts.retries += 1,
            Fact::AttemptBlocked { .. } => attempts.blocked += 1,
            Fact::RetryRefused { .. } => attempts.retries_refused += 1,
            Fact::JobFinished { outcome, .. } => {
                *match outcome {
                    Outcome::Succeeded => &mut jobs.succeeded,
                    Outcome::Failed => &mut jobs.failed,
                    Outcome::TimedOut => &mut jobs.timed_out,
                    Outcome::Expired => &mut jobs.expired,
                    Outcome::Shed => &mut jobs.shed,
                    Outcome::Canceled => &mut jobs.canceled,
                } += 1;
            }
            _ => {}
        }
    }
}

impl Tally {
    /// Asserts that the facts so far add up to these counts.
    pub(crate) fn check(&self, stats: &Stats) {
        let mut sum = *self.0.lock().unwrap();
        let Stats { calls, jobs, attempts, slots, queue } = &mut sum;
        calls.started = calls.refused + calls.cached + calls.stale + calls.negative;
        calls.started += calls.led + calls.joined;
        calls.in_flight = calls.started - calls.finished;
        jobs.finished = Outcome::ALL.iter().map(|outcome| *jobs.of(*outcome)).sum();
        jobs.in_flight = jobs.started - jobs.finished;
        attempts.started = jobs.attempted + attempts.retries;
        // Settings, not facts.
        (slots.total, slots.closed) = (stats.slots.total, stats.slots.closed);
        queue.bound = stats.queue.bound;
        assert_eq!(sum, *stats);
    }
}

/// Records every fact as one word.
#[derive(Debug, Clone, Default)]
struct FactNames(Arc<Mutex<Vec<String>>>);

impl Observer for FactNames {
    fn observe(&self, event: &Event) {
        let text = format!("{:?}", event.fact);
        let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        self.0.lock().unwrap().push(word.to_owned());
    }
}

impl FactNames {
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

#[tokio::test(start_paused = true)]
async fn a_simple_call_emits_these_facts_in_this_order() {
    let names = FactNames::default();
    let mut harness = Harness::of(builder().observer(names.clone()));
    let caller = harness.unkeyed(0).await;
    assert_eq!(names.take(), "CallLed SlotTaken AttemptStarted");
    harness.pending().reply(0);
    caller.value().await;
    harness.settle().await;
    assert_eq!(names.take(), "AttemptFinished JobFinished SlotReturned CallFinished");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_queues_joins_and_retries_emits_these_facts_in_this_order() {
    let names = FactNames::default();
    let retry = Retry { budget: 0.0, max_attempts: crate::harness::some(9), ..Retry::default() };
    let mut harness =
        Harness::of(builder().limit(1).queue(1).coalesce().retry(retry).observer(names.clone()));
    let running = harness.unkeyed(0).await;
    names.take();
    let leader = harness.call(Call::new("k"), 1).await;
    let follower = harness.call(Call::new("k"), 2).await;
    harness.unkeyed(3).await.error_now().await;
    assert_eq!(names.take(), "CallLed JobQueued CallJoined CallRefused");
    follower.leave().await;
    running.leave().await;
    harness.settle().await;
    assert_eq!(names.take(), "CallFinished CallFinished AttemptFinished JobFinished");
    drop(harness.pending());
    harness.settle().await;
    assert_eq!(names.take(), "SlotReturned JobUnqueued SlotTaken AttemptStarted");
    harness.pending().fail(Failure::unreachable("connection refused"));
    harness.settle().await;
    assert_eq!(names.take(), "AttemptFinished RetryScheduled SlotReturned");
    let attempt = harness.resource.next().await;
    assert_eq!(names.take(), "SlotTaken AttemptStarted");
    attempt.reply(7);
    leader.value().await;
}

#[tokio::test(start_paused = true)]
async fn facts_carry_the_times() {
    let (slot_facts, sink) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (slots, finished) = (Arc::clone(&slot_facts), Arc::clone(&sink));
    let builder = builder().limit(1).observer(move |event: &Event| match &event.fact {
        Fact::SlotReturned { seat, held, overdue } => {
            slots.lock().unwrap().push((event.at, *seat, *held, *overdue));
        }
        Fact::JobFinished { outcome, waited, ran, attempts, phase, .. } => {
            finished.lock().unwrap().push((event.at, *outcome, *waited, *ran, *attempts, *phase));
        }
        _ => {}
    });
    let mut harness = Harness::of(builder);
    let start = Instant::now();
    let (first, second) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    advance(secs(2)).await;
    let slot = harness.pending().reply_and_keep_slot(0);
    first.value().await;
    advance(secs(3)).await;
    drop(slot);
    let attempt = harness.resource.next().await;
    advance(secs(4)).await;
    attempt.reply(1);
    second.value().await;
    harness.settle().await;
    let finished = sink.lock().unwrap().clone();
    let expected = [
        (start + secs(2), Outcome::Succeeded, secs(0), secs(2), 1, Phase::Running),
        (start + secs(9), Outcome::Succeeded, secs(5), secs(4), 1, Phase::Running),
    ];
    assert_eq!(finished, expected);
    let returned = slot_facts.lock().unwrap().clone();
    let expected = [(start + secs(5), 0, secs(5), secs(3)), (start + secs(9), 0, secs(4), secs(0))];
    assert_eq!(returned, expected);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_attempt_is_reported_as_stopped_before_its_slot_comes_back() {
    let names = FactNames::default();
    let mut harness = Harness::of(builder().observer(names.clone()));
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    caller.leave().await;
    harness.settle().await;
    names.take();
    attempt.attempt().slot().stopped(Stop { kind: StopKind::Killed, after: secs(1) });
    drop(attempt);
    harness.settle().await;
    assert_eq!(names.take(), "AttemptStopped SlotReturned");
}

#[tokio::test(start_paused = true)]
async fn only_an_attempt_that_is_assumed_to_have_stopped_is_counted_as_such() {
    let mut harness = Harness::of(builder());
    for (num, kind) in (0..).zip(StopKind::ALL) {
        let caller = harness.unkeyed(num).await;
        let attempt = harness.pending();
        caller.leave().await;
        attempt.attempt().slot().stopped(Stop { kind, after: secs(1) });
        drop(attempt);
        harness.settle().await;
        let assumed = harness.stats().slots.assumed_stopped;
        assert_eq!(assumed, u64::from(kind == StopKind::Assumed), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_call_the_dispatcher() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let dispatcher = Arc::new(Mutex::new(None::<mesero::Dispatcher<u32>>));
    let (answers, asks) = (Arc::clone(&asked), Arc::clone(&dispatcher));
    let mut harness = Harness::of(builder().observer(move |_: &Event| {
        if let Some(dispatcher) = &*asks.lock().unwrap() {
            answers.lock().unwrap().push(dispatcher.stats().calls.started);
        }
    }));
    *dispatcher.lock().unwrap() = Some(harness.dispatcher());
    let caller = harness.unkeyed(0).await;
    harness.pending().reply(0);
    caller.value().await;
    assert!(!asked.lock().unwrap().is_empty());
    // The observer and the dispatcher hold each other.
    *dispatcher.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn the_facts_add_up_to_the_counts_at_every_moment() {
    let tally = Tally::default();
    let mut harness = Harness::of(builder().limit(1).queue(1).coalesce().observer(tally.clone()));
    let (running, _queued) = (harness.call(Call::new("k"), 0).await, harness.unkeyed(1).await);
    let joined = harness.call(Call::new("k"), 0).await;
    tally.check(&harness.stats());
    harness.unkeyed(2).await.error_now().await;
    joined.leave().await;
    tally.check(&harness.stats());
    harness.pending().reply(0);
    running.value().await;
    harness.settle().await;
    tally.check(&harness.stats());
    harness.stop();
    harness.settle().await;
    tally.check(&harness.stats());
}
