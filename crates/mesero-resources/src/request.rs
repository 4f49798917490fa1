//! Requests: the input of calls.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use mesero_config::ReplyForm;
use mesero_http::payload::Payload;

/// The input of a call; cheap to clone, since every attempt needs it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP request behind it.
    pub context: Arc<RequestContext>,
    /// The arguments that the route extracts, as a JSON object or array.
    pub arguments: Bytes,
    /// The request's body.
    pub body: Payload,
    /// Form of a returned value.
    pub form: ReplyForm,
}

/// A request's head and its sender.
#[derive(Debug)]
pub struct RequestContext {
    /// As the client sent it, without the prefix.
    pub head: Parts,
    /// Prefix that the route removed from the path.
    pub prefix: String,
    pub peer: SocketAddr,
}

impl Request {
    /// Returns the call of a function without an HTTP request.
    #[cfg(any(test, feature = "testing"))]
    pub fn of_arguments(arguments: impl Into<Bytes>) -> Self {
        let (head, ()) = http::Request::new(()).into_parts();
        let peer = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            context: Arc::new(RequestContext { head, prefix: String::new(), peer }),
            arguments: arguments.into(),
            body: Payload::Whole(Bytes::new()),
            form: ReplyForm::Text,
        }
    }
}

/// Form in which a resource takes the bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyMode {
    /// Received whole before a slot is requested, so that a slow sender occupies no slot.
    Whole,
    /// Received whole like that; large bodies are stored in a file.
    Stored,
    /// Streamed without a bound, as fast as the resource reads it.
    Streamed,
}
