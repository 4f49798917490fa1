//! `/jobs`: the list of jobs in flight, one job, and cancellation.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use mesero::{JobView, Phase};
use mesero_services::service::{JobName, Service};
use mesero_terminal::units::milliseconds;
use serde::{Deserialize, Serialize};

use super::Plane;
use super::causes::{self, ProblemResponse};

/// The answer to `GET /jobs`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JobList {
    pub(crate) jobs: Vec<JobRecord>,
    /// Attempts whose slots were released on the assumption that they had stopped, by resource; without those that
    /// have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) assumed_stopped: BTreeMap<String, u64>,
    /// Limits that find themselves, by resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) auto_limits: BTreeMap<String, AutoLimit>,
}

/// A limit that finds itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AutoLimit {
    /// The limit at present.
    pub(crate) limit: usize,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl AutoLimit {
    /// Returns the limit of the service, if it finds itself.
    pub(crate) fn of(service: &Service) -> Option<Self> {
        let bounds = service.dispatcher.adaptive_limit()?;
        let (limit, min, max) =
            (service.dispatcher.limit(), bounds.min().get(), bounds.max().get());
        Some(Self { limit, min, max })
    }
}

/// One job, as the control plane writes it and as its client reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// Its name across all resources: `square-17`.
    pub(crate) id: String,
    pub(crate) resource: String,
    /// `queued`, `running`, `backoff` or `stopping`.
    pub(crate) phase: String,
    /// Its position in the queue, 1 for the next.
    pub(crate) position: Option<usize>,
    /// The least and the most time until it has a slot, as far as is expected; the most is null while the newest job is
    /// served first. Absent unless it waits, and while the pace is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eta_ms: Option<(u64, Option<u64>)>,
    /// Its seat at the resource.
    pub(crate) seat: Option<usize>,
    /// Time since it was admitted.
    pub(crate) age_ms: u64,
    /// Time in the queue, over all its attempts.
    pub(crate) waited_ms: u64,
    /// Duration of its attempts, including the current one.
    pub(crate) ran_ms: u64,
    /// Number of attempts begun.
    pub(crate) attempts: u32,
    /// Number of calls that wait for its answer.
    pub(crate) waiters: usize,
    pub(crate) key: Option<String>,
    /// The leading call's arguments, by name, as the caller wrote them.
    pub(crate) arguments: BTreeMap<String, String>,
    /// Its current stack, or the one at its cancellation; only of a single job, from resources that have stacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
}

impl JobRecord {
    fn new(service: &Service, job: &JobView) -> Self {
        let arguments = &job.info.arguments;
        Self {
            id: service.job_name(job.info.id).to_string(),
            resource: service.name().to_owned(),
            phase: job.phase.as_str().to_owned(),
            position: job.position,
            eta_ms: job.eta.map(|eta| (milliseconds(eta.low), eta.high.map(milliseconds))),
            seat: job.seat,
            age_ms: milliseconds(job.age),
            waited_ms: milliseconds(job.waited),
            ran_ms: milliseconds(job.ran),
            attempts: job.attempts,
            waiters: job.waiters,
            key: job.info.key.as_ref().map(ToString::to_string),
            arguments: arguments
                .iter()
                .map(|argument| (argument.name.to_string(), argument.text.clone()))
                .collect(),
            stack: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    resource: Option<String>,
}

/// Lists the jobs in flight, from one snapshot of each resource; it never waits.
pub(super) async fn list(
    State(plane): State<Arc<Plane>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<JobList>, ProblemResponse> {
    let Query(filter) = filter.map_err(|error| causes::bad_request(error.body_text()))?;
    let services = match &filter.resource {
        None => &plane.services[..],
        Some(name) => std::slice::from_ref(plane.service(name)?),
    };
    let jobs = services
        .iter()
        .flat_map(|service| {
            service.dispatcher.jobs().into_iter().map(|job| JobRecord::new(service, &job))
        })
        .collect();
    let assumed_stopped = services
        .iter()
        .map(|service| {
            (service.name().to_owned(), service.dispatcher.stats().slots.assumed_stopped)
        })
        .filter(|(_, assumed)| *assumed > 0)
        .collect();
    let auto_limits = services
        .iter()
        .filter_map(|service| Some((service.name().to_owned(), AutoLimit::of(service)?)))
        .collect();
    Ok(Json(JobList { jobs, assumed_stopped, auto_limits }))
}

/// Shows one job, with the stack that its worker reports.
///
/// It waits for the worker for up to a fifth of a second. Dropping the future leaves the job as it is.
pub(super) async fn show(
    State(plane): State<Arc<Plane>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<JobRecord>, ProblemResponse> {
    let (service, job) = find(&plane, id)?;
    let mut record = JobRecord::new(service, &job);
    if let Some(seat) = job.seat {
        record.stack = service.resource.stack(seat, job.info.id).await;
    }
    Ok(Json(record))
}

/// Cancels a job, and answers with the job as it was. The status is 202: the resource may need time to stop.
///
/// It never waits: when the future was polled, the job is canceled, whether the client reads the answer or not.
pub(super) async fn cancel(
    State(plane): State<Arc<Plane>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<JobRecord>), ProblemResponse> {
    let (service, job) = find(&plane, id)?;
    let record = JobRecord::new(service, &job);
    if job.phase == Phase::Stopping {
        return Err(causes::already_stopping(&record.id));
    }
    if service.dispatcher.cancel(job.info.id) {
        Ok((StatusCode::ACCEPTED, Json(record)))
    } else {
        // It has ended since it was looked up.
        Err(causes::no_such_job(&record.id))
    }
}

fn find(
    plane: &Plane,
    id: Result<Path<String>, PathRejection>,
) -> Result<(&Service, JobView), ProblemResponse> {
    let Path(id) = id.map_err(|error| causes::bad_request(error.body_text()))?;
    let unknown = || causes::no_such_job(&id);
    let name: JobName = id.parse().map_err(|_| unknown())?;
    let service = plane.services.iter().find(|service| service.name() == name.service);
    let service = service.ok_or_else(unknown)?;
    let job = service.dispatcher.job(name.id).ok_or_else(unknown)?;
    Ok((service, job))
}
