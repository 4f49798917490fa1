//! The one table from a dispatcher's errors to a gRPC status.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::problem::cause;
use crate::{Error, FailureKind, Refusal};

/// The response to a gRPC client for an error: no messages, and a status.
///
/// It is for [`respond`](super::DispatcherLayer::respond), in front of a tonic server.
///
/// | status | what happened |
/// |---|---|
/// | `RESOURCE_EXHAUSTED` | refused by the rate |
/// | `UNAVAILABLE` | nothing was begun, and a retry is safe: refused otherwise, shed, unreachable, overloaded |
/// | `DEADLINE_EXCEEDED` | the timeout or the deadline passed, in the queue too |
/// | `CANCELLED` | the job was canceled |
/// | `UNKNOWN` | the resource failed, or was lost during the call |
/// | `INTERNAL` | the resource panicked |
///
/// `grpc-message` has the cause, without the resource's own error. If the time of a retry is known,
/// `grpc-retry-pushback-ms` has it, in whole milliseconds: clients that retry by a service
/// configuration obey it.
///
/// ```
/// use mesero::{Error, Refusal, tower::grpc_status};
/// use std::time::Duration;
///
/// let full = Refusal::QueueFull { retry_after: Duration::from_millis(1_200) };
/// let response = grpc_status(&Error::Refused(full));
/// assert_eq!(response.status(), 200); // of HTTP; of gRPC it is UNAVAILABLE
/// assert_eq!(response.headers()["grpc-status"], "14");
/// assert_eq!(response.headers()["grpc-message"], "The queue is full");
/// assert_eq!(response.headers()["grpc-retry-pushback-ms"], "1200");
/// ```
pub fn grpc_status(error: &Error) -> Response<Bytes> {
    let (_, _, title) = cause(error);
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", code(error).into());
    headers.insert("grpc-message", HeaderValue::from_static(title));
    if let Error::Refused(refusal) = error
        && let Some(after) = refusal.retry_after()
    {
        // Rounded up: never too early.
        let milliseconds = after.as_nanos().div_ceil(1_000_000);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        headers.insert("grpc-retry-pushback-ms", milliseconds.into());
    }
    response
}

/// The codes of <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>.
fn code(error: &Error) -> u16 {
    const CANCELLED: u16 = 1;
    const UNKNOWN: u16 = 2;
    const DEADLINE_EXCEEDED: u16 = 4;
    const RESOURCE_EXHAUSTED: u16 = 8;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    match error {
        Error::Refused(Refusal::RateLimited { .. }) => RESOURCE_EXHAUSTED,
        Error::Refused(_) | Error::Shed => UNAVAILABLE,
        Error::TimedOut { .. } | Error::Expired { .. } => DEADLINE_EXCEEDED,
        Error::Canceled => CANCELLED,
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Unreachable | FailureKind::Overloaded => UNAVAILABLE,
            FailureKind::Raised | FailureKind::Lost => UNKNOWN,
            FailureKind::Panicked => INTERNAL,
        },
    }
}
