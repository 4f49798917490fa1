//! The trait of all resources.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;

use mesero::{Attempt, Failure, JobId, Seats};

use crate::blocked::BlockedTotals;
use crate::reply::Reply;
use crate::request::{BodyMode, Request};

/// A slow thing that can be called, with a fixed number of seats.
///
/// A seat serves one call at a time: a worker's thread, a place on its event loop, a connection.
/// The dispatcher's slots name the seats, so nothing queues inside a resource.
pub trait Resource: Send + Sync {
    /// Calls that it can serve at once.
    fn seats(&self) -> NonZeroUsize;

    /// Begins to supervise its seats: closes seats that cannot serve, and opens them again.
    fn supervise(&self, seats: Seats);

    /// Form in which it takes the bodies of requests.
    fn body_mode(&self) -> BodyMode {
        BodyMode::Whole
    }

    /// Serves one attempt at the seat of its slot.
    ///
    /// Dropping the future abandons the attempt. The slot is freed when the resource has really
    /// stopped; a reply in progress holds it until its body has ended, or is dropped and the resource has
    /// stopped.
    fn attempt(&self, request: Request, attempt: Attempt) -> Serving;

    /// Returns the stack of the job's attempt at this seat, or the stack at the time when it was
    /// abandoned; none if the resource has no stacks. Takes up to a fifth of a second.
    fn stack(&self, _seat: usize, _job: JobId) -> Looking<'_> {
        Box::pin(std::future::ready(None))
    }

    /// Returns a description, found at the start, in one line.
    fn describe(&self) -> String;

    /// Returns the state of its seats, for people and for health checks.
    fn health(&self) -> Health;

    /// Returns the number and the total time of blocks of its event loops, if it has any.
    fn blocked(&self) -> BlockedTotals {
        BlockedTotals::default()
    }

    /// Replaces the processes that run its code by processes with the present code, without a
    /// dropped call, and returns their number. Later calls run the new code. Dropping the future
    /// before changes nothing.
    ///
    /// # Errors
    /// Reason why the old code continues to serve. Its text continues "failed to".
    fn reload(&self) -> Reloading<'_> {
        Box::pin(std::future::ready(Ok(0)))
    }

    /// Numbers of replaced healthy processes, by reason.
    fn replaced(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Stops everything that belongs to it, and waits until that has ended. Dropping the future
    /// leaves the stop requested.
    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A reload in progress.
pub(crate) type Reloading<'a> = Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>>;

/// An attempt in progress.
pub type Serving = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// A stack request in progress.
pub(crate) type Looking<'a> = Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;

/// State of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Processes that can serve.
    pub up: usize,
    /// Processes that there should be.
    pub wanted: usize,
    /// Processes started again so far.
    pub restarts: u64,
}

impl Health {
    /// Returns true if it can serve at all.
    pub fn is_ready(&self) -> bool {
        self.up > 0
    }
}

impl fmt::Debug for dyn Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("health", &self.health()).finish_non_exhaustive()
    }
}
