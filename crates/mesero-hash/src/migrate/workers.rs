//! The threads that hash, behind a dispatcher.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use mesero::{Answers, Attempt, Blocking, Call, Dispatcher, Failure, Rate};
use mesero_terminal::telemetry;
use tokio::sync::mpsc;

use crate::argon2::hasher::{HashError, HashRecipe, Hasher};
use crate::argon2::phc::Phc;
use crate::argon2::verifier::{Verifier, VerifyError};
use crate::rows::row::Row;
use crate::secret::SecretBytes;

/// Threads that hash rows, each with memory of its own.
///
/// As many rows are in flight as there are threads, and as many wait.
pub(crate) struct HashWorkers {
    pub(crate) dispatcher: Dispatcher<HashOutcome>,
    threads: Blocking,
    /// One for each seat.
    states: Arc<[Mutex<WorkerState>]>,
}

/// A row to hash.
#[derive(Debug)]
pub(crate) struct HashJob {
    pub(crate) row: Arc<Row>,
    /// Text in front of the hash, if the hashed value is a digest itself.
    pub(crate) mark: Option<String>,
    /// The hash is verified before it is returned.
    pub(crate) is_verified: bool,
}

/// Outcome of a job.
#[derive(Debug)]
pub(crate) enum HashOutcome {
    Hash(SecretBytes),
    /// The two implementations disagree: no hash of this machine can be trusted.
    Disagreement(&'static str),
}

/// Memory of one seat; overwritten when it is dropped.
struct WorkerState {
    hasher: Hasher,
    verifier: Verifier,
}

impl HashWorkers {
    /// Allocates the memory of all threads, before the first row is read.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(crate) fn new(
        recipe: &Arc<HashRecipe>,
        threads: NonZeroUsize,
        rate: Option<Rate>,
    ) -> Result<Self, HashError> {
        let state = |_| {
            let hasher = Hasher::new(Arc::clone(recipe))?;
            Ok(Mutex::new(WorkerState { hasher, verifier: Verifier::new(Arc::clone(recipe)) }))
        };
        let states: Vec<_> = (0..threads.get()).map(state).collect::<Result<_, _>>()?;
        let log = telemetry::Log::new("hash");
        let mut builder = Dispatcher::builder("hash").limit(threads.get()).observer(log);
        if let Some(rate) = rate {
            builder = builder.rate(rate);
        }
        let dispatcher =
            builder.build().map_err(|error| HashError::Thread(io::Error::other(error)))?;
        Ok(Self { dispatcher, threads: Blocking::new("mesero-hash"), states: states.into() })
    }

    /// The outcomes of jobs, in the order in which they complete. Dropping them discards the jobs in
    /// flight.
    pub(crate) fn results(
        &self,
        jobs: mpsc::Receiver<Arc<HashJob>>,
    ) -> Answers<Arc<HashJob>, HashOutcome> {
        let jobs = stream::unfold(jobs, async |mut jobs| Some((jobs.recv().await?, jobs)));
        let (threads, states) = (self.threads.clone(), Arc::clone(&self.states));
        let work = move |job: Arc<HashJob>, attempt: Attempt| {
            let (states, seat) = (Arc::clone(&states), attempt.slot().seat());
            threads.run(&attempt, move || {
                let state = states.get(seat).ok_or_else(|| Failure::raised("no such seat"))?;
                // One thread occupies a seat at a time. After a panic its memory is still valid.
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.hash(&job).map_err(|error| Failure::raised(error.to_string()))
            })
        };
        self.dispatcher.call_stream(jobs, |_| Call::unkeyed(), work)
    }
}

impl WorkerState {
    fn hash(&mut self, job: &HashJob) -> Result<HashOutcome, VerifyError> {
        let password = job.row.value.as_ref().map_or(&[][..], |value| value.bytes.reveal());
        let hash = self.hasher.hash(password).map_err(VerifyError::Hash)?;
        if job.is_verified
            && let Some(why) = self.disagreement(&hash, password)?
        {
            return Ok(HashOutcome::Disagreement(why));
        }
        Ok(HashOutcome::Hash(match &job.mark {
            None => hash,
            Some(mark) => SecretBytes::new([mark.as_bytes(), hash.reveal()].concat()),
        }))
    }

    /// Verifies a hash while the plaintext is still in the database, so that a wrong hash loses
    /// nothing. Returns in what the implementations disagree; `None` if they agree.
    fn disagreement(
        &mut self,
        hash: &SecretBytes,
        password: &[u8],
    ) -> Result<Option<&'static str>, VerifyError> {
        let Some(phc) = Phc::parse(hash.reveal()) else {
            return Ok(Some("a hash cannot be parsed"));
        };
        if !self.verifier.verify(&phc, password)? {
            return Ok(Some("the second implementation rejects the password of a hash"));
        }
        let other = SecretBytes::new([password, b"x"].concat());
        if self.verifier.verify(&phc, other.reveal())? {
            return Ok(Some("the second implementation accepts a wrong password for a hash"));
        }
        Ok(None)
    }
}

impl fmt::Debug for HashWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashWorkers").field("threads", &self.states.len()).finish_non_exhaustive()
    }
}
