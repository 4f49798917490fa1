//! What is called next: the items of the feed, and those that could not be brought to the target.
//!
//! When a target that could be reached cannot be any more, nothing is called but one item now and then, to see whether
//! it is back. What could not be brought to it meanwhile has not begun, and comes again.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use mesero_resources::Request;
use mesero_target::Target;
use mesero_target::item::Input;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::input::feed::{Entry, Feed, InputEntry};
use crate::input::{BadInput, BadInputScope, Item};
use crate::journal::{EarlierOutcome, Journal, Replay};

mod halt_gate;

pub(crate) use halt_gate::{HaltGate, SlotWaker};

/// An item that is called for.
#[derive(Debug, Clone)]
pub(crate) struct ScheduledItem {
    pub(crate) item: Arc<Item>,
    pub(crate) request: Request,
    pub(crate) history: ItemHistory,
}

/// What an item has been through before this turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ItemHistory {
    /// When its first turn began.
    pub(crate) since: Option<Instant>,
    pub(crate) attempts: u32,
    pub(crate) waited: Duration,
    pub(crate) ran: Duration,
}

/// What is not called for.
#[derive(Debug)]
pub(crate) enum SkippedItem {
    /// It is no item, or the target cannot be asked for it.
    Unusable(UnusableItem),
    /// Its deadline passed while it waited for the target.
    Expired(Box<ScheduledItem>),
    /// An earlier run did it; its result is in the journal, in the line at this byte.
    Done(Arc<Item>, u64),
    /// It had begun when an earlier run ended.
    Unknown(Arc<Item>),
}

/// An item that cannot be called for.
#[derive(Debug)]
pub(crate) struct UnusableItem {
    pub(crate) item: Arc<Item>,
    pub(crate) bad: BadInput,
}

/// What has to be known to take items in.
#[derive(Debug)]
pub(crate) struct SchedulerConfig {
    pub(crate) feed: Feed,
    pub(crate) target: Arc<Target>,
    pub(crate) id_field: String,
    /// How far the input may be taken ahead of the results that were given out, where they come in order.
    pub(crate) window: Option<u64>,
    /// For an item, all its turns together.
    pub(crate) deadline: Option<Duration>,
    /// Whether the target is waited for although it was never reached.
    pub(crate) wait_for_target: bool,
    /// What the journal says of earlier runs.
    pub(crate) replay: Replay,
    /// Where items that had begun are run again, the journal, which has their starts.
    pub(crate) rerun_unknown: Option<Arc<Journal>>,
    /// Where the run may halt by what becomes of items.
    pub(crate) halt_gate: Option<HaltGate>,
    /// Whether the run may end by an item that is none.
    pub(crate) may_halt_on_bad_input: bool,
}

/// The driver's side; the stream is the other one. Whatever is done here is seen when the stream is next polled.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler(Arc<Mutex<State>>);

/// The stream of turns; none at the end, and when it is stopped.
pub(crate) struct ScheduledItems {
    scheduler: Scheduler,
    config: SchedulerConfig,
    pause: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// Items called for whose answers have not come.
    in_flight: usize,
    /// Results that the journal does not have yet.
    uncommitted: usize,
    postponed: VecDeque<ScheduledItem>,
    skipped: VecDeque<SkippedItem>,
    /// Items taken from the feed.
    taken: u64,
    /// Items of the journal, once the feed has ended, that it did not have: done, and unknown.
    absent_from_input: Option<(usize, usize)>,
    /// Results that were given out.
    emitted: u64,
    reached: bool,
    failures: u32,
    outage: Option<Outage>,
}

/// The target cannot be reached.
#[derive(Debug)]
struct Outage {
    since: Instant,
    next_probe: Instant,
    /// The item that is on its way to see.
    probe: Option<u64>,
    probes: u32,
}

/// What an answer said about the target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutageChange {
    None,
    /// It cannot be reached any more.
    Down,
    /// It can be reached again, after so long.
    Back(Duration),
}

/// One connection that is refused is an accident, so many in a row are an outage.
const FAILURES_TO_OUTAGE: u32 = 3;
/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(15);
/// Enough to report on while the feed waits.
const MAX_SKIPPED: usize = 64;

impl Scheduler {
    pub(crate) fn new(config: SchedulerConfig) -> (Self, ScheduledItems) {
        let reached = config.wait_for_target;
        let scheduler = Self(Arc::new(Mutex::new(State { reached, ..State::default() })));
        (scheduler.clone(), ScheduledItems { scheduler, config, pause: None })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing more.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
    }

    /// What was not called for.
    pub(crate) fn next_skipped(&self) -> Option<SkippedItem> {
        self.state().skipped.pop_front()
    }

    /// Items that were taken.
    pub(crate) fn items_taken(&self) -> u64 {
        self.state().taken
    }

    /// Items of the journal that the input did not have, if it was read to its end: done, and unknown.
    pub(crate) fn absent_from_input(&self) -> Option<(usize, usize)> {
        self.state().absent_from_input
    }

    /// A result was given out.
    pub(crate) fn result_emitted(&self) {
        self.state().emitted += 1;
    }

    /// So many results wait for the journal.
    pub(crate) fn set_uncommitted(&self, results: usize) {
        self.state().uncommitted = results;
    }

    /// The journal has one more of them.
    pub(crate) fn result_committed(&self) {
        self.state().uncommitted -= 1;
    }

    /// The target was reached for an item, whatever came of it.
    pub(crate) fn target_reached(&self) -> OutageChange {
        let mut state = self.state();
        state.in_flight -= 1;
        state.reached = true;
        state.failures = 0;
        state
            .outage
            .take()
            .map_or(OutageChange::None, |outage| OutageChange::Back(outage.since.elapsed()))
    }

