//! One pass over the table: pages are read, rows are hashed outside any transaction, and short batches are written.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answers, BatchAnswer, Error, Refusal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::args::HashArgs;
use crate::database::contract::RowChange;
use crate::migrate::session::{HashSession, SessionError};
use crate::migrate::table_scan::TableScan;
use crate::migrate::throttle::{PauseFile, Throttle};
use crate::migrate::workers::{HashJob, HashOutcome, HashWorkers};
use crate::rows::classify::ValueClass;
use crate::rows::counts::{ClassCounts, RowCounts};
use crate::rows::key::RowKey;
use crate::rows::row::Row;
use crate::rows::row_policy::{RowAction, RowPolicy};

#[cfg(test)]
mod tests;
mod writing;

/// What all passes of a run have in common.
pub(crate) struct Passes<'a, 'b> {
    pub(crate) session: &'a mut HashSession<'b>,
    workers: &'a HashWorkers,
    policy: RowPolicy,
    /// Rows in a write, at most.
    batch: usize,
    throttle: Throttle,
    pause: PauseFile,
    pub(crate) counts: RowCounts,
    /// How many rows were to be hashed so far.
    jobs: u64,
    /// Rows that stay as they are: what failed once is not tried again.
    failed: HashSet<RowKey>,
}

/// What one pass saw.
#[derive(Debug, Default)]
pub(crate) struct PassResult {
    pub(crate) classes: ClassCounts,
    /// Rows that were to be hashed.
    pub(crate) jobs: u64,
}

/// What is hashed is written at the latest after this time, however slow hashes are.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the pause file is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// A row that can be written.
struct HashedRow {
    change: RowChange,
    /// Whether it is read back afterwards.
    is_verified: bool,
}

/// A row with its hash, or why it has none.
type HashResult = BatchAnswer<Arc<HashJob>, HashOutcome>;

/// What the pass waits for.
enum PassEvent {
    Signal(mesero_terminal::signals::Signal),
    HashResult(Option<HashResult>),
    /// There is room for the next row.
    QueueReady,
    PageDue,
    WriteDue,
    PollPauseFile,
}

/// Where a pass is.
struct PassState {
    scan: TableScan,
    /// Rows of the last page that wait to be hashed.
    rows: VecDeque<Arc<HashJob>>,
    /// Hashed, and not yet written.
    batch: Vec<HashedRow>,
    write_by: Instant,
    /// No write before this.
    rest: Instant,
    is_first: bool,
    seen: PassResult,
}

