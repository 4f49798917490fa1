//! What is measured: a URL that clients of their own ask, or a resource that is called.

use std::sync::Arc;

use tokio::time::Instant;

use super::called::Called;
use super::client::Client;
use super::outcome::Outcome;
use super::target::Target;

/// Something to measure; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Url(Arc<Target>),
    Called(Arc<Called>),
}

/// One client of it. Dropped, it gives up what it has asked for.
#[derive(Debug)]
pub(super) enum Caller {
    /// With a connection of its own.
    Url(Client),
    Called(Arc<Called>),
}

impl Subject {
    pub(super) fn caller(&self) -> Caller {
        match self {
            Subject::Url(target) => Caller::Url(Client::new(Arc::clone(target))),
            Subject::Called(called) => Caller::Called(Arc::clone(called)),
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
