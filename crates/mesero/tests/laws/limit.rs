//! The limit and its queue: running, waiting and refused jobs.

use mesero::{Call, Error, Failure, Phase, Policy, Refusal, Retry};
use tokio::time::advance;

use crate::harness::{Caller, Harness, builder, secs, slots};

async fn refusal(caller: Caller<u32>) -> Refusal {
    match caller.error_now().await {
        Error::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn never_more_attempts_run_than_there_are_slots() {
    let mut harness = Harness::of(builder().limit(3).queue(100));
    let mut callers = Vec::new();
    for n in 0..20 {
        callers.push(harness.unkeyed(n).await);
    }
    let mut running = Vec::new();
    for _ in 0..20 {
        running.extend(std::iter::from_fn(|| harness.resource.try_next()));
        assert!(running.len() <= 3);
        assert_eq!(harness.stats().slots.in_use, running.len() as u64);
        let attempt = running.swap_remove(0);
        let value = *attempt.input();
        attempt.reply(value);
        harness.settle().await;
    }
    for (caller, n) in callers.into_iter().zip(0..) {
        assert_eq!(caller.value().await, n);
    }
    assert!(harness.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn jobs_begin_in_the_order_of_admission() {
    let mut harness = Harness::of(builder().limit(2));
    let callers: Vec<_> = (0..50).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    for n in 0..50 {
        let attempt = harness.resource.next().await;
        assert_eq!(*attempt.input(), n);
        attempt.reply(n);
    }
    for caller in callers {
        caller.value().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_shows_the_queue_position_and_the_time_in_the_queue() {
    let mut harness = Harness::of(builder().limit(1));
    let _running = harness.unkeyed(0).await;
    let _attempt = harness.pending();
    let _first = harness.unkeyed(1).await;
    advance(secs(3)).await;
    let _second = harness.unkeyed(2).await;
    advance(secs(1)).await;
    let jobs = harness.jobs();
    let positions: Vec<_> = jobs.iter().map(|job| (job.phase, job.position, job.seat)).collect();
    let expected = [
        (Phase::Running, None, Some(0)),
        (Phase::Queued, Some(1), None),
        (Phase::Queued, Some(2), None),
    ];
    assert_eq!(positions, expected);
    let waited: Vec<_> = jobs.iter().map(|job| job.waited).collect();
    assert_eq!(waited, [secs(0), secs(4), secs(1)]);
    assert_eq!(jobs[0].ran, secs(4));
    let alone = harness.job(jobs[2].info.id).unwrap();
    assert_eq!((alone.position, alone.waited), (Some(2), secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_with_the_time_until_it_should_have_drained() {
    let mut harness = Harness::of(builder().limit(2).queue(3));
    harness.train_wait_estimator(secs(4)).await;
    let mut callers = Vec::new();
    for n in 0..5 {
        callers.push(harness.unkeyed(n).await);
    }
    let refused = harness.unkeyed(5).await;
    // Three jobs of four seconds, two at a time.
    assert_eq!(refusal(refused).await, Refusal::QueueFull { retry_after: secs(6) });
    assert_eq!(harness.stats().queue.len, 3);
}

#[tokio::test(start_paused = true)]
async fn with_too_few_samples_a_full_queue_advises_one_second() {
    let harness = Harness::of(builder().limit(1).queue(1));
    let (_running, _queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let refused = harness.unkeyed(2).await;
    assert_eq!(refusal(refused).await, Refusal::QueueFull { retry_after: secs(1) });
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_calls_are_refused_until_the_next_slot_comes_back() {
    let mut harness = Harness::of(builder().limit(2).queue(0));
    harness.train_wait_estimator(secs(4)).await;
    let (first, _second) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let refused = harness.unkeyed(2).await;
    assert_eq!(refusal(refused).await, Refusal::QueueFull { retry_after: secs(2) });
    harness.pending().reply(7);
    assert_eq!(first.value().await, 7);
    harness.settle().await;
    assert!(!harness.unkeyed(3).await.is_answered());
}

#[tokio::test(start_paused = true)]
async fn leaving_the_queue_makes_room_at_once() {
    let mut harness = Harness::of(builder().limit(1).queue(1));
    let _running = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let queued = harness.unkeyed(1).await;
    let leaving = harness.jobs()[1].info.id;
    queued.leave().await;
    assert_eq!(harness.stats().queue.len, 0);
    let next = harness.unkeyed(2).await;
    assert!(harness.job(leaving).is_none());
    attempt.reply(0);
    let attempt = harness.resource.next().await;
    assert_eq!(*attempt.input(), 2, "a job that left never reaches the resource");
    attempt.reply(2);
    assert_eq!(next.value().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_in_front_of_new_jobs_and_beyond_the_bound() {
    let mut harness = Harness::of(builder().limit(1).queue(1).retry(Retry::default()));
    let _first = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let _second = harness.unkeyed(1).await;
    attempt.fail(Failure::unreachable("connection refused"));
    // The second has the slot; a third fills the queue, and the first retries.
    let attempt = harness.resource.next().await;
    assert_eq!(*attempt.input(), 1);
    let _third = harness.unkeyed(2).await;
    advance(Retry::default().backoff).await;
    harness.settle().await;
    let queue = harness.stats().queue;
    assert_eq!((queue.len, queue.bound, queue.retries), (2, 1, 1));
    attempt.reply(1);
    let attempt = harness.resource.next().await;
    assert_eq!((*attempt.input(), attempt.attempt().number()), (0, 2));
    attempt.reply(0);
    assert_eq!(*harness.resource.next().await.input(), 2);
}

#[tokio::test(start_paused = true)]
async fn raising_the_limit_starts_waiting_jobs_at_once() {
    let mut harness = Harness::of(builder().limit(1));
    let callers: Vec<_> = (0..4).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    harness.set_limit(slots(3));
    harness.settle().await;
    let began: Vec<_> = std::iter::from_fn(|| harness.resource.try_next()).collect();
    assert_eq!(began.iter().map(|attempt| *attempt.input()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((harness.limit(), harness.stats().queue.len, callers.len()), (3, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn lowering_the_limit_takes_no_slot_away_and_grants_none_until_enough_came_back() {
    let mut harness = Harness::of(builder().limit(3));
    let _callers: Vec<_> = (0..5).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    harness.set_limit(slots(1));
    let mut attempts: Vec<_> = std::iter::from_fn(|| harness.resource.try_next()).collect();
    assert_eq!((harness.stats().slots.in_use, harness.stats().slots.total), (3, 3));
    for left in [2, 1] {
        attempts.remove(0).reply(0);
        harness.settle().await;
        assert_eq!(harness.stats().slots.in_use, left);
        assert!(harness.resource.try_next().is_none());
    }
    assert_eq!(harness.stats().slots.total, 1);
    attempts.remove(0).reply(0);
    harness.settle().await;
    assert_eq!(*harness.pending().input(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_closed_seat_serves_no_job_and_a_spare_one_replaces_it() {
    let mut policy = Policy::default();
    (policy.limit, policy.seats) = (slots(2), Some(slots(3)));
    let mut harness = Harness::of(builder().policy(policy));
    harness.seats().close(&[0]);
    let _callers: Vec<_> = (0..3).map(|n| harness.call_soon(Call::unkeyed(), n)).collect();
    harness.settle().await;
    let (one, two) = (harness.pending(), harness.pending());
    assert_eq!([one.attempt().slot().seat(), two.attempt().slot().seat()], [1, 2]);
    assert_eq!(harness.stats().slots.closed, 1);
    one.reply(0);
    harness.settle().await;
    assert_eq!(harness.pending().attempt().slot().seat(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_keeps_its_closed_seat_and_an_opened_seat_serves_the_queue() {
    let mut harness = Harness::of(builder().limit(1));
    let (running, _queued) = (harness.unkeyed(0).await, harness.unkeyed(1).await);
    let attempt = harness.pending();
    harness.seats().close(&[0]);
    assert_eq!(harness.stats().slots.in_use, 1);
    attempt.reply(7);
    assert_eq!(running.value().await, 7);
    harness.settle().await;
    assert!(harness.resource.try_next().is_none());
    harness.seats().open(&[0]);
    harness.settle().await;
    assert_eq!(*harness.pending().input(), 1);
}
