//! What is measured: a URL that clients of their own ask, or a resource that is called.

pub(crate) mod in_process;
pub(crate) mod launcher;
pub(crate) mod named;

use std::sync::Arc;

use tokio::time::Instant;

use crate::client::endpoint::Target;
use crate::client::{Client, Clients};
use crate::stats::outcome::Outcome;
use crate::target::in_process::Called;

/// Something to measure; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Url(Arc<Target>),
    Called(Arc<Called>),
}

/// Makes those who ask in a measurement.
#[derive(Debug)]
pub(crate) enum Callers {
    Url(Clients),
    Called(Arc<Called>),
}

/// One of those who ask. Dropped, it gives up what it has asked for.
#[derive(Debug)]
pub(crate) enum Caller {
    Url(Client),
    Called(Arc<Called>),
}

impl Subject {
    /// They share connections with one another, and with no others.
    pub(crate) fn callers(&self) -> Callers {
        match self {
            Subject::Url(target) => Callers::Url(Clients::new(Arc::clone(target))),
            Subject::Called(called) => Callers::Called(Arc::clone(called)),
        }
    }
}

impl Callers {
    pub(crate) fn next(&mut self) -> Caller {
        match self {
            Callers::Url(clients) => Caller::Url(clients.next()),
            Callers::Called(called) => Caller::Called(Arc::clone(called)),
        }
    }
}

impl Caller {
    /// Asks once, and waits for the whole answer, up to an instant.
    pub(crate) async fn ask(&mut self, until: Instant) -> Outcome {
        match self {
            Caller::Url(client) => client.ask(until).await,
            Caller::Called(called) => called.ask(until).await,
        }
    }
}
