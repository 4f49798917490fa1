//! Everything that the worker processes of a resource have in common.

use std::sync::Arc;

use mesero_config::PythonSettings;

use crate::blocked::Blocked;

/// Callable and settings of a resource's worker processes.
#[derive(Debug)]
pub(super) struct WorkerSpec {
    /// The resource's name, which workers and log lines contain.
    pub(super) name: Arc<str>,
    pub(super) serves: Serves,
    /// `package.module:attribute`; an application's may end in `()`.
    pub(super) callable: String,
    pub(super) settings: PythonSettings,
    /// Counts and times the blocks of their event loops.
    pub(super) blocked: Arc<Blocked>,
}

/// The use of a worker's callable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// It is called with arguments.
    Function,
    /// It is a WSGI application, which serves requests.
    Wsgi,
}

impl WorkerSpec {
    pub(super) fn new(
        name: &str,
        serves: Serves,
        callable: String,
        settings: PythonSettings,
    ) -> Self {
        Self { name: name.into(), serves, callable, settings, blocked: Arc::default() }
    }
}
