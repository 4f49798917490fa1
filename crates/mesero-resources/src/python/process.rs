//! A worker's process, from its start until it is reaped.

use std::process::ExitStatus;
use std::sync::Arc;

use mesero_process::child;
use tokio::process::Child;

use super::replica::{Place, Retire};
use super::worker::{Leaving, Worker};

/// A worker and the process that it runs in. Dropped before it [lives](Self::live), it is killed.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) worker: Arc<Worker>,
}

impl Process {
    /// Waits for the process's end; ends it when the worker has left and no call holds it any more,
    /// or when the resource is stopped. Then nothing that it occupied is occupied any longer.
    pub(super) async fn live(mut self, place: Arc<Place>) {
        let ended = self.until_ended(&place).await;
        place.lost(&self.worker);
        self.worker.abandon();
        self.report(place.resource(), &ended);
    }

    async fn until_ended(&mut self, place: &Place) -> Ended {
        let Self { child, worker } = self;
        let grace = place.grace();
        let worn_out = async {
            let reason = worker.wear.out(worker.hello.pid).await;
            place.retire(worker, Retire::WhenReady(reason));
            worker.left().await;
        };
        tokio::select! {
            status = child.wait() => return Ended::ByItself(status.ok()),
            // It closed its socket; the process follows, or is made to. Lost before the grace
            // begins, so that no call is sent to a worker that does not listen.
            () = worker.listen() => place.lost(worker),
            () = worker.left() => {}
            () = worn_out => {}
            () = worker.condemned() => {}
            () = place.stop().cancelled() => {
                child::end(child, grace).await;
                return Ended::Stopped;
            }
        }
        child::end(child, grace).await;
        match worker.leaving() {
            Some(leaving @ (Leaving::Replaced | Leaving::GivenUp)) => Ended::Left(leaving),
            Some(Leaving::Lost) | None => Ended::ByItself(child.wait().await.ok()),
        }
    }

    fn report(&self, resource: &str, ended: &Ended) {
        let pid = self.worker.hello.pid;
        match ended {
            Ended::ByItself(Some(status)) => {
                tracing::warn!(resource, pid, "worker ended by itself: {status}");
            }
            Ended::ByItself(None) => tracing::warn!(resource, pid, "worker ended by itself"),
            Ended::Left(Leaving::GivenUp) => {
                tracing::info!(resource, pid, "worker ended: its call had been given up");
            }
            Ended::Left(_) => {
                tracing::info!(resource, pid, "worker ended: another has taken its place");
            }
            Ended::Stopped => {}
        }
    }
}

/// How a worker ended.
enum Ended {
    ByItself(Option<ExitStatus>),
    Left(Leaving),
    Stopped,
}
