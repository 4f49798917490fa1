//! Blocking attempts are reported, and nothing else is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesero::testing::TestDispatcher;
use mesero::{Call, DispatcherBuilder, Event, Fact, Failure, Observer};
use tokio::time::{advance, sleep};

use crate::harness::{builder, millis};

/// Records the attempts that blocked, and their times.
#[derive(Debug, Clone, Default)]
struct Blocked(Arc<Mutex<Vec<(String, u32, Duration)>>>);

impl Observer for Blocked {
    fn observe(&self, event: &Event) {
        if let Fact::AttemptBlocked { job, number, held } = &event.fact {
            self.0.lock().unwrap().push((job.id.to_string(), *number, *held));
        }
    }
}

impl Blocked {
    fn seen(&self) -> Vec<(String, u32, Duration)> {
        self.0.lock().unwrap().clone()
    }
}

fn watched(blocked: &Blocked, builder: DispatcherBuilder<u32>) -> TestDispatcher<u32> {
    TestDispatcher::new(builder.observer(blocked.clone()).build().unwrap())
}

/// Advances the clock without yielding, as a blocking function does.
async fn block(time: Duration) {
    // The first poll moves the clock, and all that is left is to yield.
    advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_poll_longer_than_a_tenth_of_a_second_is_reported_with_its_length() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder());
    let work = |_| async {
        block(millis(101)).await;
        Ok(7)
    };
    assert_eq!(dispatcher.call(Call::unkeyed(), work).await.unwrap(), 7);
    assert_eq!(blocked.seen(), [("1".to_owned(), 1, millis(101))]);
    assert_eq!(dispatcher.stats().attempts.blocked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_poll_is_reported_and_awaited_time_does_not_count() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder());
    let work = |_| async {
        sleep(millis(5_000)).await;
        block(millis(300)).await;
        sleep(millis(5_000)).await;
        block(millis(200)).await;
        Ok(7)
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap();
    let held: Vec<_> = blocked.seen().into_iter().map(|(_, _, held)| held).collect();
    assert_eq!(held, [millis(300), millis(200)]);
}

#[tokio::test(start_paused = true)]
async fn any_number_of_polls_of_a_tenth_of_a_second_is_not_reported() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder());
    let work = |_| async {
        for _ in 0..100 {
            block(millis(100)).await;
        }
        sleep(millis(60_000)).await;
        Ok(7)
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap();
    assert_eq!(blocked.seen(), []);
}

#[tokio::test(start_paused = true)]
async fn work_that_blocks_before_it_makes_its_future_is_reported_too() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder());
    let work = |_| {
        let mut blocking = Box::pin(block(millis(500)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(Future::poll(blocking.as_mut(), &mut context).is_pending());
        async { Ok(7) }
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap();
    assert_eq!(blocked.seen(), [("1".to_owned(), 1, millis(500))]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_blocks_and_panics_is_reported_with_its_number() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder().retry(mesero::Retry::default()));
    let work = |attempt: mesero::Attempt| async move {
        if attempt.number() == 1 {
            return Err(Failure::unreachable("connection refused"));
        }
        block(millis(250)).await;
        panic!("after a while");
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap_err();
    assert_eq!(blocked.seen(), [("1".to_owned(), 2, millis(250))]);
}

#[tokio::test(start_paused = true)]
async fn the_builder_sets_the_threshold() {
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder().notice_blocking(millis(10)));
    let work = |_| async {
        block(millis(11)).await;
        block(millis(10)).await;
        Ok(7)
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap();
    assert_eq!(blocked.seen(), [("1".to_owned(), 1, millis(11))]);
}

#[tokio::test(start_paused = true)]
async fn without_a_threshold_nothing_is_reported() {
    let mut policy = mesero::Policy::default();
    policy.notice_blocking = None;
    let blocked = Blocked::default();
    let dispatcher = watched(&blocked, builder().policy(policy));
    let work = |_| async {
        block(millis(10_000)).await;
        Ok(7)
    };
    dispatcher.call(Call::unkeyed(), work).await.unwrap();
    assert_eq!((blocked.seen(), dispatcher.stats().attempts.blocked), (vec![], 0));
}
