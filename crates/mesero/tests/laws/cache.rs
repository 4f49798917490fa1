//! Replies kept for a while.

use mesero::{Builder, Cache, Call, Failure, OnDisconnect, Origin};
use tokio::time::advance;

use crate::table::{Table, builder, millis, secs};

fn rules() -> Cache<u32> {
    Cache::new(secs(60), 10_000, |_| 4)
}

fn cached() -> Builder<u32> {
    builder().cache(rules())
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_the_cache_costs_no_attempt() {
    let mut table = Table::of(cached());
    let first = table.call(Call::new("k"), 0).await;
    table.begun().reply(7);
    assert_eq!(first.value().await, 7);
    let answer = table.call(Call::new("k"), 1).await.answer_now().await;
    assert_eq!(answer.result.unwrap(), 7);
    assert_eq!((answer.report.origin, answer.report.job), (Origin::Cached, None));
    let stats = table.stats();
    assert_eq!((stats.attempts.started, stats.calls.cached), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_kept_for_its_time_and_no_longer() {
    let mut table = Table::of(cached());
    let first = table.call(Call::new("k"), 0).await;
    table.begun().reply(7);
    first.value().await;
    advance(millis(59_999)).await;
    assert!(table.call(Call::new("k"), 1).await.is_answered());
    advance(millis(1)).await;
    let late = table.call(Call::new("k"), 2).await;
    table.begun().reply(8);
    assert_eq!(late.value().await, 8);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_kept() {
    let mut table = Table::of(cached());
    let first = table.call(Call::new("k"), 0).await;
    table.begun().fail(Failure::raised("no"));
    first.error().await;
    let second = table.call(Call::new("k"), 1).await;
    table.begun().reply(7);
    assert_eq!(second.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_key_is_never_answered_from_the_cache() {
    let mut table = Table::of(cached());
    for n in 0..2 {
        let caller = table.unkeyed(n).await;
        table.begun().reply(n);
        assert_eq!(caller.value().await, n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_larger_than_the_cache_is_not_kept() {
    let mut table = Table::of(builder().cache(Cache::new(secs(60), 10_000, |_| 10_001)));
    for n in 0..2 {
        let caller = table.call(Call::new("k"), n).await;
        table.begun().reply(n);
        assert_eq!(caller.value().await, n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_finishes_without_waiters_fills_the_cache() {
    let mut table = Table::of(cached().on_disconnect(OnDisconnect::Finish));
    table.call(Call::new("k"), 0).await.leave().await;
    table.begun().reply(7);
    table.settle().await;
    assert_eq!(table.call(Call::new("k"), 1).await.answer_now().await.result.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_drained_dispatcher_still_answers_from_the_cache() {
    let mut table = Table::of(cached());
    let first = table.call(Call::new("k"), 0).await;
    table.begun().reply(7);
    first.value().await;
    table.drain();
    assert_eq!(table.call(Call::new("k"), 1).await.answer_now().await.result.unwrap(), 7);
}
