//! What is heard of an async worker's event loop: that something blocks it, what, and for how long.

use std::sync::Arc;
use std::time::Duration;

use mesero_process::frame::Frame;
use serde::Deserialize;
use tokio::time::Instant;

use super::settings::Settings;
use crate::blocked::Blocked;

/// Where it is counted and logged what the watcher of one worker's event loop says.
#[derive(Debug)]
pub(super) struct LoopWatch {
    resource: Arc<str>,
    pid: u32,
    blocked: Arc<Blocked>,
}

impl LoopWatch {
    pub(super) fn new(pid: u32, settings: &Settings) -> Self {
        let (resource, blocked) = (Arc::clone(&settings.name), Arc::clone(&settings.blocked));
        Self { resource, pid, blocked }
    }

    /// Dropping it ends what still lasts: the worker is gone then.
    pub(super) fn account(&self) -> Account<'_> {
        Account { watch: self, lasting: None, said: None }
    }
}

/// What was heard so far.
pub(super) struct Account<'a> {
    watch: &'a LoopWatch,
    lasting: Option<Lasting>,
    /// When a line was last written.
    said: Option<Instant>,
}

/// The loop is blocked at the moment.
struct Lasting {
    since: Instant,
    /// How much of it is counted already.
    counted: Duration,
    /// Whether it is in the log.
    told: bool,
}

/// What the watcher says, once while the loop is blocked and once when it is free again; only
/// the latter if it was kept from running itself.
#[derive(Deserialize)]
struct Report {
    /// The user's innermost function; none if nobody could look.
    function: Option<String>,
    /// Its file and line.
    place: Option<String>,
    /// The callable, if the function runs in a call of it.
    handler: Option<String>,
    stack: String,
    for_ms: u64,
    ended: bool,
}

/// A loop can be blocked many times a second; a person needs to read of it once.
const LINE_EVERY: Duration = Duration::from_secs(1);

impl Account<'_> {
    /// Counts and logs a report.
    pub(super) fn hear(&mut self, frame: &Frame) {
        let Ok(report) = serde_json::from_slice::<Report>(&frame.payload) else { return };
        let blocked = &self.watch.blocked;
        let now = Instant::now();
        let (counted, told) = match self.lasting.take() {
            Some(lasting) => (lasting.counted, lasting.told),
            None => {
                blocked.begun();
                (Duration::ZERO, self.may_tell(now))
            }
        };
        let time = Duration::from_millis(report.for_ms);
        blocked.lasted(time.saturating_sub(counted));
        if told {
            self.tell(&report);
        }
        if !report.ended {
            self.lasting = Some(Lasting { since: now, counted: time, told });
        }
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        let may = self.said.is_none_or(|said| now.duration_since(said) >= LINE_EVERY);
        if may {
            self.said = Some(now);
        }
        may
    }

    fn tell(&self, report: &Report) {
        let LoopWatch { resource, pid, .. } = self.watch;
        let Report { function, place, handler, stack, for_ms, ended } = report;
        let function = function.as_deref().unwrap_or("code that could not be looked at");
        let (place, handler) = (place.as_deref(), handler.as_deref());
        match ended {
            false => tracing::warn!(
                resource = %resource, pid, handler, place, for_ms, detail = stack.trim_end(),
                "event loop blocked by `{function}`: no other call of this worker goes on"
            ),
            true => tracing::warn!(
                resource = %resource, pid, handler, place, for_ms,
                "event loop goes on; it was blocked by `{function}`"
            ),
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        if let Some(lasting) = self.lasting.take() {
            self.watch.blocked.lasted(lasting.since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::advance;

    use super::*;
    use crate::blocked::BlockedSoFar;
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

    fn so_far(times: u64, milliseconds: u64) -> BlockedSoFar {
        BlockedSoFar { times, total: Duration::from_millis(milliseconds) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_is_counted_as_soon_as_it_is_known_and_only_once() {
        let watch = watch();
        let mut account = watch.account();
        account.hear(&frame(130, false));
        assert_eq!(watch.blocked.so_far(), so_far(1, 130));
        account.hear(&frame(5_000, true));
        assert_eq!(watch.blocked.so_far(), so_far(1, 5_000));
        account.hear(&frame(300, true));
        assert_eq!(watch.blocked.so_far(), so_far(2, 5_300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_ends_while_its_loop_is_blocked_was_blocked_until_then() {
        let watch = watch();
        let mut account = watch.account();
        account.hear(&frame(130, false));
        advance(Duration::from_secs(60)).await;
        drop(account);
        assert_eq!(watch.blocked.so_far(), so_far(1, 60_130));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_blocked_again_and_again_is_told_of_once_a_second() {
        let watch = watch();
        let mut account = watch.account();
        let mut told = 0;
        for _ in 0..30 {
            account.hear(&frame(130, false));
            told += u32::from(account.lasting.as_ref().unwrap().told);
            account.hear(&frame(200, true));
            advance(Duration::from_millis(100)).await;
        }
        assert_eq!((told, watch.blocked.so_far().times), (3, 30));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_report_is_no_reason_to_stop() {
        let watch = watch();
        let mut account = watch.account();
        let payload = b"?".as_slice().into();
        account.hear(&Frame { kind: from_worker::LOOP_BLOCKED, id: 0, payload });
        let payload = "{}".into();
        account.hear(&Frame { kind: from_worker::LOOP_BLOCKED, id: 0, payload });
        assert_eq!(watch.blocked.so_far(), BlockedSoFar::default());
    }
}
