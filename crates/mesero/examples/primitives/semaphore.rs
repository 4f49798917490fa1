//! A connection pool: five queries of a second, two connections.
//!
//! Takes 3 s: two queries, two queries, one. A permit is a value, and its drop is the release, so a
//! permit is never released twice or forgotten: the mistake that `BoundedSemaphore` catches does
//! not compile here.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AcquireError> {
    run().await
}

pub(crate) async fn run() -> Result<(), AcquireError> {
    let start = Instant::now();
    let pool = Pool { free: Semaphore::new(2), idle: Mutex::new(["blue", "red"].into()) };
    let queries = (1..=5).map(async |number| {
        let connection = pool.connection().await?;
        sleep(Duration::from_secs(1)).await;
        println!("query {number} on {} after {} s", connection.name, start.elapsed().as_secs());
        Ok(())
    });
    join_all(queries).await.into_iter().collect()
}

struct Pool {
    free: Semaphore,
    idle: Mutex<VecDeque<&'static str>>,
}

impl Pool {
    async fn connection(&self) -> Result<Connection<'_>, AcquireError> {
        let permit = self.free.acquire().await?;
        // There is one, because there are as many permits as connections.
        let name = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Ok(Connection { name: name.unwrap_or_default(), pool: self, _permit: permit })
    }
}

struct Connection<'a> {
    name: &'static str,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Drop for Connection<'_> {
    /// The permit is a field, so it is released after this.
    fn drop(&mut self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.name);
    }
}
