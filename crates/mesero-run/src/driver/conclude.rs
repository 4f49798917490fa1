//! What is said when a run is over, and how mesero ends.

use std::io;

use mesero_terminal::counted::counted;
use mesero_terminal::exit::Exit;

use crate::driver::{Driver, Ending};
use crate::journal::Purpose;
use crate::output::record::Status;

impl Driver<'_> {
    /// Says how it went.
    pub(crate) fn exit(&mut self, quiet: bool) -> Exit {
        let stats = self.service.dispatcher.stats();
        let taken = self.intake.taken();
        if !quiet && taken > 0 {
            self.output.say(&self.summary.text(taken, &stats));
        }
        if let Err(law) = stats.check() {
            self.output.say(&format!(
                "mesero: the counts do not balance, which is a mistake in mesero: {law}"
            ));
        }
        if !quiet {
            self.outlook(taken);
        }
        let counts = &self.summary.counts;
        match self.ending.take() {
            Some(Ending::Signal(signal)) => signal.exit(),
            Some(Ending::Halted) => Exit::Halted,
            Some(Ending::Unread) => Exit::SomeFailed,
            Some(Ending::Unwritten(what, error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.output.say(&format!("mesero: stopped: nobody reads {what} any more"));
                Exit::SomeFailed
            }
            Some(Ending::Unwritten(what, error)) => {
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
    fn outlook(&mut self, taken: u64) {
        let Some(keeping) = &self.keeping else { return };
        let (path, purpose) = (keeping.journal.path.display(), keeping.journal.purpose);
        let counts = &self.summary.counts;
        let mut lines = Vec::new();
        if let Some((done, unknown)) = self.intake.missing()
            && done + unknown > 0
        {
            lines.push(format!(
                "items of the journal that are not in the input: {}",
                done + unknown
            ));
        }
        let unknown = counts.of(Status::Unknown);
        if unknown > 0 {
            let items = counted(unknown, "item", "items");
            lines.push(format!(
                "{items} had begun when an earlier run was cut off, and what came of that is unknown; if running an \
                 item twice does no harm, add `--idempotent`"
            ));
        }
        let failed = counts.failed() - unknown - counts.of(Status::BadInput);
        if self.ending.is_some() || counts.done() < taken {
            lines.push(match purpose {
                Purpose::Begin => {
                    format!("to go on, give the same command with `--resume {path}` instead of `--journal {path}`")
                }
                Purpose::Resume | Purpose::Retry => "to go on, give the same command again".to_owned(),
            });
        } else if failed > 0 {
            lines.push(match purpose {
                Purpose::Retry => "to try again what failed, give the same command again".to_owned(),
                Purpose::Begin | Purpose::Resume => format!(
                    "to try again what failed, give the same command with `--retry-failed {path}` and without the input"
                ),
            });
        }
        for line in lines {
            self.output.say(&format!("mesero: {line}"));
        }
    }
}
