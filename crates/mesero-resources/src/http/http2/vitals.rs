//! Signs of life of a connection: pings, and what their absence means.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::stream_load::StreamLoad;

/// Interval of pings while responses are pending. An unresponsive upstream is noticed within twice
/// this. Some servers take more frequent pings for an attack.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Consecutive requests without an answer in time after which the connection is doubted.
const DOUBTFUL_TIMEOUTS: u32 = 2;

/// Time that a doubted connection gets to answer a ping, more than any round trip. Afterwards it gets
/// no more requests; those that it has may still be answered.
const DOUBT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time after an answered ping within which a connection is not doubted again: a slow upstream
/// whose callers have short deadlines gets few pings.
const TRUST_TIME: Duration = Duration::from_secs(10);

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Vitals {
    /// Requests without an answer in time, since the last sign of life.
    timeouts: AtomicU32,
    doubted: Notify,
    /// Number of round trips that were asked for.
    asked: watch::Sender<u64>,
    /// The last of them that is known to be over.
    done: watch::Sender<u64>,
    /// True once a ping was late, and the next request needs another connection.
    is_retired: AtomicBool,
    unresponsive: CancellationToken,
    closed: CancellationToken,
}

impl Vitals {
    pub(super) fn new() -> Self {
        Self {
            timeouts: AtomicU32::new(0),
            doubted: Notify::new(),
            asked: watch::Sender::new(0),
            done: watch::Sender::new(0),
            is_retired: AtomicBool::new(false),
            unresponsive: CancellationToken::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Records that the head of a response has arrived.
    pub(super) fn record_answer(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
    }

    /// Records that a request was abandoned before its answer began.
    pub(super) fn record_timeout(&self) {
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= DOUBTFUL_TIMEOUTS {
            self.doubted.notify_one();
        }
    }

    /// Records that the connection has ended.
    pub(super) fn record_close(&self) {
        self.unresponsive.cancel();
        self.closed.cancel();
    }

    /// Returns true if no more requests are sent here, since a ping was answered late or not at all.
    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    /// Waits until no answer is expected any longer, to a ping or to a request, or the connection has
    /// ended.
    pub(super) async fn unresponsive(&self) {
        self.unresponsive.cancelled().await;
    }

    /// Waits until the connection has ended.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until the upstream has received what was sent before: for the answer to a ping.
    pub(super) async fn round_trip(&self) {
        let mut done = self.done.subscribe();
        let mut mine = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            mine = *asked;
        });
        // The sender lives as long as `self`.
        let _ = done.wait_for(|done| *done >= mine).await;
    }

    /// Sends pings at their times, until the connection has ended.
    pub(super) async fn watch(&self, pings: Option<PingPong>, load: &StreamLoad) {
        let Some(mut pings) = pings else { return };
        let mut asked = self.asked.subscribe();
        let mut trusted_until = Instant::now();
        loop {
            let done = *self.done.borrow();
            let is_due = tokio::select! {
                _ = asked.wait_for(|asked| *asked > done) => true,
                () = self.doubted.notified() => Instant::now() >= trusted_until,
                () = sleep(PING_INTERVAL) => load.streams() > 0,
            };
            if !is_due {
                continue;
            }
            if self.ping(&mut pings).await.is_err() {
                return;
            }
            trusted_until = Instant::now() + TRUST_TIME;
        }
    }

    /// Sends a ping, and waits for its answer; notes if it comes too late.
    async fn ping(&self, pings: &mut PingPong) -> Result<(), h2::Error> {
        let round = *self.asked.borrow();
        let is_doubted = self.timeouts.load(Ordering::Relaxed) >= DOUBTFUL_TIMEOUTS;
        let given_up = Instant::now() + PING_INTERVAL;
        let mut late = if is_doubted { Instant::now() + DOUBT_TIMEOUT } else { given_up };
        let mut pong = std::pin::pin!(pings.ping(Ping::opaque()));
        loop {
            tokio::select! {
                biased;
                answered = &mut pong => {
                    answered?;
                    break;
                }
                () = self.doubted.notified() => late = late.min(Instant::now() + DOUBT_TIMEOUT),
                () = sleep_until(late), if !self.is_retired() => {
                    tracing::debug!("a connection to an upstream does not answer a ping");
                    self.is_retired.store(true, Ordering::Relaxed);
                }
                () = sleep_until(given_up), if !self.unresponsive.is_cancelled() => {
                    self.unresponsive.cancel();
                }
            }
        }
        self.timeouts.store(0, Ordering::Relaxed);
        self.done.send_replace(round);
        Ok(())
    }
}
