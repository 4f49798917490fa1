//! Runs the asynchronous body of a command.

use std::num::NonZeroUsize;

use mesero_terminal::command_error::CommandError;
use mesero_terminal::exit::Exit;
use tokio::runtime::{Builder, Runtime};

/// Runs a command on so many threads; its blocking tasks are waited for when it has ended.
pub(crate) fn wait_for<E: Into<CommandError>>(
    threads: NonZeroUsize,
    command: impl Future<Output = Result<Exit, E>>,
) -> Result<Exit, CommandError> {
    start(threads)?.block_on(command).map_err(Into::into)
}

/// Runs a command on this thread; blocking tasks that still run when it has ended, such as a read of stdin or a name
/// lookup, end with the process.
pub(crate) fn run<E: Into<CommandError>>(
    command: impl Future<Output = Result<Exit, E>>,
) -> Result<Exit, CommandError> {
    let runtime = start(NonZeroUsize::MIN)?;
    let ended = runtime.block_on(command);
    runtime.shutdown_background();
    ended.map_err(Into::into)
}

/// One thread alone needs no scheduler between threads, which costs more than it brings.
fn start(threads: NonZeroUsize) -> Result<Runtime, CommandError> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads.get()).enable_all().build();
    runtime.map_err(|error| CommandError::failed_to(format!("start the runtime: {error}")))
}
