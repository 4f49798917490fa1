//! The work itself: passes over the table until one finds nothing, and what was left behind is wiped.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use mesero::Rate;
use mesero_terminal::exit::Exit;
use tokio::time::Instant;

use crate::argon2::hasher::Recipe;
use crate::args::HashArgs;
use crate::database::contract::Trace;
use crate::error::HashRunError;
use crate::migrate::conclude::{Ending, conclude};
use crate::migrate::pass::Passes;
use crate::migrate::preflight::Preflight;
use crate::migrate::session::{Desk, Unable};
use crate::migrate::summary::Summary;
use crate::migrate::workers::Workers;
use crate::rows::counts::Classes;
use crate::rows::row_policy::Rules;

/// Writes: passes over the table until one finds nothing.
pub(crate) async fn go(
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
    let mut passes = Passes::new((&mut desk, &workers), args, rules);
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
    /// Passes until one finds nothing, or is stopped.
    async fn all(
        &mut self,
        most: NonZeroU16,
        (number, now): (&mut u64, &mut Option<Classes>),
    ) -> Result<Ending, Unable> {
        loop {
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
            if *number >= u64::from(most.get()) {
                return Ok(Ending::Passes(found));
            }
        }
    }
}

/// One at a time, however long nothing was begun: a burst would be what is to be avoided.
fn rate(rows: NonZeroU32) -> Option<Rate> {
    Some(Rate::new(rows, Duration::from_secs(1))?.burst(NonZeroU32::MIN))
}
