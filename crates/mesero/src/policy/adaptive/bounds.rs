//! The bounds of a limit that finds itself.

use std::num::NonZeroUsize;

/// The bounds of a limit that finds itself.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{AdaptiveLimit, Dispatcher};
///
/// let bounds = AdaptiveLimit::between(2, 64).ok_or("no limit")?;
/// assert_eq!((bounds.min().get(), bounds.max().get()), (2, 64));
/// let pages = Dispatcher::<String>::builder("pages").adaptive_limit(bounds).build()?;
/// assert!((2..=64).contains(&pages.limit()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveLimit {
    min: NonZeroUsize,
    max: NonZeroUsize,
}

impl AdaptiveLimit {
    /// A limit that is never below `min` and never above `max`; `None` if `min` is 0 or above
    /// `max`.
    pub fn between(min: usize, max: usize) -> Option<Self> {
        let (min, max) = (NonZeroUsize::new(min)?, NonZeroUsize::new(max)?);
        (min <= max).then_some(Self { min, max })
    }

    /// The lowest limit.
    pub fn min(&self) -> NonZeroUsize {
        self.min
    }

    /// The highest limit.
    pub fn max(&self) -> NonZeroUsize {
        self.max
    }

    /// The same bounds, with a highest limit of at most `seats`.
    pub(crate) fn at_most(self, seats: NonZeroUsize) -> Self {
        Self { min: self.min.min(seats), max: self.max.min(seats) }
    }
}
