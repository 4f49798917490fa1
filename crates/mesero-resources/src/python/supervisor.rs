//! Keeps a place occupied: starts another worker whenever one is wanted there.

use std::sync::Arc;

use tokio::sync::MutexGuard;
use tokio::time::sleep_until;

use super::backoff::RestartBackoff;
use super::process::Process;
use super::replica::{Opening, Place};
use super::spawn_context::Means;
use super::start::{self, StartError};
use super::wear::Reason;

/// Looks after the place's first worker, and starts others as they are wanted.
pub(super) fn supervise(place: &Arc<Place>, process: Process) {
    place.tasks().spawn(process.live(Arc::clone(place)));
    place.tasks().spawn(keep(Arc::clone(place)));
}

/// Starts a worker for the place, and waits until it can serve.
///
/// # Errors
/// If it does not come up, or does not fit the seats.
pub(super) async fn start(place: &Place) -> Result<Process, StartError> {
    let Means { settings, spawner, .. } = place.means();
    let process = start::worker(Arc::clone(settings), spawner.clone()).await?;
    let (had, has) = (place.capacity(), process.worker.capacity().get());
    if had == has { Ok(process) } else { Err(StartError::Changed { had, has }) }
}

/// Lets a worker that was started for the place serve, whoever serves now.
pub(super) fn hand_over(place: &Arc<Place>, process: Process, reason: Reason) {
    place.hand_over(&process.worker, reason);
    place.tasks().spawn(process.live(Arc::clone(place)));
}

/// Lets a worker that was started for this opening serve, unless another has come meanwhile; then it is killed.
fn fill(place: &Arc<Place>, process: Process, opening: &Opening) {
    if place.fill(&process.worker, opening) {
        place.tasks().spawn(process.live(Arc::clone(place)));
    }
}

/// Starts workers for the place as they are wanted, until the resource is stopped. A worker
/// that does not come up is tried again, later and later.
async fn keep(place: Arc<Place>) {
    tokio::select! {
        () = fill_openings(&place) => {}
        // A worker that is being started is dropped, and so killed.
        () = place.stop().cancelled() => {}
    }
}

async fn fill_openings(place: &Arc<Place>) {
    let mut backoff = RestartBackoff::default();
    loop {
        let Some(opening) = place.opening() else {
            place.changed().await;
            continue;
        };
        if let Some(lived) = opening.crashed_after {
            backoff.crashed(lived);
        }
        let turn = tokio::select! {
            turn = turn(place, &opening, &backoff) => turn,
            // What is wanted may have become urgent, or have come from elsewhere.
            () = place.changed() => continue,
        };
        match start(place).await {
            Ok(process) => fill(place, process, &opening),
            Err(error) => {
                backoff.failed();
                let resource = place.resource();
                match opening.reason.map(Reason::as_str) {
                    None => tracing::error!(resource, "failed to {error}"),
                    Some(reason) => tracing::error!(
                        resource,
                        reason,
                        "the worker that is to be replaced serves on: failed to {error}"
                    ),
                }
            }
        }
        drop(turn);
    }
}

/// Waits until a worker may be started; of successors, one at a time in the whole resource.
async fn turn<'a>(
    place: &'a Place,
    opening: &Opening,
    backoff: &RestartBackoff,
) -> Option<MutexGuard<'a, ()>> {
    if let Some(earliest) = backoff.earliest() {
        sleep_until(earliest).await;
    }
    match opening.reason {
        None => None,
        Some(_) => Some(place.means().one_at_a_time.lock().await),
    }
}

#[cfg(test)]
mod tests;
