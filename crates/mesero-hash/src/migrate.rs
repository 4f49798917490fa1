//! The migration of a table from plaintext to hashes: a report first, then passes over the table, then a summary.

pub(crate) mod conclude;
pub(crate) mod messages;
pub(crate) mod pass;
pub(crate) mod pause_file;
pub(crate) mod preflight;
pub(crate) mod progress;
pub(crate) mod session;
pub(crate) mod stop_signals;
pub(crate) mod summary;
pub(crate) mod table_scan;
pub(crate) mod tally;
pub(crate) mod throttle;
pub(crate) mod workers;

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use mesero::Rate;
use mesero_terminal::exit::Exit;
use tokio::time::Instant;

use self::conclude::{MigrationEnd, conclude};
use self::pass::{PassRunner, PassSettings};
use self::preflight::Preflight;
use self::session::{HashSession, SessionError};
use self::summary::HashSummary;
use self::workers::HashWorkers;
use crate::args::HashArgs;
use crate::database::contract::ScrubMode;
use crate::database::residue::Residue;
use crate::error::HashRunError;
use crate::rows::counts::ClassCounts;

/// Hashes the table in passes, removes old values, and prints the summary.
///
/// If dropped, hashes in progress are discarded, and a transaction in progress is committed or rolled
/// back as a whole.
///
/// # Errors
/// If there is not enough memory for the workers, or the summary cannot be formatted.
pub(crate) async fn run(
    args: &HashArgs,
    preflight: &Preflight,
    mut session: HashSession<'_>,
) -> Result<Exit, HashRunError> {
    let threads = preflight.speed.threads;
    let rate = args.throttle.max_rows_per_s.and_then(rate);
    let workers = HashWorkers::new(&preflight.recipe, threads, rate).map_err(HashRunError::of)?;
    session.messages.progress.start("hashing", preflight.to_hash);
    let began = Instant::now();
    let settings = PassSettings {
        policy: preflight.policy,
        batch: usize::from(args.throttle.batch.get()),
        pause_file: args.throttle.pause_file.clone(),
    };
    let mut runner = PassRunner::new(&mut session, &workers, settings);
    let mut passes = CompletedPasses::default();
    let mut end =
        MigrationEnd::of(run_passes(&mut runner, args.throttle.passes, &mut passes).await);
    let counts = runner.tally.finish();
    let duration = began.elapsed();
    workers.dispatcher.stop();
    let mode = if args.report.vacuum { ScrubMode::Rewrite } else { ScrubMode::InPlace };
    let mut residues = Vec::new();
    let is_complete = matches!(end, MigrationEnd::Done | MigrationEnd::MaxPasses(_));
    if is_complete && (counts.hashed > 0 || args.report.vacuum) {
        match session.with_retries(async |database| database.scrub(mode).await).await {
            Ok(found) => residues = found,
            Err(error) => end = MigrationEnd::of(Err(error)),
        }
    } else if counts.hashed > 0 {
        residues.push(Residue::remaining(
            "free pages, logs and copies contain old values: nothing was removed, since the run did \
             not complete",
        ));
    }
    workers.dispatcher.idle().await;
    session.messages.progress.end();
    let summary = HashSummary {
        table: &preflight.table,
        recipe: &preflight.recipe,
        counts,
        final_classes: passes.classes,
        passes: passes.count,
        threads: threads.get(),
        duration,
        stats: workers.dispatcher.stats(),
        residues,
    };
    conclude(args, &summary, end, &mut session.messages)
}

/// The complete passes so far.
#[derive(Debug, Default)]
struct CompletedPasses {
    count: u64,
    /// Classes of all rows, as the last pass read them.
    classes: Option<ClassCounts>,
}

/// Runs passes until one finds no plaintext, or a signal arrives, at most `max`; `passes` counts the
/// complete ones.
///
/// If dropped, a transaction in progress takes full effect or none.
async fn run_passes(
    runner: &mut PassRunner<'_, '_>,
    max: NonZeroU16,
    passes: &mut CompletedPasses,
) -> Result<MigrationEnd, SessionError> {
    runner.session.with_retries(async |database| database.prepare_writes().await).await?;
    loop {
        let result = runner.pass().await?;
        passes.count += 1;
        if let Some(signal) = runner.session.stop.last() {
            return Ok(MigrationEnd::Signal(signal));
        }
        passes.classes = Some(result.classes);
        if result.to_hash == 0 {
            return Ok(MigrationEnd::Done);
        }
        if passes.count >= u64::from(max.get()) {
            return Ok(MigrationEnd::MaxPasses(result.to_hash));
        }
    }
}

/// A rate without bursts, also after a pause: a burst would delay the application.
fn rate(rows: NonZeroU32) -> Option<Rate> {
    Some(Rate::new(rows, Duration::from_secs(1))?.burst(NonZeroU32::MIN))
}
