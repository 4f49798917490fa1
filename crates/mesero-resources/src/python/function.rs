//! A Python callable, sync or async, in worker processes.

use std::num::NonZeroUsize;
use std::pin::Pin;

use mesero::{Attempt, JobId, Seats};
use mesero_process::spawner::Spawner;

use super::worker::Worker;
use super::{Settings, StartError, Workers};
use crate::blocked::BlockedSoFar;
use crate::{Health, Looking, Order, Reloading, Resource, Serving};

/// A Python callable in worker processes.
#[derive(Debug)]
pub struct PythonFunction {
    workers: Workers,
    description: String,
}

impl PythonFunction {
    /// Starts all workers, and waits until they can serve.
    ///
    /// # Errors
    /// Why the first of them that did not come up did not; the others are ended.
    pub async fn start(settings: Settings, spawner: Spawner) -> Result<Self, StartError> {
        let workers = Workers::start(settings, spawner).await?;
        let description = workers
            .first()
            .map_or_else(String::new, |worker| describe(workers.settings(), &worker));
        Ok(Self { workers, description })
    }
}

impl Resource for PythonFunction {
    fn seats(&self) -> NonZeroUsize {
        self.workers.seats()
    }

    fn attend(&self, seats: Seats) {
        self.workers.attend(&seats);
    }

    fn attempt(&self, order: Order, attempt: Attempt) -> Serving {
        let mut seat = self.workers.seat(attempt);
        Box::pin(async move {
            let worker = seat.worker().await;
            worker.call(order, seat).await
        })
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn health(&self) -> Health {
        self.workers.health()
    }

    fn blocked(&self) -> BlockedSoFar {
        self.workers.settings().blocked.so_far()
    }

    fn reload(&self) -> Reloading<'_> {
        Box::pin(async { self.workers.reload().await.map_err(|error| error.to_string()) })
    }

    fn replaced(&self) -> Vec<(&'static str, u64)> {
        self.workers.replaced()
    }

    fn stack(&self, seat: usize, job: JobId) -> Looking<'_> {
        Box::pin(self.workers.stack(seat, job))
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.workers.stop())
    }
}

fn describe(settings: &Settings, worker: &Worker) -> String {
    let Settings { callable, processes, .. } = settings;
    let (hello, capacity) = (&worker.hello, worker.capacity());
    let (word, seats) = match hello.is_async {
        true => ("async", "calls at once (processes × concurrency)"),
        false => ("sync", "calls at once (processes × threads)"),
    };
    let (signature, python) = (&hello.signature, &hello.python);
    format!("{word} {callable}{signature} on Python {python}; {processes} × {capacity} {seats}")
}
