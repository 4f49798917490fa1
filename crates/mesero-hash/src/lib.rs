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

use self::argon2::calibrate::{self, Speed};
use self::argon2::capacity::Room;
use self::argon2::hasher::{HashError, Recipe};
use self::argon2::verifier;
pub use self::args::HashArgs;
use self::database::contract::Opened;
pub use self::error::HashRunError;
use self::migrate::preflight::{self, Preflight};
use self::migrate::progress::Progress;
use self::migrate::session::{Desk, Unable};
use self::migrate::work;
use self::rows::row_policy::Rules;

/// Hashes all plaintext of a table, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was written then.
pub async fn run(args: HashArgs, output: &mut Output) -> Result<Exit, HashRunError> {
    let mut signals = Signals::listen().map_err(|error| HashRunError(format!("begin: {error}")))?;
    hardening::keep_to_ourselves()
        .map_err(|error| HashRunError(format!("keep passwords out of core dumps: {error}")))?;
    let prepared = async {
        let recipe = settings::recipe(&args.cost).await.map_err(HashRunError::of)?;
        verifier::cross_check(&recipe).map_err(HashRunError::of)?;
        let opened =
            database::open(&args.location(), &args.wanted()).await.map_err(HashRunError::of)?;
        Ok((recipe, opened))
    };
    let (recipe, Opened { table, database }) = tokio::select! {
        prepared = prepared => prepared?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let progress = Progress::new(args.check.quiet);
    let mut desk = Desk { database, signals, heard: None, progress, output };
    let rules = Rules { ambiguous: args.ambiguous, verify: args.check.verify };

    let (classes, orders) = match preflight::survey(&mut desk, &rules, table.rows).await {
        Ok(found) => found,
        Err(Unable::Stopped(signal)) => return Ok(signal.exit()),
        Err(unable) => return Err(HashRunError(unable.to_string())),
    };
    let speed = tokio::select! {
        speed = speed(&args, &recipe, orders) => speed.map_err(HashRunError::of)?,
        signal = desk.signals.next() => return Ok(signal.exit()),
    };
    let preflight = Preflight { table, classes, orders, speed };
    match judged(&preflight, (&args, &recipe, &rules), desk.output)? {
        Some(exit) => Ok(exit),
        None => work::go(&args, (&recipe, rules), &preflight, desk).await,
    }
}

/// Says what was found; and how mesero ends, if nothing is to be written.
fn judged(
    preflight: &Preflight,
    (args, recipe, rules): (&HashArgs, &Recipe, &Rules),
    output: &mut Output,
) -> Result<Option<Exit>, HashRunError> {
    let text = preflight.text(recipe, rules);
    if args.dry_run {
        output.line(&text).map_err(|error| HashRunError(format!("write the report: {error}")))?;
    } else if !args.check.quiet {
        output.say(&text);
    }
    let stops = preflight.stops(recipe, rules);
    for stop in &stops {
        output.say(&format!("mesero: nothing was written: {stop}"));
    }
    if !stops.is_empty() {
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
async fn speed(args: &HashArgs, recipe: &Recipe, orders: u64) -> Result<Speed, HashError> {
    /// Below this, finding out takes longer than what it could win.
    const WORTH: Duration = Duration::from_secs(10);
    if let Some(workers) = args.pace.workers {
        return calibrate::measure(recipe, workers.into()).await;
    }
    let most: NonZeroUsize = Room::here(recipe.cost).threads;
    let all = calibrate::measure(recipe, most).await?;
    let time = orders as f64 / all.hashes_a_second.max(1e-9);
    if most.get() == 1 || time < WORTH.as_secs_f64() {
        return Ok(all);
    }
    calibrate::knee(recipe, most).await
}
