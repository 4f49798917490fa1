//! Capacity: how many calls a resource can run at once.

use std::num::NonZeroUsize;

/// Calls that a resource can run at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) calls: NonZeroUsize,
    /// The origin of the number, as a sentence without its full stop.
    pub(crate) because: &'static str,
}
