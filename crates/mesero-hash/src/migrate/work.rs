//! The work itself: passes over the table until one finds nothing, and what was left behind is wiped.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use mesero::Rate;
use mesero_terminal::exit::Exit;
use tokio::time::Instant;

use crate::argon2::hasher::HashRecipe;
use crate::args::HashArgs;
use crate::database::contract::ScrubMode;
use crate::database::residue::Residue;
use crate::error::HashRunError;
use crate::migrate::conclude::{MigrationEnd, conclude};
use crate::migrate::pass::Passes;
use crate::migrate::preflight::Preflight;
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::summary::HashSummary;
use crate::migrate::workers::HashWorkers;
use crate::rows::counts::ClassCounts;
use crate::rows::row_policy::RowPolicy;

/// Writes: passes over the table until one finds nothing.
pub(crate) async fn go(
    args: &HashArgs,
    (recipe, policy): (&Arc<HashRecipe>, RowPolicy),
    preflight: &Preflight,
    mut session: HashSession<'_>,
) -> Result<Exit, HashRunError> {
    let threads = preflight.speed.threads;
    let rate = args.throttle.max_rows_per_s.map(rate);
    let workers = HashWorkers::new(recipe, threads, rate.flatten()).map_err(HashRunError::of)?;
    session.progress.begin("hashing", preflight.jobs);
    let began = Instant::now();
    let mut passes = Passes::new((&mut session, &workers), args, policy);
    let (mut number, mut now, mut residues) = (0, None, Vec::new());
    let ended = match passes.session.with_retries(async |database| database.begin().await).await {
        Ok(()) => passes.all(args.throttle.passes, (&mut number, &mut now)).await,
        Err(unable) => Err(unable),
    };
    passes.counts.close();
    let counts = passes.counts;
    let took = began.elapsed();
    workers.dispatcher.stop();
    let mut ending = MigrationEnd::of(ended);
    let mode = if args.report.vacuum { ScrubMode::Rewrite } else { ScrubMode::InPlace };
    let is_whole = matches!(ending, MigrationEnd::Done | MigrationEnd::Passes(_));
    if is_whole && (counts.hashed > 0 || args.report.vacuum) {
        match session.with_retries(async |database| database.scrub(mode).await).await {
            Ok(found) => residues = found,
            Err(unable) => ending = MigrationEnd::of(Err(unable)),
        }
    } else if counts.hashed > 0 {
        let text = "old values in free pages, logs and copies: nothing was wiped, since the run did not end by itself";
        residues.push(Residue { is_removed: false, text: text.to_owned() });
    }
    workers.dispatcher.idle().await;
    session.progress.end();
    let summary = HashSummary {
        table: &preflight.table,
        recipe,
        counts,
        now,
        passes: number,
        threads: threads.get(),
        took,
        stats: workers.dispatcher.stats(),
        residues,
    };
    conclude(args, &summary, (ending, &mut session))
}

impl Passes<'_, '_> {
    /// Passes until one finds nothing, or is stopped.
    async fn all(
        &mut self,
        most: NonZeroU16,
        (number, now): (&mut u64, &mut Option<ClassCounts>),
    ) -> Result<MigrationEnd, SessionError> {
        loop {
            let seen = self.pass(*number == 0).await?;
            *number += 1;
            if let Some(signal) = self.session.last_signal {
                return Ok(MigrationEnd::Signal(signal));
            }
            let found = seen.jobs;
            *now = Some(seen.classes);
            if found == 0 {
                return Ok(MigrationEnd::Done);
            }
            if *number >= u64::from(most.get()) {
                return Ok(MigrationEnd::Passes(found));
            }
        }
    }
}

/// One at a time, however long nothing was begun: a burst would be what is to be avoided.
fn rate(rows: NonZeroU32) -> Option<Rate> {
    Some(Rate::new(rows, Duration::from_secs(1))?.burst(NonZeroU32::MIN))
}
