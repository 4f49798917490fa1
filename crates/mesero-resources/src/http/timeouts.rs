//! Timeouts of an exchange: until the response begins, and within its body.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Interval between checks of idle connections. A connection that the upstream has closed stays
/// open on this side for at most this long.
pub(super) const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Progress of a request's body, recorded by the body and read by the timeouts.
#[derive(Debug, Default)]
pub(super) struct UploadProgress {
    is_sent: AtomicBool,
    has_moved: AtomicBool,
}

impl UploadProgress {
    /// Records that a piece was taken.
    pub(super) fn record_piece(&self) {
        self.has_moved.store(true, Ordering::Relaxed);
    }

    /// Returns true if no piece is left.
    pub(super) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }

    /// Records that no piece is left.
    pub(super) fn record_end(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }
}

/// Timeout of the response's first byte, which starts when the request has been sent.
pub(super) struct FirstByteTimeout {
    progress: Arc<UploadProgress>,
    after: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl FirstByteTimeout {
    pub(super) fn new(progress: Arc<UploadProgress>, after: Option<Duration>) -> Self {
        Self { progress, after, timer: None }
    }

    /// Ready when the timeout has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(after) = self.after else { return Poll::Pending };
        if !self.progress.is_sent() {
            return Poll::Pending;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(after)));
        timer.as_mut().poll(cx).map(|()| after)
    }
}

/// Timeout of a response's next piece, which runs while the client waits for it.
///
/// Time in which the client does not read does not count, nor time in which pieces of the request
/// are sent: neither is the upstream's fault.
#[derive(Debug)]
pub(super) struct StallTimeout {
    progress: Arc<UploadProgress>,
    after: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl StallTimeout {
    pub(super) fn new(progress: Arc<UploadProgress>, after: Duration) -> Self {
        Self { progress, after, waiting_since: None, timer: None }
    }

    /// Ends the wait, since a piece or the end has arrived.
    pub(super) fn reset_wait(&mut self) {
        self.waiting_since = None;
    }

    /// Polled while no piece arrives; ready when the timeout has passed without progress.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let since = *self.waiting_since.get_or_insert_with(|| {
            self.progress.has_moved.store(false, Ordering::Relaxed);
            Instant::now()
        });
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(since + self.after)));
        loop {
            // The timer is moved only when it fires, so that a busy body costs no timer.
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.progress.has_moved.swap(false, Ordering::Relaxed) {
                self.waiting_since = Some(now);
            }
            let due = self.waiting_since.unwrap_or(now) + self.after;
            if due <= now {
                return Poll::Ready(self.after);
            }
            timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn poll(stall: &mut StallTimeout) -> Poll<Duration> {
        stall.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_in_which_the_client_waits_counts() {
        let mut stall = StallTimeout::new(Arc::default(), 10 * SECOND);
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(9 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        stall.reset_wait();
        // The client does not read for a while.
        advance(100 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(9 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(2 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Ready(10 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_request_is_still_sent_does_not_count() {
        let progress = Arc::new(UploadProgress::default());
        let mut stall = StallTimeout::new(Arc::clone(&progress), 10 * SECOND);
        for _ in 0..3 {
            assert_eq!(poll(&mut stall), Poll::Pending);
            advance(11 * SECOND).await;
            progress.record_piece();
        }
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(11 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Ready(10 * SECOND));
    }
}
