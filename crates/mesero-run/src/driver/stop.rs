//! The end of a run before its input is done.

use std::io;

use mesero::{Dispatcher, Phase};
use mesero_resources::Reply;
use mesero_terminal::signals::Signal;

use crate::scheduler::Scheduler;

/// The reason why a run takes no further items.
#[derive(Debug)]
pub(super) enum StopReason {
    Signal(Signal),
    Halted,
    /// An output, or the journal, can no longer be written.
    WriteFailed(OutputKind, io::Error),
    /// The input, or the journal's earlier part, can no longer be read.
    ReadFailed,
}

/// A file that a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputKind {
    Journal,
    Results,
    FailedItems,
}

impl OutputKind {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Journal => "the journal",
            Self::Results => "the results",
            Self::FailedItems => "the failed items",
        }
    }
}

/// Stops a run, and knows why it was stopped.
pub(crate) struct RunStop<'a> {
    dispatcher: &'a Dispatcher<Reply>,
    scheduler: Scheduler,
    pub(super) reason: Option<StopReason>,
}

impl<'a> RunStop<'a> {
    pub(crate) fn new(dispatcher: &'a Dispatcher<Reply>, scheduler: Scheduler) -> Self {
        Self { dispatcher, scheduler, reason: None }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.reason.is_some()
    }

    /// Takes no further items, and cancels those that have not started. Items in flight finish.
    pub(super) fn finish_running(&mut self, reason: StopReason) {
        self.reason = Some(reason);
        self.scheduler.stop();
        self.dispatcher.drain();
        for job in self.dispatcher.jobs() {
            if job.phase == Phase::Queued && job.attempts == 0 {
                self.dispatcher.cancel(job.info.id);
            }
        }
    }

    /// Cancels the items in flight too.
    pub(super) fn cancel_running(&mut self, reason: StopReason) {
        self.finish_running(reason);
        self.dispatcher.stop();
    }
}
