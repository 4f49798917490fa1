//! What a call asks of a resource.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use mesero_config::ReplyForm;
use mesero_http::payload::Payload;

/// What a call asks for; cheap to clone, since every attempt needs it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request that asks.
    pub context: Arc<RequestContext>,
    /// The arguments that the route takes out of it, as a JSON object or array.
    pub arguments: Bytes,
    /// Its body.
    pub body: Payload,
    /// In which form a returned value is wanted.
    pub form: ReplyForm,
}

/// A request's head, and who sent it.
#[derive(Debug)]
pub struct RequestContext {
    /// As the client wrote it, without the prefix.
    pub head: Parts,
    /// What the route took off the front of the path.
    pub prefix: String,
    pub peer: SocketAddr,
}

impl Request {
    /// A call of a function that no request stands behind.
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

/// How a resource wants the bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyMode {
    /// Received whole before a slot is asked for, so that a slow sender holds none.
    Whole,
    /// Received whole like that; a large one is not kept in memory.
    Stored,
    /// As it comes, however much it is; it is read only as fast as the resource takes it.
    Streamed,
}
