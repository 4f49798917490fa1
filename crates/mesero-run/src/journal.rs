//! The journal of a run: what began and what ended, on disk before it counts, so that a run can be gone on with.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::input::Item;
use crate::output::record::ItemRecord;

mod committer;
mod line;
mod pending_commits;
mod replay;

use committer::Committer;
use line::{FinishLine, JournalLine, StartLine, VERSION};
pub(crate) use line::{JournalHeader, JournaledResult};
pub(crate) use pending_commits::PendingCommits;
pub(crate) use replay::{EarlierOutcome, Replay};
use replay::{ReplayError, ReplayedJournal};

/// A journal that is open, and locked against other runs.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: Arc<File>,
    committer: Committer,
    /// Items whose start is in the journal, by their place in the input.
    started: Mutex<HashMap<u64, StartedBy>>,
    pub(crate) mode: JournalMode,
}

/// Since when an item's start is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartedBy {
    ThisRun,
    /// An earlier run wrote it.
    EarlierRun,
}

/// What a journal is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JournalMode {
    /// It is a new one.
    New,
    /// Its run goes on.
    Resume,
    /// The items that failed are run again.
    RetryFailed,
}

/// A journal that was opened, and what it says.
#[derive(Debug)]
pub(crate) struct OpenedJournal {
    pub(crate) journal: Journal,
    pub(crate) replay: Replay,
    /// Whether something else is configured than when it began.
    pub(crate) config_changed: bool,
}

impl JournalHeader {
    pub(crate) fn new(target: String, id_field: String, config: String) -> Self {
        Self { mesero_journal: VERSION, target, id_field, config }
    }
}

impl Journal {
    /// Opens a journal: from now on no other run can.
    ///
    /// # Errors
    /// If it cannot be written, or is not that of this run.
    pub(crate) fn open(
        path: &Path,
        header: &JournalHeader,
        mode: JournalMode,
    ) -> Result<OpenedJournal, JournalError> {
        let named = |kind| JournalError { path: path.to_owned(), kind };
        let io = |error| named(JournalErrorKind::Io(error));
        let is_new = mode == JournalMode::New;
        let mut options = OpenOptions::new();
        // It holds inputs and results, which are nobody else's business.
        options.read(true).append(true).create(is_new).mode(0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !is_new => named(JournalErrorKind::Missing),
            _ => io(error),
        })?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(named(JournalErrorKind::NotRegularFile));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            match error == rustix::io::Errno::WOULDBLOCK {
                true => named(JournalErrorKind::Locked),
                false => io(error.into()),
            }
        })?;
        let length = file.metadata().map_err(io)?.len();
        let file = Arc::new(file);
        let (replay, config_changed, end) = if length > 0 && is_new {
            return Err(named(JournalErrorKind::AlreadyExists));
        } else if length > 0 {
            let replayed = Replay::read(&*file, length).map_err(|error| named(error.into()))?;
            replayed.header.check_matches(header).map_err(named)?;
            if replayed.end < length {
                file.set_len(replayed.end).map_err(io)?;
            }
            let ReplayedJournal { header: journaled, replay, end } = replayed;
            (replay, journaled.config != header.config, end)
        } else {
            // Also where a run was cut off before it wrote anything.
            (Replay::default(), false, write_header(&file, path, header).map_err(io)?)
        };
        let journal = Self {
            path: path.to_owned(),
            committer: Committer::start(Arc::clone(&file), end).map_err(io)?,
            file,
            started: Mutex::default(),
            mode,
        };
        Ok(OpenedJournal { journal, replay, config_changed })
    }

    /// Notes that an attempt is about to begin, and waits until that is on disk; true if it is the item's first.
    ///
    /// Who drops the future has begun nothing, and the journal says so.
    ///
    /// # Errors
    /// If it cannot be noted, so that nothing may begin.
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

    /// Notes that an item did not begin after all.
    pub(crate) fn retract_start(&self, item: &Item) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.get(&item.index) == Some(&StartedBy::ThisRun) {
            started.remove(&item.index);
            // If the journal cannot be written any more, everything has ended anyway.
            let _ = self.append(&JournalLine::Released(self.start_line(item)));
        }
    }

    /// An item that began in an earlier run is run again: its start is in the journal.
    pub(crate) fn adopt_start(&self, index: u64) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.insert(index, StartedBy::EarlierRun);
    }

    /// Notes how an item ended, and says when that is on disk; none if it never will be.
    fn record_finish(&self, record: &ItemRecord) -> Option<u64> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let never_started = started.remove(&record.item.index).is_none();
        let finish = FinishLine::of(record, never_started).ok()?;
        // Under the same lock, so that no start of the same item comes in between.
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
    /// If there is none; reads on after "failed to".
    pub(crate) fn read_result(&self, at: u64) -> Result<JournaledResult, String> {
        let named = |kind| format!("{kind}, in the journal `{}` at byte {at}", self.path.display());
        let mut line = vec![0; 4096];
        let mut filled = 0;
        loop {
            let room = line.get_mut(filled..).unwrap_or_default();
            let read = self.file.read_at(room, at + filled as u64);
            let read = read.map_err(|error| named(format!("read a result: {error}")))?;
            let fresh = line.get(filled..filled + read).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', fresh) {
                line.truncate(filled + end);
                return FinishLine::read(&String::from_utf8_lossy(&line)).map_err(named);
            }
            if read == 0 {
                return Err(named("read a result: it ends too early".to_owned()));
            }
            filled += read;
            if filled == line.len() {
                line.resize(4 * filled, 0);
            }
        }
    }

    /// Waits until all that was added is on disk.
    ///
    /// # Errors
    /// If it never will be.
    pub(crate) async fn flush(&self) -> Result<(), Arc<io::Error>> {
        self.committer.synced(self.committer.end()).await.map(|_| ())
    }
}

