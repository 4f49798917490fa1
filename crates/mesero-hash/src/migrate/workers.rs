//! The threads that hash: behind a dispatcher, each with memory of its own.

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

/// Hashes rows: as many at once as there are threads, and as many again wait.
pub(crate) struct HashWorkers {
    pub(crate) dispatcher: Dispatcher<HashOutcome>,
    threads: Blocking,
    states: Arc<[Mutex<WorkerState>]>,
}

/// A row that is to be hashed.
#[derive(Debug)]
pub(crate) struct HashJob {
    pub(crate) row: Arc<Row>,
    /// What stands in front of the hash, where what is hashed is itself a digest.
    pub(crate) mark: Option<String>,
    /// Whether the hash is verified before anything is written.
    pub(crate) is_verified: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum HashOutcome {
    Hash(SecretBytes),
    /// The two implementations do not agree: nothing that this machine computes can be trusted.
    Disagreement(&'static str),
}

/// What one seat works with; overwritten when it is dropped.
struct WorkerState {
    hasher: Hasher,
    verifier: Verifier,
}

impl HashWorkers {
    /// Has the memory for all threads before the first row is read.
    ///
    /// # Errors
    /// If there is not so much.
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
            builder.build().map_err(|error| HashError::Thread(std::io::Error::other(error)))?;
        Ok(Self { dispatcher, threads: Blocking::new("mesero-hash"), states: states.into() })
    }

    /// The hashes of the rows that come, as they are done.
    pub(crate) fn answers(
        &self,
        jobs: mpsc::Receiver<Arc<HashJob>>,
    ) -> Answers<Arc<HashJob>, HashOutcome> {
        let jobs = stream::unfold(jobs, async |mut jobs| Some((jobs.recv().await?, jobs)));
        let (threads, states) = (self.threads.clone(), Arc::clone(&self.states));
        let work = move |job: Arc<HashJob>, attempt: Attempt| {
            let (states, seat) = (Arc::clone(&states), attempt.slot().seat());
            threads.run(&attempt, move || {
                let state = states.get(seat).ok_or_else(|| Failure::raised("no such seat"))?;
                // A seat is one thread's: nobody else holds it. After a panic its memory is as good as before.
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.make(&job).map_err(|error| Failure::raised(error.to_string()))
            })
        };
        self.dispatcher.call_stream(jobs, |_| Call::unkeyed(), work)
    }
}

impl WorkerState {
    fn make(&mut self, job: &HashJob) -> Result<HashOutcome, VerifyError> {
        let password = job.row.value.as_ref().map_or(&[][..], |value| value.bytes.reveal());
        let hash = self.hasher.hash(password).map_err(VerifyError::Hash)?;
        if job.is_verified
            && let Err(why) = self.verify(&hash, password)?
        {
            return Ok(HashOutcome::Disagreement(why));
        }
        Ok(HashOutcome::Hash(match &job.mark {
            None => hash,
            Some(mark) => SecretBytes::new([mark.as_bytes(), hash.reveal()].concat()),
        }))
    }

    /// While the plaintext is still in the database, so that nothing is lost if it goes wrong.
    fn verify(
        &mut self,
        hash: &SecretBytes,
        password: &[u8],
    ) -> Result<Result<(), &'static str>, VerifyError> {
        let Some(phc) = Phc::parse(hash.reveal()) else {
            return Ok(Err("a hash cannot be read back as one"));
        };
        if !self.verifier.verify(&phc, password)? {
            return Ok(Err(
                "another implementation does not take the password for the one behind a hash",
            ));
        }
        let other = SecretBytes::new([password, b"x"].concat());
        if self.verifier.verify(&phc, other.reveal())? {
            return Ok(Err(
                "another implementation takes a wrong password for the one behind a hash",
            ));
        }
        Ok(Ok(()))
    }
}

impl std::fmt::Debug for HashWorkers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("threads", &self.states.len()).finish_non_exhaustive()
    }
}
