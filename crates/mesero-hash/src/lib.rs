//! `mesero hash`: a table's plaintext passwords become hashes, in place and while it is used.

#![forbid(unsafe_code)]

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use mesero_terminal::counted::{counted, form};
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

mod args;
mod calibrate;
mod classify;
mod conclude;
mod cost;
mod counts;
mod database;
mod desk;
mod hasher;
mod hygiene;
mod judge;
mod key;
mod mysql;
mod pace;
mod page;
mod pass;
mod phc;
mod postgres;
mod preflight;
mod progress;
mod room;
mod secret;
mod server;
mod settings;
mod sqlite;
mod summary;
mod verifier;
mod work;
mod workers;

pub use args::HashArgs;
use calibrate::Speed;
use database::{DatabaseError, ErrorKind, Location, Opened, Wanted};
use desk::{Desk, Unable};
use hasher::Recipe;
use judge::Rules;
use preflight::Preflight;
use progress::Progress;
use room::Room;

/// Hashes all plaintext of a table, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was written then.
pub async fn run(args: HashArgs, output: &mut Output) -> Result<Exit, HashRunError> {
    let mut signals = Signals::listen().map_err(|error| HashRunError(format!("begin: {error}")))?;
    hygiene::keep_to_ourselves()
        .map_err(|error| HashRunError(format!("keep passwords out of core dumps: {error}")))?;
    let prepared = async {
        let recipe = settings::recipe(&args.cost).await.map_err(HashRunError::of)?;
        verifier::cross_check(&recipe).map_err(HashRunError::of)?;
        let opened = open(&args.location(), &args.wanted()).await.map_err(HashRunError::of)?;
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

/// Opens the kind of database that was named.
async fn open(location: &Location, wanted: &Wanted) -> Result<Opened, DatabaseError> {
    let usage = |text| Err(DatabaseError { kind: ErrorKind::Usage, text });
    match (location.database.split_once("://"), &location.password_file) {
        (None, None) => sqlite::open(location, wanted).await,
        (None, Some(_)) => {
            usage("use `--password-file`: an SQLite file has no password".to_owned())
        }
        (Some(("postgres" | "postgresql", _)), _) => postgres::open(location, wanted).await,
        (Some(("mysql" | "mariadb", _)), _) => mysql::open(location, wanted).await,
        (Some((scheme, _)), _) => usage(format!(
            "open a database of the kind `{scheme}`: wanted the path of an SQLite file, or a URL that \
             begins with `postgres:`, `mysql:` or `mariadb:`"
        )),
    }
}

/// With how many threads it hashes, and how fast that is.
async fn speed(args: &HashArgs, recipe: &Recipe, orders: u64) -> Result<Speed, hasher::HashError> {
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

/// Why nothing was written; reads on after "failed to".
#[derive(Debug)]
pub struct HashRunError(String);

impl HashRunError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for HashRunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
