//! The slow thing: what every kind of it promises.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;

use bytes::Bytes;
use mesero::{Attempt, Failure, Seats};

pub(crate) mod python;

/// A slow thing that can be called, with so many seats.
///
/// A seat is where one call at a time is served: a worker's thread, a place on its event loop. The
/// dispatcher's slots name the seats, so nothing queues inside a resource.
pub(crate) trait Resource: Send + Sync {
    /// How many calls it can serve at once.
    fn seats(&self) -> NonZeroUsize;

    /// Begins to look after its seats: closes those that cannot serve, opens them when they can.
    fn attend(&self, seats: Seats);

    /// Serves one attempt at the seat of its slot.
    ///
    /// Dropping the future gives the attempt up. The slot is kept until the resource has really
    /// stopped.
    fn attempt(&self, order: Order, attempt: Attempt) -> Serving;

    /// What was found at its start, in a line for people.
    fn describe(&self) -> String;

    /// What it is doing about its seats, for people and for health checks.
    fn health(&self) -> Health;

    /// Stops everything that belongs to it, and waits until it is gone.
    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// An attempt that is being served.
pub(crate) type Serving = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// What a call asks for; cheap to clone, since every attempt needs it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The arguments, as a JSON object or array.
    pub(crate) arguments: Bytes,
    /// In which form the reply is wanted.
    pub(crate) form: ReplyForm,
}

/// In which form a returned value becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyForm {
    /// The language's own text of the value.
    Text,
    /// JSON.
    Json,
}

impl ReplyForm {
    /// One lower-case word.
    pub(crate) fn as_str(self) -> &'static str {
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

/// What a resource answered; cheap to clone, since several callers may get it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) body: Bytes,
    pub(crate) form: ReplyForm,
}

/// Whether a resource can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Health {
    /// How many of its processes serve.
    pub(crate) up: usize,
    /// How many there should be.
    pub(crate) wanted: usize,
    /// How often a process was started again.
    pub(crate) restarts: u64,
}

impl Health {
    /// Whether it can serve at all.
    pub(crate) fn is_ready(&self) -> bool {
        self.up > 0
    }
}

impl fmt::Debug for dyn Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("health", &self.health()).finish_non_exhaustive()
    }
}
