//! The programs that only await: their output, and their exact duration.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::programs::*;
use crate::{page, screen};

/// Runs a program; returns its output, and its duration in tenths of a second.
async fn watch(program: impl Future) -> (String, u128) {
    let start = Instant::now();
    // Far beyond all of them: a program without a runnable task gets there at once.
    let ended = timeout(Duration::from_secs(60), program).await;
    assert!(ended.is_ok(), "it waits forever, after printing:\n{}", screen::taken());
    // Rounded down: tokio's timers may fire up to a millisecond late.
    (screen::taken(), start.elapsed().as_millis() / 100)
}

#[tokio::test(start_paused = true)]
async fn a_future_does_nothing_until_it_is_awaited() {
    assert_eq!(watch(m01_async::run()).await, (page::output("m01_async"), 0));
}

#[tokio::test(start_paused = true)]
async fn two_waits_one_after_the_other_take_the_sum_of_both() {
    assert_eq!(watch(m02_say_after::run()).await, (page::output("m02_say_after"), 30));
}

#[tokio::test(start_paused = true)]
async fn two_waits_as_tasks_take_the_longer_of_the_two() {
    assert_eq!(watch(m03_say_after_task::run()).await, (page::output("m03_say_after_task"), 20));
}

#[tokio::test(start_paused = true)]
async fn a_canceled_task_cleans_up() {
    assert_eq!(watch(m04_cancel::run()).await, (page::output("m04_cancel"), 20));
}

#[tokio::test(start_paused = true)]
async fn what_was_acquired_is_released_however_the_work_ends() {
    assert_eq!(watch(m07_scopes::run()).await, (page::output("m07_scopes"), 55));
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_its_input_loses_neither_the_time_nor_the_shop() {
    assert_eq!(
        watch(m08_gather_or_as_completed::run()).await,
        (page::output("m08_gather_or_as_completed"), 90)
    );
}

#[tokio::test(start_paused = true)]
async fn of_ten_calls_only_the_failed_one_is_repeated() {
    assert_eq!(watch(m09_exceptions::run()).await, (page::output("m09_exceptions"), 20));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_and_the_whole_have_a_timeout_each() {
    assert_eq!(watch(m11_timeouts::run()).await, (page::output("m11_timeouts"), 40));
}

#[tokio::test(start_paused = true)]
async fn answers_find_their_callers_and_a_lost_one_leaves_no_caller_waiting() {
    assert_eq!(
        watch(m12_futures_and_correlation::run()).await,
        (page::output("m12_futures_and_correlation"), 30)
    );
}

#[tokio::test(start_paused = true)]
async fn three_callers_of_one_key_make_one_remote_request() {
    assert_eq!(watch(m14_single_flight::run()).await, (page::output("m14_single_flight"), 10));
}

#[tokio::test(start_paused = true)]
async fn two_connections_serve_five_queries() {
    assert_eq!(watch(semaphore::run()).await, (page::output("semaphore"), 30));
}

#[tokio::test(start_paused = true)]
async fn a_late_runner_does_not_miss_a_signal_that_was_given() {
    assert_eq!(watch(event::run()).await, (page::output("event"), 50));
}

#[tokio::test(start_paused = true)]
async fn a_cook_waits_for_room_and_guests_for_plates() {
    assert_eq!(watch(condition::run()).await, (page::output("condition"), 50));
}

#[tokio::test(start_paused = true)]
async fn no_phase_begins_before_all_have_ended_the_last() {
    assert_eq!(watch(barrier::run()).await, (page::output("barrier"), 30));
}
