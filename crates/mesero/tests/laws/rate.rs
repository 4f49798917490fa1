//! The rate at which jobs are admitted.

use mesero::{Call, Error, Rate, Refusal};
use tokio::time::advance;

use crate::harness::{Harness, builder, millis, secs, some};

fn ten_a_second() -> Rate {
    Rate::new(some(10), secs(1)).unwrap().burst(some(2))
}

#[tokio::test(start_paused = true)]
async fn beyond_the_rate_a_call_is_refused_at_once_with_a_time_to_retry() {
    let harness = Harness::of(builder().limit(10).rate(ten_a_second()));
    let _burst = [harness.unkeyed(0).await, harness.unkeyed(1).await];
    advance(millis(30)).await;
    let error = harness.unkeyed(2).await.error_now().await;
    let expected = Refusal::RateLimited { retry_after: millis(70) };
    assert!(matches!(error, Error::Refused(refusal) if refusal == expected), "{error:?}");
    advance(millis(70)).await;
    assert!(!harness.unkeyed(3).await.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_joins_a_job_uses_nothing_up() {
    let harness = Harness::of(builder().limit(10).coalesce().rate(ten_a_second()));
    let mut callers = Vec::new();
    for n in 0..5 {
        callers.push(harness.call(Call::new("k"), n).await);
    }
    assert!(!harness.unkeyed(9).await.is_answered());
    assert_eq!(harness.stats().calls.refused, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_uses_nothing_up() {
    let harness = Harness::of(builder().limit(1).queue(0).rate(ten_a_second()));
    let _running = harness.unkeyed(0).await;
    for n in 1..9 {
        let error = harness.unkeyed(n).await.error_now().await;
        assert!(matches!(error, Error::Refused(Refusal::QueueFull { .. })), "{error:?}");
    }
}
