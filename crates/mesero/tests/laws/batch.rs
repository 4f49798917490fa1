//! A stream of inputs, and its answers.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use futures_util::stream::{self, StreamExt};
use futures_util::{future, poll};
use mesero::testing::{TestDispatcher, mock_resource};
use mesero::{Answers, BatchAnswer, Call, Error, Failure, Rate};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::{builder, millis, secs, some};

async fn all(mut answers: Answers<u32, u32>) -> Vec<BatchAnswer<u32, u32>> {
    let mut items = Vec::new();
    while let Some(item) = answers.next().await {
        items.push(item);
    }
    items
}

/// Inputs that count how many of them were taken.
fn counted(inputs: u32) -> (impl Iterator<Item = u32> + Send + 'static, Arc<AtomicU32>) {
    let taken = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&taken);
    (
        (0..inputs).inspect(move |_| {
            count.fetch_add(1, Relaxed);
        }),
        taken,
    )
}

#[tokio::test(start_paused = true)]
async fn answers_come_as_they_complete_with_their_inputs_identity() {
    let dispatcher = TestDispatcher::new(builder().limit(3).build().unwrap());
    let inputs = [30, 10, 20];
    let answers = dispatcher.call_all(inputs, |n, _| async move {
        sleep(millis(u64::from(n))).await;
        Ok(n * n)
    });
    let seen: Vec<_> = all(answers)
        .await
        .into_iter()
        .map(|item| (item.index, item.input, item.result.unwrap()))
        .collect();
    assert_eq!(seen, [(1, 10, 100), (2, 20, 400), (0, 30, 900)]);
    assert!(dispatcher.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn ordered_answers_come_in_the_order_of_the_inputs() {
    let dispatcher = TestDispatcher::new(builder().limit(8).build().unwrap());
    let answers = dispatcher.call_all(0..100, |n, _| async move {
        sleep(millis(u64::from((n * 7_919) % 50))).await;
        Ok(n)
    });
    let indexes: Vec<_> =
        all(answers.ordered(NonZeroUsize::MIN)).await.iter().map(|item| item.index).collect();
    assert_eq!(indexes, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn no_more_early_answers_are_buffered_than_allowed() {
    let dispatcher = TestDispatcher::new(builder().limit(10).build().unwrap());
    let (work, mut handle) = mock_resource();
    let (inputs, taken) = counted(100);
    let answers = dispatcher.call_all(inputs, move |n, attempt| work.on(n)(attempt));
    let mut answers = answers.ordered(NonZeroUsize::new(3).unwrap());
    {
        let mut next = pin!(answers.next());
        assert!(poll!(&mut next).is_pending());
        dispatcher.settle().await;
        let slow = handle.next().await;
        while let Some(attempt) = handle.try_next() {
            attempt.reply(0);
            dispatcher.settle().await;
            assert!(poll!(&mut next).is_pending());
            dispatcher.settle().await;
        }
        assert_eq!(taken.load(Relaxed), 4, "the slow one, and three that are buffered");
        slow.reply(0);
        assert_eq!(next.await.unwrap().index, 0);
    }
    for index in 1..4 {
        assert_eq!(answers.next().await.unwrap().index, index);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_item_affects_no_other() {
    let dispatcher = TestDispatcher::new(builder().limit(2).build().unwrap());
    let answers = dispatcher.call_all(0..9, |n, _| async move {
        match n % 3 {
            0 => Ok(n),
            1 => Err(Failure::raised("one")),
            _ => panic!("two"),
        }
    });
    for item in all(answers.ordered(NonZeroUsize::new(9).unwrap())).await {
        match item.input % 3 {
            0 => assert_eq!(item.result.unwrap(), item.input),
            1 => assert_eq!(item.result.unwrap_err().to_string(), "one"),
            _ => assert_eq!(item.result.unwrap_err().to_string(), "the work panicked: two"),
        }
    }
    assert_eq!((dispatcher.stats().jobs.succeeded, dispatcher.stats().jobs.failed), (3, 6));
}

#[tokio::test(start_paused = true)]
async fn no_input_is_taken_before_the_answers_are_polled() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let (inputs, taken) = counted(100);
    let answers = dispatcher.call_all(inputs, |n, _| async move { Ok(n) });
    dispatcher.settle().await;
    assert_eq!(taken.load(Relaxed), 0);
    drop(answers);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_twice_the_limit_is_taken_ahead_of_the_answers() {
    let dispatcher = TestDispatcher::new(builder().limit(3).build().unwrap());
    let (inputs, taken) = counted(1_000_000);
    let mut answers = dispatcher.call_all(inputs, |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    });
    for read in 0..50 {
        assert!(taken.load(Relaxed) <= read + 6);
        answers.next().await.unwrap().result.unwrap();
        assert!(dispatcher.stats().slots.in_use <= 3 && dispatcher.stats().queue.len <= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn unread_answers_take_no_inputs_and_lose_none_in_flight() {
    let dispatcher = TestDispatcher::new(builder().limit(3).build().unwrap());
    let (inputs, taken) = counted(10);
    let mut answers = dispatcher.call_all(inputs, |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    });
    answers.next().await.unwrap().result.unwrap();
    sleep(secs(60)).await;
    assert!(taken.load(Relaxed) <= 6);
    assert_eq!(dispatcher.stats().jobs.in_flight, 0, "the calls in flight continued");
    assert_eq!(all(answers).await.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn all_slots_are_busy_as_long_as_there_are_inputs() {
    let dispatcher = TestDispatcher::new(builder().limit(10).queue(0).build().unwrap());
    let start = Instant::now();
    let answers = dispatcher.call_all(0..1_000, |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    });
    assert_eq!(all(answers).await.len(), 1_000);
    assert_eq!(start.elapsed(), secs(100), "without a queue, and nothing was refused");
    assert_eq!(dispatcher.stats().calls.refused, 0);
}

#[tokio::test(start_paused = true)]
async fn inputs_may_come_one_by_one_and_each_is_answered_before_the_next_comes() {
    let dispatcher = TestDispatcher::new(builder().limit(3).build().unwrap());
    let inputs = stream::unfold(0, |n| async move {
        sleep(secs(10)).await;
        (n < 5).then_some((n, n + 1))
    });
    let start = Instant::now();
    let mut answers =
        dispatcher.call_stream(inputs, |_| Call::unkeyed(), |n, _| async move { Ok(n) });
    for n in 0..5u32 {
        let item = answers.next().await.unwrap();
        assert_eq!((item.index, item.input, item.result.unwrap()), (n.into(), n, n));
        assert_eq!(start.elapsed(), secs(10) * (n + 1));
    }
    assert!(answers.next().await.is_none());
    assert!(answers.next().await.is_none(), "an exhausted stream stays exhausted");
}

#[tokio::test(start_paused = true)]
async fn every_input_can_have_a_key_and_a_deadline_of_its_own() {
    let dispatcher = TestDispatcher::new(builder().limit(2).coalesce().build().unwrap());
    let inputs = stream::iter([1, 1, 2]);
    let call = |n: &u32| Call::new(n.to_string()).deadline(secs(u64::from(*n)));
    let answers = dispatcher.call_stream(inputs, call, |n, _| async move {
        sleep(millis(1_500)).await;
        Ok(n)
    });
    let mut expired = 0;
    for item in all(answers).await {
        match item.input {
            1 => {
                assert!(matches!(item.result, Err(Error::Expired { .. })));
                expired += 1;
            }
            _ => assert_eq!(item.result.unwrap(), 2),
        }
    }
    assert_eq!((expired, dispatcher.stats().jobs.started), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_dropped_leave_nothing_behind() {
    let dispatcher = TestDispatcher::new(builder().limit(3).build().unwrap());
    let token = Arc::new(());
    let held = Arc::downgrade(&token);
    let mut answers = dispatcher.call_all(0..100, move |n, _| {
        let token = Arc::clone(&token);
        async move {
            sleep(secs(1)).await;
            drop(token);
            Ok(n)
        }
    });
    answers.next().await.unwrap().result.unwrap();
    drop(answers);
    dispatcher.idle().await;
    dispatcher.settle().await;
    assert_eq!(held.strong_count(), 0);
    assert_eq!(dispatcher.stats().calls.in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_the_rate_instead_of_being_refused() {
    let rate = Rate::new(some(10), secs(1)).unwrap().burst(some(1));
    let dispatcher = TestDispatcher::new(builder().limit(5).rate(rate).build().unwrap());
    let start = Instant::now();
    let answers = dispatcher.call_all(0..51, |n, _| async move { Ok(n) });
    assert_eq!(all(answers).await.len(), 51);
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!(dispatcher.stats().calls.refused, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answers_are_not_read_starves_no_other() {
    let dispatcher = TestDispatcher::new(builder().limit(2).queue(0).build().unwrap());
    let work = |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    };
    let mut unread = dispatcher.call_all(0..100, work);
    unread.next().await.unwrap().result.unwrap();
    let read = dispatcher.call_all(0..10, work);
    assert_eq!(all(read).await.len(), 10);
    assert!(unread.next().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn two_batches_share_the_slots_and_both_finish() {
    let dispatcher = TestDispatcher::new(builder().limit(4).queue(2).build().unwrap());
    let work = |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    };
    let (one, two) =
        future::join(all(dispatcher.call_all(0..50, work)), all(dispatcher.call_all(0..70, work)))
            .await;
    assert_eq!((one.len(), two.len()), (50, 70));
    assert!(dispatcher.stats().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_draining_dispatcher_refuses_a_batch_item_by_item() {
    let dispatcher = TestDispatcher::new(builder().limit(1).build().unwrap());
    let mut answers = dispatcher.call_all(0..10, |n, _| async move {
        sleep(secs(1)).await;
        Ok(n)
    });
    answers.next().await.unwrap().result.unwrap();
    dispatcher.drain();
    let rest: Vec<_> = answers.collect().await;
    let refused = rest.iter().filter(|item| matches!(item.result, Err(Error::Refused(_)))).count();
    assert_eq!((rest.len(), refused), (9, 8), "one was in the queue already");
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_takes_further_inputs_at_once() {
    let dispatcher = TestDispatcher::new(builder().limit(1).build().unwrap());
    let (work, mut handle) = mock_resource();
    let answers = dispatcher.call_all(0..9, move |n, attempt| work.on(n)(attempt));
    // A task of its own, which only a change of the limit can wake.
    let mut tasks = JoinSet::new();
    tasks.spawn(all(answers));
    let first = handle.next().await;
    dispatcher.settle().await;
    assert!(handle.try_next().is_none());
    dispatcher.set_limit(NonZeroUsize::new(4).unwrap());
    let pending = [handle.next().await, handle.next().await, handle.next().await];
    first.reply(0);
    pending.into_iter().for_each(|attempt| attempt.reply(0));
    for _ in 4..9 {
        handle.next().await.reply(0);
    }
    assert_eq!(tasks.join_all().await[0].len(), 9);
}
