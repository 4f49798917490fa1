//! `mesero hash`: replaces the plaintext passwords of a table by hashes, in place and while the table is in use.

#![forbid(unsafe_code)]

use std::time::Duration;

use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::units::{plural, plural_form};

mod argon2;
mod args;
mod database;
mod error;
mod hardening;
mod migrate;
mod rows;
mod secret;
mod settings;

use self::argon2::calibrate::{self, HashSpeed};
use self::argon2::capacity::HashCapacity;
use self::argon2::hasher::{HashError, HashRecipe};
use self::argon2::verifier;
pub use self::args::HashArgs;
use self::database::contract::OpenTable;
pub use self::error::HashRunError;
use self::migrate::messages::RunMessages;
use self::migrate::preflight::{self, Preflight};
use self::migrate::progress::RowProgress;
use self::migrate::session::{HashSession, SessionError};
use self::migrate::stop_signals::StopSignals;
use self::rows::row_policy::RowPolicy;

/// Hashes all plaintext of a table, and prints a summary.
///
/// If dropped, the run ends as if the process were killed: each row has its old value or its hash.
///
/// # Errors
/// If the run cannot start; nothing is written then.
pub async fn run(args: HashArgs, output: &mut Output) -> Result<Exit, HashRunError> {
    let mut stop =
        StopSignals::listen().map_err(|error| HashRunError(format!("start: {error}")))?;
    hardening::harden_process()
        .map_err(|error| HashRunError(format!("keep passwords out of core dumps: {error}")))?;
    let preparing = async {
        let recipe = settings::build_recipe(&args.cost).await.map_err(HashRunError::of)?;
        verifier::cross_check(&recipe).map_err(HashRunError::of)?;
        let open =
            database::open(&args.location(), &args.selection()).await.map_err(HashRunError::of)?;
        Ok((recipe, open))
    };
    let (recipe, OpenTable { table, database }) = tokio::select! {
        prepared = preparing => prepared?,
        signal = stop.next() => return Ok(signal.exit()),
    };
    let messages = RunMessages { progress: RowProgress::new(args.report.quiet), output };
    let mut session = HashSession { database, stop, messages };
    let policy = RowPolicy { ambiguous: args.ambiguous, verify: args.report.verify };

    let found = match preflight::classify_table(&mut session, &policy, table.rows).await {
        Ok(found) => found,
        Err(SessionError::Stopped(signal)) => return Ok(signal.exit()),
        Err(error) => return Err(HashRunError::of(error)),
    };
    let speed = tokio::select! {
        speed = choose_threads(&args, &recipe, found.to_hash) => speed.map_err(HashRunError::of)?,
        signal = session.stop.next() => return Ok(signal.exit()),
    };
    let preflight =
        Preflight { table, recipe, policy, classes: found.classes, to_hash: found.to_hash, speed };
    match report(&preflight, &args, session.messages.output)? {
        Some(exit) => Ok(exit),
        None => migrate::run(&args, &preflight, session).await,
    }
}

/// Prints the report; returns the exit code if nothing is to be written.
fn report(
    preflight: &Preflight,
    args: &HashArgs,
    output: &mut Output,
) -> Result<Option<Exit>, HashRunError> {
    let text = preflight.report();
    if args.dry_run {
        output.line(&text).map_err(|error| HashRunError(format!("write the report: {error}")))?;
    } else if !args.report.quiet {
        output.say(&text);
    }
    let blockers = preflight.blockers();
    for blocker in &blockers {
        output.say(&format!("mesero: nothing was written: {blocker}"));
    }
    if !blockers.is_empty() {
        return Ok(Some(Exit::Unusable));
    }
    let ambiguous = preflight.classes.ambiguous();
    if ambiguous > 0 && args.ambiguous.is_none() {
        output.say(&format!(
            "mesero: nothing was written: {} may be plaintext or {}; choose a treatment by \
             `--ambiguous plaintext`, `skip` or `wrap`",
            plural(ambiguous, "value", "values"),
            plural_form(ambiguous, "a hash", "hashes"),
        ));
        return Ok(Some(Exit::Halted));
    }
    if preflight.classes.rows() == 0 {
        output.say("mesero: nothing to do: the table has no rows");
        return Ok(Some(Exit::NothingToDo));
    }
    Ok(args.dry_run.then_some(Exit::Fine))
}

/// Chooses the number of threads, and measures their speed. If dropped, measuring threads end by
/// themselves.
async fn choose_threads(
    args: &HashArgs,
    recipe: &HashRecipe,
    to_hash: u64,
) -> Result<HashSpeed, HashError> {
    /// Minimum duration of hashing for which a search for the best number of threads pays off.
    const WORTH_SEARCHING: Duration = Duration::from_secs(10);
    if let Some(workers) = args.throttle.workers {
        return calibrate::measure_speed(recipe, workers.into()).await;
    }
    let max = HashCapacity::here(recipe.cost).threads;
    let all = calibrate::measure_speed(recipe, max).await?;
    let time = to_hash as f64 / all.hashes_per_second.max(1e-9);
    if max.get() == 1 || time < WORTH_SEARCHING.as_secs_f64() {
        return Ok(all);
    }
    calibrate::fastest_thread_count(recipe, max).await
}
