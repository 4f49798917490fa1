//! The jobs in flight: by id, by key, and as a readable list.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::Phase;
use crate::answer::CallReport;
use crate::call::{Argument, JobId, JobInfo, Key};
use crate::id_hasher::BuildIdHasher;
use crate::job::Job;
use crate::outlook::Eta;
use crate::policy::forecast::KindId;
use crate::policy::queue::Ticket;

/// All jobs from their admission to their end.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    entries: HashMap<JobId, JobEntry<T>, BuildIdHasher>,
    /// The jobs that a call of the same key may join.
    joinable: HashMap<Key, JobId>,
    next: u64,
}

/// The state of a job in flight.
#[derive(Debug)]
pub(crate) struct JobEntry<T> {
    pub(crate) job: Arc<Job<T>>,
    pub(crate) state: JobState,
    pub(crate) ticket: Ticket,
    /// What its run time is forecast by.
    pub(crate) kind: Option<Key>,
    /// Calls that wait for the answer.
    pub(crate) waiters: usize,
    /// A refresh continues without waiters, regardless of the policy: it is for the cache.
    pub(crate) is_refresh: bool,
    /// The latest of the waiters' deadlines; `None` if one of them has none.
    pub(crate) deadline: Option<Instant>,
    pub(crate) attempts: u32,
    /// What was decided of a retry before the attempt has ended.
    pub(crate) retry: Option<RetryDecision>,
    pub(crate) waited: Duration,
    pub(crate) ran: Duration,
}

/// A decision about a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Another attempt follows after this pause.
    After(Duration),
    No,
}

/// A job's position in the pipeline, and its start there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum JobState {
    Queued {
        since: Instant,
        is_retry: bool,
        /// The time for which it is expected to occupy a slot.
        work: Duration,
    },
    /// The job has a slot; its task has not begun the attempt yet.
    Granted {
        seat: usize,
    },
    Running {
        seat: usize,
        since: Instant,
        kind: Option<KindId>,
    },
    /// The job is neither queued nor has it a slot: between two attempts, or about to end.
    Detached {
        phase: Phase,
    },
}

impl JobState {
    pub(crate) fn phase(self) -> Phase {
        match self {
            JobState::Queued { .. } => Phase::Queued,
            JobState::Granted { .. } | JobState::Running { .. } => Phase::Running,
            JobState::Detached { phase } => phase,
        }
    }

    pub(crate) fn seat(self) -> Option<usize> {
        match self {
            JobState::Granted { seat } | JobState::Running { seat, .. } => Some(seat),
            JobState::Queued { .. } | JobState::Detached { .. } => None,
        }
    }
}

impl<T> JobEntry<T> {
    /// The cost so far, including the current wait or attempt.
    pub(crate) fn report(&self, origin: crate::Origin, now: Instant) -> CallReport {
        let (mut waited, mut ran) = (self.waited, self.ran);
        match self.state {
            JobState::Queued { since, .. } => waited += now - since,
            JobState::Running { since, .. } => ran += now - since,
            JobState::Granted { .. } | JobState::Detached { .. } => {}
        }
        let job = Some(self.job.id());
        CallReport { origin, job, waited, ran, attempts: self.attempts, age: None }
    }
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), joinable: HashMap::new(), next: 1 }
    }
}

impl<T> Registry<T> {
    /// The id of the job that is inserted next.
    pub(crate) fn next_id(&self) -> JobId {
        JobId(self.next)
    }

    pub(crate) fn insert(&mut self, entry: JobEntry<T>) {
        self.next = entry.job.id().0 + 1;
        self.entries.insert(entry.job.id(), entry);
    }

    pub(crate) fn remove(&mut self, id: JobId) -> Option<JobEntry<T>> {
        let entry = self.entries.remove(&id)?;
        self.forbid_joining(&entry.job.info);
        Some(entry)
    }

    pub(crate) fn get(&self, id: JobId) -> Option<&JobEntry<T>> {
        self.entries.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: JobId) -> Option<&mut JobEntry<T>> {
        self.entries.get_mut(&id)
    }

    /// The job in flight that a call of `key` may join.
    pub(crate) fn joinable(&mut self, key: &Key) -> Option<&mut JobEntry<T>> {
        self.entries.get_mut(self.joinable.get(key)?)
    }

    /// Lets calls of the same key join this job.
    pub(crate) fn allow_joining(&mut self, job: &JobInfo) {
        if let Some(key) = &job.key {
            self.joinable.insert(key.clone(), job.id);
        }
    }

    /// Lets no further call join this job: it has a stop signal, or it is over.
    pub(crate) fn forbid_joining(&mut self, job: &JobInfo) {
        if let Some(key) = &job.key
            && self.joinable.get(key) == Some(&job.id)
        {
            self.joinable.remove(key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &JobEntry<T>> {
        self.entries.values()
    }
}

/// One job, as the list of jobs in flight shows it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesero::{Call, Dispatcher, Phase};
///
/// let squares = Dispatcher::<u64>::builder("square").limit(1).build()?;
/// let call = || squares.call(Call::unkeyed(), |_attempt| std::future::pending());
/// let (_, _, ()) = tokio::join!(call(), call(), async {
///     let jobs = squares.jobs();
///     assert_eq!((jobs[0].phase, jobs[0].seat, jobs[0].waiters), (Phase::Running, Some(0), 1));
///     assert_eq!((jobs[1].phase, jobs[1].position), (Phase::Queued, Some(1)));
///     assert_eq!(jobs[1].to_string(), "2 queued at position 1, 0.0 s old");
///     squares.stop();
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct JobView {
    /// The job's number, key and arguments.
    pub info: Arc<JobInfo>,
    /// The job's phase.
    pub phase: Phase,
    /// The job's position in the order of service, 1 for the next; `None` unless it waits for a
    /// slot, and while the newest job is served first, since later ones come before it then.
    pub position: Option<usize>,
    /// The expected time until the job has a slot; `None` unless it waits for one, and while the
    /// pace at which slots come back is not known.
    pub eta: Option<Eta>,
    /// The seat of the job's slot; `None` if it holds no slot.
    pub seat: Option<usize>,
    /// Time since the job's admission.
    pub age: Duration,
    /// Number of attempts, including the current one.
    pub attempts: u32,
    /// Number of calls that wait for the job's answer.
    pub waiters: usize,
    /// Total time in the queue.
    pub waited: Duration,
    /// Total run time of the attempts, including the current one.
    pub ran: Duration,
}

/// One readable line: the number, the phase, the age, and the arguments.
impl fmt::Display for JobView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.info.id, self.phase)?;
        match (self.position, self.seat) {
            (Some(position), _) => write!(f, " at position {position}")?,
            (None, Some(seat)) => write!(f, " at seat {seat}")?,
            (None, None) => {}
        }
        write!(f, ", {:.1} s old", self.age.as_secs_f64())?;
        self.info
            .arguments
            .iter()
            .try_for_each(|Argument { name, text }| write!(f, ", {name}={text}"))
    }
}
