//! The fixture of the laws: a dispatcher, its mock resource, and its callers.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Deref;
use std::time::Duration;

use mesero::testing::{MockHandle, MockWork, PendingAttempt, TestDispatcher, mock_resource};
use mesero::{Answer, Call, Dispatcher, DispatcherBuilder, Error, JobView, Order, Phase};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// A dispatcher of the mock resource, with callers in tasks of their own.
pub(crate) struct Harness {
    dispatcher: TestDispatcher<u32>,
    work: MockWork<u32, u32>,
    pub(crate) resource: MockHandle<u32, u32>,
    tasks: TaskTracker,
}

pub(crate) fn builder() -> DispatcherBuilder<u32> {
    Dispatcher::builder("scripted").order(Order::Fifo)
}

impl Harness {
    pub(crate) fn of(builder: DispatcherBuilder<u32>) -> Self {
        let (work, resource) = mock_resource();
        let dispatcher = TestDispatcher::new(builder.build().unwrap());
        Self { dispatcher, work, resource, tasks: TaskTracker::new() }
    }

    /// Makes a call, which is admitted or refused when this returns.
    pub(crate) async fn call(&self, call: Call, input: u32) -> Caller<u32> {
        let caller = self.call_soon(call, input);
        self.settle().await;
        caller
    }

    /// Makes a call, which is admitted with the next run of the tasks.
    pub(crate) fn call_soon(&self, call: Call, input: u32) -> Caller<u32> {
        let (dispatcher, work) = (self.dispatcher.dispatcher(), self.work.on(input));
        Caller(self.tasks.spawn(async move { dispatcher.ask(call, work).await }))
    }

    /// Makes a call without a key.
    pub(crate) async fn unkeyed(&self, input: u32) -> Caller<u32> {
        self.call(Call::unkeyed(), input).await
    }

    /// The pending attempt, of which there must be one.
    pub(crate) fn pending(&mut self) -> PendingAttempt<u32, u32> {
        self.resource.try_next().expect("a pending attempt")
    }

    /// Lets eight jobs occupy a slot each for `held`, one after the other: from then on the
    /// dispatcher estimates waits.
    pub(crate) async fn train_wait_estimator(&mut self, held: Duration) {
        for _ in 0..8 {
            let caller = self.call(Call::unkeyed().deadline(10 * held), 0).await;
            let attempt = self.pending();
            tokio::time::advance(held).await;
            attempt.reply(0);
            caller.value().await;
        }
        self.settle().await;
    }

    /// The only listed job.
    pub(crate) fn only_job(&self) -> JobView {
        let jobs = self.jobs();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.into_iter().next().unwrap()
    }

    /// The only listed job, if there is one.
    pub(crate) fn only_job_if_any(&self) -> Option<JobView> {
        self.jobs().pop()
    }

    pub(crate) fn phases(&self) -> Vec<Phase> {
        self.jobs().iter().map(|job| job.phase).collect()
    }
}

impl Deref for Harness {
    type Target = TestDispatcher<u32>;

    fn deref(&self) -> &Self::Target {
        &self.dispatcher
    }
}

/// A caller that waits in a task.
pub(crate) struct Caller<T>(JoinHandle<Answer<T>>);

impl<T> Caller<T> {
    pub(crate) async fn answer(self) -> Answer<T> {
        self.0.await.expect("the caller's task does not panic")
    }

    pub(crate) async fn value(self) -> T {
        self.answer().await.result.expect("a reply")
    }

    pub(crate) async fn error(self) -> Error {
        self.answer().await.result.err().expect("an error")
    }

    /// The answer, which must be there.
    pub(crate) async fn answer_now(self) -> Answer<T> {
        assert!(self.is_answered(), "the caller still waits");
        self.answer().await
    }

    /// The error, which must be there.
    pub(crate) async fn error_now(self) -> Error {
        self.answer_now().await.result.err().expect("an error")
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.0.is_finished()
    }

    /// Drops the caller's future before this returns.
    pub(crate) async fn leave(self) {
        self.0.abort();
        assert!(self.0.await.is_err(), "the caller had its answer already");
    }
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) fn slots(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

pub(crate) fn some(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}
