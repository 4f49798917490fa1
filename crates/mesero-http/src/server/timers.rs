//! Timers of an HTTP/1 connection.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// The two timers of one HTTP/1 connection: for a head that has begun, and for a connection without traffic.
///
/// Traffic sets a flag and reads no clock; the idle timer is reset only when it fires. So a busy connection costs one
/// clock reading per request and no timer registration.
#[derive(Debug)]
pub(crate) struct ConnectionTimers {
    idle_timeout: Duration,
    head_timeout: Duration,
    idle: Pin<Box<Sleep>>,
    head: Option<Pin<Box<Sleep>>>,
    moved: bool,
    quiet_since: Instant,
    stalled_since: Option<Instant>,
}

impl ConnectionTimers {
    pub(crate) fn new(head_timeout: Duration, idle_timeout: Duration) -> Self {
        Self {
            idle_timeout,
            head_timeout,
            idle: Box::pin(sleep(idle_timeout)),
            head: None,
            moved: false,
            quiet_since: Instant::now(),
            stalled_since: None,
        }
    }

    pub(crate) fn head_timeout(&self) -> Duration {
        self.head_timeout
    }

    /// Records that bytes were read.
    pub(crate) fn on_read(&mut self) {
        self.moved = true;
    }

    /// Records that bytes were written.
    pub(crate) fn on_write(&mut self) {
        self.moved = true;
        self.stalled_since = None;
    }

    /// Records that the socket takes no bytes, since the client does not read.
    pub(crate) fn on_stalled_write(&mut self) {
        self.stalled_since.get_or_insert_with(Instant::now);
    }

    /// Starts the timer of a head, unless it is running.
    pub(crate) fn start_head(&mut self) {
        if self.head.is_none() {
            self.head = Some(Box::pin(sleep(self.head_timeout)));
        }
    }

    pub(crate) fn end_head(&mut self) {
        self.head = None;
    }

    /// Ready when a head exceeds its timeout.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.head {
            Some(head) => head.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Ready after the idle timeout without traffic.
    ///
    /// While `busy`, the client waits for the handler, and its silence does not count; a stalled write always counts.
    pub(crate) fn poll_idle(&mut self, cx: &mut Context<'_>, busy: bool) -> Poll<()> {
        if self.moved {
            self.moved = false;
            self.quiet_since = Instant::now();
        }
        loop {
            ready!(self.idle.as_mut().poll(cx));
            let now = Instant::now();
            let since = match self.stalled_since {
                Some(stalled) => stalled,
                None if busy => now,
                None => self.quiet_since,
            };
            let due = since + self.idle_timeout;
            if due <= now {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(due);
        }
    }
}
