//! Calls that wait for room instead of being refused.

use mesero::{Cache, Call, Error, Rate, Refusal};
use tokio::time::advance;

use crate::harness::{Harness, builder, secs, slots, some};

fn waits_for_room() -> Call {
    Call::unkeyed().wait_for_room()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_room_is_not_started_until_there_is_some() {
    let mut harness = Harness::of(builder().limit(1).queue(0));
    let _running = harness.unkeyed(0).await;
    let waiting = harness.call(waits_for_room(), 1).await;
    assert!(!waiting.is_answered());
    assert_eq!(harness.stats().calls.started, 1);
    harness.pending().reply(0);
    harness.settle().await;
    let attempt = harness.pending();
    assert_eq!(*attempt.input(), 1);
    attempt.reply(1);
    assert_eq!(waiting.value().await, 1);
}

#[tokio::test(start_paused = true)]
async fn room_for_several_calls_admits_several() {
    let mut harness = Harness::of(builder().limit(1).queue(0));
    let _running = harness.unkeyed(0).await;
    let _attempt = harness.pending();
    let _waiting =
        [harness.call(waits_for_room(), 1).await, harness.call(waits_for_room(), 2).await];
    harness.set_limit(slots(3));
    harness.settle().await;
    assert_eq!([*harness.pending().input(), *harness.pending().input()], [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn room_that_one_call_does_not_take_goes_to_the_next() {
    let mut harness =
        Harness::of(builder().limit(1).queue(0).cache(Cache::new(secs(60), 10_000, |_| 4)));
    let first = harness.call(Call::new("k"), 1).await;
    let cached = harness.call(Call::new("k").wait_for_room(), 2).await;
    let next = harness.call(waits_for_room(), 3).await;
    harness.pending().reply(9);
    assert_eq!((first.value().await, cached.value().await), (9, 9));
    harness.settle().await;
    let attempt = harness.pending();
    assert_eq!(*attempt.input(), 3);
    attempt.reply(3);
    assert_eq!(next.value().await, 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_call_that_waits_for_room_counts_from_its_admission() {
    let mut harness = Harness::of(builder().limit(1).queue(0));
    let _running = harness.unkeyed(0).await;
    let attempt = harness.pending();
    let waiting = harness.call(waits_for_room().deadline(secs(2)), 1).await;
    advance(secs(10)).await;
    attempt.reply(0);
    harness.settle().await;
    assert!(!waiting.is_answered());
    let _attempt = harness.pending();
    let admitted = tokio::time::Instant::now();
    assert!(matches!(waiting.error().await, Error::Expired { .. }));
    assert_eq!(admitted.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn draining_refuses_a_call_that_waits_for_room_at_once() {
    let rate = Rate::new(some(1), secs(3_600)).unwrap();
    let harness = Harness::of(builder().limit(1).rate(rate));
    let _first = harness.unkeyed(0).await;
    let for_the_rate = harness.call(waits_for_room(), 1).await;
    harness.drain();
    harness.settle().await;
    let error = for_the_rate.error_now().await;
    assert!(matches!(error, Error::Refused(Refusal::Draining)), "{error:?}");
}
