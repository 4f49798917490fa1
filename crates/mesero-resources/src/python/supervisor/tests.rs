//! A replica with real processes, whose workers the test leases as calls do.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use mesero::{Call, Dispatcher};
use mesero_config::{PythonSettings, Secret};
use mesero_process::spawner::Spawner;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::python::replica::Replacement;
use crate::python::seat::Seat;
use crate::python::worker::{Retirement, Worker};
use crate::python::worker_spec::{Serves, WorkerSpec};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A replica with one worker, and the folder of its code.
struct TestReplica {
    replica: Arc<Replica>,
    first: Arc<Worker>,
    folder: TempDir,
}

async fn test_replica() -> TestReplica {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "def function(): pass");
    let settings = PythonSettings {
        path: vec![folder.path().to_owned()],
        threads: NonZeroUsize::new(2).unwrap(),
        concurrency: NonZeroUsize::MIN,
        env: [("PYTHONDONTWRITEBYTECODE".to_owned(), Secret::new("1"))].into(),
        start_timeout: START_TIMEOUT,
        interrupt: None,
        ..PythonSettings::default()
    };
    let callable = "code:function".to_owned();
    let context = SpawnContext {
        spec: Arc::new(WorkerSpec::new("square", Serves::Function, callable, settings)),
        spawner: Spawner::start().unwrap(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        one_at_a_time: Arc::default(),
        replaced: Arc::default(),
    };
    let started = start::worker(Arc::clone(&context.spec), context.spawner.clone());
    let process = started.await.unwrap();
    let first = Arc::clone(&process.worker);
    let replica = Arc::new(Replica::new(vec![0, 1], Arc::clone(&first), context));
    supervise(&replica, process);
    TestReplica { replica, first, folder }
}

fn write(folder: &Path, code: &str) {
    std::fs::write(folder.join("code.py"), code).unwrap();
}

impl TestReplica {
    /// Waits for the first worker's successor.
    async fn second(&self) -> Arc<Worker> {
        let asking = async {
            loop {
                let present = self.replica.worker();
                if let Some(second) = present.filter(|worker| !Arc::ptr_eq(worker, &self.first)) {
                    return second;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(START_TIMEOUT, asking).await.unwrap()
    }

    async fn stop(self) {
        self.replica.stop().cancel();
        self.replica.tasks().close();
        timeout(START_TIMEOUT, self.replica.tasks().wait()).await.unwrap();
    }
}

async fn gone(worker: &Worker) {
    timeout(START_TIMEOUT, worker.gone.cancelled()).await.unwrap();
}

#[tokio::test]
async fn an_abandoned_worker_gets_no_further_call_and_ends_with_its_last_one() {
    let test_replica = test_replica().await;
    let sibling = test_replica.first.lease();
    test_replica.replica.replace(&test_replica.first, Replacement::Immediate);
    assert!(test_replica.replica.worker().is_none());
    let second = test_replica.second().await;
    assert!(!test_replica.first.gone.is_cancelled());
    drop(sibling);
    gone(&test_replica.first).await;
    assert_eq!(test_replica.first.retirement(), Some(Retirement::Abandoned));
    test_replica.stop().await;
    gone(&second).await;
}

#[tokio::test]
async fn a_worker_serves_until_its_successor_is_there_and_ends_with_its_last_call() {
    let test_replica = test_replica().await;
    let call = test_replica.first.lease();
    test_replica
        .replica
        .replace(&test_replica.first, Replacement::AfterSuccessor(RecyclingReason::Age));
    assert!(test_replica.replica.worker().is_some());
    test_replica.second().await;
    assert_eq!(
        (test_replica.first.retirement(), test_replica.replica.restarts()),
        (Some(Retirement::Replaced), 0)
    );
    assert!(!test_replica.first.gone.is_cancelled());
    drop(call);
    gone(&test_replica.first).await;
    // Replacing a retired worker has no effect.
    let second = test_replica.second().await;
    test_replica.replica.replace(&test_replica.first, Replacement::Immediate);
    assert!(Arc::ptr_eq(&second, &test_replica.replica.worker().unwrap()));
    test_replica.stop().await;
}

#[tokio::test]
async fn a_worker_whose_successor_fails_to_start_serves_until_one_starts() {
    let test_replica = test_replica().await;
    write(test_replica.folder.path(), "raise SystemError");
    test_replica
        .replica
        .replace(&test_replica.first, Replacement::AfterSuccessor(RecyclingReason::Age));
    assert!(matches!(start(&test_replica.replica).await, Err(StartError::Failed(_))));
    assert!(Arc::ptr_eq(&test_replica.first, &test_replica.replica.worker().unwrap()));
    write(test_replica.folder.path(), "def function(): pass");
    test_replica.second().await;
    gone(&test_replica.first).await;
    test_replica.stop().await;
}

#[tokio::test]
async fn a_successor_that_does_not_fit_the_seats_does_not_serve() {
    let test_replica = test_replica().await;
    write(test_replica.folder.path(), "async def function(): pass");
    let error = start(&test_replica.replica).await.unwrap_err().to_string();
    assert!(error.contains("1 calls at once where the one before served 2"), "{error}");
    test_replica.stop().await;
}

#[tokio::test]
async fn a_worker_that_was_started_before_the_last_installation_is_not_installed() {
    let test_replica = test_replica().await;
    let outdated = Vacancy { reason: None, crashed_after: None, arrivals: 0 };
    test_replica
        .replica
        .replace(&test_replica.first, Replacement::AfterSuccessor(RecyclingReason::Age));
    let second = test_replica.second().await;
    let process = start(&test_replica.replica).await.unwrap();
    fill(&test_replica.replica, process, &outdated);
    assert!(Arc::ptr_eq(&second, &test_replica.replica.worker().unwrap()));
    test_replica.stop().await;
}

#[tokio::test]
async fn stopping_ends_the_retired_worker_and_its_successor() {
    let test_replica = test_replica().await;
    let call = test_replica.first.lease();
    test_replica.replica.replace(&test_replica.first, Replacement::Immediate);
    let (first, second) = (Arc::clone(&test_replica.first), test_replica.second().await);
    test_replica.stop().await;
    assert!(first.gone.is_cancelled() && second.gone.is_cancelled());
    drop(call);
}

#[tokio::test]
async fn a_call_that_was_granted_a_seat_as_the_worker_retired_is_served_by_its_successor() {
    let test_replica = test_replica().await;
    let granted = Dispatcher::builder("square").limit(1).build().unwrap();
    let attempt = granted.call(Call::new("1"), |attempt| async move { Ok(attempt) }).await.unwrap();
    test_replica.replica.replace(&test_replica.first, Replacement::Immediate);
    let mut seat = Seat::new(Arc::clone(&test_replica.replica), 0, attempt);
    let served_by = timeout(START_TIMEOUT, seat.worker()).await.unwrap();
    assert!(Arc::ptr_eq(&served_by, &test_replica.second().await));
    // It is leased there, as if it had been found at once.
    test_replica.replica.replace(&served_by, Replacement::Immediate);
    gone(&test_replica.first).await;
    assert!(!served_by.gone.is_cancelled());
    drop(seat);
    gone(&served_by).await;
    test_replica.stop().await;
}
