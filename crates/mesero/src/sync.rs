//! The lock, the bell and the start of a task: what a model checker puts its own in place of.
//!
//! Built with `--cfg shuttle`, the engine runs on shuttle's scheduler, which tries many orders of
//! its tasks; see `tests/models.rs`. Nothing else of the engine is different then.

use std::sync::PoisonError;

use tokio_util::task::TaskTracker;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use tokio::sync::Notify;

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

/// From so many bytes on a task is moved once, into a place of its own: on its way into the runtime and out of it a task
/// is copied several times, which costs more than the place.
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

/// Another task may go on between what comes before this and what comes after it.
pub(crate) fn yield_point() {
    #[cfg(shuttle)]
    shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
}

/// tokio's, where other tasks may go on before each of its steps.
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
