//! A slot belongs to the occupant of the resource, not to the waiting caller.

use std::pin::pin;
use std::task::Poll;

use futures_util::poll;
use mesero::testing::{TestDispatcher, mock_resource};
use mesero::{Call, Error, Phase};
use tokio::time::advance;

use crate::harness::{Harness, builder, secs};

#[tokio::test(start_paused = true)]
async fn a_slot_comes_back_when_its_last_clone_is_dropped_and_not_before() {
    let mut harness = Harness::of(builder().limit(1));
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let clones = [attempt.attempt().slot().clone(), attempt.attempt().slot().clone()];
    attempt.reply(7);
    assert_eq!(caller.value().await, 7);
    for clone in clones {
        harness.settle().await;
        assert_eq!(harness.stats().slots.in_use, 1);
        drop(clone);
    }
    assert_eq!(harness.stats().slots.in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_keeps_its_slot_is_answered_at_once_and_listed_as_stopping() {
    let mut harness = Harness::of(builder().limit(1));
    let (first, second) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let attempt = harness.pending();
    advance(secs(2)).await;
    let slot = attempt.reply_and_keep_slot(7);
    assert_eq!(first.value().await, 7);
    advance(secs(5)).await;
    assert_eq!(harness.phases(), [Phase::Queued, Phase::Stopping]);
    let stopping = harness.jobs().remove(1);
    assert_eq!((stopping.seat, stopping.waiters, stopping.ran), (Some(0), 0, secs(2)));
    assert_eq!(harness.job(stopping.info.id).unwrap().phase, Phase::Stopping);
    drop(slot);
    harness.settle().await;
    harness.pending().reply(1);
    assert_eq!(second.value().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_gives_no_slot_back() {
    let mut harness = Harness::of(builder().limit(1));
    let caller = harness.unkeyed(0).await;
    let mut attempt = harness.pending();
    caller.leave().await;
    attempt.abandoned().await;
    harness.settle().await;
    assert_eq!(harness.phases(), [Phase::Stopping]);
    assert_eq!((harness.stats().jobs.in_flight, harness.stats().slots.in_use), (0, 1));
    let next = harness.unkeyed(1).await;
    assert!(harness.resource.try_next().is_none());
    drop(attempt);
    harness.settle().await;
    harness.pending().reply(1);
    assert_eq!(next.value().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_answers_the_caller_and_gives_no_slot_back() {
    let mut harness = Harness::of(builder().limit(1).timeout(secs(3)));
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    assert!(matches!(caller.error().await, Error::TimedOut { .. }));
    assert!(attempt.is_abandoned());
    assert_eq!(harness.phases(), [Phase::Stopping]);
    attempt.reply(0);
    assert!(harness.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_job_stopped_between_its_grant_and_its_attempt_frees_the_slot_and_begins_no_attempt() {
    let mut harness = Harness::of(builder().limit(1));
    let (_first, granted, _third) =
        (harness.unkeyed(0).await, harness.unkeyed(1).await, harness.unkeyed(2).await);
    let job = harness.jobs()[1].info.id;
    // The slot is granted to the second job, whose task does not run before the cancellation.
    let slot = harness.pending().reply_and_keep_slot(0);
    harness.settle().await;
    drop(slot);
    assert!(harness.cancel(job));
    assert!(matches!(granted.error().await, Error::Canceled));
    harness.settle().await;
    assert_eq!(*harness.pending().input(), 2);
    assert_eq!(harness.stats().jobs.attempted, 2);
}

#[tokio::test(start_paused = true)]
async fn the_next_owner_of_the_slot_of_a_stopped_job_is_not_listed_as_stopping() {
    let mut harness = Harness::of(builder().limit(1));
    let (_first, _granted, _third) =
        (harness.unkeyed(0).await, harness.unkeyed(1).await, harness.unkeyed(2).await);
    let job = harness.jobs()[1].info.id;
    let slot = harness.pending().reply_and_keep_slot(0);
    harness.settle().await;
    drop(slot);
    harness.cancel(job);
    harness.settle().await;
    let attempt = harness.pending();
    assert_eq!(*attempt.input(), 2);
    assert_eq!(harness.phases(), [Phase::Running]);
}

#[tokio::test(start_paused = true)]
async fn a_job_left_before_its_task_ran_never_reaches_the_resource() {
    let dispatcher = TestDispatcher::new(builder().limit(1).build().unwrap());
    let (work, mut handle) = mock_resource();
    {
        let mut call = pin!(dispatcher.call(Call::unkeyed(), work.on(0)));
        assert!(matches!(poll!(call.as_mut()), Poll::Pending));
        assert_eq!(dispatcher.stats().jobs.in_flight, 1);
    }
    dispatcher.settle().await;
    assert!(handle.try_next().is_none());
    let stats = dispatcher.stats();
    assert_eq!((stats.jobs.canceled, stats.jobs.attempted), (1, 0));
    assert!(stats.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_does_not_count() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (work, _handle) = mock_resource();
    drop(dispatcher.call(Call::unkeyed(), work.on(0)));
    assert_eq!(dispatcher.stats().calls.started, 0);
}
