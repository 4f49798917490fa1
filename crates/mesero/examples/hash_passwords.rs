//! Many passwords, each of which takes a processor for some milliseconds and 19 MiB: a bounded pool over an iterator.
//!
//! Usage: `hash_passwords [PASSWORDS [THREADS]]`, by default 40 with a thread for each usable
//! processor. Prints each hash on stdout as it completes, and the rate on stderr. The number of
//! threads was chosen by:
//!
//! ```sh
//! for threads in 1 2 4 8; do hash_passwords 200 $threads > /dev/null; done     # where does the rate stop rising?
//! time (hash_passwords 100 1 & hash_passwords 100 1 & wait) > /dev/null        # processes instead of threads
//! ```
//!
//! One thread for each processor: more threads only alternate, and each needs 19 MiB that compete
//! for the same memory bus, so on a machine of many cores fewer may suffice. Processes are no
//! faster than threads: the threads share no lock and no interpreter.

use std::io::{Write, stderr, stdout};

use argon2::{Argon2, PasswordHasher};
use mesero::{Attempt, Blocking, Dispatcher, Failure};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse());
    let passwords = numbers.next().unwrap_or(Ok(40))?;
    // From the affinity and the quota of this process, not from the machine's size.
    let processors = std::thread::available_parallelism()?.get();
    let threads = numbers.next().unwrap_or(Ok(processors))?;

    let pool = Blocking::new("hash");
    let hashing = Dispatcher::builder("hash").limit(threads).build()?;
    let work =
        move |password: String, attempt: Attempt| pool.run(&attempt, move || hash(&password));
    let began = Instant::now();
    // An iterator: a million passwords take no more memory than those in flight.
    let inputs = (0..passwords).map(|number| format!("password {number}"));
    let mut answers = hashing.call_all(inputs, work);
    while let Some(answer) = answers.next().await {
        writeln!(stdout(), "{} {}", answer.index, answer.result?)?;
    }
    let rate = passwords as f64 / began.elapsed().as_secs_f64();
    writeln!(stderr(), "threads {threads}: {rate:.1} hashes a second")?;
    Ok(())
}

/// Argon2id with m=19456,t=2,p=1 and a salt from the system.
fn hash(password: &str) -> Result<String, Failure> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Failure::raised(error.to_string()))
}
