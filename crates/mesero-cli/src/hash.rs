//! `mesero hash`: a table's plaintext passwords become hashes, in place and while it is used.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use mesero::Rate;
use tokio::time::Instant;

use crate::exit::Exit;
use crate::output::Output;
use crate::shutdown::Signals;

mod args;
mod calibrate;
mod classify;
mod cost;
mod counts;
mod database;
mod desk;
mod hasher;
mod hygiene;
mod judge;
mod key;
mod pace;
mod pass;
mod phc;
mod preflight;
mod progress;
mod room;
mod secret;
mod settings;
mod sqlite;
mod summary;
mod verifier;
mod workers;

pub(crate) use args::HashArgs;
use calibrate::Speed;
use database::{DatabaseError, ErrorKind, Location, Opened, Trace, Wanted};
use desk::{Desk, Unable};
use hasher::Recipe;
use judge::Rules;
use pace::{Pace, PauseFile};
use pass::Passes;
use preflight::Preflight;
use progress::Progress;
use room::Room;
use summary::Summary;
use workers::Workers;

/// Hashes all plaintext of a table, and says how it went.
///
/// # Errors
/// If it could not begin: nothing was written then.
pub(crate) async fn run(args: HashArgs, output: &mut Output) -> Result<Exit, HashRunError> {
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
        None => go(&args, (&recipe, rules), &preflight, desk).await,
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
            "mesero: nothing was written: {ambiguous} values may be plaintext or hashes; say which by \
             `--ambiguous plaintext`, `skip` or `wrap`"
        ));
        return Ok(Some(Exit::Halted));
    }
    if preflight.classes.rows() == 0 {
        output.say("mesero: there was nothing to do: the table has no row");
        return Ok(Some(Exit::NothingToDo));
    }
    Ok(args.dry_run.then_some(Exit::Fine))
}

/// Writes: passes over the table until one finds nothing.
async fn go(
    args: &HashArgs,
    (recipe, rules): (&Arc<Recipe>, Rules),
    preflight: &Preflight,
    mut desk: Desk<'_>,
) -> Result<Exit, HashRunError> {
    let threads = preflight.speed.threads;
    let rate = args.pace.max_rows_per_s.map(rate);
    let workers = Workers::new(recipe, threads, rate.flatten()).map_err(HashRunError::of)?;
    desk.progress.begin("hashing", preflight.orders);
    let began = Instant::now();
    let mut passes = Passes {
        desk: &mut desk,
        workers: &workers,
        rules,
        batch: usize::from(args.pace.batch.get()),
        pace: Pace::default(),
        pause: PauseFile::new(args.pace.pause_file.clone()),
        counts: Default::default(),
        orders: 0,
        told: 0,
    };
    let (mut number, mut now, mut traces) = (0, None, Vec::new());
    let ended = match passes.desk.ask(async |database| database.begin().await).await {
        Ok(()) => passes.all(args.pace.passes, (&mut number, &mut now)).await,
        Err(unable) => Err(unable),
    };
    passes.counts.give_up();
    let counts = passes.counts;
    let took = began.elapsed();
    workers.dispatcher.stop();
    let mut ending = Ending::of(ended);
    let is_whole = matches!(ending, Ending::Done | Ending::Passes(_));
    if is_whole && (counts.hashed > 0 || args.check.vacuum) {
        match desk.ask(async |database| database.wipe(args.check.vacuum).await).await {
            Ok(found) => traces = found,
            Err(unable) => ending = Ending::of(Err(unable)),
        }
    } else if counts.hashed > 0 {
        let text = "old values in free pages, logs and copies: nothing was wiped, since the run did not end by itself";
        traces.push(Trace { cleaned: false, text: text.to_owned() });
    }
    workers.dispatcher.idle().await;
    desk.progress.end();
    let summary = Summary {
        table: &preflight.table,
        recipe,
        counts,
        now,
        passes: number,
        threads: threads.get(),
        took,
        stats: workers.dispatcher.stats(),
        traces,
    };
    conclude(args, &summary, (ending, &mut desk))
}