/// A start that is not on disk yet; whoever drops it has not begun.
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

/// Writes the first line, and says where it ends.
fn write_header(mut file: &File, path: &Path, header: &JournalHeader) -> io::Result<u64> {
    use std::io::Write;
    let line = line::to_line(header)?;
    file.write_all(&line)?;
    file.sync_all()?;
    // So that also its name is there after a crash.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(line.len() as u64)
}

impl JournalHeader {
    /// Whether a run with this other header can go on with the journal.
    fn check_matches(&self, other: &Self) -> Result<(), JournalErrorKind> {
        if self.mesero_journal != VERSION {
            return Err(JournalErrorKind::Version(self.mesero_journal));
        }
        if self.target != other.target {
            return Err(JournalErrorKind::Target {
                journaled: self.target.clone(),
                is: other.target.clone(),
            });
        }
        if self.id_field != other.id_field {
            return Err(JournalErrorKind::IdField {
                journaled: self.id_field.clone(),
                is: other.id_field.clone(),
            });
        }
        Ok(())
    }
}

/// A journal that cannot be used, and why.
#[derive(Debug)]
pub struct JournalError {
    path: PathBuf,
    kind: JournalErrorKind,
}

#[derive(Debug)]
enum JournalErrorKind {
    Io(io::Error),
    Missing,
    NotRegularFile,
    Locked,
    AlreadyExists,
    NoHeader,
    Corrupt { byte: u64, line: u64 },
    Version(u32),
    Target { journaled: String, is: String },
    IdField { journaled: String, is: String },
}

impl From<ReplayError> for JournalErrorKind {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Io(error) => Self::Io(error),
            ReplayError::NoHeader => Self::NoHeader,
            ReplayError::Corrupt { byte, line } => Self::Corrupt { byte, line },
        }
    }
}

/// Reads on after "failed to".
impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "use the journal `{path}`: ")?;
        match &self.kind {
            JournalErrorKind::Io(error) => error.fmt(f),
            JournalErrorKind::Missing => f.write_str("there is none; `--journal` begins one"),
            JournalErrorKind::NotRegularFile => f.write_str("it is no regular file"),
            JournalErrorKind::Locked => f.write_str("another run works with it"),
            JournalErrorKind::AlreadyExists => write!(
                f,
                "there is one already; `--resume {path}` goes on with it, and another name begins a new one"
            ),
            JournalErrorKind::NoHeader => {
                f.write_str("its first line is not that of a journal of mesero")
            }
            JournalErrorKind::Corrupt { byte, line } => write!(
                f,
                "line {line}, at byte {byte}, is damaged; `truncate -s {byte}` on a copy of it keeps what is before, \
                 and what is after would be run again"
            ),
            JournalErrorKind::Version(version) => write!(
                f,
                "it is written in version {version} of the format, and this mesero knows version {VERSION}"
            ),
            JournalErrorKind::Target { journaled, is } => {
                write!(f, "it is that of another target, `{journaled}`, and not of `{is}`")
            }
            JournalErrorKind::IdField { journaled, is } => write!(
                f,
                "its items are known by `--id {journaled}`, and with `--id {is}` none would be known again"
            ),
        }
    }
}