impl<'a, 'b> Passes<'a, 'b> {
    pub(crate) fn new(
        (session, workers): (&'a mut HashSession<'b>, &'a HashWorkers),
        args: &HashArgs,
        policy: RowPolicy,
    ) -> Self {
        Self {
            session,
            workers,
            policy,
            batch: usize::from(args.throttle.batch.get()),
            throttle: Throttle::default(),
            pause: PauseFile::new(args.throttle.pause_file.clone()),
            counts: RowCounts::default(),
            jobs: 0,
            failed: HashSet::new(),
        }
    }

    /// Goes over the whole table once.
    ///
    /// After a signal it begins nothing more, and ends when what is in work is written; `heard` of
    /// the desk tells.
    ///
    /// # Errors
    /// If it cannot go on; what was written is whole.
    pub(crate) async fn pass(&mut self, is_first: bool) -> Result<PassResult, SessionError> {
        // As many as a batch may wait on either side, so that neither waits for the other.
        let (jobs, receive) = mpsc::channel(self.batch);
        let (tx, hashed) = mpsc::channel(self.batch);
        let answers = self.workers.answers(receive);
        let (served, ()) = tokio::join!(self.serve(jobs, hashed, is_first), forward(answers, tx));
        served
    }

    /// The side of the database.
    async fn serve(
        &mut self,
        jobs: mpsc::Sender<Arc<HashJob>>,
        mut hashed: mpsc::Receiver<HashResult>,
        is_first: bool,
    ) -> Result<PassResult, SessionError> {
        let now = Instant::now();
        let mut state = PassState {
            scan: TableScan::new(),
            rows: VecDeque::new(),
            batch: Vec::new(),
            write_by: now,
            rest: now,
            is_first,
            seen: PassResult::default(),
        };
        // None when nothing more is to be hashed.
        let mut jobs = Some(jobs);
        // Before anything is begun.
        self.look();
        let mut look_at = now + LOOK;
        loop {
            if state.rows.is_empty() && state.scan.at_end() {
                jobs = None;
            }
            match self.hear(&state, (jobs.as_ref(), &mut hashed), look_at).await {
                PassEvent::Signal(signal) => {
                    self.stop(signal, &mut state);
                    jobs = None;
                }
                PassEvent::HashResult(Some(answer)) => {
                    if state.batch.is_empty() {
                        state.write_by = Instant::now() + FLUSH;
                    }
                    self.hashed(answer, &mut state)?;
                    if state.batch.len() >= self.batch && state.rest <= Instant::now() {
                        self.write(&mut state).await?;
                    }
                }
                PassEvent::HashResult(None) => {
                    self.write(&mut state).await?;
                    return Ok(state.seen);
                }
                PassEvent::QueueReady => {
                    if let (Some(jobs), Some(job)) = (&jobs, state.rows.pop_front()) {
                        // There is room; whoever receives it is joined with this.
                        let _ = jobs.try_send(job);
                    }
                }
                PassEvent::PageDue => self.read(&mut state).await?,
                PassEvent::WriteDue => self.write(&mut state).await?,
                PassEvent::PollPauseFile => {
                    look_at = Instant::now() + LOOK;
                    self.look();
                }
            }
        }
    }

    fn look(&mut self) {
        if let Some(news) = self.pause.look() {
            self.session.say(&news);
        }
    }

    async fn hear(
        &mut self,
        state: &PassState,
        (jobs, hashed): (Option<&mpsc::Sender<Arc<HashJob>>>, &mut mpsc::Receiver<HashResult>),
        look_at: Instant,
    ) -> PassEvent {
        let may_begin = jobs.is_some() && !self.pause.is_there;
        let has_rows = !state.rows.is_empty();
        let is_full = state.batch.len() >= self.batch;
        let write_at = if is_full { state.rest } else { state.rest.max(state.write_by) };
        let room = async {
            match jobs {
                Some(jobs) => jobs.reserve().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.session.signals.next() => PassEvent::Signal(signal),
            () = sleep_until(look_at), if jobs.is_some() => PassEvent::PollPauseFile,
            () = sleep_until(write_at), if !state.batch.is_empty() => PassEvent::WriteDue,
            answer = hashed.recv(), if !is_full => PassEvent::HashResult(answer),
            // The permit is given back and taken again at once: nobody else sends.
            _ = room, if may_begin && has_rows => PassEvent::QueueReady,
            () = std::future::ready(()), if may_begin && !has_rows && !state.scan.at_end() => PassEvent::PageDue,
        }
    }

    async fn read(&mut self, state: &mut PassState) -> Result<(), SessionError> {
        for row in state.scan.next(self.session).await? {
            self.look_at(row, state);
        }
        Ok(())
    }

    fn look_at(&mut self, row: Row, state: &mut PassState) {
        let class = ValueClass::of(&row);
        state.seen.classes.add(class);
        let verdict = match self.failed.contains(&row.key) {
            true => RowAction::Leave,
            false => self.policy.action(class),
        };
        // What is left as it is counts once.
        if state.is_first || verdict != RowAction::Leave {
            self.counts.seen += 1;
        }
        match (verdict, class) {
            (RowAction::Hash(mark), _) => {
                state.seen.jobs += 1;
                let is_verified = self.policy.is_verified(self.jobs);
                self.jobs += 1;
                state.rows.push_back(Arc::new(HashJob { row: Arc::new(row), mark, is_verified }));
            }
            (RowAction::Leave, _) if !state.is_first => {}
            (RowAction::Leave, ValueClass::Hash) => self.counts.already += 1,
            (RowAction::Leave, ValueClass::Null | ValueClass::Empty) => self.counts.empty += 1,
            (RowAction::Leave, ValueClass::MaybeHash(_) | ValueClass::Plaintext) => {
                self.counts.ambiguous += 1
            }
        }
    }

    fn hashed(&mut self, answer: HashResult, state: &mut PassState) -> Result<(), SessionError> {
        let HashResult { input: job, result, .. } = answer;
        match result {
            Ok(HashOutcome::Hash(hash)) => {
                let change = RowChange { row: Arc::clone(&job.row), hash };
                state.batch.push(HashedRow { change, is_verified: job.is_verified });
            }
            Ok(HashOutcome::Disagreement(why)) => {
                return Err(SessionError::Inconsistent(why.to_owned()));
            }
            Err(Error::Canceled | Error::Shed | Error::Refused(Refusal::Draining)) => {
                self.counts.unfinished += 1;
            }
            Err(error) => self.failed(&job.row.key, &error.to_string())?,
        }
        Ok(())
    }

    /// A row that stays as it is; the first few are told one by one.
    ///
    /// # Errors
    /// If nothing but failures came so far: the rest would fail too, and for nothing.
    fn failed(&mut self, key: &RowKey, why: &str) -> Result<(), SessionError> {
        const TOLD: usize = 10;
        const ENOUGH: usize = 100;
        self.counts.failed += 1;
        self.failed.insert(key.clone());
        match self.failed.len() {
            ..=TOLD => {
                self.session.say(&format!("the row with the key {key} stays as it is: {why}"))
            }
            ENOUGH if self.counts.hashed == 0 => {
                return Err(SessionError::Inconsistent(format!(
                    "the first {ENOUGH} rows all stay as they are"
                )));
            }
            _ => {}
        }
        Ok(())
    }

    fn stop(&mut self, signal: mesero_terminal::signals::Signal, state: &mut PassState) {
        if self.session.last_signal.replace(signal).is_some() {
            return self.workers.dispatcher.stop();
        }
        state.scan.stop();
        self.counts.unfinished += state.rows.len() as u64;
        state.rows.clear();
        self.session.say(&format!(
            "{signal}: writing what is hashed; once more gives up what is being hashed. No row is left half done"
        ));
    }
}

/// Takes answers as they come, while the other side waits for the database.
async fn forward(mut answers: Answers<Arc<HashJob>, HashOutcome>, tx: mpsc::Sender<HashResult>) {
    while let Some(answer) = answers.next().await {
        // The other side has given up: what is being hashed is not wanted any more.
        if tx.send(answer).await.is_err() {
            return;
        }
    }
}
