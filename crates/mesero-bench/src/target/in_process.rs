//! Targets that mesero calls itself, without HTTP: a resource behind its policies.

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

/// A resource that runs in this process, or in its children, and the items of calls.
#[derive(Debug)]
pub(crate) struct InProcessTarget {
    pub(crate) service: Service,
    pub(crate) target: Target,
    pub(crate) items: ItemCycle,
}

impl InProcessTarget {
    /// Reads a target of the command line.
    ///
    /// # Errors
    /// If the target or its items are invalid.
    pub(crate) fn read(
        options: &TargetOptions<'_>,
        items: &[String],
    ) -> Result<InProcessSpec, InProcessError> {
        let (target, resource) = Target::read(options).map_err(InProcessError::Target)?;
        let items = ItemCycle::new(items).ok_or(InProcessError::NoItem)?;
        Ok(InProcessSpec { target, resource, items })
    }

    /// Calls the resource, and waits for its whole reply up to an instant. After it, or dropped, it cancels the call;
    /// the slot is free when the resource has really stopped.
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

    /// Stops the resource, and waits until all its processes have exited. Dropped, they are stopped in the background.
    pub(crate) async fn stop(&self) {
        self.service.resource.stop().await;
    }
}

/// Reads the whole body, which holds the slot until then.
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
            // A panic counts as an exception.
            _ => FaultKind::Raised,
        },
        Error::TimedOut { .. } | Error::Expired { .. } => FaultKind::TimedOut,
        // Calls are not canceled here, so every other call was rejected.
        _ => FaultKind::NotAdmitted,
    };
    Fault::new(kind, error)
}

/// A target that has not been started.
#[derive(Debug)]
pub(crate) struct InProcessSpec {
    target: Target,
    resource: ResourceSettings,
    items: ItemCycle,
}

impl InProcessSpec {
    /// Starts the resource. Dropped, it stops what it has started.
    ///
    /// # Errors
    /// If the resource cannot be started.
    pub(crate) async fn start(
        self,
        spawner: &Spawner,
    ) -> Result<Arc<InProcessTarget>, AssembleError> {
        let Self { target, resource, items } = self;
        let service = assemble::service(&resource, spawner, None).await?;
        Ok(Arc::new(InProcessTarget { service, target, items }))
    }
}

/// A target that cannot be called. Continues "failed to".
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
