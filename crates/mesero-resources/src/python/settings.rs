//! What a resource of Python workers is configured with.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Exceptions;
use super::recycling::Bounds;
use crate::blocked::Blocked;

/// What has to be known to run workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The resource's name; workers and their log lines carry it.
    pub name: Arc<str>,
    pub serves: Serves,
    /// `package.module:attribute`; an application's may end in `()`.
    pub callable: String,
    pub interpreter: PathBuf,
    /// Folders put in front of `sys.path`.
    pub path: Vec<PathBuf>,
    pub processes: NonZeroUsize,
    /// Threads in each process, for what is sync.
    pub threads: NonZeroUsize,
    /// Calls in flight in each process, for an async callable.
    pub concurrency: NonZeroUsize,
    /// Added to the environment.
    pub environment: Vec<(String, String)>,
    /// The statuses of exceptions that are no surprise.
    pub exceptions: Exceptions,
    /// How long a worker may take until it can serve.
    pub start_timeout: Duration,
    /// How long a worker has to end by itself before it is killed.
    pub grace: Duration,
    /// How long an async callable may block its event loop before that is logged.
    pub loop_blocked: Option<Duration>,
    /// Counts how often and how long one did.
    pub blocked: Arc<Blocked>,
    /// How much a worker may serve until it is replaced.
    pub bounds: Bounds,
    /// How long a call that was given up has to stop once it is interrupted, until its process is
    /// replaced; none if calls are not interrupted.
    pub interrupt: Option<Duration>,
    /// Whether a process that is replaced for a call that does not stop is ended at once, and not
    /// when its other calls are done.
    pub kill_siblings: bool,
}

/// What a worker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// It calls a function with arguments.
    Function,
    /// It hands requests to a WSGI application.
    Wsgi,
}
