//! `/livez` and `/readyz`: the process answers, and it can serve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Plane;
use super::causes::{self, ProblemResponse};

/// A process that answers at all is alive.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// A process is ready if it accepts calls and each of its resources can serve some.
pub(super) async fn ready(State(plane): State<Arc<Plane>>) -> Result<Json<Value>, ProblemResponse> {
    let draining = plane.draining.is_cancelled();
    let mut reasons = Vec::new();
    if draining {
        reasons.push("it is draining and accepts no new calls".to_owned());
    }
    let mut resources = Vec::new();
    for service in &plane.services {
        let (name, health) = (service.name(), service.resource.health());
        if !health.is_ready() {
            let wanted = health.wanted;
            reasons.push(format!("{name} has no running process; {wanted} are configured"));
        }
        resources.push(json!({
            "name": name,
            "ready": health.is_ready(),
            "up": health.up,
            "wanted": health.wanted,
        }));
    }
    if reasons.is_empty() {
        Ok(Json(json!({ "ready": true, "draining": false, "resources": resources })))
    } else {
        Err(causes::not_ready(reasons.join("; "), draining, resources.into()))
    }
}
