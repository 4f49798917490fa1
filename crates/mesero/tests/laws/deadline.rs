//! The deadline of a whole call: the queue, all attempts, and the pauses between them.

use mesero::{Advice, Call, Error, Failure, FailureKind, Phase, Refusal, Retry};
use tokio::time::{Instant, advance};

use crate::harness::{Caller, Harness, builder, millis, secs};

async fn expired(caller: Caller<u32>) -> Phase {
    match caller.error().await {
        Error::Expired { phase } => phase,
        other => panic!("not expired: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_passes_in_the_queue() {
    let mut harness = Harness::of(builder().limit(1));
    let _running = harness.unkeyed(0).await;
    let _attempt = harness.pending();
    let start = Instant::now();
    let caller = harness.call(Call::unkeyed().deadline(secs(2)), 1).await;
    let answer = caller.answer().await;
    assert!(matches!(answer.result, Err(Error::Expired { phase: Phase::Queued })));
    assert_eq!((start.elapsed(), answer.report.waited), (secs(2), secs(2)));
    assert_eq!((harness.stats().queue.len, harness.stats().jobs.expired), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_passes_while_an_attempt_runs_and_the_wait_counts() {
    let mut harness = Harness::of(builder().limit(1).deadline(secs(5)).timeout(secs(4)));
    let first = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let second = harness.unkeyed(1).await;
    advance(secs(3)).await;
    attempt.reply(0);
    first.value().await;
    let attempt = harness.resource.next().await;
    assert_eq!(attempt.attempt().deadline(), Some(Instant::now() + secs(2)));
    assert_eq!(expired(second).await, Phase::Running);
    assert!(attempt.is_abandoned());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_follower_passes_between_two_attempts() {
    let retry = Retry { max_backoff: secs(60), ..Retry::default() };
    let mut harness = Harness::of(builder().coalesce().retry(retry));
    let leader = harness.call(Call::new("k"), 0).await;
    let follower = harness.call(Call::new("k").deadline(secs(10)), 0).await;
    let overloaded = Failure::new(FailureKind::Overloaded, "too much");
    harness.pending().fail(overloaded.advise(Advice::After(secs(60))));
    harness.settle().await;
    assert_eq!(harness.only_job().phase, Phase::Backoff);
    assert_eq!(expired(follower).await, Phase::Backoff);
    harness.resource.next().await.reply(7);
    assert_eq!(leader.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_follower_with_a_shorter_deadline_leaves_and_the_leader_gets_the_answer() {
    let mut harness = Harness::of(builder().coalesce());
    let leader = harness.call(Call::new("k").deadline(secs(10)), 0).await;
    let follower = harness.call(Call::new("k").deadline(secs(2)), 0).await;
    let start = Instant::now();
    assert_eq!(expired(follower).await, Phase::Running);
    assert_eq!((start.elapsed(), harness.only_job().waiters), (secs(2), 1));
    harness.pending().reply(7);
    assert_eq!(leader.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_follower_with_a_longer_deadline_keeps_the_job_beyond_the_leaders() {
    let mut harness = Harness::of(builder().coalesce());
    let leader = harness.call(Call::new("k").deadline(secs(2)), 0).await;
    let follower = harness.call(Call::new("k").deadline(secs(10)), 0).await;
    assert_eq!(expired(leader).await, Phase::Running);
    advance(secs(7)).await;
    let attempt = harness.pending();
    assert!(!attempt.is_abandoned());
    attempt.reply(7);
    assert_eq!(follower.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_follower_without_a_deadline_keeps_the_job_forever() {
    let mut harness = Harness::of(builder().limit(1).coalesce().deadline(secs(2)));
    let leader = harness.call(Call::new("k"), 0).await;
    let follower = harness.call(Call::new("k").without_deadline(), 0).await;
    assert_eq!(expired(leader).await, Phase::Running);
    advance(secs(1_000_000)).await;
    harness.pending().reply(7);
    assert_eq!(follower.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_deadline_replaces_the_dispatchers() {
    let mut harness = Harness::of(builder().limit(3).deadline(secs(5)));
    let start = Instant::now();
    let (short, long) = (
        harness.call(Call::unkeyed().deadline(secs(1)), 0).await,
        harness.call(Call::unkeyed().deadline(secs(9)), 0).await,
    );
    let endless = harness.call(Call::unkeyed().without_deadline(), 0).await;
    let attempts = [harness.pending(), harness.pending(), harness.pending()];
    let deadlines = attempts.each_ref().map(|attempt| attempt.attempt().deadline());
    assert_eq!(deadlines, [Some(start + secs(1)), Some(start + secs(9)), None]);
    assert_eq!([expired(short).await, expired(long).await], [Phase::Running; 2]);
    assert_eq!(start.elapsed(), secs(9));
    assert!(!endless.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_clearly_cannot_be_met_is_refused_on_arrival_and_only_then() {
    let mut harness = Harness::of(builder().limit(2));
    harness.train_wait_estimator(secs(4)).await;
    let mut callers = Vec::new();
    for n in 0..5 {
        callers.push(harness.unkeyed(n).await);
    }
    // Three wait, each for four seconds on one of two slots; then come its own four seconds.
    let within = |deadline| Call::unkeyed().deadline(deadline);
    let error = harness.call(within(millis(9_999)), 5).await.error_now().await;
    let expected = Refusal::DeadlineUnmeetable { expected_wait: secs(6), expected_run: secs(4) };
    assert!(matches!(error, Error::Refused(refusal) if refusal == expected), "{error:?}");
    assert!(!harness.call(within(secs(10)), 6).await.is_answered());
    assert!(!harness.call(Call::unkeyed().without_deadline(), 7).await.is_answered());
}

#[tokio::test(start_paused = true)]
async fn no_deadline_is_refused_with_too_few_samples_or_a_free_slot() {
    let mut harness = Harness::of(builder().limit(1));
    let hasty = || Call::unkeyed().deadline(millis(1));
    let (running, queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let attempt = harness.pending();
    assert_eq!(expired(harness.call(hasty(), 2).await).await, Phase::Queued);
    queued.leave().await;
    attempt.reply(0);
    running.value().await;
    harness.train_wait_estimator(secs(4)).await;
    assert!(!harness.call(hasty(), 3).await.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_never_refused_for_its_deadline() {
    let mut harness = Harness::of(builder().limit(1).coalesce());
    harness.train_wait_estimator(secs(4)).await;
    let _running = harness.unkeyed(0).await;
    let _queued = harness.unkeyed(1).await;
    let _leader = harness.call(Call::new("k"), 2).await;
    let follower = harness.call(Call::new("k").deadline(secs(1)), 2).await;
    assert!(!follower.is_answered());
    assert_eq!(expired(follower).await, Phase::Queued);
}
