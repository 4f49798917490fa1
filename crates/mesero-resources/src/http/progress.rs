//! The progress of an exchange with the upstream, over either version of HTTP.

use bytes::Bytes;
use hyper::body::Frame;
use mesero_http::body::BoxError;

/// A piece of a response's body; none at its end.
pub(super) type FrameResult = Option<Result<Frame<Bytes>, BoxError>>;

/// The state of the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerState {
    /// The upstream has answered, or its connection has ended, or nothing was sent: it does not work
    /// on a request.
    Over,
    /// The head has not arrived.
    Awaited,
    /// The head has arrived, and the body has not ended.
    Streaming,
    /// It cannot be read to its end, while the upstream may still work on it.
    Unreadable,
}