impl Passes<'_, '_> {
    /// Passes until one finds nothing, gets nowhere, or is stopped.
    async fn all(
        &mut self,
        most: std::num::NonZeroU16,
        (number, now): (&mut u64, &mut Option<counts::Classes>),
    ) -> Result<Ending, Unable> {
        loop {
            let before = self.counts;
            let seen = self.pass(*number == 0).await?;
            *number += 1;
            if let Some(signal) = self.desk.heard {
                return Ok(Ending::Signal(signal));
            }
            let found = seen.orders;
            *now = Some(seen.classes);
            if found == 0 {
                return Ok(Ending::Done);
            }
            // Each of them failed, and would again.
            if self.counts.failed - before.failed == found {
                return Ok(Ending::Done);
            }
            if *number >= u64::from(most.get()) {
                return Ok(Ending::Passes(found));
            }
        }
    }
}

/// How the passes ended.
#[derive(Debug)]
enum Ending {
    /// A pass found nothing that could be hashed.
    Done,
    /// The last that was allowed still found so many.
    Passes(u64),
    Signal(crate::shutdown::Signal),
    Unable(Unable),
}

impl Ending {
    fn of(ended: Result<Ending, Unable>) -> Self {
        match ended {
            Ok(ending) => ending,
            Err(Unable::Stopped(signal)) => Ending::Signal(signal),
            Err(unable) => Ending::Unable(unable),
        }
    }
}

fn conclude(
    args: &HashArgs,
    summary: &Summary<'_>,
    (ending, desk): (Ending, &mut Desk<'_>),
) -> Result<Exit, HashRunError> {
    if args.check.json {
        let json = summary.json().map_err(HashRunError::of)?;
        if let Err(error) = desk.output.line(&json) {
            desk.say(&format!("failed to write the summary: {error}"));
        }
    }
    if !args.check.quiet {
        desk.output.say(&summary.text());
    }
    for law in [summary.counts.check(), summary.stats.check()] {
        if let Err(law) = law {
            desk.say(&format!("the counts do not balance, which is a mistake in mesero: {law}"));
        }
    }
    let left = summary.now.as_ref().map_or(0, |now| now.ambiguous());
    Ok(match ending {
        Ending::Signal(signal) => {
            desk.say("to go on, give the same command again: what is hashed stays as it is");
            signal.exit()
        }
        Ending::Unable(unable) => {
            desk.say(&format!("stopped: failed to {unable}"));
            desk.say("every row is as it was, or hashed; to go on, give the same command again");
            Exit::SomeFailed
        }
        Ending::Passes(found) => {
            desk.say(&format!(
                "{found} rows had new plaintext in the last pass: the application still writes it; have it write \
                 hashes, and run the same command again"
            ));
            Exit::SomeFailed
        }
        Ending::Done if summary.counts.failed > 0 => Exit::SomeFailed,
        Ending::Done if left > 0 && args.ambiguous.is_none() => {
            desk.say(&format!("{left} values came meanwhile that may be plaintext or hashes"));
            Exit::SomeFailed
        }
        Ending::Done => Exit::Fine,
    })
}

/// Opens the kind of database that was named.
async fn open(location: &Location, wanted: &Wanted) -> Result<Opened, DatabaseError> {
    let usage = |text| Err(DatabaseError { kind: ErrorKind::Usage, text });
    match (location.database.split_once("://"), &location.password_file) {
        (None, None) => sqlite::open(location, wanted).await,
        (None, Some(_)) => {
            usage("use `--password-file`: an SQLite file has no password".to_owned())
        }
        (Some((scheme, _)), _) => usage(format!(
            "open a database of the kind `{scheme}`: wanted the path of an SQLite file"
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

/// One at a time, however long nothing was begun: a burst would be what is to be avoided.
fn rate(rows: NonZeroU32) -> Option<Rate> {
    Some(Rate::new(rows, Duration::from_secs(1))?.burst(NonZeroU32::MIN))
}

/// Why nothing was written; reads on after "failed to".
#[derive(Debug)]
pub(crate) struct HashRunError(String);

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

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unable::Database(error) => error.fmt(f),
            Unable::Stopped(signal) => signal.fmt(f),
            Unable::Wrong(why) => write!(f, "trust what was done: {why}"),
        }
    }
}
