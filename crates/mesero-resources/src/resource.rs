//! The trait of all resources.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;

use mesero::{Attempt, Failure, JobId, Seats};

use crate::blocked::BlockedSoFar;
use crate::reply::Reply;
use crate::request::{BodyMode, Request};

/// A slow thing that can be called, with so many seats.
///
/// A seat is where one call at a time is served: a worker's thread, a place on its event loop, a
/// connection. The dispatcher's slots name the seats, so nothing queues inside a resource.
pub trait Resource: Send + Sync {
    /// How many calls it can serve at once.
    fn seats(&self) -> NonZeroUsize;

    /// Begins to look after its seats: closes those that cannot serve, opens them when they can.
    fn supervise(&self, seats: Seats);

    /// How it wants the bodies of requests.
    fn body_mode(&self) -> BodyMode {
        BodyMode::Whole
    }

    /// Serves one attempt at the seat of its slot.
    ///
    /// Dropping the future gives the attempt up. The slot is kept until the resource has really
    /// stopped; a reply that still comes keeps it until its body has ended or is dropped.
    fn attempt(&self, request: Request, attempt: Attempt) -> Serving;

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

/// A resource that is being reloaded.
pub(crate) type Reloading<'a> = Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>>;

/// An attempt that is being served.
pub type Serving = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// A look at where an attempt is.
pub(crate) type Looking<'a> = Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;

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
