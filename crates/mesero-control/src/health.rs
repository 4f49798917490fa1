//! `/livez` and `/readyz`: whether the process answers, and whether it can serve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Plane, Problem, causes};

/// Whoever hears this, hears it from a process that lives.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// Ready is a process that takes calls, and whose every resource can serve some.
pub(super) async fn ready(State(plane): State<Arc<Plane>>) -> Result<Json<Value>, Problem> {
    let draining = plane.draining.is_cancelled();
    let mut reasons = Vec::new();
    if draining {
        reasons.push("it is draining, and takes nothing new".to_owned());
    }
    let mut resources = Vec::new();
    for service in &plane.services {
        let (name, health) = (service.name(), service.resource.health());
        if !health.is_ready() {
            let wanted = health.wanted;
            reasons.push(format!("{name} has none of the {wanted} processes up that it wants"));
        }
        resources.push(json!({
            "name": name,
            "ready": health.is_ready(),
            "up": health.up,
            "wanted": health.wanted,
        }));
    }
    match reasons.is_empty() {
        true => Ok(Json(json!({ "ready": true, "draining": false, "resources": resources }))),
        false => Err(causes::not_ready(reasons.join("; "))
            .with("ready", false)
            .with("draining", draining)
            .with("resources", resources)),
    }
}
