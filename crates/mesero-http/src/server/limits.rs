//! The limits of one front: sizes, times and connections.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The bounds of a front.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait in the kernel, unaccepted.
    pub connections: NonZeroUsize,
    /// From the first byte of a request's head to its last.
    pub head_timeout: Duration,
    /// How long a connection may stay silent between requests, or take nothing of an answer.
    pub idle_timeout: Duration,
    /// The size of a request's head.
    pub head_bytes: usize,
    /// How long requests in flight may take to finish once stopped.
    pub drain_timeout: Duration,
}
