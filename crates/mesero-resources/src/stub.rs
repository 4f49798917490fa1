//! A stub: waits, then answers. For trials of policies, and as the slow API of tests.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mesero::{Advice, Attempt, Failure, FailureKind, Seats};
use mesero_config::StubSettings;
use mesero_http::body::Body;

use super::{Health, Reply, Request, Resource, Serving};

mod delay;

/// So many seats that the policy's limit is the bound.
pub(crate) const SEATS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999_999);

/// A resource that waits, then answers.
#[derive(Debug)]
pub struct Stub {
    settings: Arc<StubSettings>,
    body: Bytes,
    random: Mutex<fastrand::Rng>,
    running: Arc<AtomicUsize>,
}

impl Stub {
    /// Makes a stub, which starts nothing.
    pub fn new(settings: StubSettings) -> Self {
        let random = settings.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            body: Bytes::copy_from_slice(settings.body.as_bytes()),
            settings: Arc::new(settings),
            random: Mutex::new(random),
            running: Arc::new(AtomicUsize::new(0)),
        }
    }
}

impl Resource for Stub {
    fn seats(&self) -> NonZeroUsize {
        SEATS
    }

    fn supervise(&self, _seats: Seats) {}

    /// Only the returned future occupies it, so dropping the future stops the attempt.
    fn attempt(&self, _order: Request, _attempt: Attempt) -> Serving {
        let settings = Arc::clone(&self.settings);
        let presence = Presence::enter(&self.running);
        if settings.concurrency.is_some_and(|most| presence.count > most.get()) {
            return Box::pin(async move {
                refusal(settings.busy_status, "the stub is above its concurrency")
            });
        }
        let body = self.body.clone();
        let (delay, fails) = {
            // Both are always drawn, so that delays do not depend on failures.
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            (delay::draw(&settings.delay, &mut random), random.f64() < settings.failure_rate)
        };
        Box::pin(async move {
            let _presence = presence;
            // Even a sleep of zero would last until the clock's next tick.
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if fails {
                return refusal(settings.failure_status, "the stub failed, as configured");
            }
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, settings.content_type.clone())]);
            Ok(Reply::response(settings.status, headers, Body::Full(body)))
        })
    }

    fn describe(&self) -> String {
        let StubSettings { delay, status, .. } = &*self.settings;
        format!("a stub that answers {} after {delay}", status.as_u16())
    }

    fn health(&self) -> Health {
        Health { up: 1, wanted: 1, restarts: 0 }
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Turns mesero's own statuses of failures into failures, which a policy retries; any other status
/// is an answer.
fn refusal(status: StatusCode, message: &str) -> Result<Reply, Failure> {
    let kind = match status {
        StatusCode::INTERNAL_SERVER_ERROR => FailureKind::Raised,
        StatusCode::BAD_GATEWAY => FailureKind::Lost,
        StatusCode::SERVICE_UNAVAILABLE => FailureKind::Overloaded,
        _ => {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, plain)]);
            return Ok(Reply::response(status, headers, Body::from(message.to_owned())));
        }
    };
    Err(Failure::new(kind, message).advise(Advice::Backoff))
}

/// A call in the stub, until dropped.
struct Presence {
    running: Arc<AtomicUsize>,
    /// Number of calls, this one included.
    count: usize,
}

impl Presence {
    fn enter(running: &Arc<AtomicUsize>) -> Self {
        let count = running.fetch_add(1, AcqRel) + 1;
        Self { running: Arc::clone(running), count }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.running.fetch_sub(1, AcqRel);
    }
}

#[cfg(test)]
mod tests;
