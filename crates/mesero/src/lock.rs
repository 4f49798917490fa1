//! A lock that a panic does not poison.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) trait Lock<T> {
    /// Locks. State under our locks changes in whole steps, and no foreign code runs under them but
    /// `Clone` of the reply and what a cache asks about it, so what a panic leaves behind is sound.
    fn locked(&self) -> MutexGuard<'_, T>;
}

impl<T> Lock<T> for Mutex<T> {
    fn locked(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
