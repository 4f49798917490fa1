//! The one table from a dispatcher's errors to an HTTP response.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{Error, FailureKind, Phase, Refusal};

/// The response for an error: `application/problem+json` (RFC 9457) with a fixed `type` for each
/// cause, and a `Retry-After` in whole seconds where it is known.
///
/// 429 for the rate; 503 for a full queue, a deadline that cannot be met, a canceled job and a
/// dispatcher that drains; 504 for a timeout and a deadline; 502 for a resource that was lost or
/// could not be reached; 500 for a failure or a panic of the resource. The resource's own error is
/// not included.
///
/// ```
/// use mesero::{Error, Refusal, tower::problem};
/// use std::time::Duration;
///
/// let full = Refusal::QueueFull { retry_after: Duration::from_millis(1_200) };
/// let response = problem(&Error::Refused(full));
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "2");
/// ```
pub fn problem(error: &Error) -> Response<Bytes> {
    let (status, kind, title) = cause(error);
    let number = status.as_u16();
    let text = format!(r#"{{"type":"urn:mesero:{kind}","title":"{title}","status":{number}}}"#);
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Error::Refused(refusal) = error
        && let Some(after) = refusal.retry_after()
    {
        // Whole seconds, at least one, and never too early.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, seconds.max(1).into());
    }
    response
}

/// The texts need no escaping, in JSON and in a header field.
pub(super) fn cause(error: &Error) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as S;
    match error {
        Error::Refused(Refusal::RateLimited { .. }) => {
            (S::TOO_MANY_REQUESTS, "rate-limited", "The rate limit is reached")
        }
        Error::Refused(Refusal::QueueFull { .. }) => {
            (S::SERVICE_UNAVAILABLE, "queue-full", "The queue is full")
        }
        Error::Refused(Refusal::TenantQueueFull { .. }) => {
            (S::TOO_MANY_REQUESTS, "key-queue-full", "The queue of this key is full")
        }
        Error::Refused(Refusal::QueueTimeout { .. }) => {
            (S::SERVICE_UNAVAILABLE, "queue-timeout", "No slot was free in time")
        }
        Error::Refused(Refusal::DeadlineUnmeetable { .. }) => {
            (S::SERVICE_UNAVAILABLE, "deadline-unmeetable", "The deadline cannot be met")
        }
        Error::Refused(Refusal::Draining) | Error::Shed => {
            (S::SERVICE_UNAVAILABLE, "draining", "The service is stopping")
        }
        Error::Canceled => (S::SERVICE_UNAVAILABLE, "canceled", "The job was canceled"),
        Error::TimedOut { .. } => {
            (S::GATEWAY_TIMEOUT, "timed-out-running", "The attempt took too long")
        }
        Error::Expired { phase: Phase::Queued } => {
            (S::GATEWAY_TIMEOUT, "timed-out-waiting", "The deadline passed in the queue")
        }
        Error::Expired { .. } => (S::GATEWAY_TIMEOUT, "deadline-exceeded", "The deadline passed"),
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Unreachable => {
                (S::BAD_GATEWAY, "unreachable", "The resource could not be reached")
            }
            FailureKind::Lost => (S::BAD_GATEWAY, "lost", "The resource was lost during the call"),
            FailureKind::Overloaded => {
                (S::SERVICE_UNAVAILABLE, "overloaded", "The resource is overloaded")
            }
            FailureKind::Raised => (S::INTERNAL_SERVER_ERROR, "raised", "The resource failed"),
            FailureKind::Panicked => (S::INTERNAL_SERVER_ERROR, "panicked", "The resource failed"),
        },
    }
}
