//! Polling of foreign work: panics are caught, and polls that take too long are reported.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::Failure;
use crate::panic::panicked;

/// Measures the length of polls.
pub(super) struct BlockingDetector {
    /// The length from which a poll counts as blocking.
    pub(super) after: Duration,
    /// The start of the first poll: the clock has just been read for something else.
    pub(super) since: Instant,
}

/// Polls `work`; a panic of it becomes a failure. Calls `blocked` with the length of every poll
/// that `detector` finds too long.
///
/// Dropping the returned future drops `work` where it awaits.
pub(super) async fn polled<T>(
    work: impl Future<Output = Result<T, Failure>>,
    detector: Option<BlockingDetector>,
    blocked: impl Fn(Duration),
) -> Result<T, Failure> {
    let mut work = pin!(work);
    let mut first = detector.as_ref().map(|detector| detector.since);
    std::future::poll_fn(|context| {
        let since = detector.as_ref().map(|_| first.take().unwrap_or_else(Instant::now));
        // The work is dropped after a panic and never polled again, so its broken state is never
        // observed.
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
