//! Supervisor of a replica: starts its workers and lets them take over.

use std::sync::Arc;

use tokio::sync::MutexGuard;
use tokio::time::sleep_until;

use super::backoff::RestartBackoff;
use super::process::WorkerProcess;
use super::recycling::RecyclingReason;
use super::replica::{Replica, Vacancy};
use super::spawn_context::SpawnContext;
use super::start::{self, StartError};

/// Runs the replica's first worker, and starts others as they are needed.
pub(super) fn supervise(replica: &Arc<Replica>, process: WorkerProcess) {
    replica.tasks().spawn(process.run(Arc::clone(replica)));
    replica.tasks().spawn(keep_filled(Arc::clone(replica)));
}

/// Starts a worker for the replica, and waits until it can serve. Dropping the future kills it.
///
/// # Errors
/// If it fails to start, or does not fit the seats.
pub(super) async fn start(replica: &Replica) -> Result<WorkerProcess, StartError> {
    let SpawnContext { spec, spawner, .. } = replica.context();
    let process = start::worker(Arc::clone(spec), spawner.clone()).await?;
    let (had, has) = (replica.capacity(), process.worker.capacity().get());
    if had == has { Ok(process) } else { Err(StartError::Changed { had, has }) }
}

/// Installs a worker that was started for the replica, regardless of the present one.
pub(super) fn hand_over(replica: &Arc<Replica>, process: WorkerProcess, reason: RecyclingReason) {
    replica.hand_over(&process.worker, reason);
    replica.tasks().spawn(process.run(Arc::clone(replica)));
}

/// Installs a worker that was started for this vacancy; if another was installed since, kills it.
fn fill(replica: &Arc<Replica>, process: WorkerProcess, vacancy: &Vacancy) {
    if replica.fill(&process.worker, vacancy) {
        replica.tasks().spawn(process.run(Arc::clone(replica)));
    }
}

/// Starts workers for the replica as they are needed, until the resource is stopped. Failed starts
/// are repeated with an increasing delay.
async fn keep_filled(replica: Arc<Replica>) {
    tokio::select! {
        () = fill_vacancies(&replica) => {}
        // Dropping a worker's start kills the worker.
        () = replica.stop().cancelled() => {}
    }
}

async fn fill_vacancies(replica: &Arc<Replica>) {
    let mut backoff = RestartBackoff::default();
    loop {
        let Some(vacancy) = replica.vacancy() else {
            replica.changed().await;
            continue;
        };
        if let Some(lived) = vacancy.crashed_after {
            backoff.crashed(lived);
        }
        let permit = tokio::select! {
            permit = start_permit(replica, &vacancy, &backoff) => permit,
            // The vacancy may have become urgent, or be filled.
            () = replica.changed() => continue,
        };
        match start(replica).await {
            Ok(process) => fill(replica, process, &vacancy),
            Err(error) => {
                backoff.failed();
                let resource = replica.resource();
                match vacancy.reason.map(RecyclingReason::as_str) {
                    None => tracing::error!(resource, "failed to {error}"),
                    Some(reason) => tracing::error!(
                        resource,
                        reason,
                        "the worker that should be replaced continues to serve: failed to {error}"
                    ),
                }
            }
        }
        drop(permit);
    }
}

/// Waits until a worker may be started; successors start one at a time in the whole resource.
async fn start_permit<'a>(
    replica: &'a Replica,
    vacancy: &Vacancy,
    backoff: &RestartBackoff,
) -> Option<MutexGuard<'a, ()>> {
    if let Some(earliest) = backoff.earliest() {
        sleep_until(earliest).await;
    }
    match vacancy.reason {
        None => None,
        Some(_) => Some(replica.context().one_at_a_time.lock().await),
    }
}

#[cfg(test)]
mod tests;
