//! Streams in use on a connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct StreamLoad {
    streams: AtomicUsize,
    /// Time at which the last stream ended.
    idle_since: Mutex<Instant>,
}

/// A stream in use; free when dropped.
#[derive(Debug)]
pub(super) struct StreamPermit(Arc<StreamLoad>);

impl StreamPermit {
    /// Takes one of the `granted` streams, unless all are taken.
    pub(super) fn take(load: &Arc<StreamLoad>, granted: usize) -> Option<Self> {
        let taken = load.streams.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
            (taken < granted).then_some(taken + 1)
        });
        taken.ok().map(|_| Self(Arc::clone(load)))
    }
}

impl StreamLoad {
    pub(super) fn new() -> Self {
        Self { streams: AtomicUsize::new(0), idle_since: Mutex::new(Instant::now()) }
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Acquire)
    }

    pub(super) fn is_idle_for(&self, idle_timeout: Duration) -> bool {
        let since = *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        self.streams.load(Ordering::Acquire) == 0 && since.elapsed() >= idle_timeout
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut since = self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = Instant::now();
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}
