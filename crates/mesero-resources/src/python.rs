//! Python functions and WSGI applications in worker processes.
//!
//! A seat is a thread of a process, or for an async function one of the places on a process's event
//! loop. Consecutive seats belong to different processes, so that the lowest seats, which are taken
//! first, spread the work evenly.

use std::num::NonZeroUsize;
use std::pin::Pin;

use mesero::{Attempt, JobId, Seats};
use mesero_config::{PythonSettings, PythonTarget, WsgiSettings};
use mesero_process::spawner::Spawner;

use crate::blocked::BlockedTotals;
use crate::{BodyMode, Health, Looking, Reloading, Request, Resource, Serving};

mod answer;
mod async_call;
mod backoff;
mod control_channel;
mod function;
mod in_flight;
mod loop_watch;
mod multiplex;
mod package;
mod process;
mod recycling;
mod replica;
mod seat;
mod spawn_context;
mod start;
mod stopping;
mod supervisor;
mod sync_call;
mod worker;
mod worker_socket;
mod worker_spec;
mod workers;
mod wsgi;

pub use start::StartError;
use worker::Worker;
use worker_spec::{Serves, WorkerSpec};
use workers::Workers;

/// A Python function or WSGI application in worker processes.
#[derive(Debug)]
pub struct PythonResource {
    workers: Workers,
    body_mode: BodyMode,
    description: String,
}

impl PythonResource {
    /// Starts the workers of a function, and waits until they can serve. Dropping the future kills
    /// the workers started so far.
    ///
    /// # Errors
    /// The error of the first worker that failed to start; the others are killed.
    pub async fn function(
        name: &str,
        target: &PythonTarget,
        settings: PythonSettings,
        spawner: Spawner,
    ) -> Result<Self, StartError> {
        let spec = WorkerSpec::new(name, Serves::Function, target.to_string(), settings);
        Self::start(spec, BodyMode::Whole, spawner).await
    }

    /// Starts the workers of a WSGI application, and waits until they can serve. Dropping the
    /// future kills the workers started so far.
    ///
    /// # Errors
    /// The error of the first worker that failed to start; the others are killed.
    pub async fn wsgi(
        name: &str,
        settings: WsgiSettings,
        spawner: Spawner,
    ) -> Result<Self, StartError> {
        let WsgiSettings { application, python, request_buffering } = settings;
        let body_mode = if request_buffering { BodyMode::Stored } else { BodyMode::Streamed };
        let spec = WorkerSpec::new(name, Serves::Wsgi, application.to_string(), python);
        Self::start(spec, body_mode, spawner).await
    }

    async fn start(
        spec: WorkerSpec,
        body_mode: BodyMode,
        spawner: Spawner,
    ) -> Result<Self, StartError> {
        let workers = Workers::start(spec, spawner).await?;
        let description =
            workers.first().map_or_else(String::new, |worker| describe(workers.spec(), &worker));
        Ok(Self { workers, body_mode, description })
    }
}

impl Resource for PythonResource {
    fn seats(&self) -> NonZeroUsize {
        self.workers.seats()
    }

    fn supervise(&self, seats: Seats) {
        self.workers.supervise(&seats);
    }

    fn body_mode(&self) -> BodyMode {
        self.body_mode
    }

    fn attempt(&self, request: Request, attempt: Attempt) -> Serving {
        let seat = self.workers.seat(attempt);
        match self.workers.spec().serves {
            Serves::Function => Box::pin(function::call(seat, request)),
            Serves::Wsgi => Box::pin(wsgi::call(seat, request)),
        }
    }

    fn stack(&self, seat: usize, job: JobId) -> Looking<'_> {
        Box::pin(self.workers.stack(seat, job))
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn health(&self) -> Health {
        self.workers.health()
    }

    fn blocked(&self) -> BlockedTotals {
        self.workers.spec().blocked.totals()
    }

    fn reload(&self) -> Reloading<'_> {
        Box::pin(async { self.workers.reload().await.map_err(|error| error.to_string()) })
    }

    fn replaced(&self) -> Vec<(&'static str, u64)> {
        self.workers.replaced()
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.workers.stop())
    }
}

fn describe(spec: &WorkerSpec, worker: &Worker) -> String {
    let WorkerSpec { serves, callable, settings, .. } = spec;
    let PythonSettings { processes, threads, .. } = settings;
    let (hello, capacity) = (&worker.hello, worker.capacity());
    let (signature, python) = (&hello.signature, &hello.python);
    match (serves, hello.is_async) {
        (Serves::Wsgi, _) => format!(
            "WSGI application {callable} on Python {python}; {processes} × {threads} requests at \
             once (workers × threads)"
        ),
        (Serves::Function, true) => format!(
            "async {callable}{signature} on Python {python}; {processes} × {capacity} calls at \
             once (processes × concurrency)"
        ),
        (Serves::Function, false) => format!(
            "sync {callable}{signature} on Python {python}; {processes} × {capacity} calls at \
             once (processes × threads)"
        ),
    }
}
