//! The hazard of async: a handler that blocks stops all tasks on its thread. And the remedy.
//!
//! Two calls at once, on one thread. Where the handler blocks, both callers wait for both calls,
//! and the observer reports which job blocked and for how long; on threads of their own, both run
//! at once.
//!
//! Usage: `blocking_handler [MILLISECONDS]`, the duration of the slow function, by default 1000.

use std::io::Write;
use std::time::Duration;

use mesero::{Attempt, Blocking, Call, Dispatcher, Error, Event, Fact, Failure};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let time = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let time = Duration::from_millis(time);
    let slow = Dispatcher::builder("slow").limit(2).observer(report).build()?;

    two_calls("blocking", &slow, move |_attempt| async move { slow_function(time) }).await?;
    let pool = Blocking::new("slow");
    let on_threads = move |attempt: Attempt| pool.run(&attempt, move || slow_function(time));
    two_calls("in threads", &slow, on_threads).await?;
    Ok(())
}

/// Makes two calls at once, and prints when each is answered.
async fn two_calls<W, F>(how: &str, slow: &Dispatcher<()>, handler: W) -> Result<(), Error>
where
    W: FnMut(Attempt) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let start = Instant::now();
    let call = async || {
        slow.call(Call::unkeyed(), handler.clone()).await?;
        print(&format!("{how}, answered after"), start.elapsed());
        Ok(())
    };
    tokio::try_join!(call(), call()).map(|_| ())
}

/// The slow function.
#[expect(clippy::disallowed_methods, reason = "it blocks on purpose")]
fn slow_function(time: Duration) -> Result<(), Failure> {
    std::thread::sleep(time);
    Ok(())
}

fn report(event: &Event) {
    if let Fact::AttemptBlocked { job, held, .. } = &event.fact {
        print(&format!("job {} has blocked its thread", job.id), *held);
    }
}

/// A closed standard output does not stop the program.
fn print(what: &str, time: Duration) {
    let _ = writeln!(std::io::stdout(), "{what}: {} ms", time.as_millis());
}
