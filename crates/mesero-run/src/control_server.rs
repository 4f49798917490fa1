//! The control listener of a run: jobs, metrics and the limit.

use mesero_http::server::listen;
use mesero_services::service::Service;
use mesero_terminal::output::Output;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::error::RunError;

/// The control listener of a run, with its own thread. Dropping it leaves the listener running until the process exits.
#[derive(Debug)]
pub(crate) struct ControlServer {
    running: mesero_control::listen::ControlThread,
    stop: CancellationToken,
}

impl ControlServer {
    /// Listens on `address`, and prints the URL.
    ///
    /// Dropping the future closes the sockets.
    ///
    /// # Errors
    /// If the address cannot be listened on, or other machines could reach it.
    pub(crate) async fn start(
        address: &str,
        service: &Service,
        output: &mut Output,
    ) -> Result<Self, RunError> {
        let listeners =
            listen::bind(address).await.map_err(|error| RunError::Control(error.to_string()))?;
        let mut urls = Vec::new();
        for listener in &listeners {
            let address = listener.local_addr().map_err(RunError::Io)?;
            if !address.ip().is_loopback() {
                return Err(RunError::Control(format!(
                    "listen on {address}: other machines could reach it; use an address such as 127.0.0.1:9888"
                )));
            }
            urls.push(format!("http://{address}"));
        }
        let stop = CancellationToken::new();
        let router = mesero_control::router(vec![service.clone()], CancellationToken::new(), None);
        let listeners = listeners.into_iter().map(TcpListener::into_std);
        let listeners = listeners.collect::<Result<_, _>>().map_err(RunError::Io)?;
        let running =
            mesero_control::start(listeners, router, stop.clone()).map_err(RunError::Io)?;
        output.say(&format!("control on {}", urls.join(", ")));
        Ok(Self { running, stop })
    }

    /// Stops the listener, and waits until its thread has ended. Dropping the future stops only the waiting.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.stopped().await;
    }
}
