//! Idle connections, by seat.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mesero::Slot;
use mesero_config::{AbandonedSettings, HttpSettings};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::session::UpstreamSession;
use super::timeouts::IDLE_CHECK_INTERVAL;

/// Idle connections: at most one per seat. Only the holder of a seat's slot takes from it.
///
/// If requests name their own servers, the last connection of a seat rarely fits the next request.
/// So their connections share one bounded list, and a request takes one to its server.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    seats: Vec<Mutex<Option<IdleConnection>>>,
    /// The newest is the last.
    per_request: Mutex<VecDeque<IdleConnection>>,
    idle_timeout: Duration,
    closed: AtomicBool,
}

/// Most idle connections to servers that requests name: a quarter of the usual limit of open files.
const MAX_PER_REQUEST_IDLE: usize = 256;

#[derive(Debug)]
struct IdleConnection {
    session: UpstreamSession,
    /// Settings of its server.
    settings: Arc<HttpSettings>,
    since: Instant,
}

impl ConnectionPool {
    pub(super) fn new(seats: NonZeroUsize, idle_timeout: Duration) -> Self {
        let seats = (0..seats.get()).map(|_| Mutex::new(None)).collect();
        Self { seats, per_request: Mutex::default(), idle_timeout, closed: AtomicBool::new(false) }
    }

    /// Takes an idle connection for the request at a seat, if one is there and seems open. Dropping
    /// the future closes it.
    pub(super) async fn take(&self, seat: usize, wanted: &HttpSettings) -> Option<UpstreamSession> {
        let idle = if wanted.is_per_request {
            let mut per_request = self.per_request();
            let found = per_request.iter().rposition(|idle| idle.matches(wanted))?;
            per_request.remove(found)?
        } else {
            self.seat(seat).take()?
        };
        let IdleConnection { mut session, since, .. } = idle;
        if since.elapsed() >= self.idle_timeout {
            return None;
        }
        // The connection was not driven while idle; now it notices whether the upstream has closed
        // it.
        std::future::poll_fn(|cx| {
            session.refresh(cx);
            Poll::Ready(())
        })
        .await;
        session.is_idle().then_some(session)
    }

    /// Closes connections that were idle for too long or that the upstream has closed; when
    /// stopped, closes all of them. Dropping the future ends the checks.
    pub(super) async fn close_idle_periodically(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(IDLE_CHECK_INTERVAL.min(self.idle_timeout)) => self.close_where(|idle| {
                    // No waker: the next check comes by itself.
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

    fn put(&self, seat: usize, session: UpstreamSession, settings: Arc<HttpSettings>) {
        let roams = settings.is_per_request;
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
        // The pool is closed after `closed` is set, so one of the two sides sees this connection.
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
    fn matches(&self, wanted: &HttpSettings) -> bool {
        let (ours, theirs) = (&self.settings.upstream, &wanted.upstream);
        (ours.port(), ours.is_https()) == (theirs.port(), theirs.is_https())
            && ours.host() == theirs.host()
    }
}

/// The seat of an exchange, with its slot.
#[derive(Debug)]
pub(super) struct PooledSeat {
    pool: Arc<ConnectionPool>,
    settings: Arc<HttpSettings>,
    slot: Slot,
}

impl PooledSeat {
    pub(super) fn new(pool: Arc<ConnectionPool>, settings: Arc<HttpSettings>, slot: Slot) -> Self {
        Self { pool, settings, slot }
    }

    /// Name of the upstream in the log.
    pub(super) fn upstream(&self) -> &str {
        self.settings.upstream.authority()
    }

    /// Returns the treatment of requests that their callers have left.
    pub(super) fn abandoned_settings(&self) -> AbandonedSettings {
        self.settings.abandoned
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Returns a reusable connection to the seat, closes any other, and then frees the slot.
    pub(super) fn keep(self, session: UpstreamSession) {
        if session.is_idle() {
            self.pool.put(self.slot.seat(), session, self.settings);
        } else {
            drop(session);
        }
        drop(self.slot);
    }
}
