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
use crate::output::record::Record;

mod committer;
mod line;
mod pending_commits;
mod replay;

use committer::Committer;
use line::{Finish, Line, Start, VERSION};
pub(crate) use line::{Header, Kept};
pub(crate) use pending_commits::Keeping;
pub(crate) use replay::{Known, Past};
use replay::{Unreadable, Whole};

/// A journal that is open, and locked against other runs.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: Arc<File>,
    committer: Committer,
    /// Items whose start is in the journal, by their place in the input.
    begun: Mutex<HashMap<u64, Begun>>,
    pub(crate) purpose: Purpose,
}

/// Since when an item's start is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Now,
    /// An earlier run wrote it.
    Before,
}

/// What a journal is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is a new one.
    Begin,
    /// Its run goes on.
    Resume,
    /// The items that failed are run again.
    Retry,
}

/// A journal that was opened, and what it says.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    pub(crate) past: Past,
    /// Whether something else is configured than when it began.
    pub(crate) reconfigured: bool,
}

impl Header {
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
        header: &Header,
        purpose: Purpose,
    ) -> Result<Opened, JournalError> {
        let named = |why| JournalError { path: path.to_owned(), why };
        let io = |error| named(Why::Io(error));
        let is_new = purpose == Purpose::Begin;
        let mut options = OpenOptions::new();
        // It holds inputs and results, which are nobody else's business.
        options.read(true).append(true).create(is_new).mode(0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !is_new => named(Why::Missing),
            _ => io(error),
        })?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(named(Why::NoFile));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            match error == rustix::io::Errno::WOULDBLOCK {
                true => named(Why::Locked),
                false => io(error.into()),
            }
        })?;
        let length = file.metadata().map_err(io)?.len();
        let file = Arc::new(file);
        let (past, reconfigured, end) = if length > 0 && is_new {
            return Err(named(Why::Exists));
        } else if length > 0 {
            let whole = Past::read(&*file, length).map_err(|error| named(error.into()))?;
            whole.header.is_for(header).map_err(named)?;
            if whole.end < length {
                file.set_len(whole.end).map_err(io)?;
            }
            let Whole { header: was, past, end } = whole;
            (past, was.config != header.config, end)
        } else {
            // Also where a run was cut off before it wrote anything.
            (Past::default(), false, begin(&file, path, header).map_err(io)?)
        };
        let journal = Self {
            path: path.to_owned(),
            committer: Committer::start(Arc::clone(&file), end).map_err(io)?,
            file,
            begun: Mutex::default(),
            purpose,
        };
        Ok(Opened { journal, past, reconfigured })
    }

    /// Notes that an attempt is about to begin, and waits until that is on disk; true if it is the item's first.
    ///
    /// Who drops the future has begun nothing, and the journal says so.
    ///
    /// # Errors
    /// If it cannot be noted, so that nothing may begin.
    pub(crate) async fn begin(&self, item: &Item) -> Result<bool, Arc<io::Error>> {
        let end = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            if begun.contains_key(&item.index) {
                return Ok(false);
            }
            begun.insert(item.index, Begun::Now);
            self.add(&Line::Started(self.start(item)))
        };
        let mut waiting = Waiting { journal: self, item: Some(item) };
        self.committer.synced(end.unwrap_or(u64::MAX)).await?;
        waiting.item = None;
        Ok(true)
    }

    /// Notes that an item did not begin after all.
    pub(crate) fn release(&self, item: &Item) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.get(&item.index) == Some(&Begun::Now) {
            begun.remove(&item.index);
            // If the journal cannot be written any more, everything has ended anyway.
            let _ = self.add(&Line::Released(self.start(item)));
        }
    }

    /// An item that began in an earlier run is run again: its start is in the journal.
    pub(crate) fn adopt(&self, index: u64) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(index, Begun::Before);
    }

    /// Notes how an item ended, and says when that is on disk; none if it never will be.
    fn finish(&self, record: &Record) -> Option<u64> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let unbegun = begun.remove(&record.item.index).is_none();
        let finish = Finish::of(record, unbegun).ok()?;
        // Under the same lock, so that no start of the same item comes in between.
        self.add(&Line::Finished(Box::new(finish)))
    }

    fn add(&self, line: &Line<'_>) -> Option<u64> {
        self.committer.add(&line::written(line).ok()?)
    }

    fn start<'a>(&self, item: &'a Item) -> Start<'a> {
        Start { id: item.id.as_str().into(), again: self.purpose == Purpose::Retry }
    }

    /// Reads the result in the line at this byte.
    ///
    /// # Errors
    /// If there is none; reads on after "failed to".
    pub(crate) fn kept(&self, at: u64) -> Result<Kept, String> {
        let named = |why| format!("{why}, in the journal `{}` at byte {at}", self.path.display());
        let mut line = vec![0; 4096];
        let mut filled = 0;
        loop {
            let room = line.get_mut(filled..).unwrap_or_default();
            let read = self.file.read_at(room, at + filled as u64);
            let read = read.map_err(|error| named(format!("read a result: {error}")))?;
            let fresh = line.get(filled..filled + read).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', fresh) {
                line.truncate(filled + end);
                return Finish::read(&String::from_utf8_lossy(&line)).map_err(named);
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
    pub(crate) async fn settle(&self) -> Result<(), Arc<io::Error>> {
        self.committer.synced(self.committer.end()).await.map(|_| ())
    }
}

/// A start that is not on disk yet; whoever drops it has not begun.
struct Waiting<'a> {
    journal: &'a Journal,
    item: Option<&'a Item>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(item) = self.item {
            self.journal.release(item);
        }
    }
}

