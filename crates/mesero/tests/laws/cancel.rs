//! Cancellation of a job by its number, in every phase.

use mesero::{Advice, Error, Failure, Phase, Retry};

use crate::harness::{Harness, builder, secs};

#[tokio::test(start_paused = true)]
async fn a_queued_job_that_is_canceled_leaves_the_queue_at_once_and_never_runs() {
    let mut harness = Harness::of(builder().limit(1));
    let (_running, queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let id = harness.jobs()[1].info.id;
    assert!(harness.cancel(id));
    assert_eq!(harness.stats().queue.len, 0);
    assert!(matches!(queued.error().await, Error::Canceled));
    harness.pending().reply(0);
    harness.settle().await;
    assert!(harness.resource.try_next().is_none());
    assert_eq!(harness.stats().jobs.canceled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_running_job_that_is_canceled_answers_at_once_and_keeps_its_slot_until_it_stops() {
    let mut harness = Harness::of(builder().limit(1));
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let id = harness.only_job().info.id;
    assert!(harness.cancel(id));
    assert!(matches!(caller.error().await, Error::Canceled));
    assert!(attempt.is_abandoned());
    assert_eq!(harness.phases(), [Phase::Stopping]);
    assert!(!harness.cancel(id), "it is over");
    attempt.reply(0);
    assert!(harness.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_job_in_backoff_that_is_canceled_answers_at_once() {
    let retry = Retry { max_backoff: secs(60), ..Retry::default() };
    let mut harness = Harness::of(builder().retry(retry));
    let caller = harness.unkeyed(0).await;
    let later = Failure::unreachable("connection refused").advise(Advice::After(secs(60)));
    harness.pending().fail(later);
    harness.settle().await;
    let job = harness.only_job();
    assert_eq!(job.phase, Phase::Backoff);
    assert!(harness.cancel(job.info.id));
    harness.settle().await;
    assert!(matches!(caller.error_now().await, Error::Canceled));
    assert!(harness.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_in_flight_cannot_be_canceled() {
    let mut harness = Harness::of(builder());
    assert!(!harness.cancel("99".parse().unwrap()));
    let caller = harness.unkeyed(0).await;
    let id = harness.only_job().info.id;
    harness.pending().reply(0);
    caller.value().await;
    harness.settle().await;
    assert!(!harness.cancel(id));
    assert!(harness.job(id).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_first_reason_to_stop_counts() {
    let harness = Harness::of(builder().limit(1));
    let caller = harness.unkeyed(0).await;
    assert!(harness.cancel(harness.only_job().info.id));
    harness.stop();
    assert!(matches!(caller.error().await, Error::Canceled));
    assert_eq!((harness.stats().jobs.canceled, harness.stats().jobs.shed), (1, 0));
}
