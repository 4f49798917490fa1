//! The calls of a run: one for each scheduled item, with the journal and the retries around its attempts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answers, Attempt, Failure, FailureKind};
use mesero_resources::{Reply, Request, Resource};
use mesero_services::service::Service;
use mesero_target::Target;

use super::retry::RetryOn;
use crate::journal::Journal;
use crate::scheduler::{ScheduledItem, ScheduledItems};

/// The maximum length of an answer, which is in memory until its record is written.
const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

/// The parts of a call.
pub(crate) struct Calls<'a> {
    pub(crate) service: &'a Service,
    pub(crate) target: Arc<Target>,
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) retry_on: RetryOn,
    /// The deadline of an item, for all its calls together.
    pub(crate) deadline: Option<Duration>,
}

impl Calls<'_> {
    /// The answers to the calls of `items`, in the order in which calls end. Dropping the stream leaves the calls in
    /// flight, as clients that disconnect do.
    pub(crate) fn answers(self, items: ScheduledItems) -> Answers<ScheduledItem, Reply> {
        let attempts = Arc::new(Attempts {
            resource: Arc::clone(&self.service.resource),
            journal: self.journal,
            retry_on: self.retry_on,
        });
        let work = move |scheduled: ScheduledItem, attempt: Attempt| {
            let attempts = Arc::clone(&attempts);
            async move { attempts.run(scheduled, attempt).await }
        };
        let (target, shares, deadline) = (self.target, self.service.shares, self.deadline);
        let call = move |scheduled: &ScheduledItem| {
            let key = shares.then(|| scheduled.item.input.json());
            let call = target.call(&scheduled.item.input, key.as_deref());
            match (scheduled.history.since, deadline) {
                // A postponed item has the rest of its deadline.
                (Some(since), Some(deadline)) if scheduled.history.attempts > 0 => {
                    call.deadline(deadline.saturating_sub(since.elapsed()))
                }
                _ => call,
            }
        };
        self.service.dispatcher.call_stream(items, call, work)
    }
}

/// Runs attempts.
struct Attempts {
    resource: Arc<dyn Resource>,
    journal: Option<Arc<Journal>>,
    retry_on: RetryOn,
}

impl Attempts {
    /// Runs one attempt, after its start is in the journal. If the first attempt cannot reach the target, the start is
    /// retracted.
    ///
    /// Dropping the future before the start is on disk retracts the start. Dropping it later abandons the attempt: the
    /// slot is returned once the resource has stopped, and the start stays in the journal, since the target may have
    /// received the request.
    async fn run(&self, scheduled: ScheduledItem, attempt: Attempt) -> Result<Reply, Failure> {
        let ScheduledItem { item, request, .. } = scheduled;
        let is_first = match &self.journal {
            None => false,
            // With the slot held: only items that occupy a slot can become unknown.
            Some(journal) => journal.record_start(&item).await.map_err(|error| no_start(&error))?,
        };
        let result = self.reply(request, attempt).await;
        if let (Some(journal), Err(failure)) = (&self.journal, &result)
            && is_first
            && failure.kind() == FailureKind::Unreachable
        {
            journal.retract_start(&item);
        }
        result.map_err(|failure| self.retry_on.advise(failure))
    }

    /// Receives the whole reply within the attempt, so that its duration and its slot cover the body too. Dropping the
    /// future abandons the attempt.
    async fn reply(&self, request: Request, attempt: Attempt) -> Result<Reply, Failure> {
        let reply = self.resource.attempt(request, attempt).await?;
        self.retry_on.check(reply.gathered(MAX_VALUE_BYTES).await?)
    }
}

/// The start of an item cannot be journaled, so the item must not run.
fn no_start(error: &io::Error) -> Failure {
    Failure::raised(format!("the journal cannot be written: {error}"))
}
