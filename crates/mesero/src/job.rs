//! The work that answers calls: its stop signal, and the delivery of its answer.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::answer::{Answer, CallReport};
use crate::call::{JobId, JobInfo};
use crate::sync::{Lock, Mutex, Notify};

/// A reply's `Clone`, as a function.
pub(crate) type CloneFn<T> = fn(&T) -> T;

/// A job in flight, held by its task, its waiters and the registry.
pub(crate) struct Job<T> {
    pub(crate) info: Arc<JobInfo>,
    pub(crate) stop: StopSignal,
    /// `None` if every job has exactly one waiter, so that a reply need not be cloned.
    clone_reply: Option<CloneFn<T>>,
    ending: Mutex<Option<Answer<T>>>,
    ended: Notify,
}

impl<T> Job<T> {
    pub(crate) fn new(info: JobInfo, clone_reply: Option<CloneFn<T>>) -> Self {
        Self {
            info: Arc::new(info),
            stop: StopSignal::default(),
            clone_reply,
            ending: Mutex::new(None),
            ended: Notify::new(),
        }
    }

    pub(crate) fn id(&self) -> JobId {
        self.info.id
    }

    /// Delivers the answer to all waiters, including later ones.
    pub(crate) fn publish(&self, result: Result<T, Error>, report: CallReport) {
        *self.ending.locked() = Some(Answer { result, report });
        self.ended.notify_waiters();
    }

    /// Waits until the job has ended. Dropping the returned future loses nothing.
    pub(crate) async fn ended(&self) -> Answer<T> {
        loop {
            // Registered before the check, so that an end in between is not missed.
            let ended = self.ended.notified();
            if let Some(answer) = self.answer() {
                return answer;
            }
            ended.await;
        }
    }

    fn answer(&self) -> Option<Answer<T>> {
        let mut ending = self.ending.locked();
        let Some(clone_reply) = self.clone_reply else { return ending.take() };
        let Answer { result, report } = ending.as_ref()?;
        let result = match result {
            Ok(value) => Ok(clone_reply(value)),
            Err(error) => Err(error.clone()),
        };
        Some(Answer { result, report: *report })
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A request to stop, which the job's task obeys at its next `await`. The first reason counts.
#[derive(Debug, Default)]
pub(crate) struct StopSignal {
    reason: OnceLock<Error>,
    raised: Notify,
}

impl StopSignal {
    pub(crate) fn raise(&self, reason: Error) {
        if self.reason.set(reason).is_ok() {
            // One task waits; a permit is stored if it is not waiting now.
            self.raised.notify_one();
        }
    }

    /// The reason, if the signal was raised.
    pub(crate) fn reason(&self) -> Option<Error> {
        self.reason.get().cloned()
    }

    /// Waits for the signal; only the job's task may call it. Dropping the returned future loses
    /// nothing: the signal stays raised.
    pub(crate) async fn raised(&self) -> Error {
        loop {
            if let Some(reason) = self.reason() {
                return reason;
            }
            self.raised.notified().await;
        }
    }
}
