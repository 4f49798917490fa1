//! Blocking functions on threads of their own; the threads are real, so time is not paused.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use mesero::testing::TestDispatcher;
use mesero::{Attempt, Blocking, Call, Dispatcher, Error, Failure, FailureKind};
use tokio::sync::oneshot;

use crate::harness::slots;

fn dispatcher(limit: usize) -> TestDispatcher<usize> {
    TestDispatcher::new(Dispatcher::builder("blocking").limit(limit).build().unwrap())
}

#[tokio::test]
async fn functions_run_at_the_same_time_on_as_many_threads_as_there_are_slots() {
    let (dispatcher, pool) = (dispatcher(4), Blocking::new("four"));
    // Only four at once get past the barrier.
    let barrier = Arc::new(Barrier::new(4));
    let answers = dispatcher.call_all(0..40, move |n, attempt| {
        let barrier = Arc::clone(&barrier);
        pool.run(&attempt, move || {
            barrier.wait();
            Ok(n)
        })
    });
    let mut answers = answers;
    let mut sum = 0;
    while let Some(item) = answers.next().await {
        sum += item.result.unwrap();
    }
    assert_eq!(sum, (0..40).sum::<usize>());
    dispatcher.idle().await;
}

#[tokio::test]
async fn never_more_functions_run_than_there_are_slots_and_each_seat_has_one_thread() {
    let (dispatcher, pool) = (dispatcher(3), Blocking::new("three"));
    let running = Arc::new(AtomicUsize::new(0));
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let (most, names) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&threads));
    let peak = Arc::clone(&most);
    let mut answers = dispatcher.call_all(0..300, move |n, attempt| {
        let (running, peak, names) = (Arc::clone(&running), Arc::clone(&peak), Arc::clone(&names));
        pool.run(&attempt, move || {
            peak.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            names.lock().unwrap().insert(thread::current().name().unwrap().to_owned());
            thread::yield_now();
            running.fetch_sub(1, SeqCst);
            Ok(n)
        })
    });
    while let Some(item) = answers.next().await {
        item.result.unwrap();
    }
    assert!(most.load(SeqCst) <= 3);
    let expected = ["three-0", "three-1", "three-2"].map(str::to_owned);
    assert!(threads.lock().unwrap().is_subset(&HashSet::from(expected)));
}

#[tokio::test]
async fn the_slot_returns_when_the_function_returns_although_the_caller_has_left() {
    let (dispatcher, pool) = (dispatcher(1), Blocking::new("one"));
    let (begun, has_begun) = oneshot::channel();
    let (finish, may_finish) = sync_channel::<()>(1);
    let mut inside = Some((begun, may_finish));
    let blocks = pool.clone();
    let call = dispatcher.call(Call::unkeyed(), move |attempt: Attempt| {
        let (begun, may_finish) = inside.take().unwrap();
        blocks.run(&attempt, move || {
            begun.send(()).unwrap();
            may_finish.recv().unwrap();
            Ok(0)
        })
    });
    // The function runs; the caller leaves.
    tokio::select! {
        answer = call => panic!("answered with {answer:?}"),
        begun = has_begun => begun.unwrap(),
    }
    dispatcher.jobs_finished().await;
    assert_eq!(dispatcher.stats().slots.in_use, 1);
    finish.send(()).unwrap();
    dispatcher.idle().await;
    let next = dispatcher.call(Call::unkeyed(), move |attempt| pool.run(&attempt, || Ok(7)));
    assert_eq!(next.await.unwrap(), 7);
}

#[tokio::test]
async fn a_panic_of_the_function_is_a_failure_and_the_thread_continues() {
    let (dispatcher, pool) = (dispatcher(1), Blocking::new("one"));
    let panics = pool.clone();
    let call =
        dispatcher.call(Call::unkeyed(), move |attempt| panics.run(&attempt, || panic!("no")));
    let Err(Error::Failed(failure)) = call.await else { panic!("not failed") };
    let expected = (FailureKind::Panicked, "the work panicked: no");
    assert_eq!((failure.kind(), failure.message()), expected);
    let next = dispatcher.call(Call::unkeyed(), move |attempt| pool.run(&attempt, || Ok(7)));
    assert_eq!(next.await.unwrap(), 7);
    dispatcher.idle().await;
}

#[tokio::test]
async fn an_error_of_the_function_is_the_answer() {
    let (dispatcher, pool) = (dispatcher(1), Blocking::new("one"));
    let call = dispatcher.call(Call::unkeyed(), move |attempt| {
        pool.run(&attempt, || Err(Failure::raised("math domain error")))
    });
    assert_eq!(call.await.unwrap_err().to_string(), "math domain error");
    dispatcher.idle().await;
}

/// A reply whose drop panics.
#[derive(Debug)]
struct Explodes;

impl Drop for Explodes {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test]
async fn an_undelivered_reply_harms_no_thread_even_if_its_drop_panics() {
    let dispatcher = TestDispatcher::new(Dispatcher::builder("blocking").limit(1).build().unwrap());
    let pool = Blocking::new("one");
    let (begun, has_begun) = oneshot::channel();
    let (finish, may_finish) = sync_channel::<()>(1);
    let mut inside = Some((begun, may_finish));
    let blocks = pool.clone();
    let call = dispatcher.call(Call::unkeyed(), move |attempt: Attempt| {
        let (begun, may_finish) = inside.take().unwrap();
        let run = blocks.run(&attempt, move || {
            begun.send(()).unwrap();
            may_finish.recv().unwrap();
            Ok(Explodes)
        });
        async move { run.await.map(std::mem::ManuallyDrop::new) }
    });
    tokio::select! {
        answer = call => panic!("answered with {answer:?}"),
        begun = has_begun => begun.unwrap(),
    }
    dispatcher.jobs_finished().await;
    finish.send(()).unwrap();
    dispatcher.idle().await;
    let next = dispatcher.call(Call::unkeyed(), move |attempt| {
        let run = pool.run(&attempt, || Ok(Explodes));
        async move { run.await.map(std::mem::ManuallyDrop::new) }
    });
    next.await.unwrap();
    dispatcher.idle().await;
}

#[tokio::test]
async fn a_raised_limit_starts_further_threads() {
    let (dispatcher, pool) = (dispatcher(1), Blocking::new("grows"));
    dispatcher.set_limit(slots(2));
    let barrier = Arc::new(Barrier::new(2));
    let mut answers = dispatcher.call_all(0..2, move |n, attempt| {
        let barrier = Arc::clone(&barrier);
        pool.run(&attempt, move || {
            barrier.wait();
            Ok(n)
        })
    });
    while let Some(item) = answers.next().await {
        item.result.unwrap();
    }
    dispatcher.idle().await;
}
