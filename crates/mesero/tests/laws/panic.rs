//! A panic is an outcome: every waiter is answered, and nothing is lost.

use futures_util::future::BoxFuture;
use mesero::testing::TestDispatcher;
use mesero::{Attempt, Cache, Call, Dispatcher, Error, Failure, FailureKind};

use crate::harness::{Harness, builder, secs};

fn panicked(error: &Error) -> &str {
    match error {
        Error::Failed(failure) if failure.kind() == FailureKind::Panicked => failure.message(),
        other => panic!("no panic: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_work_is_a_failure_for_all_waiters() {
    let mut harness = Harness::of(builder().limit(1).coalesce());
    let callers = [harness.call(Call::new("k"), 0).await, harness.call(Call::new("k"), 1).await];
    let next = harness.unkeyed(2).await;
    harness.pending().panic();
    for caller in callers {
        assert_eq!(panicked(&caller.error().await), "the work panicked: requested by the test");
    }
    harness.resource.next().await.reply(2);
    assert_eq!(next.value().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_there_is_a_future_is_a_failure_too() {
    let dispatcher = TestDispatcher::new(builder().build().unwrap());
    let work = |attempt: Attempt| -> BoxFuture<'static, Result<u32, Failure>> {
        panic!("no future for {}", attempt.number())
    };
    let error = dispatcher.call(Call::unkeyed(), work).await.unwrap_err();
    assert_eq!(panicked(&error), "the work panicked: no future for 1");
    dispatcher.idle().await;
}

/// A reply that cannot be cloned.
#[derive(Debug)]
struct Unclonable;

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        panic!("it cannot be cloned")
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_cloned_into_the_cache_still_ends_the_job_once() {
    let builder = Dispatcher::<Unclonable>::builder("unclonable").limit(1);
    let dispatcher =
        TestDispatcher::new(builder.cache(Cache::new(secs(60), 10_000, |_| 1)).build().unwrap());
    let answer = dispatcher.call(Call::new("k"), |_| async { Ok(Unclonable) });
    assert!(matches!(answer.await, Err(Error::Failed(_))));
    dispatcher.idle().await;
    assert_eq!(dispatcher.stats().jobs.failed, 1);
}
