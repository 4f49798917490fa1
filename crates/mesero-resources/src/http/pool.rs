//! The seats, each with the connection that waits there for its next request, or none.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mesero::Slot;
use mesero_config::ProxySettings;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::session::UpstreamSession;
use super::timeouts::IDLE_CHECK_INTERVAL;

/// One place a seat. Whoever holds the slot of a seat is the only one who takes from it.
///
/// For requests that name their own server a seat's last connection seldom leads to the right one: theirs wait together,
/// so many at most, and whoever comes takes one that does.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    seats: Vec<Mutex<Option<IdleConnection>>>,
    /// The newest last.
    per_request: Mutex<VecDeque<IdleConnection>>,
    idle_timeout: Duration,
    closed: AtomicBool,
}

/// How many connections to servers that requests name may wait for their next: a quarter of the files that a process has
/// on most systems.
const MAX_PER_REQUEST_IDLE: usize = 256;

#[derive(Debug)]
struct IdleConnection {
    session: UpstreamSession,
    /// Where it leads.
    settings: Arc<ProxySettings>,
    since: Instant,
}

impl ConnectionPool {
    pub(super) fn new(seats: NonZeroUsize, idle_timeout: Duration) -> Self {
        let seats = (0..seats.get()).map(|_| Mutex::new(None)).collect();
        Self { seats, per_request: Mutex::default(), idle_timeout, closed: AtomicBool::new(false) }
    }

    /// A connection for the request at a seat, if there is one that is still good as far as can be told.
    pub(super) async fn take(
        &self,
        seat: usize,
        wanted: &ProxySettings,
    ) -> Option<UpstreamSession> {
        let idle = match wanted.roams {
            false => self.seat(seat).take()?,
            true => {
                let mut per_request = self.per_request();
                let found = per_request.iter().rposition(|idle| idle.matches(wanted))?;
                per_request.remove(found)?
            }
        };
        let IdleConnection { mut session, since, .. } = idle;
        if since.elapsed() >= self.idle_timeout {
            return None;
        }
        // Nobody has driven it since it was put here; now it sees whether the upstream has left.
        std::future::poll_fn(|cx| {
            session.refresh(cx);
            Poll::Ready(())
        })
        .await;
        session.is_idle().then_some(session)
    }

    /// Closes connections that have waited too long or that the upstream has closed; all of them
    /// in the end.
    pub(super) async fn close_idle_periodically(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(IDLE_CHECK_INTERVAL.min(self.idle_timeout)) => self.close_where(|idle| {
                    // Nobody needs to be woken: the next look comes by itself.
                    idle.session.refresh(&mut Context::from_waker(Waker::noop()));
                    !idle.session.is_idle() || idle.since.elapsed() >= self.idle_timeout
                }),
            }
        }
        self.closed.store(true, Ordering::SeqCst);
        self.close_where(|_| true);
    }

    fn close_where(&self, unwanted: impl Fn(&mut IdleConnection) -> bool) {
        for seat in 0..self.seats.len() {
            drop(self.seat(seat).take_if(&unwanted));
        }
        self.per_request().retain_mut(|idle| !unwanted(idle));
    }

    fn put(&self, seat: usize, session: UpstreamSession, settings: Arc<ProxySettings>) {
        let roams = settings.roams;
        let idle = IdleConnection { session, settings, since: Instant::now() };
        if roams {
            let mut per_request = self.per_request();
            per_request.push_back(idle);
            if per_request.len() > MAX_PER_REQUEST_IDLE {
                per_request.pop_front();
            }
        } else {
            *self.seat(seat) = Some(idle);
        }
        // Who closes the pool looks at it after having said so.
        if self.closed.load(Ordering::SeqCst) {
            drop(self.seat(seat).take());
            self.per_request().clear();
        }
    }

    fn per_request(&self) -> MutexGuard<'_, VecDeque<IdleConnection>> {
        self.per_request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat(&self, seat: usize) -> MutexGuard<'_, Option<IdleConnection>> {
        self.seats[seat].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdleConnection {
    fn matches(&self, wanted: &ProxySettings) -> bool {
        let (ours, theirs) = (&self.settings.upstream, &wanted.upstream);
        (ours.port(), ours.is_https()) == (theirs.port(), theirs.is_https())
            && ours.host() == theirs.host()
    }
}

/// The seat of an exchange, with its slot.
#[derive(Debug)]
pub(super) struct PooledSeat {
    pool: Arc<ConnectionPool>,
    settings: Arc<ProxySettings>,
    slot: Slot,
}

impl PooledSeat {
    pub(super) fn new(pool: Arc<ConnectionPool>, settings: Arc<ProxySettings>, slot: Slot) -> Self {
        Self { pool, settings, slot }
    }

    /// What the seat is a place at, as a log names it.
    pub(super) fn upstream(&self) -> &str {
        self.settings.upstream.authority()
    }

    /// Puts the connection back if it can be used again, closes it if not, and then gives the
    /// slot back.
    pub(super) fn keep(self, session: UpstreamSession) {
        if session.is_idle() {
            self.pool.put(self.slot.seat(), session, self.settings);
        } else {
            drop(session);
        }
        drop(self.slot);
    }
}
