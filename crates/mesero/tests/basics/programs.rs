//! The programs that only await, as modules: a test runs them on its own runtime, with time paused.

#![expect(dead_code, reason = "their `main` does not run here")]

#[path = "../../examples/primitives/barrier.rs"]
pub(crate) mod barrier;
#[path = "../../examples/primitives/condition.rs"]
pub(crate) mod condition;
#[path = "../../examples/primitives/event.rs"]
pub(crate) mod event;
#[path = "../../examples/basics/m01_async.rs"]
pub(crate) mod m01_async;
#[path = "../../examples/basics/m02_say_after.rs"]
pub(crate) mod m02_say_after;
#[path = "../../examples/basics/m03_say_after_task.rs"]
pub(crate) mod m03_say_after_task;
#[path = "../../examples/basics/m04_cancel.rs"]
pub(crate) mod m04_cancel;
#[path = "../../examples/basics/m07_scopes.rs"]
pub(crate) mod m07_scopes;
#[path = "../../examples/basics/m08_gather_or_as_completed.rs"]
pub(crate) mod m08_gather_or_as_completed;
#[path = "../../examples/basics/m09_exceptions.rs"]
pub(crate) mod m09_exceptions;
#[path = "../../examples/basics/m11_timeouts.rs"]
pub(crate) mod m11_timeouts;
#[path = "../../examples/basics/m12_futures_and_correlation.rs"]
pub(crate) mod m12_futures_and_correlation;
#[path = "../../examples/basics/m14_single_flight.rs"]
pub(crate) mod m14_single_flight;
#[path = "../../examples/primitives/semaphore.rs"]
pub(crate) mod semaphore;
