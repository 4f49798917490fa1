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
use mesero_resources::Order;
use mesero_target::Target;
use mesero_target::item::Input;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::input::feed::{Entry, Feed, Placed};
use crate::input::{BadInput, Item, Severity};
use crate::journal::{Journal, Known, Past as Earlier};

mod halt_gate;

pub(crate) use halt_gate::{Bell, Heard};

/// An item that is called for.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) item: Arc<Item>,
    pub(crate) order: Order,
    pub(crate) past: Past,
}

/// What an item has been through before this turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Past {
    /// When its first turn began.
    pub(crate) since: Option<Instant>,
    pub(crate) attempts: u32,
    pub(crate) waited: Duration,
    pub(crate) ran: Duration,
}

/// What is not called for.
#[derive(Debug)]
pub(crate) enum Aside {
    /// It is no item, or the target cannot be asked for it.
    Bad(Bad),
    /// Its deadline passed while it waited for the target.
    Expired(Box<Turn>),
    /// An earlier run did it; its result is in the journal, in the line at this byte.
    Done(Arc<Item>, u64),
    /// It had begun when an earlier run ended.
    Unknown(Arc<Item>),
}

/// An item that cannot be called for.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) item: Arc<Item>,
    pub(crate) why: BadInput,
}

/// What has to be known to take items in.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) feed: Feed,
    pub(crate) target: Arc<Target>,
    pub(crate) id_field: String,
    /// How far the input may be taken ahead of the results that were given out, where they come in order.
    pub(crate) window: Option<u64>,
    /// For an item, all its turns together.
    pub(crate) deadline: Option<Duration>,
    /// Whether the target is waited for although it was never reached.
    pub(crate) waits_from_the_start: bool,
    /// What the journal says of earlier runs.
    pub(crate) earlier: Earlier,
    /// Where items that had begun are run again, the journal, which has their starts.
    pub(crate) readopts: Option<Arc<Journal>>,
    /// Where the run may halt by what becomes of items.
    pub(crate) heard: Option<Heard>,
    /// Whether the run may end by an item that is none.
    pub(crate) may_end_by_bad: bool,
}

/// The driver's side; the stream is the other one. Whatever is done here is seen when the stream is next polled.
#[derive(Debug, Clone)]
pub(crate) struct Intake(Arc<Mutex<State>>);

/// The stream of turns; none at the end, and when it is stopped.
pub(crate) struct Turns {
    intake: Intake,
    settings: Settings,
    pause: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// Items called for whose answers have not come.
    out: usize,
    /// Results that the journal does not have yet.
    unkept: usize,
    again: VecDeque<Turn>,
    aside: VecDeque<Aside>,
    /// Items taken from the feed.
    taken: u64,
    /// Items of the journal, once the feed has ended, that it did not have: done, and unknown.
    missing: Option<(usize, usize)>,
    /// Results that were given out.
    given: u64,
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
pub(crate) enum News {
    None,
    /// It cannot be reached any more.
    Down,
    /// It can be reached again, after so long.
    Back(Duration),
}

/// One connection that is refused is an accident, so many in a row are an outage.
const FAILURES: u32 = 3;
/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Enough to report on while the feed waits.
const MOST_ASIDE: usize = 64;

impl Intake {
    pub(crate) fn new(settings: Settings) -> (Self, Turns) {
        let reached = settings.waits_from_the_start;
        let intake = Self(Arc::new(Mutex::new(State { reached, ..State::default() })));
        (intake.clone(), Turns { intake, settings, pause: None })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing more.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
    }

    /// What was not called for.
    pub(crate) fn aside(&self) -> Option<Aside> {
        self.state().aside.pop_front()
    }

    /// Items that were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.state().taken
    }

    /// Items of the journal that the input did not have, if it was read to its end: done, and unknown.
    pub(crate) fn missing(&self) -> Option<(usize, usize)> {
        self.state().missing
    }

    /// A result was given out.
    pub(crate) fn given(&self) {
        self.state().given += 1;
    }

    /// So many results wait for the journal.
    pub(crate) fn unkept(&self, results: usize) {
        self.state().unkept = results;
    }

    /// The journal has one more of them.
    pub(crate) fn kept(&self) {
        self.state().unkept -= 1;
    }

    /// The target was reached for an item, whatever came of it.
    pub(crate) fn answered(&self) -> News {
        let mut state = self.state();
        state.out -= 1;
        state.reached = true;
        state.failures = 0;
        state.outage.take().map_or(News::None, |outage| News::Back(outage.since.elapsed()))
    }

    /// An item has its answer, which says nothing about the target.
    pub(crate) fn settled(&self) {
        self.state().out -= 1;
    }

