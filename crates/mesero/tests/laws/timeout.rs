//! The timeout of one attempt.

use std::time::Duration;

use mesero::{Cache, Call, Error, Retry};
use tokio::time::Instant;

use crate::harness::{Harness, builder, secs};

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_longer_than_the_timeout_is_abandoned() {
    let mut harness = Harness::of(builder().timeout(secs(3)));
    let start = Instant::now();
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    assert_eq!(attempt.attempt().deadline(), Some(start + secs(3)));
    let answer = caller.answer().await;
    assert!(matches!(answer.result, Err(Error::TimedOut { after }) if after == secs(3)));
    assert_eq!((start.elapsed(), answer.report.ran), (secs(3), secs(3)));
    assert!(attempt.is_abandoned());
    assert_eq!(harness.stats().jobs.timed_out, 1);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_counts_from_the_attempt_and_not_from_the_call() {
    let mut harness = Harness::of(builder().limit(1).timeout(secs(3)));
    let (first, second) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let start = Instant::now();
    let attempt = harness.pending();
    assert!(matches!(first.error().await, Error::TimedOut { .. }));
    drop(attempt);
    let _attempt = harness.resource.next().await;
    assert!(matches!(second.error().await, Error::TimedOut { .. }));
    assert_eq!(start.elapsed(), secs(6));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_timed_out_is_retried() {
    let mut harness = Harness::of(builder().limit(2).timeout(secs(3)).retry(Retry::default()));
    let caller = harness.unkeyed(0).await;
    let _first = harness.pending();
    let second = harness.resource.next().await;
    assert_eq!(second.attempt().number(), 2);
    second.reply(7);
    let answer = caller.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.attempts), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn a_time_beyond_the_end_of_the_clock_is_no_bound() {
    let builder = builder().limit(1).timeout(Duration::MAX).deadline(Duration::MAX);
    let mut harness = Harness::of(builder.cache(Cache::new(Duration::MAX, 10_000, |_| usize::MAX)));
    harness.train_wait_estimator(secs(1)).await;
    let running = harness.call(Call::new("k").deadline(Duration::MAX), 0).await;
    let _queued = harness.call(Call::new("l").deadline(Duration::MAX), 0).await;
    let attempt = harness.pending();
    assert_eq!(attempt.attempt().deadline(), None);
    attempt.reply(7);
    assert_eq!(running.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_changed_timeout_applies_to_running_attempts() {
    let mut harness = Harness::of(builder().limit(2));
    let start = Instant::now();
    let (slow, quick) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let attempt = harness.pending();
    tokio::time::advance(secs(1)).await;
    harness.set_timeout(Some(secs(9)));
    harness.set_timeout(Some(secs(3)));
    let other = harness.pending();
    harness.settle().await;
    tokio::time::advance(secs(1)).await;
    other.reply(7);
    assert!(quick.answer().await.result.is_ok());
    assert!(matches!(slow.error().await, Error::TimedOut { after } if after == secs(3)));
    assert_eq!(start.elapsed(), secs(3));
    drop(attempt);
}
