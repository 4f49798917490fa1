//! How foreign work is polled: its panics are caught, and a poll that takes too long is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::Failure;
use crate::panic::panicked;

/// Looks at the length of polls.
pub(super) struct BlockingDetector {
    /// What is too long.
    pub(super) after: Duration,
    /// When the first poll begins: the clock has just been read for something else.
    pub(super) since: Instant,
}

/// Polls `work`; a panic of it is a failure. Calls `blocked` at the end of every poll that `watch`
/// finds too long, with its length.
pub(super) async fn polled<T>(
    work: impl Future<Output = Result<T, Failure>>,
    detector: Option<BlockingDetector>,
    blocked: impl Fn(Duration),
) -> Result<T, Failure> {
    let mut work = pin!(work);
    let mut first = detector.as_ref().map(|detector| detector.since);
    std::future::poll_fn(|context| {
        let since = detector.as_ref().map(|_| first.take().unwrap_or_else(Instant::now));
        // The work is dropped after a panic and never polled again, so nobody sees it half done.
        let poll = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(payload) => Poll::Ready(panicked(&*payload)),
        };
        if let (Some(since), Some(detector)) = (since, &detector) {
            let held = since.elapsed();
            if held > detector.after {
                blocked(held);
            }
        }
        poll
    })
    .await
}
