//! A place with real processes; the test holds the workers as calls would.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use mesero::{Call, Dispatcher};
use mesero_process::spawner::Spawner;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::python::answer::Exceptions;
use crate::python::replica::Retire;
use crate::python::seat::Seat;
use crate::python::settings::{Serves, Settings};
use crate::python::wear::Bounds;
use crate::python::worker::{Leaving, Worker};

const PATIENCE: Duration = Duration::from_secs(60);

/// A place with one worker, and the folder that its code is in.
struct Staffed {
    place: Arc<Place>,
    first: Arc<Worker>,
    folder: TempDir,
}

async fn staffed() -> Staffed {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "def function(): pass");
    let one = NonZeroUsize::MIN;
    let settings = Settings {
        name: "square".into(),
        serves: Serves::Function,
        callable: "code:function".to_owned(),
        interpreter: "python3".into(),
        path: vec![folder.path().to_owned()],
        processes: one,
        threads: NonZeroUsize::new(2).unwrap(),
        concurrency: one,
        environment: vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())],
        start_timeout: PATIENCE,
        grace: Duration::from_secs(2),
        bounds: Bounds::default(),
        interrupt: None,
        kill_siblings: false,
        exceptions: Exceptions::default(),
        loop_blocked: None,
        blocked: Arc::default(),
    };
    let means = Means {
        settings: Arc::new(settings),
        spawner: Spawner::start().unwrap(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        one_at_a_time: Arc::default(),
        replaced: Arc::default(),
    };
    let started = start::worker(Arc::clone(&means.settings), means.spawner.clone());
    let process = started.await.unwrap();
    let first = Arc::clone(&process.worker);
    let place = Arc::new(Place::new(vec![0, 1], Arc::clone(&first), means));
    supervise(&place, process);
    Staffed { place, first, folder }
}

fn write(folder: &Path, code: &str) {
    std::fs::write(folder.join("code.py"), code).unwrap();
}

impl Staffed {
    /// Waits for the worker that serves after the first one.
    async fn second(&self) -> Arc<Worker> {
        let asking = async {
            loop {
                let present = self.place.worker();
                if let Some(second) = present.filter(|worker| !Arc::ptr_eq(worker, &self.first)) {
                    return second;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, asking).await.unwrap()
    }

    async fn stop(self) {
        self.place.stop().cancel();
        self.place.tasks().close();
        timeout(PATIENCE, self.place.tasks().wait()).await.unwrap();
    }
}

async fn gone(worker: &Worker) {
    timeout(PATIENCE, worker.gone.cancelled()).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_given_up_serves_nobody_at_once_and_ends_with_its_last_call() {
    let staffed = staffed().await;
    let sibling = staffed.first.hold();
    staffed.place.retire(&staffed.first, Retire::AtOnce);
    assert!(staffed.place.worker().is_none());
    let second = staffed.second().await;
    assert!(!staffed.first.gone.is_cancelled());
    drop(sibling);
    gone(&staffed.first).await;
    assert_eq!(staffed.first.leaving(), Some(Leaving::GivenUp));
    staffed.stop().await;
    gone(&second).await;
}

#[tokio::test]
async fn a_worker_serves_until_its_successor_is_there_and_ends_with_its_last_call() {
    let staffed = staffed().await;
    let call = staffed.first.hold();
    staffed.place.retire(&staffed.first, Retire::WhenReady(Reason::Age));
    assert!(staffed.place.worker().is_some());
    staffed.second().await;
    assert_eq!((staffed.first.leaving(), staffed.place.restarts()), (Some(Leaving::Replaced), 0));
    assert!(!staffed.first.gone.is_cancelled());
    drop(call);
    gone(&staffed.first).await;
    // To retire who has left already is to retire nobody.
    let second = staffed.second().await;
    staffed.place.retire(&staffed.first, Retire::AtOnce);
    assert!(Arc::ptr_eq(&second, &staffed.place.worker().unwrap()));
    staffed.stop().await;
}

#[tokio::test]
async fn a_worker_whose_successor_does_not_come_up_goes_on_until_one_does() {
    let staffed = staffed().await;
    write(staffed.folder.path(), "raise SystemError");
    staffed.place.retire(&staffed.first, Retire::WhenReady(Reason::Age));
    assert!(matches!(start(&staffed.place).await, Err(StartError::Failed(_))));
    assert!(Arc::ptr_eq(&staffed.first, &staffed.place.worker().unwrap()));
    write(staffed.folder.path(), "def function(): pass");
    staffed.second().await;
    gone(&staffed.first).await;
    staffed.stop().await;
}

#[tokio::test]
async fn a_successor_that_does_not_fit_the_seats_does_not_serve() {
    let staffed = staffed().await;
    write(staffed.folder.path(), "async def function(): pass");
    let error = start(&staffed.place).await.unwrap_err().to_string();
    assert!(error.contains("1 calls at once where the one before served 2"), "{error}");
    staffed.stop().await;
}

#[tokio::test]
async fn a_worker_that_was_started_before_another_came_is_out_of_date() {
    let staffed = staffed().await;
    let outdated = Opening { reason: None, crashed_after: None, arrivals: 0 };
    staffed.place.retire(&staffed.first, Retire::WhenReady(Reason::Age));
    let second = staffed.second().await;
    let process = start(&staffed.place).await.unwrap();
    fill(&staffed.place, process, &outdated);
    assert!(Arc::ptr_eq(&second, &staffed.place.worker().unwrap()));
    staffed.stop().await;
}

#[tokio::test]
async fn stopping_ends_the_worker_that_left_and_the_one_that_came() {
    let staffed = staffed().await;
    let call = staffed.first.hold();
    staffed.place.retire(&staffed.first, Retire::AtOnce);
    let (first, second) = (Arc::clone(&staffed.first), staffed.second().await);
    staffed.stop().await;
    assert!(first.gone.is_cancelled() && second.gone.is_cancelled());
    drop(call);
}

#[tokio::test]
async fn a_call_whose_seat_was_granted_as_the_worker_left_is_served_by_the_next_one() {
    let staffed = staffed().await;
    let granted = Dispatcher::builder("square").limit(1).build().unwrap();
    let attempt = granted.call(Call::new("1"), |attempt| async move { Ok(attempt) }).await.unwrap();
    staffed.place.retire(&staffed.first, Retire::AtOnce);
    let mut seat = Seat::new(Arc::clone(&staffed.place), 0, attempt);
    let served_by = timeout(PATIENCE, seat.worker()).await.unwrap();
    assert!(Arc::ptr_eq(&served_by, &staffed.second().await));
    // It is held there, as if it had been found at once.
    staffed.place.retire(&served_by, Retire::AtOnce);
    gone(&staffed.first).await;
    assert!(!served_by.gone.is_cancelled());
    drop(seat);
    gone(&served_by).await;
    staffed.stop().await;
}
