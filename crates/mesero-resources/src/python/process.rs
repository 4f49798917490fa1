//! A worker's process, from its start until it is reaped.

use std::process::ExitStatus;
use std::sync::Arc;

use mesero_process::child;
use tokio::process::Child;

use super::replica::{Replacement, Replica};
use super::worker::{Retirement, Worker};

/// A worker and its process. Dropped before [`run`](Self::run), it is killed.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    pub(super) child: Child,
    pub(super) worker: Arc<Worker>,
}

impl WorkerProcess {
    /// Waits until the process has ended. Ends it when the worker is retired and its last lease is
    /// dropped, or when the resource is stopped. When this returns, nothing occupies the worker's
    /// seats. Dropping the future kills the process.
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
            // The worker closed its socket: the process exits soon, or is killed. It counts as lost
            // before the grace period begins, so that no call is sent to it.
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
                tracing::info!(
                    resource,
                    pid,
                    "worker ended: its call was abandoned and did not stop"
                );
            }
            WorkerExit::Left(_) => {
                tracing::info!(resource, pid, "worker ended: another has taken its place");
            }
            WorkerExit::Stopped => {}
        }
    }
}

/// End of a worker.
enum WorkerExit {
    ByItself(Option<ExitStatus>),
    Left(Retirement),
    Stopped,
}
