//! The slow thing: what every kind of it promises.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use mesero::{Attempt, Error, Failure, JobId, Seats};

pub mod blocked;
pub mod command;
pub mod proxy;
pub mod python;
pub(crate) mod reply;
pub mod stub;

use blocked::BlockedSoFar;
use mesero_http::payload::Payload;
pub use reply::Reply;

/// A slow thing that can be called, with so many seats.
///
/// A seat is where one call at a time is served: a worker's thread, a place on its event loop, a
/// connection. The dispatcher's slots name the seats, so nothing queues inside a resource.
pub trait Resource: Send + Sync {
    /// How many calls it can serve at once.
    fn seats(&self) -> NonZeroUsize;

    /// Begins to look after its seats: closes those that cannot serve, opens them when they can.
    fn attend(&self, seats: Seats);

    /// How it wants the bodies of requests.
    fn wants(&self) -> Wants {
        Wants::Whole
    }

    /// Serves one attempt at the seat of its slot.
    ///
    /// Dropping the future gives the attempt up. The slot is kept until the resource has really
    /// stopped; a reply that still comes keeps it until its body has ended or is dropped.
    fn attempt(&self, order: Order, attempt: Attempt) -> Serving;

    /// Where in its code the job's attempt at this seat is, or was when it was given up; for
    /// resources that can tell. May take a fifth of a second.
    fn stack(&self, _seat: usize, _job: JobId) -> Looking<'_> {
        Box::pin(std::future::ready(None))
    }

    /// What was found at its start, in a line for people.
    fn describe(&self) -> String;

    /// What it is doing about its seats, for people and for health checks.
    fn health(&self) -> Health;

    /// How often and how long something blocked an event loop of its own, if it has any.
    fn blocked(&self) -> BlockedSoFar {
        BlockedSoFar::default()
    }

    /// Replaces what runs its code by something that runs the code as it is now, without a dropped
    /// call, and says how many processes that were. Afterwards every call that begins runs on the
    /// new code. Dropping the future before leaves everything as it was.
    ///
    /// # Errors
    /// Why the old code goes on serving; reads on after "failed to".
    fn reload(&self) -> Reloading<'_> {
        Box::pin(std::future::ready(Ok(0)))
    }

    /// How often a process of it was replaced that was well, for each reason that there can be.
    fn replaced(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Stops everything that belongs to it, and waits until it is gone.
    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// How a resource wants the bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Received whole before a slot is asked for, so that a slow sender holds none.
    Whole,
    /// Received whole like that; a large one is not kept in memory.
    Stored,
    /// As it comes, however much it is; it is read only as fast as the resource takes it.
    AsItComes,
}

/// A resource that is being reloaded.
pub(crate) type Reloading<'a> = Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>>;

/// An attempt that is being served.
pub type Serving = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// A look at where an attempt is.
pub(crate) type Looking<'a> = Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;

/// What a call asks for; cheap to clone, since every attempt needs it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The request that asks.
    pub request: Arc<Asked>,
    /// The arguments that the route takes out of it, as a JSON object or array.
    pub arguments: Bytes,
    /// Its body.
    pub body: Payload,
    /// In which form a returned value is wanted.
    pub form: ReplyForm,
}

/// A request's head, and who sent it.
#[derive(Debug)]
pub struct Asked {
    /// As the client wrote it, without the prefix.
    pub head: Parts,
    /// What the route took off the front of the path.
    pub prefix: String,
    pub peer: SocketAddr,
}

/// A failure that the configuration gives a status: the source of the [`Failure`].
#[derive(Debug)]
pub struct Declared {
    pub status: StatusCode,
    pub(crate) text: String,
}

impl Declared {
    /// The one that is behind an error, if there is one.
    pub fn behind(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// Whether the configuration says with a status of 4xx that an error is the caller's fault.
    pub fn is_callers_fault(error: &Error) -> bool {
        Self::behind(error).is_some_and(|declared| declared.status.is_client_error())
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Declared {}

/// In which form a returned value becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    /// The language's own text of the value.
    Text,
    /// JSON.
    Json,
}

impl Order {
    /// A call of a function that no request stands behind.
    #[cfg(any(test, feature = "testing"))]
    pub fn of_arguments(arguments: impl Into<Bytes>) -> Self {
        let (head, ()) = http::Request::new(()).into_parts();
        let peer = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            request: Arc::new(Asked { head, prefix: String::new(), peer }),
            arguments: arguments.into(),
            body: Payload::Whole(Bytes::new()),
            form: ReplyForm::Text,
        }
    }
}

impl ReplyForm {
    /// One lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplyForm::Text => "text",
            ReplyForm::Json => "json",
        }
    }

    /// The media type of such a reply.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            ReplyForm::Text => "text/plain; charset=utf-8",
            ReplyForm::Json => "application/json",
        }
    }
}

/// Whether a resource can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How many of its processes serve.
    pub up: usize,
    /// How many there should be.
    pub wanted: usize,
    /// How often a process was started again.
    pub restarts: u64,
}

impl Health {
    /// Whether it can serve at all.
    pub fn is_ready(&self) -> bool {
        self.up > 0
    }
}

impl fmt::Debug for dyn Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("health", &self.health()).finish_non_exhaustive()
    }
}
