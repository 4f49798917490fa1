//! What is said when a run is over, and how mesero ends.

use std::io;

use mesero_terminal::counted::counted;
use mesero_terminal::exit::Exit;

use crate::driver::{Driver, StopReason};
use crate::journal::JournalMode;
use crate::output::record::ItemStatus;

impl Driver<'_> {
    /// Says how it went.
    pub(crate) fn exit(&mut self, quiet: bool) -> Exit {
        let stats = self.service.dispatcher.stats();
        let taken = self.scheduler.items_taken();
        if !quiet && taken > 0 {
            self.output.say(&self.summary.text(taken, &stats));
        }
        if let Err(law) = stats.check() {
            self.output.say(&format!(
                "mesero: the counts do not balance, which is a mistake in mesero: {law}"
            ));
        }
        if !quiet {
            self.journal_hints(taken);
        }
        let counts = &self.summary.counts;
        match self.stop_reason.take() {
            Some(StopReason::Signal(signal)) => signal.exit(),
            Some(StopReason::Halted) => Exit::Halted,
            Some(StopReason::Unread) => Exit::SomeFailed,
            Some(StopReason::Unwritten(what, error))
                if error.kind() == io::ErrorKind::BrokenPipe =>
            {
                self.output.say(&format!("mesero: stopped: nobody reads {what} any more"));
                Exit::SomeFailed
            }
            Some(StopReason::Unwritten(what, error)) => {
                self.output.say(&format!("mesero: stopped: failed to write {what}: {error}"));
                Exit::SomeFailed
            }
            None if taken == 0 => {
                self.output.say("mesero: there was nothing to do: the input has no item");
                Exit::NothingToDo
            }
            None if counts.failed() > 0 || counts.done() < taken => Exit::SomeFailed,
            None => Exit::Fine,
        }
    }

    /// Says what the journal is good for now.
    fn journal_hints(&mut self, taken: u64) {
        let Some(pending_commits) = &self.pending_commits else { return };
        let (path, mode) = (pending_commits.journal.path.display(), pending_commits.journal.mode);
        let counts = &self.summary.counts;
        let mut lines = Vec::new();
        if let Some((done, unknown)) = self.scheduler.absent_from_input()
            && done + unknown > 0
        {
            lines.push(format!(
                "items of the journal that are not in the input: {}",
                done + unknown
            ));
        }
        let unknown = counts.of(ItemStatus::Unknown);
        if unknown > 0 {
            let items = counted(unknown, "item", "items");
            lines.push(format!(
                "{items} had begun when an earlier run was cut off, and what came of that is unknown; if running an \
                 item twice does no harm, add `--idempotent`"
            ));
        }
        let failed = counts.failed() - unknown - counts.of(ItemStatus::BadInput);
        if self.stop_reason.is_some() || counts.done() < taken {
            lines.push(match mode {
                JournalMode::New => {
                    format!("to go on, give the same command with `--resume {path}` instead of `--journal {path}`")
                }
                JournalMode::Resume | JournalMode::RetryFailed => "to go on, give the same command again".to_owned(),
            });
        } else if failed > 0 {
            lines.push(match mode {
                JournalMode::RetryFailed => "to try again what failed, give the same command again".to_owned(),
                JournalMode::New | JournalMode::Resume => format!(
                    "to try again what failed, give the same command with `--retry-failed {path}` and without the input"
                ),
            });
        }
        for line in lines {
            self.output.say(&format!("mesero: {line}"));
        }
    }
}
