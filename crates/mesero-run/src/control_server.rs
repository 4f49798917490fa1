//! The control plane beside a run: its jobs, its metrics, and its limit.

use mesero_http::server::listen;
use mesero_services::service::Service;
use mesero_terminal::output::Output;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::RunError;

/// The control plane of a run, if it has one.
#[derive(Debug)]
pub(crate) struct ControlServer {
    running: Option<mesero_control::listen::Running>,
    stop: CancellationToken,
}

impl ControlServer {
    /// Listens where it is told to, and says so.
    ///
    /// # Errors
    /// If it cannot listen there, or other machines could reach it.
    pub(super) async fn start(
        address: Option<&str>,
        service: &Service,
        output: &mut Output,
    ) -> Result<Self, RunError> {
        let stop = CancellationToken::new();
        let Some(address) = address else { return Ok(Self { running: None, stop }) };
        let listeners = listen::bind(address)
            .await
            .map_err(|error| RunError::ControlServer(error.to_string()))?;
        let mut listening = Vec::new();
        for listener in &listeners {
            let address = listener.local_addr().map_err(RunError::Io)?;
            if !address.ip().is_loopback() {
                return Err(RunError::ControlServer(format!(
                    "listen on {address}: other machines could reach it; use an address such as 127.0.0.1:9888"
                )));
            }
            listening.push(format!("http://{address}"));
        }
        let router = mesero_control::router(vec![service.clone()], CancellationToken::new(), None);
        let listeners = listeners.into_iter().map(TcpListener::into_std);
        let listeners = listeners.collect::<Result<_, _>>().map_err(RunError::Io)?;
        let running =
            mesero_control::start(listeners, router, stop.clone()).map_err(RunError::Io)?;
        output.say(&format!("control on {}", listening.join(", ")));
        Ok(Self { running: Some(running), stop })
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Some(running) = self.running {
            running.stopped().await;
        }
    }
}
