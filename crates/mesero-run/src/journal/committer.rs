//! Group commit: lines that are added during a write and sync are written and synced together by the next one.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::watch;

/// An append-only file with its own writing thread.
///
/// Pending lines are bounded by the callers: each waits until its lines are on disk, or adds few.
/// Dropping it makes the thread write the pending lines and end.
#[derive(Debug)]
pub(super) struct Committer {
    queue: Arc<CommitQueue>,
    progress: watch::Receiver<CommitProgress>,
}

#[derive(Debug)]
struct CommitQueue {
    pending: Mutex<PendingLines>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct PendingLines {
    bytes: Vec<u8>,
    /// The end of the file once all pending lines are written.
    end: u64,
    closed: bool,
    broken: bool,
}

#[derive(Debug, Clone)]
struct CommitProgress {
    /// Everything before this byte is on disk.
    synced: u64,
    /// The error after which nothing is written. A failed sync is never repeated: the kernel may have dropped the
    /// pages, so a later success would prove nothing.
    error: Option<Arc<io::Error>>,
}

impl CommitQueue {
    fn pending(&self) -> MutexGuard<'_, PendingLines> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Committer {
    /// Starts the thread that appends to `file`, which was opened for appending and ends at `end`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(file: Arc<File>, end: u64) -> io::Result<Self> {
        let pending = Mutex::new(PendingLines { end, ..PendingLines::default() });
        let queue = Arc::new(CommitQueue { pending, more: Condvar::new() });
        let (progress_tx, progress) = watch::channel(CommitProgress { synced: end, error: None });
        let work = Arc::clone(&queue);
        let commit = move || commit_all(&work, &file, &progress_tx);
        thread::Builder::new().name("mesero-journal".to_owned()).spawn(commit)?;
        Ok(Self { queue, progress })
    }

    /// Adds lines, and returns their end, to wait for with [`synced`](Self::synced); none after an error.
    pub(super) fn append(&self, lines: &[u8]) -> Option<u64> {
        let mut pending = self.queue.pending();
        if pending.broken {
            return None;
        }
        pending.bytes.extend_from_slice(lines);
        pending.end += lines.len() as u64;
        let end = pending.end;
        drop(pending);
        self.queue.more.notify_one();
        Some(end)
    }

    /// The end of the file once every added line is written.
    pub(super) fn end(&self) -> u64 {
        self.queue.pending().end
    }

    /// Waits until everything before `end` is on disk, and returns how far the file is. Dropping the future has no
    /// effect.
    ///
    /// # Errors
    /// If writing or syncing failed before `end`.
    pub(super) async fn synced(&self, end: u64) -> Result<u64, Arc<io::Error>> {
        let mut progress = self.progress.clone();
        let reached = |now: &CommitProgress| now.synced >= end || now.error.is_some();
        match progress.wait_for(reached).await {
            Ok(now) => match &now.error {
                Some(error) if now.synced < end => Err(Arc::clone(error)),
                _ => Ok(now.synced),
            },
            Err(_) => Err(Arc::new(io::Error::other("the thread that writes the journal ended"))),
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue.pending().closed = true;
        self.queue.more.notify_one();
    }
}

fn commit_all(queue: &CommitQueue, mut file: &File, progress_tx: &watch::Sender<CommitProgress>) {
    let mut batch = Vec::new();
    loop {
        let mut pending = queue.pending();
        while pending.bytes.is_empty() {
            if pending.closed {
                return;
            }
            pending = queue.more.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut pending.bytes, &mut batch);
        let end = pending.end;
        drop(pending);
        match file.write_all(&batch).and_then(|()| file.sync_data()) {
            Ok(()) => progress_tx.send_modify(|progress| progress.synced = end),
            Err(error) => {
                let mut pending = queue.pending();
                pending.broken = true;
                pending.bytes = Vec::new();
                drop(pending);
                return progress_tx.send_modify(|progress| progress.error = Some(Arc::new(error)));
            }
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn synced_lines_are_in_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let committer = Committer::start(Arc::new(file.reopen().unwrap()), 0).unwrap();
        let ends: Vec<_> =
            (0..100).map(|n| committer.append(format!("{n}\n").as_bytes())).collect();
        let tenth = ends[9].unwrap();
        assert!(committer.synced(tenth).await.unwrap() >= tenth);
        committer.synced(committer.end()).await.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text.lines().count(), 100);
    }

    #[tokio::test]
    async fn after_an_error_no_line_counts_as_synced() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let committer = Committer::start(Arc::new(full), 0).unwrap();
        let end = committer.append(b"a line\n").unwrap();
        let error = committer.synced(end).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(committer.append(b"another\n").is_none());
        assert!(committer.synced(end).await.is_err());
    }
}
