//! One pass over the table: pages are read, rows are hashed outside of any transaction, and short batches are written.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answers, BatchAnswer, Error, Refusal};
use mesero_terminal::signals::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::database::contract::RowChange;
use crate::migrate::pass::batch::{BatchWriter, HashedRow};
use crate::migrate::pause_file::PauseFile;
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::table_scan::TableScan;
use crate::migrate::tally::RowTally;
use crate::migrate::workers::{HashJob, HashOutcome, HashWorkers};
use crate::rows::classify::ValueClass;
use crate::rows::counts::ClassCounts;
use crate::rows::row::Row;
use crate::rows::row_policy::{RowAction, RowPolicy};

mod batch;
#[cfg(test)]
mod tests;

/// Settings of all passes of a run.
#[derive(Debug)]
pub(crate) struct PassSettings {
    pub(crate) policy: RowPolicy,
    /// Maximum of rows in one write.
    pub(crate) batch: usize,
    pub(crate) pause_file: Option<PathBuf>,
}

/// Runs passes, and keeps what they have in common.
pub(crate) struct PassRunner<'a, 'b> {
    pub(crate) session: &'a mut HashSession<'b>,
    pub(crate) tally: RowTally,
    workers: &'a HashWorkers,
    policy: RowPolicy,
    writer: BatchWriter,
    pause_file: PauseFile,
    /// Jobs of all passes so far.
    jobs: u64,
    /// A pass has begun before.
    has_scanned: bool,
}

/// Result of one pass.
#[derive(Debug, Default)]
pub(crate) struct PassResult {
    pub(crate) classes: ClassCounts,
    /// Rows that had to be hashed.
    pub(crate) to_hash: u64,
}

/// Interval between two looks for the pause file.
const POLL: Duration = Duration::from_millis(500);

/// A job with its hash, or with the error.
type HashResult = BatchAnswer<Arc<HashJob>, HashOutcome>;

/// An event of a pass.
enum PassEvent {
    Signal(Signal),
    /// A hash, or the end of all of them.
    Hashed(Option<HashResult>),
    /// The workers accept another job.
    QueueReady,
    PageDue,
    WriteDue,
    PollPauseFile,
}

/// Progress of a pass.
struct PassState {
    scan: TableScan,
    /// Jobs of the last page that are not sent yet.
    jobs: VecDeque<Arc<HashJob>>,
    is_first: bool,
    /// A signal has arrived.
    is_stopping: bool,
    result: PassResult,
}

/// The channels between a pass and the workers.
struct WorkerChannels {
    /// `None` when all jobs are sent.
    jobs: Option<mpsc::Sender<Arc<HashJob>>>,
    hashed: mpsc::Receiver<HashResult>,
}

impl<'a, 'b> PassRunner<'a, 'b> {
    pub(crate) fn new(
        session: &'a mut HashSession<'b>,
        workers: &'a HashWorkers,
        settings: PassSettings,
    ) -> Self {
        Self {
            session,
            tally: RowTally::default(),
            workers,
            policy: settings.policy,
            writer: BatchWriter::new(settings.batch),
            pause_file: PauseFile::new(settings.pause_file),
            jobs: 0,
            has_scanned: false,
        }
    }

    /// Scans the whole table once.
    ///
    /// After a signal it starts no further jobs, and returns when the jobs in flight are written; the
    /// session has the signal. If dropped, jobs in flight are discarded, and a write in progress takes
    /// full effect or none.
    ///
    /// # Errors
    /// If the run cannot continue; each written batch is complete.
    pub(crate) async fn pass(&mut self) -> Result<PassResult, SessionError> {
        // A batch may wait on either side, so that neither side waits for the other.
        let (jobs, jobs_rx) = mpsc::channel(self.writer.size());
        let (hashed_tx, hashed) = mpsc::channel(self.writer.size());
        let results = self.workers.results(jobs_rx);
        let channels = WorkerChannels { jobs: Some(jobs), hashed };
        let (result, ()) = tokio::join!(self.scan(channels), forward(results, hashed_tx));
        result
    }

    async fn scan(&mut self, mut channels: WorkerChannels) -> Result<PassResult, SessionError> {
        let mut state = PassState {
            scan: TableScan::new(),
            jobs: VecDeque::new(),
            is_first: !std::mem::replace(&mut self.has_scanned, true),
            is_stopping: false,
            result: PassResult::default(),
        };
        self.writer.start_pass();
        // Before the first job.
        self.poll_pause_file();
        let mut poll_at = Instant::now() + POLL;
        loop {
            if state.jobs.is_empty() && state.scan.at_end() {
                channels.jobs = None;
            }
            match self.next_event(&state, &mut channels, poll_at).await {
                PassEvent::Signal(signal) => {
                    self.stop(signal, &mut state);
                    channels.jobs = None;
                }
                PassEvent::Hashed(Some(result)) => self.accept_result(result)?,
                PassEvent::Hashed(None) => {
                    self.write().await?;
                    return Ok(state.result);
                }
                PassEvent::QueueReady => {
                    if let (Some(jobs), Some(job)) = (&channels.jobs, state.jobs.pop_front()) {
                        // The queue has room, and its receiver is joined with this future.
                        let _ = jobs.try_send(job);
                    }
                }
                PassEvent::PageDue => {
                    for row in state.scan.next(self.session).await? {
                        self.classify(row, &mut state);
                    }
                }
                PassEvent::WriteDue => self.write().await?,
                PassEvent::PollPauseFile => {
                    poll_at = Instant::now() + POLL;
                    self.poll_pause_file();
                }
            }
        }
    }

