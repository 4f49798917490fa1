//! What is called by ourselves and not asked over HTTP by a client of its own: a resource behind its policies.

use std::fmt;
use std::sync::Arc;

use http_body_util::BodyExt;
use mesero::{Call, Error, FailureKind};
use mesero_config::ResourceSettings;
use mesero_process::spawner::Spawner;
use mesero_resources::Reply;
use mesero_services::assemble::{self, AssembleError};
use mesero_services::service::Service;
use mesero_target::item::ItemCycle;
use mesero_target::{Target, TargetError, TargetOptions};
use tokio::time::{Instant, timeout_at};

use crate::stats::outcome::{Fault, FaultKind, RequestOutcome, ResponseSummary};

/// A resource that runs within this process, or below it, and what it is called for.
#[derive(Debug)]
pub(crate) struct InProcessTarget {
    pub(crate) service: Service,
    pub(crate) target: Target,
    pub(crate) items: ItemCycle,
}

impl InProcessTarget {
    /// Reads what the command line names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(
        wanted: &TargetOptions<'_>,
        items: &[String],
    ) -> Result<InProcessSpec, InProcessError> {
        let (target, resource) = Target::read(wanted).map_err(InProcessError::Target)?;
        let items = ItemCycle::new(items).ok_or(InProcessError::NoItem)?;
        Ok(InProcessSpec { target, resource, items })
    }

    /// Makes a call, and waits for its whole answer up to an instant; then it is given up, as by any client that
    /// leaves, and what becomes of its slot is the engine's business.
    pub(crate) async fn send(&self, until: Instant) -> RequestOutcome {
        match timeout_at(until, self.exchange()).await {
            Ok(Ok(answer)) => RequestOutcome::Answered(answer),
            Ok(Err(fault)) => RequestOutcome::Failed(fault),
            Err(_) => RequestOutcome::ClientTimeout,
        }
    }

    async fn exchange(&self) -> Result<ResponseSummary, Fault> {
        let input = self.items.next();
        let order = self.target.request(&input);
        let order = order.map_err(|why| Fault::new(FaultKind::Generator, why))?;
        let key = self.service.shares.then(|| input.json());
        let call: Call = self.target.call(&input, key.as_deref());
        let reply = self.service.ask(call, order).await.result;
        received(reply.map_err(|error| fault(&error))?).await
    }

    /// Ends it, and waits until all of it is gone.
    pub(crate) async fn stop(&self) {
        self.service.resource.stop().await;
    }
}

/// The answer, once all of its body has come; until then it holds its slot.
async fn received(reply: Reply) -> Result<ResponseSummary, Fault> {
    let status = reply.status().as_u16();
    let mut body = reply.into_body();
    let mut body_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::new(FaultKind::CutOff, error))?;
        body_bytes += frame.data_ref().map_or(0, |piece| piece.len() as u64);
    }
    Ok(ResponseSummary { status, body_bytes, keeps_alive: true })
}

fn fault(error: &Error) -> Fault {
    let kind = match error {
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Unreachable => FaultKind::Unreachable,
            FailureKind::Overloaded => FaultKind::Overloaded,
            FailureKind::Lost => FaultKind::Lost,
            // A panic is an exception of ours.
            _ => FaultKind::Raised,
        },
        Error::TimedOut { .. } | Error::Expired { .. } => FaultKind::TimedOut,
        // Nobody cancels calls here; whatever else is not begun was not let in.
        _ => FaultKind::NotAdmitted,
    };
    Fault::new(kind, error)
}

/// What is to be called, and does not run yet.
#[derive(Debug)]
pub(crate) struct InProcessSpec {
    target: Target,
    resource: ResourceSettings,
    items: ItemCycle,
}

impl InProcessSpec {
    /// Starts it.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(crate) async fn start(
        self,
        spawner: &Spawner,
    ) -> Result<Arc<InProcessTarget>, AssembleError> {
        let Self { target, resource, items } = self;
        let service = assemble::service(&resource, spawner, None).await?;
        Ok(Arc::new(InProcessTarget { service, target, items }))
    }
}

/// Why it cannot be called. Reads on after "failed to".
#[derive(Debug)]
pub enum InProcessError {
    Target(TargetError),
    NoItem,
}

impl fmt::Display for InProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InProcessError::Target(error) => error.fmt(f),
            InProcessError::NoItem => f.write_str("find an item: the ranges of `--item` are empty"),
        }
    }
}
