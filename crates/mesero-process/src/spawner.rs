//! The one thread that starts processes.

use std::io;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Starts processes from a thread that lives as long as mesero.
///
/// A child asks the kernel for a signal when its parent dies, and for Linux the parent is the
/// thread that forked: a child started from a runtime's short-lived thread would die with it.
#[derive(Debug, Clone)]
pub struct Spawner {
    tasks: mpsc::Sender<SpawnTask>,
}

type SpawnTask = Box<dyn FnOnce() + Send>;

/// Starts that may wait for the thread; further callers wait for room.
const MAX_WAITING_SPAWNS: usize = 64;

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn start() -> io::Result<Self> {
        let (tasks, mut rx) = mpsc::channel::<SpawnTask>(MAX_WAITING_SPAWNS);
        thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            while let Some(task) = rx.blocking_recv() {
                task();
            }
        })?;
        Ok(Self { tasks })
    }

    /// Starts `command`. Dropping the future lets the child start; with `kill_on_drop` it is then
    /// killed.
    ///
    /// # Errors
    /// As [`Command::spawn`].
    pub async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        self.run(move || command.spawn()).await?
    }

    /// Runs `start` on the thread, within the caller's runtime. If the future is dropped, the
    /// thread still runs `start` and drops its result.
    ///
    /// # Errors
    /// If the thread has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        start: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (tx, rx) = oneshot::channel();
        let runtime = Handle::current();
        let task = move || {
            let _entered = runtime.enter();
            let _ = tx.send(start());
        };
        let gone = || io::Error::other("the spawner thread is gone");
        self.tasks.send(Box::new(task)).await.map_err(|_| gone())?;
        rx.await.map_err(|_| gone())
    }
}
