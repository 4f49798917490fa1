//! A resource behind its policies, as every command uses it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mesero::{Answer, Call, Dispatcher, JobId};
use mesero_config::PolicySettings;
use mesero_resources::{Reply, Request, Resource};
use tokio_util::either::Either;

use crate::dispatcher_metrics::DispatcherMetrics;

/// A resource and the dispatcher in front of it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    pub dispatcher: Dispatcher<Reply>,
    pub resource: Arc<dyn Resource>,
    /// Set if calls need a key, because their replies are shared or cached.
    pub shares: bool,
    /// The time that cached replies are fresh; none without a cache.
    pub ttl: Option<Duration>,
    /// The policy, as it is configured.
    pub policy: Arc<PolicySettings>,
    pub metrics: DispatcherMetrics,
}

impl Service {
    /// Returns the name of the resource in the configuration.
    pub fn name(&self) -> &str {
        self.dispatcher.name()
    }

    /// Calls the resource through its policies, and waits for the answer.
    ///
    /// Dropping the future leaves the job: unless other callers wait for it, it is canceled or finishes, as the policy's
    /// `on_disconnect` says. A reply that callers share is received whole before it is returned.
    pub fn ask(
        &self,
        call: Call,
        request: Request,
    ) -> impl Future<Output = Answer<Reply>> + Send + '_ {
        // No async function, which would hold the call and the request a second time while it waits.
        let resource = Arc::clone(&self.resource);
        if !self.shares {
            let work = move |attempt| resource.attempt(request.clone(), attempt);
            return Either::Left(self.dispatcher.ask(call, work));
        }
        let work = move |attempt| {
            let serving = resource.attempt(request.clone(), attempt);
            async move { serving.await?.gathered(SHARED_BYTES).await }
        };
        Either::Right(self.dispatcher.ask(call, work))
    }

    /// Returns the name of one of its jobs across all services.
    pub fn job_name(&self, id: JobId) -> JobName {
        JobName { service: self.name().to_owned(), id }
    }
}

/// The largest reply that several callers can share; it is held in memory.
const SHARED_BYTES: usize = 16 * 1024 * 1024;

/// A job's name across all services: `square-17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobName {
    pub service: String,
    pub id: JobId,
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.id)
    }
}

impl FromStr for JobName {
    type Err = NotAJobName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (service, id) = text.rsplit_once('-').ok_or(NotAJobName)?;
        let id = id.parse().map_err(|_| NotAJobName)?;
        Ok(Self { service: service.to_owned(), id })
    }
}

/// The error of a text that is not a job's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAJobName;

impl fmt::Display for NotAJobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a job's name, which is the resource's name, a dash and a number: square-17",
        )
    }
}
