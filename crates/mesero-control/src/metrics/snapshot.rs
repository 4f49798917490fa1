//! The counts of one resource at the moment of a scrape.

use mesero::Stats;
use mesero_resources::Health;
use mesero_resources::blocked::BlockedTotals;
use mesero_services::dispatcher_metrics::DispatcherMetrics;
use mesero_services::service::Service;

/// A resource at the moment of a scrape.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) stats: Stats,
    pub(super) limit: u64,
    pub(super) health: Health,
    /// Processes that were replaced, for each reason.
    pub(super) replaced: Vec<(&'static str, u64)>,
    pub(super) metrics: DispatcherMetrics,
    /// By the resource in its processes, and by attempts in this one.
    pub(super) blocked: BlockedTotals,
}

impl Snapshot {
    pub(super) fn of(service: &Service) -> Self {
        Self {
            name: service.name().to_owned(),
            stats: service.dispatcher.stats(),
            limit: service.dispatcher.limit() as u64,
            health: service.resource.health(),
            replaced: service.resource.replaced(),
            metrics: service.metrics.clone(),
            blocked: [service.resource.blocked(), service.metrics.blocked()].into_iter().sum(),
        }
    }

    /// The jobs by phase, as the list of jobs shows them, without walking through the list.
    ///
    /// The counts were taken one after the other, so they may be off by what happened between.
    pub(super) fn phases(&self) -> Vec<(&'static str, u64)> {
        let (in_flight, queued) = (self.stats.jobs.in_flight, self.stats.queue.len);
        let attempts = self.metrics.open_attempts();
        // Neither queued nor in an attempt: in backoff, or for an instant in between.
        let between = in_flight.saturating_sub(queued).saturating_sub(attempts.running);
        let backoff = between.min(attempts.awaited);
        let running = in_flight.saturating_sub(queued).saturating_sub(backoff);
        let stopping = self.stats.slots.in_use.saturating_sub(running);
        vec![("queued", queued), ("running", running), ("backoff", backoff), ("stopping", stopping)]
    }
}
