//! Everything needed to start workers and to end them.

use std::sync::Arc;

use mesero_process::spawner::Spawner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::recycling::ReplacementCounts;
use super::worker_spec::WorkerSpec;

/// Everything needed to start workers and to end them.
#[derive(Debug, Clone)]
pub(super) struct SpawnContext {
    pub(super) spec: Arc<WorkerSpec>,
    pub(super) spawner: Spawner,
    /// Work that outlives its caller.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// Locked while a successor is started.
    pub(super) one_at_a_time: Arc<tokio::sync::Mutex<()>>,
    pub(super) replaced: Arc<ReplacementCounts>,
}
