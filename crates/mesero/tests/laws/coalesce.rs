//! Single flight: calls of one key share one job while it is in flight.

use mesero::{Call, Error, Failure, Key, OnDisconnect, Origin, Phase};
use tokio::time::advance;

use crate::harness::{Harness, builder, secs};

fn call() -> Call {
    Call::new("k")
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_one_key_cost_one_attempt() {
    let mut harness = Harness::of(builder().limit(10).coalesce());
    let callers: Vec<_> = (0..1_000).map(|n| harness.call_soon(call(), n)).collect();
    harness.settle().await;
    let attempt = harness.pending();
    assert_eq!(harness.only_job().waiters, 1_000);
    attempt.reply(7);
    for (caller, n) in callers.into_iter().zip(0..) {
        let answer = caller.answer().await;
        let origin = if n == 0 { Origin::Led } else { Origin::Joined };
        assert_eq!((answer.result.unwrap(), answer.report.origin), (7, origin));
    }
    assert!(harness.resource.try_next().is_none());
    let stats = harness.stats();
    assert_eq!((stats.calls.led, stats.calls.joined, stats.attempts.started), (1, 999, 1));
}

#[tokio::test(start_paused = true)]
async fn other_keys_and_calls_without_a_key_get_jobs_of_their_own() {
    let harness = Harness::of(builder().limit(10).coalesce());
    let _callers = [
        harness.call(call(), 0).await,
        harness.call(Call::new("other"), 1).await,
        harness.unkeyed(2).await,
        harness.unkeyed(3).await,
    ];
    assert_eq!(harness.stats().attempts.started, 4);
}

#[tokio::test(start_paused = true)]
async fn without_coalescing_calls_of_one_key_get_jobs_of_their_own() {
    let harness = Harness::of(builder().limit(10));
    let _callers = [harness.call(call(), 0).await, harness.call(call(), 1).await];
    assert_eq!(harness.stats().attempts.started, 2);
}

#[tokio::test(start_paused = true)]
async fn a_queued_job_is_shared_too_and_takes_one_queue_position() {
    let mut harness = Harness::of(builder().limit(1).queue(1).coalesce());
    let _running = harness.unkeyed(0).await;
    let callers = [harness.call(call(), 1).await, harness.call(call(), 2).await];
    assert_eq!(harness.stats().queue.len, 1);
    harness.pending().reply(0);
    harness.resource.next().await.reply(7);
    for caller in callers {
        assert_eq!(caller.value().await, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn the_leader_leaves_and_the_followers_still_get_the_answer() {
    let mut harness = Harness::of(builder().coalesce());
    let leader = harness.call(call(), 0).await;
    let followers = [harness.call(call(), 1).await, harness.call(call(), 2).await];
    leader.leave().await;
    harness.pending().reply(7);
    for follower in followers {
        assert_eq!(follower.value().await, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_last_waiter_leaves_the_job_is_canceled() {
    let mut harness = Harness::of(builder().coalesce());
    let (leader, follower) = (harness.call(call(), 0).await, harness.call(call(), 1).await);
    let mut attempt = harness.pending();
    leader.leave().await;
    harness.settle().await;
    assert!(!attempt.is_abandoned());
    follower.leave().await;
    attempt.abandoned().await;
    assert_eq!((harness.stats().jobs.canceled, harness.stats().jobs.in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn on_finish_a_job_continues_without_waiters_and_can_be_joined_again() {
    let mut harness = Harness::of(builder().coalesce().on_disconnect(OnDisconnect::Finish));
    let leader = harness.call(call(), 0).await;
    leader.leave().await;
    harness.settle().await;
    let attempt = harness.pending();
    assert!(!attempt.is_abandoned());
    assert_eq!(harness.only_job().waiters, 0);
    let late = harness.call(call(), 1).await;
    attempt.reply(7);
    let answer = late.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.origin), (7, Origin::Joined));
    assert_eq!(harness.stats().jobs.succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn on_finish_a_job_without_waiters_still_ends_at_its_deadline() {
    let mut harness = Harness::of(builder().deadline(secs(5)).on_disconnect(OnDisconnect::Finish));
    harness.unkeyed(0).await.leave().await;
    let mut attempt = harness.pending();
    advance(secs(4)).await;
    harness.settle().await;
    assert!(!attempt.is_abandoned());
    attempt.abandoned().await;
    assert_eq!(harness.stats().jobs.expired, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_after_the_last_has_left_leads_a_new_job_and_never_joins_the_stopping_one() {
    let mut harness = Harness::of(builder().limit(2).coalesce());
    let first = harness.call(call(), 0).await;
    let stopping = harness.pending();
    first.leave().await;
    // The stopping job's task has not run since.
    let second = harness.call_soon(call(), 1);
    harness.settle().await;
    let attempt = harness.pending();
    assert_eq!(*attempt.input(), 1);
    stopping.reply(6);
    attempt.reply(7);
    let answer = second.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.origin), (7, Origin::Led));
}

#[tokio::test(start_paused = true)]
async fn a_call_after_the_answer_leads_a_new_job() {
    let mut harness = Harness::of(builder().coalesce());
    let first = harness.call(call(), 0).await;
    harness.pending().reply(6);
    first.value().await;
    let second = harness.call(call(), 1).await;
    harness.pending().reply(7);
    assert_eq!(second.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_all_waiters() {
    let mut harness = Harness::of(builder().coalesce());
    let callers = [harness.call(call(), 0).await, harness.call(call(), 1).await];
    harness.pending().fail(Failure::raised("math range error"));
    for caller in callers {
        let error = caller.error().await;
        assert!(
            matches!(&error, Error::Failed(failure) if failure.message() == "math range error")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn canceling_a_job_answers_all_its_callers() {
    let mut harness = Harness::of(builder().coalesce());
    let callers = [harness.call(call(), 0).await, harness.call(call(), 1).await];
    assert!(harness.cancel(harness.only_job().info.id));
    for caller in callers {
        assert!(matches!(caller.error().await, Error::Canceled));
    }
    assert!(harness.pending().is_abandoned());
}

#[tokio::test(start_paused = true)]
async fn the_list_shows_a_shared_job_once_with_its_key_and_the_leaders_arguments() {
    let harness = Harness::of(builder().coalesce());
    let _leader = harness.call(call().argument("num", "3"), 0).await;
    let _follower = harness.call(call().argument("num", "3.0"), 0).await;
    let job = harness.only_job();
    assert_eq!((job.phase, job.waiters, job.attempts), (Phase::Running, 2, 1));
    assert_eq!(job.info.key.as_ref().map(Key::as_str), Some("k"));
    let arguments = &job.info.arguments;
    assert_eq!((arguments.len(), &*arguments[0].name, &*arguments[0].text), (1, "num", "3"));
}