    /// An item has its answer, which says nothing about the target.
    pub(crate) fn call_ended(&self) {
        self.state().in_flight -= 1;
    }

    /// The target was not reached for an item: it comes again, and where nothing comes any more it is left undone. None
    /// if the target never could be reached, which is a failure.
    pub(crate) fn target_unreachable(&self, scheduled: &ScheduledItem) -> Option<OutageChange> {
        let mut state = self.state();
        state.in_flight -= 1;
        if !state.reached {
            return None;
        }
        if state.stopped {
            return Some(OutageChange::None);
        }
        let index = scheduled.item.index;
        state.postponed.push_back(scheduled.clone());
        state.failures += 1;
        let now = Instant::now();
        if let Some(outage) = &mut state.outage {
            outage.failed(index, now);
            return Some(OutageChange::None);
        }
        if state.failures < FAILURES_TO_OUTAGE {
            return Some(OutageChange::None);
        }
        let next_probe = now + FIRST_PAUSE;
        state.outage = Some(Outage { since: now, next_probe, probe: None, probes: 1 });
        Some(OutageChange::Down)
    }
}

impl Outage {
    /// The target was not reached for this item either. Of those that were on their way before nothing is learned.
    fn failed(&mut self, index: u64, now: Instant) {
        if self.probe == Some(index) {
            self.probe = None;
            let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.probes));
            self.next_probe = now + pause.min(MAX_PAUSE);
            self.probes += 1;
        }
    }
}

impl State {
    /// A turn of an item that waits to come again. Those that nobody waits for any more are put aside.
    fn next_postponed(&mut self, deadline: Option<Duration>) -> Option<ScheduledItem> {
        while let Some(scheduled) = self.postponed.pop_front() {
            match (scheduled.history.since, deadline) {
                (Some(since), Some(deadline)) if since.elapsed() >= deadline => {
                    self.skipped.push_back(SkippedItem::Expired(Box::new(scheduled)));
                }
                _ => return Some(scheduled),
            }
        }
        None
    }

    fn schedule(&mut self, mut scheduled: ScheduledItem) -> Poll<Option<ScheduledItem>> {
        self.in_flight += 1;
        scheduled.history.since.get_or_insert_with(Instant::now);
        if let Some(outage) = &mut self.outage {
            outage.probe = Some(scheduled.item.index);
        }
        Poll::Ready(Some(scheduled))
    }
}

impl Stream for ScheduledItems {
    type Item = ScheduledItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ScheduledItem>> {
        let this = self.get_mut();
        let scheduler = this.scheduler.clone();
        let mut state = scheduler.state();
        if state.stopped {
            return Poll::Ready(None);
        }
        if let Some(outage) = &state.outage {
            if outage.probe.is_some() {
                // Its answer, or its end, is what the driver waits for.
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
            return state.schedule(scheduled);
        }
        loop {
            let window_is_full =
                this.config.window.is_some_and(|window| state.taken - state.emitted >= window);
            if window_is_full || state.skipped.len() >= this.config.max_skipped() {
                // The driver gives something out, or hears of what is aside, and asks again.
                return Poll::Pending;
            }
            match this.config.feed.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                // What is out may come again.
                Poll::Ready(None) if state.in_flight > 0 => return Poll::Pending,
                Poll::Ready(None) => {
                    state.absent_from_input = Some(this.config.replay.unclaimed());
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(entry)) => {
                    let index = state.taken;
                    state.taken += 1;
                    match this.config.scheduled(index, entry) {
                        Ok(scheduled) => return state.schedule(scheduled),
                        Err(skipped) => state.skipped.push_back(skipped),
                    }
                }
            }
        }
    }
}

impl SchedulerConfig {
    /// How much may wait to be heard of before anything else is taken.
    fn max_skipped(&self) -> usize {
        if self.halt_gate.is_some() || self.may_halt_on_bad_input { 1 } else { MAX_SKIPPED }
    }

    fn scheduled(&mut self, index: u64, entry: Entry) -> Result<ScheduledItem, SkippedItem> {
        let (line, input, bad) = match entry {
            Ok(InputEntry { line, input }) => (line, input, None),
            Err(bad) => (bad.line, Input::Text(bad.text.clone()), Some(bad)),
        };
        let id = input.id(&self.id_field, &self.target.identity);
        let item = Arc::new(Item { index, id, input });
        // An input that cannot be read on is no item that could be done.
        let is_item = bad.as_ref().is_none_or(|bad| bad.scope == BadInputScope::Item);
        match is_item.then(|| self.replay.claim(&item.id)).flatten() {
            Some(EarlierOutcome::Finished(at)) => return Err(SkippedItem::Done(item, at)),
            Some(EarlierOutcome::Unknown) => match &self.rerun_unknown {
                Some(journal) => journal.adopt_start(index),
                None => return Err(SkippedItem::Unknown(item)),
            },
            None => {}
        }
        if let Some(bad) = bad {
            return Err(SkippedItem::Unusable(UnusableItem { item, bad }));
        }
        let bad = match self.target.request(&item.input) {
            Ok(request) => {
                return Ok(ScheduledItem { item, request, history: ItemHistory::default() });
            }
            Err(why) => BadInput { line, text: String::new(), why, scope: BadInputScope::Item },
        };
        Err(SkippedItem::Unusable(UnusableItem { item, bad }))
    }
}

impl fmt::Debug for ScheduledItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("settings", &self.config).finish_non_exhaustive()
    }
}
