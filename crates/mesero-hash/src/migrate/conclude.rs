//! The end of a run: its last messages and its exit code.

use mesero_terminal::exit::Exit;
use mesero_terminal::signals::Signal;
use mesero_terminal::units::{plural, plural_form};

use crate::args::HashArgs;
use crate::error::HashRunError;
use crate::migrate::messages::RunMessages;
use crate::migrate::session::SessionError;
use crate::migrate::summary::HashSummary;

/// The reason why the passes ended.
#[derive(Debug)]
pub(crate) enum MigrationEnd {
    /// A pass found no row to hash.
    Done,
    /// The last permitted pass still found this many rows to hash.
    MaxPasses(u64),
    Signal(Signal),
    Failed(SessionError),
}

impl MigrationEnd {
    pub(crate) fn of(result: Result<MigrationEnd, SessionError>) -> Self {
        match result {
            Ok(end) => end,
            Err(SessionError::Stopped(signal)) => MigrationEnd::Signal(signal),
            Err(error) => MigrationEnd::Failed(error),
        }
    }
}

/// Prints the summary and the last messages, and returns the exit code.
///
/// # Errors
/// If the summary cannot be formatted.
pub(crate) fn conclude(
    args: &HashArgs,
    summary: &HashSummary<'_>,
    end: MigrationEnd,
    messages: &mut RunMessages<'_>,
) -> Result<Exit, HashRunError> {
    if args.report.json {
        let json = summary.json().map_err(HashRunError::of)?;
        if let Err(error) = messages.output.line(&json) {
            messages.print(&format!("failed to write the summary: {error}"));
        }
    }
    if !args.report.quiet {
        messages.output.say(&summary.text());
    }
    for law in [summary.counts.check(), summary.stats.check()] {
        if let Err(law) = law {
            messages.print(&format!("the counts do not balance, which is a bug in mesero: {law}"));
        }
    }
    let ambiguous = summary.final_classes.as_ref().map_or(0, |classes| classes.ambiguous());
    Ok(match end {
        MigrationEnd::Signal(signal) => {
            messages
                .print("to continue, run the same command again: hashed rows are left unchanged");
            signal.exit()
        }
        MigrationEnd::Failed(error) => {
            messages.print(&format!("stopped: failed to {error}"));
            messages.print(
                "every row has its old value or its hash; to continue, run the same command again",
            );
            Exit::SomeFailed
        }
        MigrationEnd::MaxPasses(found) => {
            messages.print(&format!(
                "the last pass found new plaintext in {}: the application still writes it; change it to write \
                 hashes, then run the same command again",
                plural(found, "row", "rows"),
            ));
            Exit::SomeFailed
        }
        MigrationEnd::Done if summary.counts.failed > 0 => Exit::SomeFailed,
        MigrationEnd::Done if ambiguous > 0 && args.ambiguous.is_none() => {
            messages.print(&format!(
                "during the run, {} appeared that may be plaintext or {}",
                plural(ambiguous, "value", "values"),
                plural_form(ambiguous, "a hash", "hashes"),
            ));
            Exit::SomeFailed
        }
        MigrationEnd::Done => Exit::Fine,
    })
}
