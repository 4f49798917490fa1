//! What it takes to start workers, and to end them.

use std::sync::Arc;

use mesero_process::spawner::Spawner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::recycling::ReplacementCounts;
use super::worker_spec::WorkerSpec;

/// What it takes to start workers, and to end them.
#[derive(Debug, Clone)]
pub(super) struct SpawnContext {
    pub(super) spec: Arc<WorkerSpec>,
    pub(super) spawner: Spawner,
    /// Whatever still goes on at the place when its caller has left.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// Had while a worker is started that is to succeed another.
    pub(super) one_at_a_time: Arc<tokio::sync::Mutex<()>>,
    pub(super) replaced: Arc<ReplacementCounts>,
}
