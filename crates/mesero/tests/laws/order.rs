//! The order of service, and the jobs that leave the queue without a slot.

use std::num::NonZeroUsize;

use mesero::{
    Call, Dispatcher, DispatcherBuilder, Error, Failure, Order, PerTenant, Refusal, Retry,
};
use tokio::time::{Instant, advance};

use crate::harness::{Caller, Harness, builder, millis, secs};

async fn refusal(caller: Caller<u32>) -> Refusal {
    match caller.error_now().await {
        Error::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn ordered(order: Order) -> DispatcherBuilder<u32> {
    builder().limit(1).order(order)
}

/// Replies to the attempts one after the other, a second each, and returns their inputs.
async fn serve(harness: &mut Harness, jobs: usize) -> Vec<u32> {
    let mut served = Vec::new();
    for _ in 0..jobs {
        let attempt = harness.pending();
        served.push(*attempt.input());
        advance(secs(1)).await;
        attempt.reply(0);
        harness.settle().await;
    }
    served
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_was_not_empty_for_the_usual_run_serves_the_newest_first() {
    let mut harness = Harness::of(ordered(Order::NewestWhenOverloaded));
    harness.train_wait_estimator(secs(1)).await;
    let _callers: Vec<_> = (0..3).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    assert_eq!(harness.jobs()[1].position, Some(1));
    assert_eq!(serve(&mut harness, 1).await, [0]);
    let _new: Vec<_> = (3..5).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    // It has now been filled for a second, the usual run.
    assert_eq!(serve(&mut harness, 1).await, [1]);
    assert!(harness.jobs().iter().all(|job| job.position.is_none()), "later calls come first");
    assert_eq!(serve(&mut harness, 3).await, [4, 3, 2]);
}

#[tokio::test(start_paused = true)]
async fn while_overloaded_a_full_queue_refuses_its_oldest_job_and_admits_the_newest() {
    let mut harness = Harness::of(ordered(Order::NewestWhenOverloaded).queue(2));
    harness.train_wait_estimator(secs(1)).await;
    let _running = harness.unkeyed(0).await;
    let (oldest, _next) = (harness.unkeyed(1).await, harness.unkeyed(2).await);
    let early = harness.unkeyed(3).await;
    assert!(matches!(refusal(early).await, Refusal::QueueFull { .. }), "not overloaded yet");
    advance(millis(1_001)).await;
    let newest = harness.unkeyed(4).await;
    assert!(matches!(refusal(oldest).await, Refusal::QueueFull { .. }));
    assert!(!newest.is_answered());
    assert_eq!((harness.stats().jobs.shed, harness.stats().queue.len), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_one_stays_overloaded_when_its_job_is_replaced() {
    let mut harness = Harness::of(ordered(Order::NewestWhenOverloaded).queue(1));
    harness.train_wait_estimator(secs(1)).await;
    let _running = harness.unkeyed(0).await;
    let oldest = harness.unkeyed(1).await;
    advance(millis(1_001)).await;
    let (next, newest) = (harness.unkeyed(2).await, harness.unkeyed(3).await);
    assert!(oldest.is_answered() && next.is_answered() && !newest.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_room_takes_no_place_from_another() {
    let mut harness = Harness::of(ordered(Order::NewestWhenOverloaded).queue(1));
    harness.train_wait_estimator(secs(1)).await;
    let (_running, queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    advance(secs(5)).await;
    let _waits = harness.call(Call::unkeyed().wait_for_room(), 2).await;
    assert!(!queued.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_back_at_the_deadline_of_a_waiting_job_begins_no_attempt() {
    for order in [Order::Fifo, Order::NewestWhenOverloaded, Order::Priority, Order::Fair] {
        let mut harness = Harness::of(ordered(order).deadline(secs(10)));
        let running = harness.call(Call::unkeyed().without_deadline(), 0).await;
        let waiting: Vec<_> = (1..40).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
        harness.settle().await;
        let attempt = harness.pending();
        advance(secs(10)).await;
        // No task has run since the deadline passed.
        attempt.reply(7);
        harness.settle().await;
        assert_eq!(running.value().await, 7);
        assert!(harness.resource.try_next().is_none(), "{order:?}: no expired job is begun");
        for caller in waiting {
            assert!(matches!(caller.error_now().await, Error::Expired { .. }));
        }
        assert_eq!((harness.stats().attempts.started, harness.stats().jobs.expired), (1, 39));
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_queue_timeout_a_waiting_job_leaves_and_a_running_one_stays() {
    let mut harness = Harness::of(ordered(Order::Fifo).queue_timeout(secs(2)));
    let (running, waiting) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let began = Instant::now();
    assert!(matches!(
        waiting.error().await,
        Error::Refused(Refusal::QueueTimeout { after }) if after == secs(2)
    ));
    assert_eq!(began.elapsed(), secs(2));
    advance(secs(100)).await;
    harness.pending().reply(7);
    assert_eq!(running.value().await, 7);
    assert_eq!(harness.stats().jobs.shed, 1);
}

#[tokio::test(start_paused = true)]
async fn the_queue_timeout_does_not_touch_a_retry() {
    let builder = ordered(Order::Fifo).queue_timeout(secs(2)).retry(Retry::default());
    let mut harness = Harness::of(builder);
    let retried = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let _next = harness.unkeyed(1).await;
    attempt.fail(Failure::unreachable("connection refused"));
    harness.settle().await;
    let attempt = harness.pending();
    advance(secs(60)).await;
    harness.settle().await;
    assert_eq!(harness.stats().queue.retries, 1);
    attempt.reply(1);
    harness.settle().await;
    harness.pending().reply(0);
    assert_eq!(retried.value().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_keeps_the_age_of_its_job() {
    let builder = ordered(Order::NewestWhenOverloaded).retry(Retry::default());
    let mut harness = Harness::of(builder);
    harness.train_wait_estimator(secs(1)).await;
    let _callers: Vec<_> = (0..4).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    advance(secs(2)).await;
    harness.pending().fail(Failure::unreachable("connection refused"));
    harness.settle().await;
    // The retry of the oldest job comes last: it is the oldest.
    advance(Retry::default().backoff).await;
    harness.settle().await;
    assert_eq!(serve(&mut harness, 4).await, [3, 2, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_light_tenant_waits_for_one_slot_behind_five_hundred_calls_of_another() {
    let mut harness = Harness::of(builder().limit(4).order(Order::Fair));
    let heavy = || Call::unkeyed().tenant("heavy");
    let _heavy: Vec<_> = (0..500).map(|n| harness.call_soon(heavy(), n)).collect();
    harness.settle().await;
    let light = harness.call(Call::unkeyed().tenant("light"), 900).await;
    let began = Instant::now();
    let mut running: Vec<_> = std::iter::from_fn(|| harness.resource.try_next()).collect();
    while !light.is_answered() {
        advance(millis(100)).await;
        for attempt in running.drain(..) {
            let value = *attempt.input();
            attempt.reply(value);
        }
        harness.settle().await;
        running.extend(std::iter::from_fn(|| harness.resource.try_next()));
    }
    assert_eq!(light.value().await, 900);
    assert!(began.elapsed() <= millis(200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_bounds_of_a_tenant_and_those_of_all_hold_together() {
    let mut each = PerTenant::default();
    (each.limit, each.queue) = (NonZeroUsize::new(1), Some(1));
    let mut harness = Harness::of(builder().limit(2).queue(2).per_tenant(each));
    let of = |tenant: &str| Call::unkeyed().tenant(tenant);
    let _first = harness.call(of("a"), 0).await;
    let _second = harness.call(of("a"), 1).await;
    assert_eq!((harness.stats().slots.in_use, harness.stats().queue.len), (1, 1));
    let third = harness.call(of("a"), 2).await;
    assert!(matches!(refusal(third).await, Refusal::TenantQueueFull { .. }));
    // Another tenant passes, up to the bounds of all.
    let _other = harness.call(of("b"), 3).await;
    assert_eq!(harness.stats().slots.in_use, 2);
    let _waits = harness.call(of("c"), 4).await;
    let refused = harness.call(of("d"), 5).await;
    assert!(matches!(refusal(refused).await, Refusal::QueueFull { .. }));
    harness.pending().reply(0);
    harness.settle().await;
    assert_eq!((*harness.pending().input(), *harness.pending().input()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_call_comes_before_usual_ones_that_came_within_its_head_start() {
    let mut harness = Harness::of(ordered(Order::Priority));
    let _callers: Vec<_> = (0..3).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    let _urgent = harness.call(Call::unkeyed().urgency(0), 7).await;
    assert_eq!(serve(&mut harness, 4).await, [0, 7, 1, 2]);
}

#[test]
fn a_dispatcher_serves_the_newest_first_when_overloaded_unless_told_otherwise() {
    assert_eq!(mesero::Policy::default().order, Order::NewestWhenOverloaded);
    assert!(Dispatcher::<u32>::builder("any").build().is_ok());
}
