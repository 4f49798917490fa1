//! A WSGI application in worker processes.

use std::num::NonZeroUsize;
use std::pin::Pin;

use mesero::{Attempt, JobId, Seats};
use mesero_process::spawner::Spawner;

use super::{Settings, StartError, Workers};
use crate::{Health, Looking, Order, Reloading, Resource, Serving, Wants};

mod conversation;
mod environ;
mod head;

/// A WSGI application in worker processes; a seat is a thread of one of them.
#[derive(Debug)]
pub struct WsgiApp {
    workers: Workers,
    wants: Wants,
    description: String,
}

impl WsgiApp {
    /// Starts all workers, and waits until they can serve.
    ///
    /// # Errors
    /// Why the first of them that did not come up did not; the others are ended.
    pub async fn start(
        settings: Settings,
        wants: Wants,
        spawner: Spawner,
    ) -> Result<Self, StartError> {
        let workers = Workers::start(settings, spawner).await?;
        let Settings { callable, processes, threads, .. } = workers.settings();
        let first = workers.first();
        let python = first.as_ref().map_or("3", |worker| worker.hello.python.as_str());
        let description = format!(
            "WSGI application {callable} on Python {python}; {processes} × {threads} requests at \
             once (workers × threads)"
        );
        Ok(Self { workers, wants, description })
    }
}

impl Resource for WsgiApp {
    fn seats(&self) -> NonZeroUsize {
        self.workers.seats()
    }

    fn wants(&self) -> Wants {
        self.wants
    }

    fn attend(&self, seats: Seats) {
        self.workers.attend(&seats);
    }

    fn attempt(&self, order: Order, attempt: Attempt) -> Serving {
        let mut seat = self.workers.seat(attempt);
        Box::pin(async move {
            let worker = seat.worker().await;
            conversation::hold(&worker, seat, order).await
        })
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn health(&self) -> Health {
        self.workers.health()
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
