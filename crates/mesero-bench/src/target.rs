//! What is measured: a URL that clients of their own ask, or a resource that is called.

pub(crate) mod in_process;
pub(crate) mod launcher;
pub(crate) mod named;

use std::sync::Arc;

use tokio::time::Instant;

use crate::client::endpoint::Endpoint;
use crate::client::{HttpClient, HttpClients};
use crate::stats::outcome::RequestOutcome;
use crate::target::in_process::InProcessTarget;

/// Something to measure; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum BenchTarget {
    Url(Arc<Endpoint>),
    InProcess(Arc<InProcessTarget>),
}

/// Makes those who ask in a measurement.
#[derive(Debug)]
pub(crate) enum TargetClients {
    Url(HttpClients),
    InProcess(Arc<InProcessTarget>),
}

/// One of those who ask. Dropped, it gives up what it has asked for.
#[derive(Debug)]
pub(crate) enum TargetClient {
    Url(HttpClient),
    InProcess(Arc<InProcessTarget>),
}

impl BenchTarget {
    /// They share connections with one another, and with no others.
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
    /// Asks once, and waits for the whole answer, up to an instant.
    pub(crate) async fn send(&mut self, until: Instant) -> RequestOutcome {
        match self {
            TargetClient::Url(client) => client.send(until).await,
            TargetClient::InProcess(in_process) => in_process.send(until).await,
        }
    }
}
