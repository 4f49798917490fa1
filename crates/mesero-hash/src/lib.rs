//! `mesero hash`: a table's plaintext passwords become hashes, in place and while it is used.

#![forbid(unsafe_code)]

use std::num::NonZeroUsize;
use std::time::Duration;

use mesero_terminal::counted::{counted, form};
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

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
use self::migrate::preflight::{self, Preflight};
use self::migrate::progress::RowProgress;
use self::migrate::session::{HashSession, SessionError};
use self::migrate::work;
use self::rows::row_policy::RowPolicy;

/// Hashes all plaintext of a table, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was written then.
pub async fn run(args: HashArgs, output: &mut Output) -> Result<Exit, HashRunError> {
    let mut signals = Signals::listen().map_err(|error| HashRunError(format!("begin: {error}")))?;
    hardening::harden_process()
        .map_err(|error| HashRunError(format!("keep passwords out of core dumps: {error}")))?;
    let prepared = async {
        let recipe = settings::recipe(&args.cost).await.map_err(HashRunError::of)?;
        verifier::cross_check(&recipe).map_err(HashRunError::of)?;
        let opened =
            database::open(&args.location(), &args.wanted()).await.map_err(HashRunError::of)?;
        Ok((recipe, opened))
    };
    let (recipe, OpenTable { table, database }) = tokio::select! {
        prepared = prepared => prepared?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let progress = RowProgress::new(args.report.quiet);
    let mut session = HashSession { database, signals, last_signal: None, progress, output };
    let policy = RowPolicy { ambiguous: args.ambiguous, verify: args.report.verify };

    let (classes, jobs) = match preflight::classify_table(&mut session, &policy, table.rows).await {
        Ok(found) => found,
        Err(SessionError::Stopped(signal)) => return Ok(signal.exit()),
        Err(unable) => return Err(HashRunError(unable.to_string())),
    };
    let speed = tokio::select! {
        speed = speed(&args, &recipe, jobs) => speed.map_err(HashRunError::of)?,
        signal = session.signals.next() => return Ok(signal.exit()),
    };
    let preflight = Preflight { table, classes, jobs, speed };
    match report_preflight(&preflight, (&args, &recipe, &policy), session.output)? {
        Some(exit) => Ok(exit),
        None => work::go(&args, (&recipe, policy), &preflight, session).await,
    }
}

/// Says what was found; and how mesero ends, if nothing is to be written.
fn report_preflight(
    preflight: &Preflight,
    (args, recipe, policy): (&HashArgs, &HashRecipe, &RowPolicy),
    output: &mut Output,
) -> Result<Option<Exit>, HashRunError> {
    let text = preflight.text(recipe, policy);
    if args.dry_run {
        output.line(&text).map_err(|error| HashRunError(format!("write the report: {error}")))?;
    } else if !args.report.quiet {
        output.say(&text);
    }
    let blockers = preflight.blockers(recipe, policy);
    for stop in &blockers {
        output.say(&format!("mesero: nothing was written: {stop}"));
    }
    if !blockers.is_empty() {
        return Ok(Some(Exit::Unusable));
    }
    let ambiguous = preflight.classes.ambiguous();
    if ambiguous > 0 && args.ambiguous.is_none() {
        output.say(&format!(
            "mesero: nothing was written: {} may be plaintext or {}; say which by \
             `--ambiguous plaintext`, `skip` or `wrap`",
            counted(ambiguous, "value", "values"),
            form(ambiguous, "a hash", "hashes"),
        ));
        return Ok(Some(Exit::Halted));
    }
    if preflight.classes.rows() == 0 {
        output.say("mesero: there was nothing to do: the table has no row");
        return Ok(Some(Exit::NothingToDo));
    }
    Ok(args.dry_run.then_some(Exit::Fine))
}

/// With how many threads it hashes, and how fast that is.
async fn speed(args: &HashArgs, recipe: &HashRecipe, jobs: u64) -> Result<HashSpeed, HashError> {
    /// Below this, finding out takes longer than what it could win.
    const WORTH: Duration = Duration::from_secs(10);
    if let Some(workers) = args.throttle.workers {
        return calibrate::measure(recipe, workers.into()).await;
    }
    let most: NonZeroUsize = HashCapacity::here(recipe.cost).threads;
    let all = calibrate::measure(recipe, most).await?;
    let time = jobs as f64 / all.hashes_per_second.max(1e-9);
    if most.get() == 1 || time < WORTH.as_secs_f64() {
        return Ok(all);
    }
    calibrate::fastest_thread_count(recipe, most).await
}
