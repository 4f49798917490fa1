//! SIGHUP: worker processes are replaced by new ones, which have the code as it is now.

use std::io;

use mesero_services::service::Service;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The SIGHUPs of the process; from their creation on none ends it.
#[derive(Debug)]
pub(super) struct ReloadSignals(Signal);

impl ReloadSignals {
    /// # Errors
    /// If the system refuses.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Reloads at each of them until `draining`, which ends a reload in the middle: whoever serves
    /// then serves on. Those that come during a reload make one more.
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

/// Reloads one resource after the other; when it says that they are reloaded, every call that
/// begins runs on new code.
async fn reload(services: &[Service]) {
    tracing::info!("reloading: new workers are being started");
    let (mut processes, mut failed) = (0, Vec::new());
    for service in services {
        match service.resource.reload().await {
            Ok(count) => processes += count,
            Err(error) => {
                let resource = service.name();
                tracing::error!(resource, "the old code goes on serving: failed to {error}");
                failed.push(resource);
            }
        }
    }
    match failed.is_empty() {
        true => tracing::info!(processes, "reloaded"),
        false => tracing::warn!(processes, "not all was reloaded: {}", failed.join(", ")),
    }
}
