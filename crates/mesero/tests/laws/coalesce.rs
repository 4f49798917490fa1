//! Single flight: calls of one key share one job while it is in flight.

use mesero::{Call, Error, Failure, Key, OnDisconnect, Origin, Phase};
use tokio::time::advance;

use crate::table::{Table, builder, secs};

fn call() -> Call {
    Call::new("k")
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_one_key_cost_one_attempt() {
    let mut table = Table::of(builder().limit(10).coalesce());
    let callers: Vec<_> = (0..1_000).map(|n| table.call_soon(call(), n)).collect();
    table.settle().await;
    let attempt = table.begun();
    assert_eq!(table.only_job().waiters, 1_000);
    attempt.reply(7);
    for (caller, n) in callers.into_iter().zip(0..) {
        let answer = caller.answer().await;
        let origin = if n == 0 { Origin::Led } else { Origin::Joined };
        assert_eq!((answer.result.unwrap(), answer.report.origin), (7, origin));
    }
    assert!(table.resource.try_next().is_none());
    let stats = table.stats();
    assert_eq!((stats.calls.led, stats.calls.joined, stats.attempts.started), (1, 999, 1));
}

#[tokio::test(start_paused = true)]
async fn other_keys_and_calls_without_a_key_are_work_of_their_own() {
    let table = Table::of(builder().limit(10).coalesce());
    let _callers = [
        table.call(call(), 0).await,
        table.call(Call::new("other"), 1).await,
        table.unkeyed(2).await,
        table.unkeyed(3).await,
    ];
    assert_eq!(table.stats().attempts.started, 4);
}

#[tokio::test(start_paused = true)]
async fn without_coalescing_calls_of_one_key_are_work_of_their_own() {
    let table = Table::of(builder().limit(10));
    let _callers = [table.call(call(), 0).await, table.call(call(), 1).await];
    assert_eq!(table.stats().attempts.started, 2);
}

#[tokio::test(start_paused = true)]
async fn a_job_in_the_queue_is_shared_too_and_needs_no_further_place() {
    let mut table = Table::of(builder().limit(1).queue(1).coalesce());
    let _running = table.unkeyed(0).await;
    let callers = [table.call(call(), 1).await, table.call(call(), 2).await];
    assert_eq!(table.stats().queue.len, 1);
    table.begun().reply(0);
    table.resource.next().await.reply(7);
    for caller in callers {
        assert_eq!(caller.value().await, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn the_leader_leaves_and_the_followers_still_get_the_answer() {
    let mut table = Table::of(builder().coalesce());
    let leader = table.call(call(), 0).await;
    let followers = [table.call(call(), 1).await, table.call(call(), 2).await];
    leader.leave().await;
    table.begun().reply(7);
    for follower in followers {
        assert_eq!(follower.value().await, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_last_waiter_leaves_the_job_is_cancelled() {
    let mut table = Table::of(builder().coalesce());
    let (leader, follower) = (table.call(call(), 0).await, table.call(call(), 1).await);
    let mut attempt = table.begun();
    leader.leave().await;
    table.settle().await;
    assert!(!attempt.is_given_up());
    follower.leave().await;
    attempt.given_up().await;
    assert_eq!((table.stats().jobs.cancelled, table.stats().jobs.in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn on_finish_a_job_goes_on_without_waiters_and_can_be_joined_again() {
    let mut table = Table::of(builder().coalesce().on_disconnect(OnDisconnect::Finish));
    let leader = table.call(call(), 0).await;
    leader.leave().await;
    table.settle().await;
    let attempt = table.begun();
    assert!(!attempt.is_given_up());
    assert_eq!(table.only_job().waiters, 0);
    let late = table.call(call(), 1).await;
    attempt.reply(7);
    let answer = late.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.origin), (7, Origin::Joined));
    assert_eq!(table.stats().jobs.succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn on_finish_a_job_that_nobody_waits_for_still_ends_at_its_deadline() {
    let mut table = Table::of(builder().deadline(secs(5)).on_disconnect(OnDisconnect::Finish));
    table.unkeyed(0).await.leave().await;
    let mut attempt = table.begun();
    advance(secs(4)).await;
    table.settle().await;
    assert!(!attempt.is_given_up());
    attempt.given_up().await;
    assert_eq!(table.stats().jobs.expired, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_after_the_last_has_left_leads_a_new_job_and_never_joins_the_dying_one() {
    let mut table = Table::of(builder().limit(2).coalesce());
    let first = table.call(call(), 0).await;
    let dying = table.begun();
    first.leave().await;
    // The dying job's task has not run since.
    let second = table.call_soon(call(), 1);
    table.settle().await;
    let attempt = table.begun();
    assert_eq!(*attempt.input(), 1);
    dying.reply(6);
    attempt.reply(7);
    let answer = second.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.origin), (7, Origin::Led));
}

#[tokio::test(start_paused = true)]
async fn a_call_after_the_answer_leads_a_new_job() {
    let mut table = Table::of(builder().coalesce());
    let first = table.call(call(), 0).await;
    table.begun().reply(6);
    first.value().await;
    let second = table.call(call(), 1).await;
    table.begun().reply(7);
    assert_eq!(second.value().await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_all_waiters() {
    let mut table = Table::of(builder().coalesce());
    let callers = [table.call(call(), 0).await, table.call(call(), 1).await];
    table.begun().fail(Failure::raised("math range error"));
    for caller in callers {
        let error = caller.error().await;
        assert!(
            matches!(&error, Error::Failed(failure) if failure.message() == "math range error")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_job_answers_all_its_callers() {
    let mut table = Table::of(builder().coalesce());
    let callers = [table.call(call(), 0).await, table.call(call(), 1).await];
    assert!(table.cancel(table.only_job().info.id));
    for caller in callers {
        assert!(matches!(caller.error().await, Error::Cancelled));
    }
    assert!(table.begun().is_given_up());
}

#[tokio::test(start_paused = true)]
async fn the_list_shows_a_shared_job_once_with_its_key_and_the_leaders_arguments() {
    let table = Table::of(builder().coalesce());
    let _leader = table.call(call().argument("num", "3"), 0).await;
    let _follower = table.call(call().argument("num", "3.0"), 0).await;
    let job = table.only_job();
    assert_eq!((job.phase, job.waiters, job.attempts), (Phase::Running, 2, 1));
    assert_eq!(job.info.key.as_ref().map(Key::as_str), Some("k"));
    let arguments = &job.info.arguments;
    assert_eq!((arguments.len(), &*arguments[0].name, &*arguments[0].text), (1, "num", "3"));
}
