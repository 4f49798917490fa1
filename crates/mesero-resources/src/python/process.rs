//! A worker's process, from its start until it is reaped.

use std::process::ExitStatus;
use std::sync::Arc;

use mesero_process::child;
use tokio::process::Child;

use super::replica::{Replacement, Replica};
use super::worker::{Retirement, Worker};

/// A worker and the process that it runs in. Dropped before it [lives](Self::live), it is killed.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    pub(super) child: Child,
    pub(super) worker: Arc<Worker>,
}

impl WorkerProcess {
    /// Waits for the process's end; ends it when the worker has left and no call holds it any more,
    /// or when the resource is stopped. Then nothing that it occupied is occupied any longer.
    pub(super) async fn run(mut self, replica: Arc<Replica>) {
        let ended = self.until_ended(&replica).await;
        replica.lost(&self.worker);
        self.worker.abandon();
        self.report(replica.resource(), &ended);
    }

    async fn until_ended(&mut self, replica: &Replica) -> WorkerExit {
        let Self { child, worker } = self;
        let grace = replica.grace();
        let recycled = async {
            let reason = worker.recycling.due(worker.hello.pid).await;
            replica.replace(worker, Replacement::AfterSuccessor(reason));
            worker.drained().await;
        };
        tokio::select! {
            status = child.wait() => return WorkerExit::ByItself(status.ok()),
            // It closed its socket; the process follows, or is made to. Lost before the grace
            // begins, so that no call is sent to a worker that does not listen.
            () = worker.listen() => replica.lost(worker),
            () = worker.drained() => {}
            () = recycled => {}
            () = worker.killed() => {}
            () = replica.stop().cancelled() => {
                child::end(child, grace).await;
                return WorkerExit::Stopped;
            }
        }
        child::end(child, grace).await;
        match worker.retirement() {
            Some(retirement @ (Retirement::Replaced | Retirement::Abandoned)) => {
                WorkerExit::Left(retirement)
            }
            Some(Retirement::Lost) | None => WorkerExit::ByItself(child.wait().await.ok()),
        }
    }

    fn report(&self, resource: &str, ended: &WorkerExit) {
        let pid = self.worker.hello.pid;
        match ended {
            WorkerExit::ByItself(Some(status)) => {
                tracing::warn!(resource, pid, "worker ended by itself: {status}");
            }
            WorkerExit::ByItself(None) => tracing::warn!(resource, pid, "worker ended by itself"),
            WorkerExit::Left(Retirement::Abandoned) => {
                tracing::info!(resource, pid, "worker ended: its call had been given up");
            }
            WorkerExit::Left(_) => {
                tracing::info!(resource, pid, "worker ended: another has taken its place");
            }
            WorkerExit::Stopped => {}
        }
    }
}

/// How a worker ended.
enum WorkerExit {
    ByItself(Option<ExitStatus>),
    Left(Retirement),
    Stopped,
}
