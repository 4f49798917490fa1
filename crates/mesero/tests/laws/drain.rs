//! Draining, stopping, and waiting for idleness.

use std::pin::pin;
use std::task::Poll;

use futures_util::poll;
use mesero::testing::{TestDispatcher, mock_resource};
use mesero::{Advice, Call, Error, Failure, Refusal, Retry};

use crate::harness::{Harness, builder, secs};

fn later() -> Failure {
    Failure::unreachable("connection refused").advise(Advice::After(secs(20)))
}

#[tokio::test(start_paused = true)]
async fn a_draining_dispatcher_refuses_new_calls_and_finishes_admitted_ones() {
    let mut harness = Harness::of(builder().limit(1).retry(Retry::default()));
    let (running, queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    harness.drain();
    let error = harness.unkeyed(2).await.error_now().await;
    assert!(matches!(error, Error::Refused(Refusal::Draining)), "{error:?}");
    harness.pending().fail(later());
    harness.resource.next().await.reply(1);
    assert_eq!(queued.value().await, 1);
    harness.resource.next().await.reply(0);
    assert_eq!(running.value().await, 0);
    harness.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_draining_dispatcher_lets_calls_join_jobs_in_flight() {
    let mut harness = Harness::of(builder().coalesce());
    let leader = harness.call(Call::new("k"), 0).await;
    harness.drain();
    let follower = harness.call(Call::new("k"), 1).await;
    harness.pending().reply(7);
    assert_eq!((leader.value().await, follower.value().await), (7, 7));
}

#[tokio::test(start_paused = true)]
async fn stop_sheds_waiting_jobs_and_cancels_running_ones() {
    let mut harness = Harness::of(builder().limit(1).retry(Retry::default()));
    let backing_off = harness.unkeyed(0).await;
    harness.pending().fail(later());
    harness.settle().await;
    let (running, queued) = (harness.unkeyed(1).await, harness.unkeyed(2).await);
    let attempt = harness.pending();
    harness.stop();
    harness.settle().await;
    assert!(matches!(backing_off.error_now().await, Error::Shed));
    assert!(matches!(queued.error_now().await, Error::Shed));
    assert!(matches!(running.error_now().await, Error::Canceled));
    assert!(attempt.is_abandoned());
    let error = harness.unkeyed(3).await.error_now().await;
    assert!(matches!(error, Error::Refused(Refusal::Draining)), "{error:?}");
    assert_eq!((harness.stats().jobs.shed, harness.stats().jobs.canceled), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn jobs_finished_waits_for_the_jobs_and_idle_for_the_resource_too() {
    let mut harness = Harness::of(builder());
    let caller = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let mut finished = pin!(harness.jobs_finished());
    let mut idle = pin!(harness.idle());
    assert!(poll!(&mut finished).is_pending() && poll!(&mut idle).is_pending());
    let slot = attempt.reply_and_keep_slot(7);
    caller.value().await;
    assert_eq!(poll!(&mut finished), Poll::Ready(()));
    assert!(poll!(&mut idle).is_pending());
    drop(slot);
    assert_eq!(poll!(&mut idle), Poll::Ready(()));
}

#[tokio::test(start_paused = true)]
async fn idle_waits_for_the_callers_too() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (work, mut handle) = mock_resource();
    let mut call = pin!(dispatcher.call(Call::unkeyed(), work.on(0)));
    assert!(poll!(&mut call).is_pending());
    handle.next().await.reply(7);
    dispatcher.settle().await;
    // The job is over and the slot is back, but the caller has not been polled yet.
    let mut idle = pin!(dispatcher.idle());
    assert!(poll!(&mut idle).is_pending());
    assert_eq!(call.await.unwrap(), 7);
    assert_eq!(poll!(&mut idle), Poll::Ready(()));
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_without_work_is_idle() {
    let harness = Harness::of(builder());
    harness.idle().await;
    harness.jobs_finished().await;
}
