//! The conclusion of a run: its summary, what its journal can be used for, and the exit code.

use std::io;

use mesero::Stats;
use mesero_terminal::exit::Exit;
use mesero_terminal::units::plural;

use super::stop::StopReason;
use crate::journal::{Journal, JournalMode, Unclaimed};
use crate::output::console::Console;
use crate::output::status::ItemStatus;
use crate::output::summary::RunSummary;

/// A run that has ended.
pub(super) struct Conclusion<'a> {
    pub(super) summary: &'a RunSummary,
    pub(super) stats: Stats,
    /// Items taken from the input.
    pub(super) taken: u64,
    /// Items of the journal that the input did not contain, if it was read to its end.
    pub(super) unclaimed: Option<Unclaimed>,
    pub(super) journal: Option<&'a Journal>,
    pub(super) stop_reason: Option<StopReason>,
}

impl Conclusion<'_> {
    /// Prints the conclusion, and returns the exit code. A quiet run prints only errors.
    pub(super) fn print(self, console: &mut Console<'_>, is_quiet: bool) -> Exit {
        if !is_quiet && self.taken > 0 {
            console.print(&self.summary.text(self.taken, &self.stats));
        }
        if let Err(law) = self.stats.check() {
            console.message(&format!("the counts do not balance, which is a bug in mesero: {law}"));
        }
        if !is_quiet {
            for hint in self.journal_hints() {
                console.message(&hint);
            }
        }
        let counts = &self.summary.counts;
        match self.stop_reason {
            Some(StopReason::Signal(signal)) => signal.exit(),
            Some(StopReason::Halted) => Exit::Halted,
            Some(StopReason::ReadFailed) => Exit::SomeFailed,
            Some(StopReason::WriteFailed(destination, error)) => {
                let name = destination.name();
                if error.kind() == io::ErrorKind::BrokenPipe {
                    console.message(&format!("stopped: the reader of {name} has closed the pipe"));
                } else {
                    console.message(&format!("stopped: failed to write {name}: {error}"));
                }
                Exit::SomeFailed
            }
            None if self.taken == 0 => {
                console.message("nothing to do: the input has no items");
                Exit::NothingToDo
            }
            None if counts.failed() > 0 || counts.done() < self.taken => Exit::SomeFailed,
            None => Exit::Fine,
        }
    }

    /// The next steps with the journal.
    fn journal_hints(&self) -> Vec<String> {
        let Some(journal) = self.journal else { return Vec::new() };
        let (path, mode) = (journal.path.display(), journal.mode);
        let counts = &self.summary.counts;
        let mut hints = Vec::new();
        if let Some(Unclaimed { finished, unknown }) = self.unclaimed
            && finished + unknown > 0
        {
            hints.push(format!(
                "items of the journal that are not in the input: {}",
                finished + unknown
            ));
        }
        let unknown = counts.of(ItemStatus::Unknown);
        if unknown > 0 {
            let items = plural(unknown, "item", "items");
            hints.push(format!(
                "{items} with an unknown result: running when an earlier run was killed; if running an item twice does \
                 no harm, add `--idempotent`"
            ));
        }
        let failed = counts.failed() - unknown - counts.of(ItemStatus::BadInput);
        if self.stop_reason.is_some() || counts.done() < self.taken {
            hints.push(match mode {
                JournalMode::New => format!(
                    "to continue, repeat the command with `--resume {path}` instead of `--journal {path}`"
                ),
                JournalMode::Resume | JournalMode::RetryFailed => {
                    "to continue, repeat the command".to_owned()
                }
            });
        } else if failed > 0 {
            hints.push(match mode {
                JournalMode::RetryFailed => {
                    "to run the failed items again, repeat the command".to_owned()
                }
                JournalMode::New | JournalMode::Resume => format!(
                    "to run the failed items again, repeat the command with `--retry-failed {path}` and without the \
                     input"
                ),
            });
        }
        hints
    }
}
