//! Requests that their callers have left: each is seen off, and holds its slot, until the upstream
//! has stopped.
//!
//! A server need not notice that its client has left, and most do not until they answer. So a
//! request is read to its end, and its answer thrown away. It is cut off if the configuration says
//! that the server notices that, if the answer streams already, or if it cannot be read to its end.

use std::task::Poll;

use mesero::{Stop, StopKind};
use mesero_config::AbandonedSettings;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cut::{CUT_TIMEOUT, CutEnd};
use super::pool::PooledSeat;
use super::progress::AnswerState;
use super::session::{Discarded, UpstreamSession};

/// Most bytes of an answer that are read and thrown away: the transfer then costs more than a
/// sender that is cut off.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Sees abandoned requests off.
#[derive(Debug)]
pub(super) struct AbandonedRequests {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The reason why a request is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its callers have left, or are out of time, or its exchange has failed.
    CallersLeft,
    /// The upstream has answered, and the answer is not passed on.
    AnswerUnwanted,
}

/// The end of reading what is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DiscardEnd {
    /// The upstream has answered, or its connection has ended.
    Whole,
    /// The rest cannot be read, or is too long.
    Unfinished,
}

impl AbandonedRequests {
    /// Requests are seen off by tasks of `tasks`; `stop` ends them at once.
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { tasks, stop }
    }

    /// Holds the slot until the upstream has stopped, or is assumed to have. Then the connection, if
    /// it can be used again, is returned to its seat.
    pub(super) fn see_off(&self, session: UpstreamSession, seat: PooledSeat, reason: Reason) {
        let since = Instant::now();
        // Without a runtime, the process ends, and nothing can be waited for.
        let Ok(runtime) = Handle::try_current() else { return };
        if session.answer_state() == AnswerState::Awaited {
            session.record_timeout();
        }
        let request = AbandonedRequest { session, seat, reason, since };
        let stop = self.stop.clone();
        self.tasks.spawn_on(request.see_off(stop), &runtime);
    }
}

/// A request that was left, and the seat whose slot it holds.
struct AbandonedRequest {
    session: UpstreamSession,
    seat: PooledSeat,
    reason: Reason,
    /// Time at which it was left.
    since: Instant,
}

impl AbandonedRequest {
    /// Waits until the upstream has stopped, then frees the slot. Dropping the future closes the
    /// connection and frees the slot.
    async fn see_off(mut self, stop: CancellationToken) {
        let settings = self.seat.abandoned_settings();
        let due = self.since + settings.timeout;
        let kind = tokio::select! {
            biased;
            // The process ends, and its limit with it.
            () = stop.cancelled() => StopKind::Assumed,
            ended = timeout_at(due, self.end(settings)) => match ended {
                Ok(kind) => kind,
                Err(_) => {
                    let upstream = self.seat.upstream();
                    let after_ms = u64::try_from(settings.timeout.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(
                        upstream,
                        after_ms,
                        "an abandoned request was not answered, and is assumed to have stopped"
                    );
                    StopKind::Assumed
                }
            },
        };
        let Self { mut session, seat, reason, since } = self;
        if kind == StopKind::ByItself {
            std::future::poll_fn(|cx| {
                session.refresh(cx);
                Poll::Ready(())
            })
            .await;
        } else {
            session.reset();
        }
        // An answer that is read to its end, though unwanted, is not an attempt that was stopped.
        if (reason, kind) != (Reason::AnswerUnwanted, StopKind::ByItself) {
            seat.slot().stopped(Stop { kind, after: since.elapsed() });
        }
        seat.keep(session);
    }

    /// Waits until the upstream has stopped, or has had the time to notice that it was cut off.
    async fn end(&mut self, settings: AbandonedSettings) -> StopKind {
        let Self { session, reason, .. } = self;
        let (state, stops) = (session.answer_state(), settings.stops_on_disconnect);
        let read = match (reason, state) {
            (_, AnswerState::Unreadable) => None,
            // A body in memory is taken at once; any other comes from a client that has left, or has
            // its answer.
            _ if !session.progress().is_sent() => None,
            // The rest has often arrived already.
            (Reason::AnswerUnwanted, _) => timeout(CUT_TIMEOUT, discard(session)).await.ok(),
            (Reason::CallersLeft, _) if stops => None,
            (Reason::CallersLeft, AnswerState::Streaming)
                if session.notices_cut_while_streaming() =>
            {
                None
            }
            (Reason::CallersLeft, _) => Some(discard(session).await),
        };
        if read == Some(DiscardEnd::Whole) {
            return StopKind::ByItself;
        }
        let confirms_stop = session.cut_confirms_stop() || stops;
        if session.cut().await == CutEnd::Ended && confirms_stop {
            return StopKind::Interrupted;
        }
        sleep(settings.cut_grace).await;
        StopKind::Assumed
    }
}

/// Reads and throws away what the upstream sends, until the end of its answer.
async fn discard(session: &mut UpstreamSession) -> DiscardEnd {
    let mut discarded = 0;
    while discarded <= MAX_DISCARDED_BYTES {
        match std::future::poll_fn(|cx| session.poll_discard(cx)).await {
            Discarded::Bytes(bytes) => discarded += bytes,
            Discarded::End => return DiscardEnd::Whole,
            Discarded::Unreadable => return DiscardEnd::Unfinished,
        }
    }
    DiscardEnd::Unfinished
}
