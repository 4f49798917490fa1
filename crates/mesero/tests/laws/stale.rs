//! Stale replies and cached failures: many readers, few requests.

use mesero::{Cache, Call, Error, Failure, Origin, Outcome};
use tokio::time::advance;

use crate::harness::{Caller, Harness, builder, millis, secs};

fn rules() -> Cache<u32> {
    Cache::new(secs(60), 1_000_000, |_| 4)
}

fn call() -> Call {
    Call::new("k")
}

/// A harness whose cache has just stored the reply 7.
async fn with_cached_reply(cache: Cache<u32>) -> Harness {
    let mut harness = Harness::of(builder().coalesce().cache(cache));
    let first = harness.call(call(), 0).await;
    harness.pending().reply(7);
    first.value().await;
    harness
}

/// Asserts that all callers got this reply.
async fn all_get(callers: Vec<Caller<u32>>, value: u32) {
    for caller in callers {
        assert_eq!(caller.answer_now().await.result.unwrap(), value);
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_readers_of_a_cold_cache_cost_one_request_and_so_do_those_of_a_stale_one() {
    let mut harness =
        Harness::of(builder().coalesce().cache(rules().stale_while_revalidate(secs(30))));
    let readers = |harness: &Harness| (0..10_000).map(|n| harness.call_soon(call(), n)).collect();
    let callers: Vec<_> = readers(&harness);
    while harness.only_job_if_any().is_none_or(|job| job.waiters < 10_000) {
        harness.settle().await;
    }
    harness.pending().reply(7);
    for caller in callers {
        assert_eq!(caller.value().await, 7);
    }
    advance(secs(60)).await;
    for caller in readers(&harness) {
        assert_eq!(caller.value().await, 7);
    }
    harness.pending().reply(8);
    harness.settle().await;
    all_get(vec![harness.call(call(), 0).await], 8).await;
    let stats = harness.stats();
    assert_eq!((stats.attempts.started, stats.jobs.refreshes), (2, 1));
    assert_eq!((stats.calls.led, stats.calls.joined), (1, 9_999));
    assert_eq!((stats.calls.stale, stats.calls.cached), (10_000, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_reports_its_origin_and_age() {
    let harness = with_cached_reply(rules().stale_while_revalidate(secs(30))).await;
    advance(secs(60)).await;
    let report = harness.call(call(), 1).await.answer_now().await.report;
    assert_eq!((report.origin, report.age, report.job), (Origin::Stale, Some(secs(60)), None));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_is_listed_without_waiters_and_continues_when_a_call_joins_and_leaves() {
    let mut harness = with_cached_reply(rules().stale_while_revalidate(secs(30))).await;
    advance(secs(89)).await;
    harness.call(call(), 1).await.answer_now().await;
    assert_eq!(harness.only_job().waiters, 0);
    advance(secs(1)).await;
    let joins = harness.call(call(), 2).await;
    assert_eq!(harness.only_job().waiters, 1);
    joins.leave().await;
    harness.settle().await;
    harness.pending().reply(8);
    harness.settle().await;
    all_get(vec![harness.call(call(), 3).await], 8).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_leaves_the_stale_reply_and_is_not_repeated_for_a_second() {
    let mut harness = with_cached_reply(rules().stale_while_revalidate(secs(30))).await;
    advance(secs(60)).await;
    all_get(vec![harness.call(call(), 1).await], 7).await;
    harness.pending().fail(Failure::lost("it broke"));
    harness.settle().await;
    for _ in 0..10 {
        advance(millis(99)).await;
        all_get(vec![harness.call(call(), 2).await], 7).await;
    }
    assert!(harness.resource.try_next().is_none());
    advance(millis(10)).await;
    all_get(vec![harness.call(call(), 3).await], 7).await;
    harness.pending().reply(8);
    harness.settle().await;
    all_get(vec![harness.call(call(), 4).await], 8).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_would_be_refused_is_left_to_a_later_call() {
    let cache = rules().stale_while_revalidate(secs(30));
    let mut harness = Harness::of(builder().limit(1).queue(0).cache(cache));
    let first = harness.call(call(), 0).await;
    harness.pending().reply(7);
    first.value().await;
    advance(secs(60)).await;
    let other = harness.unkeyed(1).await;
    all_get(vec![harness.call(call(), 2).await], 7).await;
    assert_eq!((harness.stats().jobs.refreshes, harness.stats().calls.refused), (0, 0));
    harness.pending().reply(0);
    other.value().await;
    all_get(vec![harness.call(call(), 3).await], 7).await;
    assert_eq!(harness.stats().jobs.refreshes, 1);
    harness.pending().reply(8);
    harness.settle().await;
}

#[tokio::test(start_paused = true)]
async fn all_callers_of_a_failed_job_get_the_stale_reply_and_the_next_call_waits_a_second() {
    let mut harness = with_cached_reply(rules().stale_if_error(secs(3_600))).await;
    advance(secs(1_000)).await;
    let callers: Vec<_> = (0..1_000).map(|n| harness.call_soon(call(), n)).collect();
    harness.settle().await;
    harness.pending().fail(Failure::lost("it broke"));
    for caller in callers {
        let answer = caller.answer().await;
        assert_eq!((answer.result.unwrap(), answer.report.age), (7, Some(secs(1_000))));
    }
    all_get(vec![harness.call(call(), 0).await], 7).await;
    assert!(harness.resource.try_next().is_none());
    let stats = harness.stats();
    assert_eq!((stats.calls.rescued, stats.calls.stale), (1_000, 1));
    assert_eq!(*stats.jobs.of(Outcome::Failed), 1);
}

#[tokio::test(start_paused = true)]
async fn beyond_its_window_the_stale_reply_is_no_answer() {
    let mut harness = with_cached_reply(rules().stale_if_error(secs(30))).await;
    advance(secs(90)).await;
    let caller = harness.call(call(), 1).await;
    harness.pending().fail(Failure::lost("it broke"));
    assert!(matches!(caller.error().await, Error::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_gets_the_stale_reply_also_from_a_draining_dispatcher() {
    let harness = with_cached_reply(rules().stale_if_error(secs(30))).await;
    advance(secs(60)).await;
    harness.drain();
    all_get(vec![harness.call(call(), 1).await], 7).await;
    assert!(matches!(
        harness.call(Call::new("other"), 1).await.error_now().await,
        Error::Refused(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_canceled_job_is_not_answered_with_the_stale_reply() {
    let harness = with_cached_reply(rules().stale_if_error(secs(30))).await;
    advance(secs(60)).await;
    let caller = harness.call(call(), 1).await;
    assert!(harness.cancel(harness.only_job().info.id));
    assert!(matches!(caller.error().await, Error::Canceled));
}

#[tokio::test(start_paused = true)]
async fn a_slow_leaders_followers_keep_their_own_deadlines() {
    let mut harness = Harness::of(builder().coalesce().cache(rules()));
    let leader = harness.call(call(), 0).await;
    let hurried = harness.call(call().deadline(secs(1)), 1).await;
    let unhurried = harness.call(call().deadline(secs(10)), 2).await;
    advance(secs(1)).await;
    assert!(matches!(hurried.error().await, Error::Expired { .. }));
    assert!(!leader.is_answered() && !unhurried.is_answered());
    advance(secs(5)).await;
    harness.pending().reply(7);
    assert_eq!((leader.value().await, unhurried.value().await), (7, 7));
}

#[tokio::test(start_paused = true)]
async fn at_its_own_deadline_a_follower_gets_the_stale_reply_and_the_leader_continues() {
    let mut harness = with_cached_reply(rules().stale_if_error(secs(30))).await;
    advance(secs(60)).await;
    let leader = harness.call(call(), 0).await;
    let hurried = harness.call(call().deadline(secs(1)), 1).await;
    advance(secs(1)).await;
    let answer = hurried.answer().await;
    assert_eq!((answer.result.unwrap(), answer.report.age), (7, Some(secs(61))));
    harness.pending().reply(8);
    assert_eq!(leader.value().await, 8);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_the_rule_accepts_is_cached_for_its_ttl_and_no_other() {
    let down =
        |error: &Error| matches!(error, Error::Failed(failure) if failure.message() == "down");
    let mut harness = Harness::of(builder().coalesce().cache(rules().negative(secs(1), down)));
    for (message, answers_the_next) in [("up", false), ("down", true)] {
        let first = harness.call(call(), 0).await;
        harness.pending().fail(Failure::lost(message));
        first.error().await;
        let second = harness.call(call(), 1).await;
        assert_eq!(second.is_answered(), answers_the_next);
        if answers_the_next {
            let answer = second.answer_now().await;
            assert_eq!((answer.report.origin, answer.report.job), (Origin::Cached, None));
            assert!(matches!(answer.result, Err(Error::Failed(_))));
        } else {
            harness.pending().reply(0);
            second.value().await;
            advance(secs(60)).await;
        }
    }
    assert_eq!(harness.stats().calls.negative, 1);
    advance(secs(1)).await;
    let third = harness.call(call(), 2).await;
    harness.pending().reply(8);
    assert_eq!(third.value().await, 8);
}