    /// The target was not reached for an item: it comes again, and where nothing comes any more it is left undone. None
    /// if the target never could be reached, which is a failure.
    pub(crate) fn unreached(&self, turn: &Turn) -> Option<News> {
        let mut state = self.state();
        state.out -= 1;
        if !state.reached {
            return None;
        }
        if state.stopped {
            return Some(News::None);
        }
        let index = turn.item.index;
        state.again.push_back(turn.clone());
        state.failures += 1;
        let now = Instant::now();
        if let Some(outage) = &mut state.outage {
            outage.failed(index, now);
            return Some(News::None);
        }
        if state.failures < FAILURES {
            return Some(News::None);
        }
        let next_probe = now + FIRST_PAUSE;
        state.outage = Some(Outage { since: now, next_probe, probe: None, probes: 1 });
        Some(News::Down)
    }
}

impl Outage {
    /// The target was not reached for this item either. Of those that were on their way before nothing is learned.
    fn failed(&mut self, index: u64, now: Instant) {
        if self.probe == Some(index) {
            self.probe = None;
            let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.probes));
            self.next_probe = now + pause.min(LONGEST_PAUSE);
            self.probes += 1;
        }
    }
}

impl State {
    /// A turn of an item that waits to come again. Those that nobody waits for any more are put aside.
    fn next_again(&mut self, deadline: Option<Duration>) -> Option<Turn> {
        while let Some(turn) = self.again.pop_front() {
            match (turn.past.since, deadline) {
                (Some(since), Some(deadline)) if since.elapsed() >= deadline => {
                    self.aside.push_back(Aside::Expired(Box::new(turn)));
                }
                _ => return Some(turn),
            }
        }
        None
    }

    fn send(&mut self, mut turn: Turn) -> Poll<Option<Turn>> {
        self.out += 1;
        turn.past.since.get_or_insert_with(Instant::now);
        if let Some(outage) = &mut self.outage {
            outage.probe = Some(turn.item.index);
        }
        Poll::Ready(Some(turn))
    }
}

impl Stream for Turns {
    type Item = Turn;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Turn>> {
        let this = self.get_mut();
        let intake = this.intake.clone();
        let mut state = intake.state();
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
        if let Some(heard) = &this.settings.heard
            && !heard.has_room(state.out, state.unkept, cx.waker())
        {
            return Poll::Pending;
        }
        if let Some(turn) = state.next_again(this.settings.deadline) {
            return state.send(turn);
        }
        loop {
            let far =
                this.settings.window.is_some_and(|window| state.taken - state.given >= window);
            if far || state.aside.len() >= this.settings.most_aside() {
                // The driver gives something out, or hears of what is aside, and asks again.
                return Poll::Pending;
            }
            match this.settings.feed.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                // What is out may come again.
                Poll::Ready(None) if state.out > 0 => return Poll::Pending,
                Poll::Ready(None) => {
                    state.missing = Some(this.settings.earlier.left());
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(entry)) => {
                    let index = state.taken;
                    state.taken += 1;
                    match this.settings.turn(index, entry) {
                        Ok(turn) => return state.send(turn),
                        Err(aside) => state.aside.push_back(aside),
                    }
                }
            }
        }
    }
}

impl Settings {
    /// How much may wait to be heard of before anything else is taken.
    fn most_aside(&self) -> usize {
        if self.heard.is_some() || self.may_end_by_bad { 1 } else { MOST_ASIDE }
    }

    fn turn(&mut self, index: u64, entry: Entry) -> Result<Turn, Aside> {
        let (line, input, why) = match entry {
            Ok(Placed { line, input }) => (line, input, None),
            Err(why) => (why.line, Input::Text(why.text.clone()), Some(why)),
        };
        let id = input.id(&self.id_field, &self.target.identity);
        let item = Arc::new(Item { index, id, input });
        // An input that cannot be read on is no item that could be done.
        let is_item = why.as_ref().is_none_or(|why| why.severity == Severity::Item);
        match is_item.then(|| self.earlier.ask(&item.id)).flatten() {
            Some(Known::Done(at)) => return Err(Aside::Done(item, at)),
            Some(Known::Unknown) => match &self.readopts {
                Some(journal) => journal.adopt(index),
                None => return Err(Aside::Unknown(item)),
            },
            None => {}
        }
        if let Some(why) = why {
            return Err(Aside::Bad(Bad { item, why }));
        }
        let why = match self.target.request(&item.input) {
            Ok(order) => return Ok(Turn { item, order, past: Past::default() }),
            Err(why) => BadInput { line, text: String::new(), why, severity: Severity::Item },
        };
        Err(Aside::Bad(Bad { item, why }))
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("settings", &self.settings).finish_non_exhaustive()
    }
}