    async fn next_event(
        &mut self,
        state: &PassState,
        channels: &mut WorkerChannels,
        poll_at: Instant,
    ) -> PassEvent {
        let (jobs, hashed) = (&channels.jobs, &mut channels.hashed);
        let may_start = jobs.is_some() && !self.pause_file.exists;
        let has_jobs = !state.jobs.is_empty();
        let is_page_due = may_start && !has_jobs && !state.scan.at_end();
        let queue = async {
            match jobs {
                Some(jobs) => jobs.reserve().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.session.stop.next() => PassEvent::Signal(signal),
            () = sleep_until(poll_at), if jobs.is_some() => PassEvent::PollPauseFile,
            () = sleep_until(self.writer.due_at()), if !self.writer.is_empty() => PassEvent::WriteDue,
            result = hashed.recv(), if !self.writer.is_full() => PassEvent::Hashed(result),
            // The permit is returned and taken again at once: this is the only sender.
            _ = queue, if may_start && has_jobs => PassEvent::QueueReady,
            () = std::future::ready(()), if is_page_due => PassEvent::PageDue,
        }
    }

    fn poll_pause_file(&mut self) {
        if let Some(message) = self.pause_file.poll() {
            self.session.messages.print(&message);
        }
    }

    async fn write(&mut self) -> Result<(), SessionError> {
        self.writer.write(self.session, &mut self.tally).await
    }

    /// Counts a row by its class, and makes a job of it if the policy says so.
    fn classify(&mut self, row: Row, state: &mut PassState) {
        let class = ValueClass::of(&row);
        state.result.classes.add(class);
        let action = if self.tally.has_failed(&row.key) {
            RowAction::Leave
        } else {
            self.policy.action(class)
        };
        let counts = &mut self.tally.counts;
        // A row that is left unchanged counts once.
        if state.is_first || action != RowAction::Leave {
            counts.seen += 1;
        }
        match (action, class) {
            (RowAction::Hash { mark }, _) => {
                state.result.to_hash += 1;
                let is_verified = self.policy.is_verified(self.jobs);
                self.jobs += 1;
                state.jobs.push_back(Arc::new(HashJob { row: Arc::new(row), mark, is_verified }));
            }
            (RowAction::Leave, _) if !state.is_first => {}
            (RowAction::Leave, ValueClass::Hash) => counts.already += 1,
            (RowAction::Leave, ValueClass::Null | ValueClass::Empty) => counts.empty += 1,
            (RowAction::Leave, ValueClass::MaybeHash(_) | ValueClass::Plaintext) => {
                counts.ambiguous += 1;
            }
        }
    }

    fn accept_result(&mut self, result: HashResult) -> Result<(), SessionError> {
        let HashResult { input: job, result, .. } = result;
        match result {
            Ok(HashOutcome::Hash(hash)) => {
                let change = RowChange { row: Arc::clone(&job.row), hash };
                self.writer.push(HashedRow { change, is_verified: job.is_verified });
            }
            Ok(HashOutcome::Disagreement(why)) => {
                return Err(SessionError::Inconsistent(why.to_owned()));
            }
            Err(Error::Canceled | Error::Shed | Error::Refused(Refusal::Draining)) => {
                self.tally.counts.unfinished += 1;
            }
            Err(error) => {
                let messages = &mut self.session.messages;
                self.tally.record_failure(&job.row.key, &error.to_string(), messages)?;
            }
        }
        Ok(())
    }

    /// Ends the scan at the first signal, and the jobs in flight at the second.
    fn stop(&mut self, signal: Signal, state: &mut PassState) {
        if state.is_stopping {
            return self.workers.dispatcher.stop();
        }
        state.is_stopping = true;
        state.scan.stop();
        self.tally.counts.unfinished += state.jobs.len() as u64;
        state.jobs.clear();
        self.session.messages.print(&format!(
            "{signal}: writing the finished hashes; a second signal discards hashes in progress. Every row keeps \
             its value or gets its hash"
        ));
    }
}

/// Forwards results while the pass waits for the database.
async fn forward(
    mut results: Answers<Arc<HashJob>, HashOutcome>,
    hashed: mpsc::Sender<HashResult>,
) {
    while let Some(result) = results.next().await {
        // After an error the pass has dropped the receiver: hashes in flight are discarded.
        if hashed.send(result).await.is_err() {
            return;
        }
    }
}
