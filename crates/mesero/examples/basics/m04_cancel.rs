//! Two tasks that would sleep for an hour are canceled, and both clean up.
//!
//! Takes 2 s. There is no `CancelledError` to catch: an aborted task is dropped at its `await`, and
//! its values with it, so `Drop` cleans up. `drop` cannot await; a task whose clean-up takes time
//! is not aborted: a token requests its end.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let start = Instant::now();
    let closing = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let aborted = tasks.spawn(aborted());
    tasks.spawn(asked(closing.clone()));

    sleep(SECOND).await;
    aborted.abort();
    closing.cancel();
    while let Some(end) = tasks.join_next().await {
        let end =
            if end.is_err_and(|error| error.is_cancelled()) { "canceled" } else { "returned" };
        println!("{end} after {} s", start.elapsed().as_secs());
    }
}

async fn aborted() {
    let _table = Table;
    sleep(HOUR).await;
}

struct Table;

impl Drop for Table {
    fn drop(&mut self) {
        println!("the table is cleared");
    }
}

async fn asked(closing: CancellationToken) {
    if closing.run_until_cancelled(sleep(HOUR)).await.is_none() {
        sleep(SECOND).await;
        println!("the bill is paid");
    }
}