/// Writes the first line, and says where it ends.
fn begin(mut file: &File, path: &Path, header: &Header) -> io::Result<u64> {
    use std::io::Write;
    let line = line::written(header)?;
    file.write_all(&line)?;
    file.sync_all()?;
    // So that also its name is there after a crash.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(line.len() as u64)
}

impl Header {
    /// Whether a run with this other header can go on with the journal.
    fn is_for(&self, other: &Self) -> Result<(), Why> {
        if self.mesero_journal != VERSION {
            return Err(Why::Version(self.mesero_journal));
        }
        if self.target != other.target {
            return Err(Why::Target { was: self.target.clone(), is: other.target.clone() });
        }
        if self.id_field != other.id_field {
            return Err(Why::IdField { was: self.id_field.clone(), is: other.id_field.clone() });
        }
        Ok(())
    }
}

/// A journal that cannot be used, and why.
#[derive(Debug)]
pub struct JournalError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Missing,
    NoFile,
    Locked,
    Exists,
    NoHeader,
    Corrupt { byte: u64, line: u64 },
    Version(u32),
    Target { was: String, is: String },
    IdField { was: String, is: String },
}

impl From<Unreadable> for Why {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Io(error) => Self::Io(error),
            Unreadable::NoHeader => Self::NoHeader,
            Unreadable::At { byte, line } => Self::Corrupt { byte, line },
        }
    }
}

/// Reads on after "failed to".
impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "use the journal `{path}`: ")?;
        match &self.why {
            Why::Io(error) => error.fmt(f),
            Why::Missing => f.write_str("there is none; `--journal` begins one"),
            Why::NoFile => f.write_str("it is no regular file"),
            Why::Locked => f.write_str("another run works with it"),
            Why::Exists => write!(
                f,
                "there is one already; `--resume {path}` goes on with it, and another name begins a new one"
            ),
            Why::NoHeader => f.write_str("its first line is not that of a journal of mesero"),
            Why::Corrupt { byte, line } => write!(
                f,
                "line {line}, at byte {byte}, is damaged; `truncate -s {byte}` on a copy of it keeps what is before, \
                 and what is after would be run again"
            ),
            Why::Version(version) => write!(
                f,
                "it is written in version {version} of the format, and this mesero knows version {VERSION}"
            ),
            Why::Target { was, is } => {
                write!(f, "it is that of another target, `{was}`, and not of `{is}`")
            }
            Why::IdField { was, is } => write!(
                f,
                "its items are known by `--id {was}`, and with `--id {is}` none would be known again"
            ),
        }
    }
}
