//! Cached replies.

use mesero::{Cache, Call, DispatcherBuilder, Failure, OnDisconnect, Origin};
use tokio::time::advance;

use crate::harness::{Harness, builder, millis, secs};

fn rules() -> Cache<u32> {
    Cache::new(secs(60), 10_000, |_| 4)
}

fn cached() -> DispatcherBuilder<u32> {
    builder().cache(rules())
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_the_cache_costs_no_attempt() {
    let mut harness = Harness::of(cached());
    let first = harness.call(Call::new("k"), 0).await;
    harness.pending().reply(7);
    assert_eq!(first.value().await, 7);
    let answer = harness.call(Call::new("k"), 1).await.answer_now().await;
    assert_eq!(answer.result.unwrap(), 7);
    assert_eq!((answer.report.origin, answer.report.job), (Origin::Cached, None));
    let stats = harness.stats();
    assert_eq!((stats.attempts.started, stats.calls.cached), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_cached_for_exactly_its_ttl() {
    let mut harness = Harness::of(cached());
    let first = harness.call(Call::new("k"), 0).await;
    harness.pending().reply(7);
    first.value().await;
    advance(millis(59_999)).await;
    assert!(harness.call(Call::new("k"), 1).await.is_answered());
    advance(millis(1)).await;
    let late = harness.call(Call::new("k"), 2).await;
    harness.pending().reply(8);
    assert_eq!(late.value().await, 8);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_cached() {
    let mut harness = Harness::of(cached());
    let first = harness.call(Call::new("k"), 0).await;
    harness.pending().fail(Failure::raised("no"));
    first.error().await;
    let second = harness.call(Call::new("k"), 1).await;
    harness.pending().reply(7);
    assert_eq!(second.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_key_is_never_answered_from_the_cache() {
    let mut harness = Harness::of(cached());
    for n in 0..2 {
        let caller = harness.unkeyed(n).await;
        harness.pending().reply(n);
        assert_eq!(caller.value().await, n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_larger_than_the_cache_is_not_cached() {
    let mut harness = Harness::of(builder().cache(Cache::new(secs(60), 10_000, |_| 10_001)));
    for n in 0..2 {
        let caller = harness.call(Call::new("k"), n).await;
        harness.pending().reply(n);
        assert_eq!(caller.value().await, n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_finishes_without_waiters_fills_the_cache() {
    let mut harness = Harness::of(cached().on_disconnect(OnDisconnect::Finish));
    harness.call(Call::new("k"), 0).await.leave().await;
    harness.pending().reply(7);
    harness.settle().await;
    assert_eq!(harness.call(Call::new("k"), 1).await.answer_now().await.result.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_drained_dispatcher_still_answers_from_the_cache() {
    let mut harness = Harness::of(cached());
    let first = harness.call(Call::new("k"), 0).await;
    harness.pending().reply(7);
    first.value().await;
    harness.drain();
    assert_eq!(harness.call(Call::new("k"), 1).await.answer_now().await.result.unwrap(), 7);
}
