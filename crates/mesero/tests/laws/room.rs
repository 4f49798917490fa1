//! Calls that wait for room instead of being refused.

use mesero::{Cache, Call, Error, Rate, Refusal};
use tokio::time::advance;

use crate::table::{Table, builder, secs, slots, some};

fn patient() -> Call {
    Call::unkeyed().wait_for_room()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_room_is_not_started_until_there_is_some() {
    let mut table = Table::of(builder().limit(1).queue(0));
    let _running = table.unkeyed(0).await;
    let patient = table.call(patient(), 1).await;
    assert!(!patient.is_answered());
    assert_eq!(table.stats().calls.started, 1);
    table.begun().reply(0);
    table.settle().await;
    let attempt = table.begun();
    assert_eq!(*attempt.input(), 1);
    attempt.reply(1);
    assert_eq!(patient.value().await, 1);
}

#[tokio::test(start_paused = true)]
async fn when_there_is_room_for_several_several_come_in() {
    let mut table = Table::of(builder().limit(1).queue(0));
    let _running = table.unkeyed(0).await;
    let _attempt = table.begun();
    let _patient = [table.call(patient(), 1).await, table.call(patient(), 2).await];
    table.set_limit(slots(3));
    table.settle().await;
    assert_eq!([*table.begun().input(), *table.begun().input()], [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn room_that_one_does_not_take_goes_to_the_next() {
    let mut table =
        Table::of(builder().limit(1).queue(0).cache(Cache::new(secs(60), 10_000, |_| 4)));
    let first = table.call(Call::new("k"), 1).await;
    let cached = table.call(Call::new("k").wait_for_room(), 2).await;
    let next = table.call(patient(), 3).await;
    table.begun().reply(9);
    assert_eq!((first.value().await, cached.value().await), (9, 9));
    table.settle().await;
    let attempt = table.begun();
    assert_eq!(*attempt.input(), 3);
    attempt.reply(3);
    assert_eq!(next.value().await, 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_call_that_waits_for_room_counts_from_its_admission() {
    let mut table = Table::of(builder().limit(1).queue(0));
    let _running = table.unkeyed(0).await;
    let attempt = table.begun();
    let patient = table.call(patient().deadline(secs(2)), 1).await;
    advance(secs(10)).await;
    attempt.reply(0);
    table.settle().await;
    assert!(!patient.is_answered());
    let _attempt = table.begun();
    let admitted = tokio::time::Instant::now();
    assert!(matches!(patient.error().await, Error::Expired { .. }));
    assert_eq!(admitted.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_learns_at_once_that_there_will_be_none() {
    let rate = Rate::new(some(1), secs(3_600)).unwrap();
    let table = Table::of(builder().limit(1).rate(rate));
    let _first = table.unkeyed(0).await;
    let for_the_rate = table.call(patient(), 1).await;
    table.drain();
    table.settle().await;
    let error = for_the_rate.error_now().await;
    assert!(matches!(error, Error::Refused(Refusal::Draining)), "{error:?}");
}
