//! Lines reach the disk together: while some are written and synced, those that come meanwhile gather for the next time.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::watch;

/// A file that is only added to, by a thread of its own.
///
/// What gathers is bounded by those who add: each waits until its lines are on disk, or adds few.
/// Dropping it lets the thread write what it has, and end.
#[derive(Debug)]
pub(super) struct Committer {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug)]
struct Shared {
    gathering: Mutex<Gathering>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Gathering {
    bytes: Vec<u8>,
    /// Where the file will end when all of it is written.
    end: u64,
    closed: bool,
    broken: bool,
}

#[derive(Debug, Clone)]
struct Progress {
    /// Everything before is on disk.
    synced: u64,
    /// Why nothing more will be. After an error of a sync nobody knows what the disk has, so it is never tried again.
    error: Option<Arc<io::Error>>,
}

impl Shared {
    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Committer {
    /// Adds to a file, which is opened for appending and ends at `end`.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn start(file: Arc<File>, end: u64) -> io::Result<Self> {
        let gathering = Mutex::new(Gathering { end, ..Gathering::default() });
        let shared = Arc::new(Shared { gathering, more: Condvar::new() });
        let (tell, progress) = watch::channel(Progress { synced: end, error: None });
        let work = Arc::clone(&shared);
        let commit = move || commit_all(&work, &file, &tell);
        thread::Builder::new().name("mesero-journal".to_owned()).spawn(commit)?;
        Ok(Self { shared, progress })
    }

    /// Adds lines, and says when they are on disk: as soon as [`synced`](Self::synced) is as far. None if nothing can
    /// be added any more.
    pub(super) fn add(&self, lines: &[u8]) -> Option<u64> {
        let mut gathering = self.shared.gathering();
        if gathering.broken {
            return None;
        }
        gathering.bytes.extend_from_slice(lines);
        gathering.end += lines.len() as u64;
        let end = gathering.end;
        drop(gathering);
        self.shared.more.notify_one();
        Some(end)
    }

    /// Where the file will end when all that was added is written.
    pub(super) fn end(&self) -> u64 {
        self.shared.gathering().end
    }

    /// Waits until everything before `end` is on disk, and says how far it is. Dropping the future changes nothing.
    ///
    /// # Errors
    /// If it never will be.
    pub(super) async fn synced(&self, end: u64) -> Result<u64, Arc<io::Error>> {
        let mut progress = self.progress.clone();
        let reached = |now: &Progress| now.synced >= end || now.error.is_some();
        match progress.wait_for(reached).await {
            Ok(now) => match &now.error {
                Some(error) if now.synced < end => Err(Arc::clone(error)),
                _ => Ok(now.synced),
            },
            Err(_) => Err(Arc::new(io::Error::other("the thread that writes it ended"))),
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.gathering().closed = true;
        self.shared.more.notify_one();
    }
}

fn commit_all(shared: &Shared, mut file: &File, tell: &watch::Sender<Progress>) {
    let mut batch = Vec::new();
    loop {
        let mut gathering = shared.gathering();
        while gathering.bytes.is_empty() {
            if gathering.closed {
                return;
            }
            gathering = shared.more.wait(gathering).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut gathering.bytes, &mut batch);
        let end = gathering.end;
        drop(gathering);
        match file.write_all(&batch).and_then(|()| file.sync_data()) {
            Ok(()) => tell.send_modify(|progress| progress.synced = end),
            Err(error) => {
                let mut gathering = shared.gathering();
                gathering.broken = true;
                gathering.bytes = Vec::new();
                drop(gathering);
                return tell.send_modify(|progress| progress.error = Some(Arc::new(error)));
            }
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_synced_is_in_the_file_and_what_was_added_before_the_end_is_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let committer = Committer::start(Arc::new(file.reopen().unwrap()), 0).unwrap();
        let ends: Vec<_> = (0..100).map(|n| committer.add(format!("{n}\n").as_bytes())).collect();
        let tenth = ends[9].unwrap();
        assert!(committer.synced(tenth).await.unwrap() >= tenth);
        committer.synced(committer.end()).await.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text.lines().count(), 100);
    }

    #[tokio::test]
    async fn after_an_error_nothing_counts_as_kept() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let committer = Committer::start(Arc::new(full), 0).unwrap();
        let end = committer.add(b"a line\n").unwrap();
        let error = committer.synced(end).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(committer.add(b"another\n").is_none());
        assert!(committer.synced(end).await.is_err());
    }
}
