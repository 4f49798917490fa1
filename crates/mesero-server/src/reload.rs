//! SIGHUP: worker processes are replaced by new ones, which load the current code.

use std::io;

use mesero_services::service::Service;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Receives SIGHUPs; while it exists, they do not end the process.
#[derive(Debug)]
pub(super) struct ReloadSignals(Signal);

impl ReloadSignals {
    /// # Errors
    /// If the handler cannot be installed.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Reloads at each signal until `draining`, which ends a reload in the middle: the workers that
    /// serve then keep serving. Signals during a reload cause one more.
    /// A drop ends a reload in the same way.
    pub(super) async fn reload(mut self, services: Vec<Service>, draining: CancellationToken) {
        let reloading = async {
            while self.0.recv().await.is_some() {
                reload(&services).await;
            }
        };
        tokio::select! {
            () = reloading => {}
            () = draining.cancelled() => {}
        }
    }
}

/// Reloads one resource after the other; after the line "reloaded", every new call runs the new code.
async fn reload(services: &[Service]) {
    tracing::info!("reloading: starting new workers");
    let (mut processes, mut failed) = (0, Vec::new());
    for service in services {
        match service.resource.reload().await {
            Ok(count) => processes += count,
            Err(error) => {
                let resource = service.name();
                tracing::error!(resource, "the old code keeps serving: failed to {error}");
                failed.push(resource);
            }
        }
    }
    if failed.is_empty() {
        tracing::info!(processes, "reloaded");
    } else {
        tracing::warn!(processes, "some resources were not reloaded: {}", failed.join(", "));
    }
}
