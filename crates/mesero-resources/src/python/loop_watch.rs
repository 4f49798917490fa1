//! Reports of a blocked event loop, counted and logged.

use std::sync::Arc;
use std::time::Duration;

use mesero_process::frame::Frame;
use serde::Deserialize;
use tokio::time::Instant;

use super::worker_spec::WorkerSpec;
use crate::blocked::Blocked;

/// Receiver of the reports of one worker's event loop watcher.
#[derive(Debug)]
pub(super) struct LoopWatch {
    resource: Arc<str>,
    pid: u32,
    blocked: Arc<Blocked>,
}

impl LoopWatch {
    pub(super) fn new(pid: u32, spec: &WorkerSpec) -> Self {
        let (resource, blocked) = (Arc::clone(&spec.name), Arc::clone(&spec.blocked));
        Self { resource, pid, blocked }
    }

    /// Begins to receive. Dropping the result ends a block that still lasts, since the worker has
    /// ended.
    pub(super) fn reports(&self) -> LoopReports<'_> {
        LoopReports { watch: self, ongoing: None, last_logged: None }
    }
}

/// The reports received so far.
pub(super) struct LoopReports<'a> {
    watch: &'a LoopWatch,
    ongoing: Option<OngoingBlock>,
    /// Time of the last log line.
    last_logged: Option<Instant>,
}

/// A block that still lasts.
struct OngoingBlock {
    since: Instant,
    /// The part that is counted already.
    counted: Duration,
    /// True if the log has a line about it.
    is_logged: bool,
}

/// A report of the watcher: one while the loop is blocked and one when it is free again, or only
/// the latter if the watcher itself was blocked.
#[derive(Deserialize)]
struct BlockReport {
    /// The user's innermost function; none if the watcher could not inspect the stack.
    function: Option<String>,
    /// Its file and line.
    place: Option<String>,
    /// The callable, if the function runs in a call of it.
    handler: Option<String>,
    stack: String,
    for_ms: u64,
    ended: bool,
}

/// A loop can be blocked many times a second; the log has one line.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

impl LoopReports<'_> {
    /// Counts and logs a report.
    pub(super) fn record(&mut self, frame: &Frame) {
        let Ok(report) = serde_json::from_slice::<BlockReport>(&frame.payload) else { return };
        let blocked = &self.watch.blocked;
        let now = Instant::now();
        let (counted, is_logged) = match self.ongoing.take() {
            Some(ongoing) => (ongoing.counted, ongoing.is_logged),
            None => {
                blocked.record_start();
                (Duration::ZERO, self.may_log(now))
            }
        };
        let time = Duration::from_millis(report.for_ms);
        blocked.add_time(time.saturating_sub(counted));
        if is_logged {
            self.log(&report);
        }
        if !report.ended {
            self.ongoing = Some(OngoingBlock { since: now, counted: time, is_logged });
        }
    }

    fn may_log(&mut self, now: Instant) -> bool {
        let may = self
            .last_logged
            .is_none_or(|last_logged| now.duration_since(last_logged) >= LOG_INTERVAL);
        if may {
            self.last_logged = Some(now);
        }
        may
    }

    fn log(&self, report: &BlockReport) {
        let LoopWatch { resource, pid, .. } = self.watch;
        let BlockReport { function, place, handler, stack, for_ms, ended } = report;
        let function = function.as_deref().unwrap_or("code that could not be inspected");
        let (place, handler) = (place.as_deref(), handler.as_deref());
        if *ended {
            tracing::warn!(
                resource = %resource, pid, handler, place, for_ms,
                "event loop free again; it was blocked by `{function}`"
            );
        } else {
            tracing::warn!(
                resource = %resource, pid, handler, place, for_ms, detail = stack.trim_end(),
                "event loop blocked by `{function}`: all other calls of this worker wait"
            );
        }
    }
}

impl Drop for LoopReports<'_> {
    fn drop(&mut self) {
        if let Some(ongoing) = self.ongoing.take() {
            self.watch.blocked.add_time(ongoing.since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::advance;

    use super::*;
    use crate::blocked::BlockedTotals;
    use mesero_process::frame::from_worker;

    fn watch() -> LoopWatch {
        let (resource, blocked) = (Arc::from("square"), Arc::default());
        LoopWatch { resource, pid: 7, blocked }
    }

    fn frame(for_ms: u64, ended: bool) -> Frame {
        let report = json!({
            "function": "read", "place": "calls.py:9", "handler": "calls:blocking", "stack": "",
            "for_ms": for_ms, "ended": ended,
        });
        let payload = report.to_string().into_bytes().into();
        Frame { kind: from_worker::LOOP_BLOCKED, id: 0, payload }
    }

    fn so_far(times: u64, milliseconds: u64) -> BlockedTotals {
        BlockedTotals { times, total: Duration::from_millis(milliseconds) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_is_counted_as_soon_as_it_is_known_and_only_once() {
        let watch = watch();
        let mut reports = watch.reports();
        reports.record(&frame(130, false));
        assert_eq!(watch.blocked.totals(), so_far(1, 130));
        reports.record(&frame(5_000, true));
        assert_eq!(watch.blocked.totals(), so_far(1, 5_000));
        reports.record(&frame(300, true));
        assert_eq!(watch.blocked.totals(), so_far(2, 5_300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_ends_while_its_loop_is_blocked_was_blocked_until_then() {
        let watch = watch();
        let mut reports = watch.reports();
        reports.record(&frame(130, false));
        advance(Duration::from_secs(60)).await;
        drop(reports);
        assert_eq!(watch.blocked.totals(), so_far(1, 60_130));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_blocked_again_and_again_is_logged_once_a_second() {
        let watch = watch();
        let mut reports = watch.reports();
        let mut logged = 0;
        for _ in 0..30 {
            reports.record(&frame(130, false));
            logged += u32::from(reports.ongoing.as_ref().unwrap().is_logged);
            reports.record(&frame(200, true));
            advance(Duration::from_millis(100)).await;
        }
        assert_eq!((logged, watch.blocked.totals().times), (3, 30));
    }

    #[tokio::test(start_paused = true)]
    async fn an_invalid_report_is_ignored() {
        let watch = watch();
        let mut reports = watch.reports();
        let payload = b"?".as_slice().into();
        reports.record(&Frame { kind: from_worker::LOOP_BLOCKED, id: 0, payload });
        let payload = "{}".into();
        reports.record(&Frame { kind: from_worker::LOOP_BLOCKED, id: 0, payload });
        assert_eq!(watch.blocked.totals(), BlockedTotals::default());
    }
}
