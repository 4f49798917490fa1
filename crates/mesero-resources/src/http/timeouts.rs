//! How long an upstream may keep an exchange waiting: until its answer begins, and within the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How often idle connections are looked at: one that the upstream has closed stays open on our
/// side for no longer than this.
pub(super) const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How far a request's body is, told by the body and asked by the clocks.
#[derive(Debug, Default)]
pub(super) struct UploadProgress {
    is_sent: AtomicBool,
    has_moved: AtomicBool,
}

impl UploadProgress {
    /// A piece has been taken.
    pub(super) fn record_piece(&self) {
        self.has_moved.store(true, Ordering::Relaxed);
    }

    /// Nothing is left to be taken.
    pub(super) fn record_end(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }
}

/// The clock of the answer's first byte, which starts when the request is out.
pub(super) struct FirstByteTimeout {
    progress: Arc<UploadProgress>,
    after: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl FirstByteTimeout {
    pub(super) fn new(progress: Arc<UploadProgress>, after: Option<Duration>) -> Self {
        Self { progress, after, timer: None }
    }

    /// Ready when it is too late.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(after) = self.after else { return Poll::Pending };
        if !self.progress.is_sent.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(after)));
        timer.as_mut().poll(cx).map(|()| after)
    }
}

/// The clock of an answer that has begun, which runs while somebody waits for its next piece.
///
/// A reader that takes nothing does not wait, and a request of which something still goes out is
/// not at a stand: neither is the upstream's fault.
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

    /// A piece has come, or the end.
    pub(super) fn reset_wait(&mut self) {
        self.waiting_since = None;
    }

    /// To be asked while nothing comes; ready when nothing has moved for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let since = *self.waiting_since.get_or_insert_with(|| {
            self.progress.has_moved.store(false, Ordering::Relaxed);
            Instant::now()
        });
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(since + self.after)));
        loop {
            // It is moved only when it goes off, so that a busy body costs no timer.
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
    async fn only_the_time_in_which_somebody_waits_counts() {
        let mut stall = StallTimeout::new(Arc::default(), 10 * SECOND);
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(9 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        stall.reset_wait();
        // The reader takes its time.
        advance(100 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(9 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Pending);
        advance(2 * SECOND).await;
        assert_eq!(poll(&mut stall), Poll::Ready(10 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_still_goes_out_is_not_at_a_stand() {
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
