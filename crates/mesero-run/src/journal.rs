//! The journal of a run: starts and results of items, on disk before they count, so that a run can be resumed.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mesero_target::item::ItemInput;
use rustix::fs::{FlockOperation, flock};

use crate::input::item::{BadInput, BadInputScope, EntryResult, InputEntry, Item};
use crate::output::record::ItemRecord;

mod committer;
mod error;
mod line;
mod replay;

use committer::Committer;
pub(crate) use error::JournalError;
use error::JournalErrorKind;
use line::{FinishLine, JournalLine, StartLine};
pub(crate) use line::{JournalHeader, JournaledResult};
use replay::ReplayedJournal;
pub(crate) use replay::{EarlierOutcome, Replay, Unclaimed};

/// An open journal, locked against other runs until it is dropped.
///
/// Dropping it still writes every line that was added, by its own thread.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) mode: JournalMode,
    file: Arc<File>,
    committer: Committer,
    /// Items with a start in the journal and no result, by their index.
    started: Mutex<HashMap<u64, StartedBy>>,
}

/// The run that wrote an item's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartedBy {
    ThisRun,
    EarlierRun,
}

/// The purpose for which a journal is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JournalMode {
    New,
    Resume,
    /// Runs the failed items again.
    RetryFailed,
}

/// A journal that was opened, and its contents.
#[derive(Debug)]
pub(crate) struct OpenedJournal {
    pub(crate) journal: Journal,
    pub(crate) replay: Replay,
    /// Whether the target's configuration differs from that of the run that created the journal.
    pub(crate) config_changed: bool,
}

