//! The limits of one front: sizes, times and connections.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The bounds of a front.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Number of simultaneous connections; more wait in the kernel, unaccepted.
    pub connections: NonZeroUsize,
    /// Timeout from the first byte of a request's head to its last.
    pub head_timeout: Duration,
    /// Timeout of a connection without bytes between requests, or whose client reads nothing of a response.
    pub idle_timeout: Duration,
    /// Size of a request's head.
    pub head_bytes: usize,
    /// Timeout of the requests in flight after a stop.
    pub drain_timeout: Duration,
}
