//! `mesero run`: items in, one record for each, printed when the item has finished.

#![forbid(unsafe_code)]

use std::sync::Arc;

use mesero_process::spawner::Spawner;
use mesero_services::assemble;
use mesero_target::{Target, TargetError};
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use mesero_terminal::signals::Signals;

mod args;
mod control_server;
mod driver;
mod error;
mod input;
mod journal;
mod output;
mod scheduler;
mod setup;

pub use args::RunArgs;
use control_server::ControlServer;
pub use error::RunError;
use input::feed::Feed;
use journal::{JournalMode, OpenedJournal, Replay};
use scheduler::halt_gate::SlotWaker;
use setup::{Outputs, ReadyRun, RunParts};

/// Runs all items, prints the conclusion, and returns the exit code.
///
/// Dropping the future leaves the calls in flight, as clients that disconnect do. Results in the journal are on disk,
/// results that were not printed are lost.
///
/// # Errors
/// If the run cannot start: then nothing was called.
pub async fn run(args: RunArgs, output: &mut Output) -> Result<Exit, RunError> {
    let mut signals = Signals::listen().map_err(RunError::Io)?;
    let (target, resource) = Target::read(&args.target_options()).map_err(RunError::Target)?;
    if args.wait_for_target && target.has_server_per_item() {
        let target = args.words.first().cloned().unwrap_or_default();
        return Err(RunError::Target(TargetError::ServerPerItem { target }));
    }

    let (journal, mut replay) = match setup::open_journal(&args, &target)? {
        None => (None, Replay::default()),
        Some(OpenedJournal { journal, replay, config_changed }) => {
            if config_changed {
                output.say(
                    "mesero: the target's configuration has changed since the journal was created: finished items are \
                     kept, the others run with the new configuration",
                );
            }
            (Some(Arc::new(journal)), replay)
        }
    };
    let source = match &journal {
        Some(journal) if journal.mode == JournalMode::RetryFailed => {
            let failed = std::mem::take(&mut replay).failed();
            if failed.is_empty() {
                output.say("mesero: nothing to do: no item of the journal has failed");
                return Ok(Exit::Fine);
            }
            setup::failed_items(journal, failed)
        }
        _ => args.source(),
    };
    let names = target.names();
    let feed = tokio::select! {
        feed = Feed::open(source, &names) => feed.map_err(RunError::Input)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let outputs = Outputs::open(&args)?;

    let spawner = Spawner::start().map_err(RunError::Io)?;
    let slot_waker = args.policies.halt.map(|_| SlotWaker::default());
    let observer = setup::observer(slot_waker.as_ref());
    let service = tokio::select! {
        service = assemble::service(&resource, &spawner, observer) => service.map_err(RunError::Assemble)?,
        signal = signals.next() => return Ok(signal.exit()),
    };
    let control = match args.policies.control.as_deref() {
        Some(address) => Some(ControlServer::start(address, &service, output).await?),
        None => None,
    };

    let (target, deadline) = (Arc::new(target), resource.policy.deadline);
    let args = &args;
    let parts = RunParts { args, target, deadline, journal, replay, feed, outputs, slot_waker };
    let ReadyRun { mut driver, answers } = parts.connect(&service, output)?;
    driver.run(answers, &mut signals).await;
    let exit = driver.conclude(args.out.quiet);

    if !matches!(exit, Exit::Interrupted | Exit::Terminated) {
        tokio::select! {
            () = service.resource.stop() => {}
            // Workers that have not stopped end with this process.
            signal = signals.next() => return Ok(signal.exit()),
        }
    }
    if let Some(control) = control {
        control.stop().await;
    }
    Ok(exit)
}
