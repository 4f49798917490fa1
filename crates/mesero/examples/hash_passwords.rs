//! Many passwords, each of which takes a processor for some milliseconds and 19 MiB: a bounded pool over an iterator.
//!
//! Usage: `hash_passwords [PASSWORDS [THREADS]]`, by default 40 with a thread for each usable processor. On stdout a hash
//! for each password as it is done, on stderr how fast it was. How the number of threads was chosen:
//!
//! ```sh
//! for threads in 1 2 4 8; do hash_passwords 200 $threads > /dev/null; done     # where does it end to get faster?
//! time (hash_passwords 100 1 & hash_passwords 100 1 & wait) > /dev/null        # processes, instead of threads
//! ```
//!
//! One thread for each processor: more only take turns, and each needs 19 MiB that compete for the same memory bus, so on
//! a machine of many cores fewer may do as much. Processes are no faster than threads: nothing here is shared that could
//! be waited for, no lock and no interpreter.

use std::io::{Write, stderr, stdout};

use argon2::{Argon2, PasswordHasher};
use mesero::{Attempt, Blocking, Dispatcher, Failure};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse());
    let passwords = numbers.next().unwrap_or(Ok(40))?;
    // By the affinity and the quota of this process, and not by what the machine has.
    let processors = std::thread::available_parallelism()?.get();
    let threads = numbers.next().unwrap_or(Ok(processors))?;

    let pool = Blocking::new("hash");
    let hashing = Dispatcher::builder("hash").limit(threads).build()?;
    let work =
        move |password: String, attempt: Attempt| pool.run(&attempt, move || hash(&password));
    let began = Instant::now();
    // An iterator: a million passwords are no more memory than the few that are in work.
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