impl Journal {
    /// Opens a journal and locks it against other runs.
    ///
    /// # Errors
    /// If it cannot be written, or belongs to another run.
    pub(crate) fn open(
        path: &Path,
        header: &JournalHeader,
        mode: JournalMode,
    ) -> Result<OpenedJournal, JournalError> {
        let error = |kind| JournalError { path: path.to_owned(), kind };
        let io = |failure| error(JournalErrorKind::Io(failure));
        let is_new = mode == JournalMode::New;
        let mut options = OpenOptions::new();
        // Only the owner may read it: it contains inputs and results.
        options.read(true).append(true).create(is_new).mode(0o600);
        let file = options.open(path).map_err(|failure| match failure.kind() {
            io::ErrorKind::NotFound if !is_new => error(JournalErrorKind::Missing),
            _ => io(failure),
        })?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(error(JournalErrorKind::NotRegularFile));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|failure| {
            if failure == rustix::io::Errno::WOULDBLOCK {
                error(JournalErrorKind::Locked)
            } else {
                io(failure.into())
            }
        })?;
        let length = file.metadata().map_err(io)?.len();
        let file = Arc::new(file);
        let (replay, config_changed, end) = if length > 0 && is_new {
            return Err(error(JournalErrorKind::AlreadyExists));
        } else if length > 0 {
            let replayed = Replay::read(&*file, length).map_err(error)?;
            replayed.header.check_matches(header).map_err(error)?;
            if replayed.end < length {
                file.set_len(replayed.end).map_err(io)?;
            }
            let ReplayedJournal { header: journaled, replay, end } = replayed;
            (replay, journaled.config != header.config, end)
        } else {
            // Also an empty file, of a run that was killed before it wrote the header.
            (Replay::default(), false, write_header(&file, path, header).map_err(io)?)
        };
        let journal = Self {
            path: path.to_owned(),
            mode,
            committer: Committer::start(Arc::clone(&file), end).map_err(io)?,
            file,
            started: Mutex::default(),
        };
        Ok(OpenedJournal { journal, replay, config_changed })
    }

    /// Records the start of an item, and waits until it is on disk. Returns whether this was the item's first attempt.
    ///
    /// Dropping the future retracts the start: the item has not run.
    ///
    /// # Errors
    /// If the start cannot be recorded, so that the item must not run.
    pub(crate) async fn record_start(&self, item: &Item) -> Result<bool, Arc<io::Error>> {
        let end = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            if started.contains_key(&item.index) {
                return Ok(false);
            }
            started.insert(item.index, StartedBy::ThisRun);
            self.append(&JournalLine::Started(self.start_line(item)))
        };
        let mut uncommitted = UncommittedStart { journal: self, item: Some(item) };
        self.committer.synced(end.unwrap_or(u64::MAX)).await?;
        uncommitted.item = None;
        Ok(true)
    }

    /// Records that an item has not run although its start was recorded.
    pub(crate) fn retract_start(&self, item: &Item) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.get(&item.index) == Some(&StartedBy::ThisRun) {
            started.remove(&item.index);
            // If the journal can no longer be written, the run has ended with that error.
            let _ = self.append(&JournalLine::Released(self.start_line(item)));
        }
    }

    /// Adopts an item that runs again and whose start an earlier run recorded.
    pub(crate) fn adopt_start(&self, index: u64) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.insert(index, StartedBy::EarlierRun);
    }

    /// Records the result of an item. Returns the end of its line, to wait for with [`synced`](Self::synced); none if
    /// the journal can no longer be written.
    pub(crate) fn record_finish(&self, record: &ItemRecord) -> Option<u64> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let never_started = started.remove(&record.item.index).is_none();
        let finish = FinishLine::of(record, never_started).ok()?;
        // Under the same lock, so that no start of the same item is written in between.
        self.append(&JournalLine::Finished(Box::new(finish)))
    }

    fn append(&self, line: &JournalLine<'_>) -> Option<u64> {
        self.committer.append(&line::to_line(line).ok()?)
    }

    fn start_line<'a>(&self, item: &'a Item) -> StartLine<'a> {
        StartLine { id: item.id.as_str().into(), again: self.mode == JournalMode::RetryFailed }
    }

    /// Reads the result in the line at this byte.
    ///
    /// # Errors
    /// If the line has none; a fragment that follows "failed to".
    pub(crate) fn read_result(&self, offset: u64) -> Result<JournaledResult, String> {
        let error =
            |why| format!("{why}, in the journal `{}` at byte {offset}", self.path.display());
        let mut line = vec![0; 4096];
        let mut filled = 0;
        loop {
            let free = line.get_mut(filled..).unwrap_or_default();
            let read = self.file.read_at(free, offset + filled as u64);
            let read = read.map_err(|failure| error(format!("read a result: {failure}")))?;
            let fresh = line.get(filled..filled + read).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', fresh) {
                line.truncate(filled + end);
                return FinishLine::read(&String::from_utf8_lossy(&line)).map_err(error);
            }
            if read == 0 {
                return Err(error("read a result: its line is incomplete".to_owned()));
            }
            filled += read;
            if filled == line.len() {
                line.resize(4 * filled, 0);
            }
        }
    }

    /// Reads the input of the result in the line at this byte.
    pub(crate) fn read_input(&self, offset: u64) -> EntryResult {
        let input = self.read_result(offset).and_then(|result| {
            ItemInput::of_json(&result.input).map_err(|error| format!("read an input: {error}"))
        });
        let bad = |why| BadInput {
            line: None,
            text: String::new(),
            why: format!("failed to {why}"),
            scope: BadInputScope::RestOfInput,
        };
        input.map(|input| InputEntry { line: None, input }).map_err(bad)
    }

    /// Waits until the journal is on disk up to `end`, and returns how far it is. Dropping the future has no effect.
    ///
    /// # Errors
    /// If writing or syncing failed before `end`.
    pub(crate) async fn synced(&self, end: u64) -> Result<u64, Arc<io::Error>> {
        self.committer.synced(end).await
    }

    /// Waits until every line that was added is on disk. Dropping the future has no effect: the lines are still
    /// written.
    ///
    /// # Errors
    /// If writing or syncing failed.
    pub(crate) async fn flush(&self) -> Result<(), Arc<io::Error>> {
        self.committer.synced(self.committer.end()).await.map(|_| ())
    }
}

/// A start that is not on disk yet. Dropping it with an item retracts the start.
struct UncommittedStart<'a> {
    journal: &'a Journal,
    item: Option<&'a Item>,
}

impl Drop for UncommittedStart<'_> {
    fn drop(&mut self) {
        if let Some(item) = self.item {
            self.journal.retract_start(item);
        }
    }
}

/// Writes and syncs the first line, and returns its end.
fn write_header(mut file: &File, path: &Path, header: &JournalHeader) -> io::Result<u64> {
    use std::io::Write;
    let line = line::to_line(header)?;
    file.write_all(&line)?;
    file.sync_all()?;
    // The folder too, so that the file's name survives a crash.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(line.len() as u64)
}
