//! The seats, each with the connection that waits there for its next request, or none.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mesero::Slot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::{LOOK, Settings};

/// One place a seat. Whoever holds the slot of a seat is the only one who takes from it.
///
/// For requests that name their own server a seat's last connection seldom leads to the right one: theirs wait together,
/// so many at most, and whoever comes takes one that does.
#[derive(Debug)]
pub(super) struct Pool {
    seats: Vec<Mutex<Option<Idle>>>,
    /// The newest last.
    roaming: Mutex<VecDeque<Idle>>,
    idle_timeout: Duration,
    closed: AtomicBool,
}

/// How many connections to servers that requests name may wait for their next: a quarter of the files that a process has
/// on most systems.
const ROAMING: usize = 256;

#[derive(Debug)]
struct Idle {
    link: Link,
    /// Where it leads.
    settings: Arc<Settings>,
    since: Instant,
}

impl Pool {
    pub(super) fn new(seats: NonZeroUsize, idle_timeout: Duration) -> Self {
        let seats = (0..seats.get()).map(|_| Mutex::new(None)).collect();
        Self { seats, roaming: Mutex::default(), idle_timeout, closed: AtomicBool::new(false) }
    }

    /// A connection for the request at a seat, if there is one that is still good as far as can be told.
    pub(super) async fn take(&self, seat: usize, wanted: &Settings) -> Option<Link> {
        let idle = match wanted.roams {
            false => self.seat(seat).take()?,
            true => {
                let mut roaming = self.roaming();
                let found = roaming.iter().rposition(|idle| idle.leads_to(wanted))?;
                roaming.remove(found)?
            }
        };
        let Idle { mut link, since, .. } = idle;
        if since.elapsed() >= self.idle_timeout {
            return None;
        }
        // Nobody has driven it since it was put here; now it sees whether the upstream has left.
        std::future::poll_fn(|cx| {
            link.look(cx);
            Poll::Ready(())
        })
        .await;
        link.is_idle().then_some(link)
    }

    /// Closes connections that have waited too long or that the upstream has closed; all of them
    /// in the end.
    pub(super) async fn look_after(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(LOOK.min(self.idle_timeout)) => self.close_those(|idle| {
                    // Nobody needs to be woken: the next look comes by itself.
                    idle.link.look(&mut Context::from_waker(Waker::noop()));
                    !idle.link.is_idle() || idle.since.elapsed() >= self.idle_timeout
                }),
            }
        }
        self.closed.store(true, Ordering::SeqCst);
        self.close_those(|_| true);
    }

    fn close_those(&self, unwanted: impl Fn(&mut Idle) -> bool) {
        for seat in 0..self.seats.len() {
            drop(self.seat(seat).take_if(&unwanted));
        }
        self.roaming().retain_mut(|idle| !unwanted(idle));
    }

    fn put(&self, seat: usize, link: Link, settings: Arc<Settings>) {
        let roams = settings.roams;
        let idle = Idle { link, settings, since: Instant::now() };
        if roams {
            let mut roaming = self.roaming();
            roaming.push_back(idle);
            if roaming.len() > ROAMING {
                roaming.pop_front();
            }
        } else {
            *self.seat(seat) = Some(idle);
        }
        // Who closes the pool looks at it after having said so.
        if self.closed.load(Ordering::SeqCst) {
            drop(self.seat(seat).take());
            self.roaming().clear();
        }
    }

    fn roaming(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.roaming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat(&self, seat: usize) -> MutexGuard<'_, Option<Idle>> {
        self.seats[seat].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn leads_to(&self, wanted: &Settings) -> bool {
        let place = |settings: &Settings| (settings.port, settings.tls.is_some());
        place(&self.settings) == place(wanted) && self.settings.host == wanted.host
    }
}

/// The seat of an exchange, with its slot.
#[derive(Debug)]
pub(super) struct Place {
    pool: Arc<Pool>,
    settings: Arc<Settings>,
    slot: Slot,
}

impl Place {
    pub(super) fn new(pool: Arc<Pool>, settings: Arc<Settings>, slot: Slot) -> Self {
        Self { pool, settings, slot }
    }

    /// What the seat is a place at, as a log names it.
    pub(super) fn upstream(&self) -> &str {
        &self.settings.authority
    }

    /// Puts the connection back if it can be used again, closes it if not, and then gives the
    /// slot back.
    pub(super) fn keep(self, link: Link) {
        if link.is_idle() {
            self.pool.put(self.slot.seat(), link, self.settings);
        } else {
            drop(link);
        }
        drop(self.slot);
    }
}
