//! Retries: their conditions, their number, and their pauses.

use std::time::Duration;

use mesero::testing::PendingAttempt;
use mesero::{Advice, Call, Error, Failure, FailureKind, Phase, Retry};
use tokio::time::{Instant, advance};

use crate::harness::{Harness, builder, millis, secs, some};

fn unreachable() -> Failure {
    Failure::unreachable("connection refused")
}

fn retry() -> Retry {
    Retry { budget: 1.0, ..Retry::default() }
}

/// Fails an attempt, and returns the job's pause until the next.
async fn pause(
    harness: &mut Harness,
    attempt: PendingAttempt<u32, u32>,
    failure: Failure,
) -> Duration {
    let failed = Instant::now();
    attempt.fail(failure);
    let attempt = harness.resource.next().await;
    let pause = failed.elapsed();
    attempt.reply(0);
    harness.settle().await;
    pause
}

#[tokio::test(start_paused = true)]
async fn a_job_is_retried_until_it_succeeds() {
    let mut harness = Harness::of(builder().retry(retry()));
    let caller = harness.unkeyed(0).await;
    for number in [1, 2] {
        let attempt = harness.resource.next().await;
        assert_eq!(attempt.attempt().number(), number);
        attempt.fail(unreachable());
    }
    harness.resource.next().await.reply(7);
    let answer = caller.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.attempts), (7, 3));
    let attempts = harness.stats().attempts;
    assert_eq!((attempts.started, attempts.retries), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_is_at_most_max_attempts() {
    let mut harness = Harness::of(builder().retry(Retry { max_attempts: some(2), ..retry() }));
    let caller = harness.unkeyed(0).await;
    harness.resource.next().await.fail(unreachable());
    harness.resource.next().await.fail(Failure::unreachable("still down"));
    let error = caller.error().await;
    assert_eq!(error.to_string(), "still down");
    assert_eq!(harness.stats().jobs.failed, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_retry_policy_nothing_is_retried() {
    let mut harness = Harness::of(builder());
    let caller = harness.unkeyed(0).await;
    harness.pending().fail(unreachable());
    assert!(matches!(caller.error().await, Error::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_would_recur_is_not_retried() {
    let mut harness = Harness::of(builder().retry(retry()));
    for kind in [FailureKind::Raised, FailureKind::Panicked] {
        let caller = harness.unkeyed(0).await;
        harness.pending().fail(Failure::new(kind, "no"));
        caller.error().await;
    }
    let caller = harness.unkeyed(0).await;
    harness.pending().fail(unreachable().advise(Advice::Never));
    caller.error().await;
    assert_eq!(harness.stats().attempts.retries, 0);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_random_over_the_whole_range_up_to_a_bound_that_doubles() {
    let mut harness =
        Harness::of(builder().retry(Retry { backoff: secs(10), budget: 2.0, ..retry() }));
    let mut pauses = [const { Vec::new() }; 2];
    for _ in 0..300 {
        let caller = harness.unkeyed(0).await;
        let mut attempt = harness.pending();
        for pauses in &mut pauses {
            let failed = Instant::now();
            attempt.fail(unreachable());
            attempt = harness.resource.next().await;
            pauses.push(failed.elapsed());
        }
        attempt.reply(0);
        caller.value().await;
    }
    for (pauses, bound) in pauses.iter().zip([secs(10), secs(20)]) {
        // Three hundred random pauses all miss a tenth of the range once in 10¹³ runs.
        assert!(pauses.iter().all(|pause| *pause <= bound));
        assert!(pauses.iter().any(|pause| *pause < bound / 10));
        assert!(pauses.iter().any(|pause| *pause > bound - bound / 10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_in_backoff_holds_no_slot() {
    let mut harness = Harness::of(builder().limit(1).retry(retry()));
    let _caller = harness.unkeyed(0).await;
    harness.pending().fail(unreachable().advise(Advice::After(secs(9))));
    harness.settle().await;
    assert_eq!(harness.only_job().phase, Phase::Backoff);
    assert_eq!(harness.stats().slots.in_use, 0);
    let other = harness.unkeyed(1).await;
    harness.pending().reply(1);
    assert_eq!(other.value().await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_advised_pause_of_a_resource_is_obeyed_up_to_the_longest_pause() {
    let retry = Retry { backoff: millis(1), max_backoff: secs(30), ..retry() };
    let mut harness = Harness::of(builder().retry(retry));
    for (asked, expected) in [(secs(7), secs(7)), (secs(500), secs(30))] {
        let caller = harness.unkeyed(0).await;
        let attempt = harness.pending();
        let overloaded = Failure::new(FailureKind::Overloaded, "later");
        let pause = pause(&mut harness, attempt, overloaded.advise(Advice::After(asked))).await;
        assert_eq!(pause, expected);
        caller.value().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_down_gets_no_more_retries_than_the_budget() {
    let mut harness =
        Harness::of(builder().retry(Retry { backoff: millis(0), ..Retry::default() }));
    for n in 0..200 {
        let caller = harness.unkeyed(n).await;
        while !caller.is_answered() {
            if let Some(attempt) = harness.resource.try_next() {
                attempt.fail(unreachable());
            }
            harness.settle().await;
        }
        caller.error().await;
    }
    let attempts = harness.stats().attempts;
    // A fifth of a retry for each of two hundred jobs, and ten that are free.
    assert_eq!(attempts.retries, 50);
    assert!(attempts.retries_refused > 0);
}

#[tokio::test(start_paused = true)]
async fn no_retry_begins_beyond_the_deadline() {
    let mut harness = Harness::of(builder().retry(retry()));
    let caller = harness.call(Call::unkeyed().deadline(secs(5)), 0).await;
    let attempt = harness.pending();
    advance(secs(1)).await;
    attempt.fail(unreachable().advise(Advice::After(secs(4))));
    harness.settle().await;
    let error = caller.error_now().await;
    assert!(
        matches!(error, Error::Failed(_)),
        "the failure is more precise than the deadline: {error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_can_ask_whether_it_will_be_retried_and_the_decision_holds() {
    let policy = Retry { max_attempts: some(2), ..retry() };
    // The second slot is for when the test holds the first one, by an attempt.
    let mut harness = Harness::of(builder().limit(2).retry(policy));
    let caller = harness.unkeyed(0).await;
    let first = harness.resource.next().await;
    assert!(!first.attempt().will_retry(&unreachable().advise(Advice::Never)));
    first.fail(unreachable());
    assert!(matches!(caller.error().await, Error::Failed(_)), "decided before");
    let caller = harness.unkeyed(1).await;
    let first = harness.resource.next().await;
    let attempt = first.attempt().clone();
    assert!(attempt.will_retry(&unreachable()) && attempt.will_retry(&unreachable()));
    first.fail(unreachable());
    let last = harness.resource.next().await;
    assert!(!attempt.will_retry(&unreachable()), "it has ended");
    assert!(!last.attempt().will_retry(&unreachable()), "no attempt is left");
    last.reply(7);
    assert_eq!(caller.value().await, 7);
    assert_eq!(harness.stats().attempts.retries, 1);
}

#[tokio::test(start_paused = true)]
async fn no_retry_is_promised_for_which_the_deadline_leaves_no_room_or_the_budget_is_empty() {
    let mut harness = Harness::of(builder().retry(Retry { budget: 0.0, ..retry() }));
    let _late = harness.call(Call::unkeyed().deadline(millis(500)), 0).await;
    let attempt = harness.pending();
    let busy = unreachable().advise(Advice::After(secs(1)));
    assert!(!attempt.attempt().will_retry(&busy));
    attempt.reply(0);
    harness.settle().await;
    // Ten retries need not be earned.
    for number in 0..=10 {
        let _caller = harness.unkeyed(number).await;
        let attempt = harness.pending();
        assert_eq!(attempt.attempt().will_retry(&unreachable()), number < 10, "{number}");
        attempt.reply(0);
        harness.settle().await;
    }
    assert_eq!(harness.stats().attempts.retries_refused, 1);
}
