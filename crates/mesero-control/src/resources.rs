//! `/resources`: the state of each resource, and changes of its limit.

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http_body_util::LengthLimitError;
use mesero::Stats;
use mesero_services::service::Service;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Plane;
use super::causes::{self, ProblemResponse};
use super::jobs::AutoLimit;

/// Far more than `{"limit":20}` needs.
const BODY_BYTES: usize = 4_096;

/// Long enough for a body that is typed into `curl -T -`, too short for a client that holds connections.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Describes each resource, with its health and its counts; it never waits.
pub(super) async fn list(State(plane): State<Arc<Plane>>) -> Json<Value> {
    let resources: Vec<_> = plane.services.iter().map(describe).collect();
    Json(json!({ "resources": resources }))
}

fn describe(service: &Service) -> Value {
    let health = service.resource.health();
    json!({
        "name": service.name(),
        "ready": health.is_ready(),
        "limit": service.dispatcher.limit(),
        "auto": AutoLimit::of(service).map(|auto| json!({ "min": auto.min, "max": auto.max })),
        "seats": service.resource.seats(),
        "health": { "up": health.up, "wanted": health.wanted, "restarts": health.restarts },
        "stats": counts(&service.dispatcher.stats()),
    })
}

fn counts(stats: &Stats) -> Value {
    let Stats { calls, jobs, attempts, slots, queue } = stats;
    json!({
        "calls": {
            "started": calls.started,
            "finished": calls.finished,
            "in_flight": calls.in_flight,
            "refused": calls.refused,
            "cached": calls.cached,
            "stale": calls.stale,
            "negative": calls.negative,
            "led": calls.led,
            "joined": calls.joined,
            "rescued": calls.rescued,
        },
        "jobs": {
            "started": jobs.started,
            "refreshes": jobs.refreshes,
            "finished": jobs.finished,
            "in_flight": jobs.in_flight,
            "attempted": jobs.attempted,
            "succeeded": jobs.succeeded,
            "failed": jobs.failed,
            "timed_out": jobs.timed_out,
            "expired": jobs.expired,
            "shed": jobs.shed,
            "canceled": jobs.canceled,
        },
        "attempts": {
            "started": attempts.started,
            "retries": attempts.retries,
            "retries_refused": attempts.retries_refused,
        },
        "slots": {
            "in_use": slots.in_use,
            "total": slots.total,
            "closed": slots.closed,
            "assumed_stopped": slots.assumed_stopped,
            "limit_changes": slots.limit_changes,
        },
        "queue": { "len": queue.len, "bound": queue.bound, "retries": queue.retries },
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimit {
    limit: NonZeroUsize,
}

/// The answer to a change of the limit.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LimitChange {
    pub(crate) resource: String,
    pub(crate) limit: usize,
    pub(crate) before: usize,
}

/// Reads the body, and changes the limit until mesero is restarted.
///
/// It waits for the body, at most ten seconds. Dropping the future before the body is complete changes nothing.
pub(super) async fn set_limit(
    State(plane): State<Arc<Plane>>,
    name: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<LimitChange>, ProblemResponse> {
    let Path(name) = name.map_err(|error| causes::bad_request(error.body_text()))?;
    let service = plane.service(&name)?;
    let body = match timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES)).await {
        Err(_) => return Err(causes::body_too_slow()),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            return Err(causes::body_too_large(BODY_BYTES));
        }
        Ok(Err(error)) => {
            return Err(causes::bad_request(format!("the body cannot be read: {error}")));
        }
        Ok(Ok(body)) => body,
    };
    let NewLimit { limit } = serde_json::from_slice(&body).map_err(|error| {
        causes::bad_request(format!("the body must be like {{\"limit\":20}}: {error}"))
    })?;
    let seats = service.resource.seats();
    if limit > seats {
        return Err(causes::bad_request(format!(
            "the limit {limit} is more than the {seats} seats of {name:?}, so it would have no \
             effect; give the resource more processes or threads first"
        )));
    }
    let before = service.dispatcher.limit();
    service.dispatcher.set_limit(limit);
    Ok(Json(LimitChange { resource: name, limit: limit.get(), before }))
}
