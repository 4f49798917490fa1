//! The lock, the notification and the start of a task: the primitives that a model checker
//! replaces.
//!
//! Built with `--cfg shuttle`, the engine runs on shuttle's scheduler, which tries many orders of
//! its tasks; see `tests/models.rs`. The rest of the engine is the same.

use std::sync::PoisonError;

use tokio_util::task::TaskTracker;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use tokio::sync::Notify;

pub(crate) trait Lock<T> {
    /// Locks. State under our locks changes in whole steps, and the only foreign code under them is
    /// the reply's `Clone` and the cache's closures, so the state is sound after a panic.
    fn locked(&self) -> MutexGuard<'_, T>;
}

impl<T> Lock<T> for Mutex<T> {
    fn locked(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size in bytes from which a task is boxed: the runtime copies a task several times, which
/// costs more than the allocation.
#[cfg(not(shuttle))]
const LARGE: usize = 1_024;

/// Starts a task, which `tasks` counts until it is over.
///
/// # Panics
/// Outside of a runtime; the task is dropped then.
pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(tasks: &TaskTracker, task: F) {
    #[cfg(not(shuttle))]
    if size_of::<F>() < LARGE {
        tasks.spawn(task);
    } else {
        tasks.spawn(Box::pin(task));
    }
    #[cfg(shuttle)]
    shuttle::future::spawn(tasks.track_future(task));
}

/// Lets the model checker run another task at this point.
pub(crate) fn yield_point() {
    #[cfg(shuttle)]
    shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
}

/// tokio's `Notify`, with a point for other tasks before each of its steps.
#[cfg(shuttle)]
#[derive(Debug, Default)]
pub(crate) struct Notify(tokio::sync::Notify);

#[cfg(shuttle)]
impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        yield_point();
        self.0.notified()
    }

    pub(crate) fn notify_one(&self) {
        yield_point();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        yield_point();
        self.0.notify_waiters();
    }
}
