//! The order of calls: items of the feed, and items that were postponed because the target was unreachable.
//!
//! During an outage of the target one item at a time is called, to probe it. Items that could not reach the target have
//! not run, and are called again.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

mod config;
pub(crate) mod halt_gate;
mod item;
mod outage;
mod state;

use crate::journal::Unclaimed;
pub(crate) use config::SchedulerConfig;
pub(crate) use item::{ItemHistory, ScheduledItem, SkippedItem};
use state::SchedulerState;
pub(crate) use state::Unreached;

/// The driver's handle. A change takes effect when the stream is polled next; the driver polls it after each change.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler(Arc<Mutex<SchedulerState>>);

/// The stream of items to be called. It ends after the last item, and when the scheduler is stopped.
pub(crate) struct ScheduledItems {
    scheduler: Scheduler,
    config: SchedulerConfig,
    /// The pause before the next probe.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Scheduler {
    pub(crate) fn new(config: SchedulerConfig) -> (Self, ScheduledItems) {
        let state = SchedulerState::new(config.wait_for_target);
        let scheduler = Self(Arc::new(Mutex::new(state)));
        (scheduler.clone(), ScheduledItems { scheduler, config, pause: None })
    }

    fn state(&self) -> MutexGuard<'_, SchedulerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no further items.
    pub(crate) fn stop(&self) {
        self.state().is_stopped = true;
    }

    /// Removes the next skipped item.
    pub(crate) fn next_skipped(&self) -> Option<SkippedItem> {
        self.state().skipped.pop_front()
    }

    /// The number of items taken from the input.
    pub(crate) fn items_taken(&self) -> u64 {
        self.state().taken
    }

    /// Items of the journal that the input did not contain, once it was read to its end.
    pub(crate) fn unclaimed(&self) -> Option<Unclaimed> {
        self.state().unclaimed
    }

    /// A result was printed.
    pub(crate) fn result_emitted(&self) {
        self.state().emitted += 1;
    }

    /// The number of results that wait for the journal has changed.
    pub(crate) fn set_uncommitted(&self, results: usize) {
        self.state().uncommitted = results;
    }

    /// The journal has committed one more result.
    pub(crate) fn result_committed(&self) {
        self.state().uncommitted -= 1;
    }

    /// A call reached the target. Returns the duration of the outage that this ends, if there was one.
    pub(crate) fn target_reached(&self) -> Option<Duration> {
        self.state().target_reached(Instant::now())
    }

    /// A call ended without showing whether the target can be reached.
    pub(crate) fn call_ended(&self) {
        self.state().in_flight -= 1;
    }

    /// A call did not reach the target.
    pub(crate) fn target_unreached(&self, item: &ScheduledItem) -> Unreached {
        self.state().target_unreached(item, Instant::now())
    }
}

impl Stream for ScheduledItems {
    type Item = ScheduledItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ScheduledItem>> {
        let this = self.get_mut();
        let scheduler = this.scheduler.clone();
        let mut state = scheduler.state();
        if state.is_stopped {
            return Poll::Ready(None);
        }
        if let Some(outage) = &state.outage {
            if outage.probe.is_some() {
                // The driver waits for the probe's answer, and polls again after it.
                return Poll::Pending;
            }
            let at = outage.next_probe;
            let pause = this.pause.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if pause.deadline() != at {
                pause.as_mut().reset(at);
            }
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        if let Some(halt_gate) = &this.config.halt_gate
            && !halt_gate.has_room(state.in_flight, state.uncommitted, cx.waker())
        {
            return Poll::Pending;
        }
        if let Some(scheduled) = state.next_postponed(this.config.deadline) {
            return Poll::Ready(Some(state.start(scheduled)));
        }
        loop {
            let window_is_full =
                this.config.window.is_some_and(|window| state.taken - state.emitted >= window);
            if window_is_full || state.skipped.len() >= this.config.max_skipped() {
                // The driver prints a result or takes a skipped item, and polls again.
                return Poll::Pending;
            }
            match this.config.feed.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                // Items in flight may be postponed.
                Poll::Ready(None) if state.in_flight > 0 => return Poll::Pending,
                Poll::Ready(None) => {
                    state.unclaimed = Some(this.config.replay.unclaimed());
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(entry)) => {
                    let index = state.taken;
                    state.taken += 1;
                    match this.config.schedule(index, entry) {
                        Ok(scheduled) => return Poll::Ready(Some(state.start(scheduled))),
                        Err(skipped) => state.skipped.push_back(skipped),
                    }
                }
            }
        }
    }
}

impl fmt::Debug for ScheduledItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledItems").field("config", &self.config).finish_non_exhaustive()
    }
}
