//! The control plane: jobs in flight, metrics and health over HTTP, and its client.

#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, put};
use mesero_config::Secret;
use mesero_services::service::Service;
use tokio_util::sync::CancellationToken;

use causes::ProblemResponse;

mod auth;
mod causes;
pub mod client;
mod health;
pub(crate) mod jobs;
pub mod listen;
mod metrics;
pub(crate) mod resources;
#[cfg(test)]
pub(crate) mod scripted;

pub use listen::start;

/// The control plane's routes.
///
/// A canceled `draining` makes it report that it is not ready, and changes nothing else. With a
/// `token`, every request but the health checks must have it; without one, only requests to a
/// loopback name are answered, and no web page of another origin can change anything.
pub fn router(
    services: Vec<Service>,
    draining: CancellationToken,
    token: Option<Secret>,
) -> Router {
    let policy = Arc::new(auth::AccessPolicy::new(token));
    Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show).delete(jobs::cancel))
        .route("/resources", get(resources::list))
        .route("/resources/{name}/limit", put(resources::set_limit))
        .route("/metrics", get(metrics::scrape))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(policy, auth::check))
        // Routes above require access; routes below are open to all.
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(Plane { services, draining }))
}

/// The state that all handlers share.
#[derive(Debug)]
struct Plane {
    services: Vec<Service>,
    draining: CancellationToken,
}

impl Plane {
    /// Finds the resource of this name.
    fn service(&self, name: &str) -> Result<&Service, ProblemResponse> {
        self.services.iter().find(|service| service.name() == name).ok_or_else(|| {
            let names: Vec<_> = self.services.iter().map(Service::name).collect();
            causes::no_such_resource(name, &names.join(", "))
        })
    }
}

async fn unknown_path(uri: Uri) -> ProblemResponse {
    causes::unknown_path(uri.path())
}

async fn wrong_method(method: Method, uri: Uri) -> ProblemResponse {
    causes::wrong_method(&method, uri.path())
}

#[cfg(test)]
mod tests;
