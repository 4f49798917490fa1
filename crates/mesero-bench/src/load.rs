//! Runs a load on a target, and records the outcomes.

use std::io;
use std::sync::Arc;

use crate::load::session::LoadSession;
use crate::plan::Load;

mod closed;
pub(crate) mod descriptors;
mod open;
pub(crate) mod progress;
pub(crate) mod session;
mod timer;
pub(crate) mod validity;

/// Runs until all requests have ended, at most one timeout longer than planned. Dropped, it closes all connections.
///
/// # Errors
/// If the system has no timer left.
pub(crate) async fn run(session: &Arc<LoadSession>) -> io::Result<()> {
    match session.plan.load {
        Load::Closed { clients } => closed::run(session, clients.get()).await?,
        Load::Open { .. } => open::run(session).await?,
    }
    session.close();
    Ok(())
}
