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
pub(crate) struct Spawner {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    /// The runtime that will wait for the child.
    runtime: Handle,
    tell: oneshot::Sender<io::Result<Child>>,
}

/// Spawns that may wait for the thread; whoever starts more at once waits for room.
const WAITING_SPAWNS: usize = 64;

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, mut taken) = mpsc::channel::<Order>(WAITING_SPAWNS);
        thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            while let Some(Order { mut command, runtime, tell }) = taken.blocking_recv() {
                let _entered = runtime.enter();
                // If nobody waits any more the child is dropped, and so killed.
                let _ = tell.send(command.spawn());
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts `command`. Dropping the future lets the child start and kills it, where the command
    /// says `kill_on_drop`.
    ///
    /// # Errors
    /// As [`Command::spawn`].
    pub(crate) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (tell, told) = oneshot::channel();
        let order = Order { command, runtime: Handle::current(), tell };
        let gone = || io::Error::other("the spawner thread is gone");
        self.orders.send(order).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}
