//! Targets of a load: URLs with HTTP clients, or resources that are called in this process.

pub(crate) mod in_process;
pub(crate) mod launcher;
pub(crate) mod named;

use std::sync::Arc;

use tokio::time::Instant;

use crate::client::endpoint::Endpoint;
use crate::client::{HttpClient, HttpClients};
use crate::stats::outcome::RequestOutcome;
use crate::target::in_process::InProcessTarget;

/// A target; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum BenchTarget {
    Url(Arc<Endpoint>),
    InProcess(Arc<InProcessTarget>),
}

/// Creates the clients of a load.
#[derive(Debug)]
pub(crate) enum TargetClients {
    Url(HttpClients),
    InProcess(Arc<InProcessTarget>),
}

/// A client of a target. Dropped, it closes its connection, or cancels its call.
#[derive(Debug)]
pub(crate) enum TargetClient {
    Url(HttpClient),
    InProcess(Arc<InProcessTarget>),
}

impl BenchTarget {
    /// Clients that share connections with each other, and with no others.
    pub(crate) fn target_clients(&self) -> TargetClients {
        match self {
            BenchTarget::Url(target) => TargetClients::Url(HttpClients::new(Arc::clone(target))),
            BenchTarget::InProcess(in_process) => TargetClients::InProcess(Arc::clone(in_process)),
        }
    }
}

impl TargetClients {
    pub(crate) fn next(&mut self) -> TargetClient {
        match self {
            TargetClients::Url(clients) => TargetClient::Url(clients.next()),
            TargetClients::InProcess(in_process) => TargetClient::InProcess(Arc::clone(in_process)),
        }
    }
}

impl TargetClient {
    /// Sends a request, and waits for the whole response, up to an instant. Dropped, it closes the connection, or
    /// cancels the call.
    pub(crate) async fn send(&mut self, until: Instant) -> RequestOutcome {
        match self {
            TargetClient::Url(client) => client.send(until).await,
            TargetClient::InProcess(in_process) => in_process.send(until).await,
        }
    }
}
