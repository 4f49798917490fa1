//! The hazard: a blocking call inside `async` stops everything on its thread. And the two remedies.
//!
//! A guest orders a coffee, which takes 0.1 s, during a second's laundry. Takes 3.1 s: in the first
//! evening the waiter washes by hand and the coffee comes last; in the second a thread washes, in
//! the third a machine that can be awaited.
#![expect(clippy::print_stdout, reason = "it is a program to look at")]

use std::time::Duration;

use mesero::{Blocking, Call, Dispatcher};
use tokio::join;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    evening("by hand", async { wash() }).await;

    let laundry = Dispatcher::builder("laundry").limit(1).build()?;
    let threads = Blocking::new("laundry");
    let work = move |attempt| threads.run(&attempt, || Ok(wash()));
    evening("by a thread", laundry.call(Call::unkeyed(), work)).await;

    evening("by a machine", sleep(SECOND)).await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it blocks its thread on purpose")]
fn wash() -> &'static str {
    std::thread::sleep(SECOND);
    "clean shirts"
}

async fn evening(how: &str, laundry: impl Future) {
    let start = Instant::now();
    let laundry = async {
        laundry.await;
        println!("{how}: laundry after {:.1} s", start.elapsed().as_secs_f64());
    };
    let coffee = async {
        sleep(SECOND / 10).await;
        println!("{how}: coffee after {:.1} s", start.elapsed().as_secs_f64());
    };
    join!(laundry, coffee);
}
