//! What is measured: a URL that clients of their own ask, or a resource that is called.

use std::sync::Arc;

use tokio::time::Instant;

use super::called::Called;
use super::client::{Client, Clients};
use super::outcome::Outcome;
use super::target::Target;

/// Something to measure; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Url(Arc<Target>),
    Called(Arc<Called>),
}

/// Makes those who ask in a measurement.
#[derive(Debug)]
pub(super) enum Callers {
    Url(Clients),
    Called(Arc<Called>),
}

/// One of those who ask. Dropped, it gives up what it has asked for.
#[derive(Debug)]
pub(super) enum Caller {
    Url(Client),
    Called(Arc<Called>),
}

impl Subject {
    /// They share connections with one another, and with no others.
    pub(super) fn callers(&self) -> Callers {
        match self {
            Subject::Url(target) => Callers::Url(Clients::new(Arc::clone(target))),
            Subject::Called(called) => Callers::Called(Arc::clone(called)),
        }
    }
}

impl Callers {
    pub(super) fn next(&mut self) -> Caller {
        match self {
            Callers::Url(clients) => Caller::Url(clients.next()),
            Callers::Called(called) => Caller::Called(Arc::clone(called)),
        }
    }
}

impl Caller {
    /// Asks once, and waits for the whole answer, up to an instant.
    pub(super) async fn ask(&mut self, until: Instant) -> Outcome {
        match self {
            Caller::Url(client) => client.ask(until).await,
            Caller::Called(called) => called.ask(until).await,
        }
    }
}
