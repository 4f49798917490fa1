//! The seats, each with the connection that waits there for its next request, or none.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mesero::Slot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::LOOK;
use super::link::Link;

/// One place a seat. Whoever holds the slot of a seat is the only one who takes from it.
#[derive(Debug)]
pub(super) struct Pool {
    upstream: String,
    seats: Vec<Mutex<Option<Idle>>>,
    idle_timeout: Duration,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Idle {
    link: Link,
    since: Instant,
}

impl Pool {
    /// A pool of connections to this upstream.
    pub(super) fn new(upstream: String, seats: NonZeroUsize, idle_timeout: Duration) -> Self {
        let seats = (0..seats.get()).map(|_| Mutex::new(None)).collect();
        Self { upstream, seats, idle_timeout, closed: AtomicBool::new(false) }
    }

    /// The connection of a seat, if it has one that is still good as far as can be told.
    pub(super) async fn take(&self, seat: usize) -> Option<Link> {
        let Idle { mut link, since } = self.seat(seat).take()?;
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
    }

    fn put(&self, seat: usize, link: Link) {
        *self.seat(seat) = Some(Idle { link, since: Instant::now() });
        // Who closes the pool looks at the seats after having said so.
        if self.closed.load(Ordering::SeqCst) {
            drop(self.seat(seat).take());
        }
    }

    fn seat(&self, seat: usize) -> MutexGuard<'_, Option<Idle>> {
        self.seats[seat].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The seat of an exchange, with its slot.
#[derive(Debug)]
pub(super) struct Place {
    pool: Arc<Pool>,
    slot: Slot,
}

impl Place {
    pub(super) fn new(pool: Arc<Pool>, slot: Slot) -> Self {
        Self { pool, slot }
    }

    /// What the seat is a place at, as a log names it.
    pub(super) fn upstream(&self) -> &str {
        &self.pool.upstream
    }

    /// Puts the connection back if it can be used again, closes it if not, and then gives the
    /// slot back.
    pub(super) fn keep(self, link: Link) {
        if link.is_idle() {
            self.pool.put(self.slot.seat(), link);
        } else {
            drop(link);
        }
        drop(self.slot);
    }
}
