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

/// Spawns that may wait for the thread; whoever starts more at once waits for room.
const MAX_WAITING_SPAWNS: usize = 64;

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (tasks, mut rx) = mpsc::channel::<SpawnTask>(MAX_WAITING_SPAWNS);
        thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            while let Some(task) = rx.blocking_recv() {
                task();
            }
        })?;
        Ok(Self { tasks })
    }

    /// Starts `command`. Dropping the future lets the child start and kills it, where the command
    /// says `kill_on_drop`.
    ///
    /// # Errors
    /// As [`Command::spawn`].
    pub async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        self.run(move || command.spawn()).await?
    }

    /// Runs `start` on the thread, which knows the caller's runtime meanwhile. If nobody waits for
    /// what it returns any more, that is dropped there.
    ///
    /// # Errors
    /// If the thread is gone.
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
