//! A job that cannot finish before its deadline is not begun, as far as run times are known.

use mesero::{Call, Error, Order, Refusal};
use tokio::time::{Instant, advance};

use crate::harness::{Caller, Harness, builder, millis, secs};

async fn unmeetable(caller: Caller<u32>) -> bool {
    matches!(caller.error_now().await, Error::Refused(Refusal::DeadlineUnmeetable { .. }))
}

fn within(milliseconds: u64) -> Call {
    Call::unkeyed().deadline(millis(milliseconds))
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_leaves_when_less_time_is_left_than_runs_are_known_to_need() {
    let mut harness = Harness::of(builder().limit(1));
    harness.train_wait_estimator(secs(2)).await;
    let running = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let began = Instant::now();
    let waiting = harness.call(within(5_000), 1).await;
    let answer = waiting.answer().await;
    // Early enough for something else: two seconds before its deadline, as fine as timers are.
    assert_eq!(began.elapsed(), millis(3_001));
    let expected = Refusal::DeadlineUnmeetable { expected_wait: secs(0), expected_run: secs(2) };
    assert!(matches!(answer.result, Err(Error::Refused(refusal)) if refusal == expected));
    assert_eq!((answer.report.attempts, answer.report.waited), (0, millis(3_001)));
    attempt.reply(0);
    running.value().await;
    assert_eq!((harness.stats().jobs.shed, harness.stats().jobs.expired), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_too_late_for_one_job_goes_to_the_next_that_can_finish() {
    let mut harness = Harness::of(builder().limit(1).order(Order::Fifo));
    harness.train_wait_estimator(secs(2)).await;
    let _running = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let (short, long) =
        (harness.call(within(6_000), 1).await, harness.call(within(9_000), 2).await);
    advance(millis(4_500)).await;
    // No task has run since the first could still finish.
    attempt.reply(0);
    harness.settle().await;
    assert!(unmeetable(short).await);
    assert_eq!(*harness.pending().input(), 2);
    assert!(!long.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_deadline_is_never_condemned() {
    let mut harness = Harness::of(builder().limit(1));
    harness.train_wait_estimator(secs(2)).await;
    let _running = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let waiting = harness.unkeyed(1).await;
    advance(secs(10_000)).await;
    attempt.reply(0);
    harness.settle().await;
    harness.pending().reply(7);
    assert_eq!(waiting.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_kind_of_which_nothing_runs_starts_a_call_whatever_the_forecast_says() {
    let mut harness = Harness::of(builder().limit(2));
    harness.train_wait_estimator(secs(2)).await;
    let tried = harness.call(within(500), 1).await;
    let first = harness.pending();
    let refused = harness.call(within(500), 2).await;
    assert!(unmeetable(refused).await, "one of its kind runs");
    let other = harness.call(within(500).kind("other"), 3).await;
    let second = harness.pending();
    assert_eq!((*first.input(), *second.input()), (1, 3));
    assert!(!tried.is_answered() && !other.is_answered());
}

#[tokio::test(start_paused = true)]
async fn long_calls_do_not_condemn_short_ones_of_another_kind() {
    let mut harness = Harness::of(builder().limit(4).deadline(secs(2)));
    let long = || Call::unkeyed().kind("long").without_deadline();
    let mut callers = Vec::new();
    for _ in 0..12 {
        callers.push(harness.call(long(), 0).await);
    }
    for _ in 0..3 {
        advance(secs(3)).await;
        for attempt in std::iter::from_fn(|| harness.resource.try_next()).collect::<Vec<_>>() {
            attempt.reply(0);
        }
        harness.settle().await;
    }
    let short: Vec<_> =
        (0..60).map(|n| harness.call_soon(Call::unkeyed().kind("short"), n)).collect();
    harness.settle().await;
    for _ in 0..15 {
        advance(millis(10)).await;
        for attempt in std::iter::from_fn(|| harness.resource.try_next()).collect::<Vec<_>>() {
            let value = *attempt.input();
            attempt.reply(value);
        }
        harness.settle().await;
    }
    for (caller, n) in short.into_iter().zip(0..) {
        assert_eq!(caller.value().await, n);
    }
    assert_eq!((harness.stats().calls.refused, harness.stats().jobs.shed), (0, 0));
}

/// Every call is cut off at its deadline for a minute, at three times the run time it allows; then
/// the resource is healthy.
#[tokio::test(start_paused = true)]
async fn a_resource_that_recovers_is_served_again_within_two_calls() {
    let mut harness = Harness::of(builder().limit(2).deadline(secs(2)));
    let start = Instant::now();
    let mut running = Vec::new();
    for n in 0.. {
        let _caller = harness.call_soon(Call::unkeyed(), n);
        advance(millis(250)).await;
        harness.settle().await;
        // An attempt that is abandoned stops at once, two seconds after it has begun.
        running.extend(std::iter::from_fn(|| harness.resource.try_next()));
        running.retain(|attempt| !attempt.is_abandoned());
        if start.elapsed() > secs(60) {
            break;
        }
    }
    assert!(harness.stats().jobs.attempted < 100, "{:?}", harness.stats().jobs);
    advance(secs(2)).await;
    harness.settle().await;
    drop(running);
    // Healthy: 100 ms a call, one after the other.
    let mut served = 0;
    for n in 0..20 {
        let caller = harness.call(Call::unkeyed(), n).await;
        if let Some(attempt) = harness.resource.try_next() {
            advance(millis(100)).await;
            attempt.reply(n);
            assert_eq!(caller.value().await, n);
            served += 1;
        }
        assert!(served + 2 > n, "{served} of {} calls served", n + 1);
    }
    // And two at a time again.
    let both = [harness.call(Call::unkeyed(), 1).await, harness.call(Call::unkeyed(), 2).await];
    assert_eq!(harness.stats().slots.in_use, 2);
    assert!(both.iter().all(|caller| !caller.is_answered()));
}
