//! The API of the three programs: 10 to 200 ms a request, ten at a time, and one request in ten
//! fails the first time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesero::{Failure, FailureKind};
use tokio::sync::Semaphore;

/// Cheap to clone; all clones are one API.
#[derive(Clone)]
pub(crate) struct Api {
    permits: Arc<Semaphore>,
    seen: Arc<Mutex<HashSet<u64>>>,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(10)), seen: Arc::default() }
    }

    /// One request.
    pub(crate) async fn square(&self, number: u64) -> Result<u64, Failure> {
        let Ok(_permit) = self.permits.try_acquire() else {
            return Err(Failure::new(FailureKind::Overloaded, "too many concurrent requests"));
        };
        // Spread between its bounds in no order.
        tokio::time::sleep(Duration::from_millis(10 + number * 7919 % 190)).await;
        let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        if number.is_multiple_of(10) && is_new {
            return Err(Failure::lost("try again"));
        }
        Ok(number * number)
    }
}
