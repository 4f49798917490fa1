//! Threads for blocking Rust functions: as many as there are slots, and no queue of their own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::Failure;
use crate::panic::panicked;
use crate::slot::Attempt;
use crate::sync::{Lock, Mutex};

/// Runs blocking functions on threads of its own, one for each slot that was ever in use at once.
///
/// A function that blocks occupies its slot until it returns, with or without a waiting caller: a
/// thread cannot be stopped from outside. So a timeout answers the caller at once, and the limit
/// still holds.
///
/// Cheap to clone; all clones are one pool. Use one pool for each dispatcher. The threads end when
/// the last clone is dropped and their functions have returned.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Blocking, Call, Dispatcher};
///
/// let pool = Blocking::new("digest");
/// let lengths = Dispatcher::builder("length").limit(2).build()?;
/// let length = lengths.call(Call::unkeyed(), move |attempt| {
///     pool.run(&attempt, || Ok(std::fs::read("Cargo.toml")?.len()))
/// });
/// assert!(length.await? > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Blocking {
    pool: Arc<ThreadPool>,
}

struct ThreadPool {
    name: String,
    seats: Mutex<HashMap<usize, SyncSender<Task>>>,
}

type Task = Box<dyn FnOnce() + Send>;

impl Blocking {
    /// A pool without threads; they start when they are needed, and their name is `name` and the
    /// seat's number.
    pub fn new(name: impl Into<String>) -> Self {
        let seats = Mutex::new(HashMap::new());
        Self { pool: Arc::new(ThreadPool { name: name.into(), seats }) }
    }

    /// Runs `function` on the thread of the attempt's seat.
    ///
    /// The slot belongs to the function, and comes back when it has returned. Dropping the returned
    /// future discards the result; the function still runs, even if the thread has not begun it.
    ///
    /// # Errors
    /// The error of `function`; a panic of it ([`Panicked`](crate::FailureKind::Panicked)); or
    /// [`Unreachable`](crate::FailureKind::Unreachable) if the system starts no further thread.
    pub fn run<T, F>(
        &self,
        attempt: &Attempt,
        function: F,
    ) -> impl Future<Output = Result<T, Failure>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Failure> + Send + 'static,
    {
        let (tx, rx) = oneshot::channel();
        let slot = attempt.slot().clone();
        let seat = slot.seat();
        let task = move || {
            let result = catch_unwind(AssertUnwindSafe(function))
                .unwrap_or_else(|payload| panicked(&*payload));
            // The function has returned, so the slot is free before the result is delivered.
            drop(slot);
            // The caller may have left.
            let _ = tx.send(result);
        };
        let begun = self.pool.begin(seat, Box::new(task));
        async move {
            begun?;
            rx.await.unwrap_or_else(|_| {
                Err(Failure::lost("the thread ended before its function returned"))
            })
        }
    }
}

impl ThreadPool {
    /// Sends the task to the seat's thread, which is idle: its slot has just been granted.
    fn begin(&self, seat: usize, task: Task) -> Result<(), Failure> {
        let mut seats = self.seats.locked();
        let thread = match seats.entry(seat) {
            Entry::Occupied(thread) => thread.into_mut(),
            Entry::Vacant(vacant) => {
                let thread = start(&format!("{}-{seat}", self.name)).map_err(|error| {
                    Failure::unreachable(format!("no thread could be started: {error}"))
                })?;
                vacant.insert(thread)
            }
        };
        // Room for one is enough: the thread takes the task before that task gives its slot back.
        thread.try_send(task).map_err(|_| Failure::unreachable("the seat's thread is not idle"))
    }
}

fn start(name: &str) -> std::io::Result<SyncSender<Task>> {
    let (tx, rx) = sync_channel::<Task>(1);
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Ok(task) = rx.recv() {
            // The drop of an undelivered reply may panic; the seat's next task needs a thread.
            let _ = catch_unwind(AssertUnwindSafe(task));
        }
    })?;
    Ok(tx)
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("name", &self.pool.name).finish_non_exhaustive()
    }
}
