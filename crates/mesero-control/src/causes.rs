//! The table of problems of requests to the control plane.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use mesero_http::problem::Problem;
use serde_json::Value;

/// A problem as a handler of axum returns it.
#[derive(Debug)]
pub(super) struct ProblemResponse(Problem);

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        self.0.into_response().map(Body::new)
    }
}

pub(super) fn no_such_job(id: &str) -> ProblemResponse {
    let detail = format!(
        "no job {id:?} is in flight; it may have finished; `mesero jobs` or GET /jobs lists the jobs in flight"
    );
    Problem::new(StatusCode::NOT_FOUND, "no-such-job", "No such job", detail).into()
}

pub(super) fn no_such_resource(name: &str, known: &str) -> ProblemResponse {
    let detail = format!("no resource has the name {name:?}; known resources: {known}");
    Problem::new(StatusCode::NOT_FOUND, "no-such-resource", "No such resource", detail).into()
}

pub(super) fn unknown_path(path: &str) -> ProblemResponse {
    let detail = format!(
        "no such path: {path:?}; the paths are /jobs, /jobs/ID, /resources, /resources/NAME/limit, /metrics, /livez and /readyz"
    );
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail).into()
}

pub(super) fn wrong_method(method: &Method, path: &str) -> ProblemResponse {
    let detail =
        format!("{path:?} does not accept {method}; the Allow header lists the accepted methods");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
        .into()
}

pub(super) fn bad_request(detail: String) -> ProblemResponse {
    Problem::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail).into()
}

pub(super) fn body_too_large(limit: usize) -> ProblemResponse {
    let detail = format!("the body is larger than {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail).into()
}

pub(super) fn body_too_slow() -> ProblemResponse {
    let detail = "the body did not arrive in time".to_owned();
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "Body too slow", detail).into()
}

pub(super) fn already_stopping(id: &str) -> ProblemResponse {
    let detail = format!(
        "job {id:?} has finished; its last attempt still occupies the resource until it has \
         stopped"
    );
    Problem::new(StatusCode::CONFLICT, "already-stopping", "Already stopping", detail).into()
}

pub(super) fn not_ready(detail: String, draining: bool, resources: Value) -> ProblemResponse {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", detail)
        .with("ready", false)
        .with("draining", draining)
        .with("resources", resources)
        .into()
}

pub(super) fn forbidden(detail: String) -> ProblemResponse {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail).into()
}

pub(super) fn unauthorized() -> ProblemResponse {
    let detail = "this control plane requires its token: Authorization: Bearer …".to_owned();
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mesero\""))
        .into()
}

pub(super) fn internal(detail: String) -> ProblemResponse {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Internal error", detail)
        .into()
}
