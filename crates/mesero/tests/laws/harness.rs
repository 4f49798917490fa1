//! What the laws are handle on: a dispatcher, the resource that the test plays, and its callers.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Deref;
use std::time::Duration;

use mesero::testing::{MockHandle, MockWork, PendingAttempt, TestDispatcher, mock_resource};
use mesero::{Answer, Builder, Call, Dispatcher, Error, JobView, Phase};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// A dispatcher for the scripted resource, with callers in tasks of their own.
pub(crate) struct Harness {
    dispatcher: TestDispatcher<u32>,
    work: MockWork<u32, u32>,
    pub(crate) resource: MockHandle<u32, u32>,
    tasks: TaskTracker,
}

pub(crate) fn builder() -> Builder<u32> {
    Dispatcher::builder("scripted")
}

impl Harness {
    pub(crate) fn of(builder: Builder<u32>) -> Self {
        let (work, resource) = mock_resource();
        let dispatcher = TestDispatcher::new(builder.build().unwrap());
        Self { dispatcher, work, resource, tasks: TaskTracker::new() }
    }

    /// Somebody calls, and has been heard when this returns.
    pub(crate) async fn call(&self, call: Call, input: u32) -> Caller<u32> {
        let caller = self.call_soon(call, input);
        self.settle().await;
        caller
    }

    /// Somebody calls, and will be heard with whoever else calls now.
    pub(crate) fn call_soon(&self, call: Call, input: u32) -> Caller<u32> {
        let (dispatcher, work) = (self.dispatcher.dispatcher(), self.work.on(input));
        Caller(self.tasks.spawn(async move { dispatcher.ask(call, work).await }))
    }

    /// Somebody calls without a key.
    pub(crate) async fn unkeyed(&self, input: u32) -> Caller<u32> {
        self.call(Call::unkeyed(), input).await
    }

    /// The attempt that has begun, of which there must be one.
    pub(crate) fn pending(&mut self) -> PendingAttempt<u32, u32> {
        self.resource.try_next().expect("an attempt has begun")
    }

    /// Lets eight jobs occupy a slot each for `held`, one after the other: from then on the
    /// dispatcher forecasts.
    pub(crate) async fn train_wait_estimator(&mut self, held: Duration) {
        for _ in 0..8 {
            let caller = self.unkeyed(0).await;
            let attempt = self.pending();
            tokio::time::advance(held).await;
            attempt.reply(0);
            caller.value().await;
        }
        self.settle().await;
    }

    /// The only job that is listed.
    pub(crate) fn only_job(&self) -> JobView {
        let jobs = self.jobs();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.into_iter().next().unwrap()
    }

    /// The only job that is listed, if one is.
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

/// A caller who waits in a task.
pub(crate) struct Caller<T>(JoinHandle<Answer<T>>);

impl<T> Caller<T> {
    pub(crate) async fn answer(self) -> Answer<T> {
        self.0.await.expect("the caller's task goes on")
    }

    pub(crate) async fn value(self) -> T {
        self.answer().await.result.expect("a reply")
    }

    pub(crate) async fn error(self) -> Error {
        self.answer().await.result.err().expect("an error")
    }

    /// The answer, if it is there.
    pub(crate) async fn answer_now(self) -> Answer<T> {
        assert!(self.is_answered(), "the caller still waits");
        self.answer().await
    }

    /// The error, if it is there.
    pub(crate) async fn error_now(self) -> Error {
        self.answer_now().await.result.err().expect("an error")
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.0.is_finished()
    }

    /// Goes away, and is gone when this returns.
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
