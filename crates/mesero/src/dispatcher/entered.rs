//! A call behind its admission.

use tokio::time::Instant;

use super::waiting::WaitingCall;
use crate::answer::{Answer, Origin};

/// A call after its admission, immediate answer or refusal. Dropping it leaves the job.
pub(crate) enum Entered<T: Send + Sync + 'static> {
    Answered(Answer<T>),
    Waiting(WaitingCall<T>, Option<Instant>, Origin),
}

impl<T: Send + Sync + 'static> Entered<T> {
    /// Waits for the answer. Dropping the returned future leaves the job.
    pub(crate) async fn answer(self) -> Answer<T> {
        match self {
            Entered::Answered(answer) => answer,
            Entered::Waiting(waiting, deadline, origin) => {
                let mut answer = waiting.answer(deadline).await;
                answer.report.origin = origin;
                answer
            }
        }
    }
}
