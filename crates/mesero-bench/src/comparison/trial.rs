//! A trial: one target in one round.

use std::sync::Arc;
use std::time::Duration;

use mesero_terminal::signals::{Signal, Signals};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::comparison::response_snapshot::ResponseSnapshot;
use crate::comparison::results::ResourceUsage;
use crate::error::BenchError;
use crate::load;
use crate::load::progress::{ProgressDisplay, ProgressStage};
use crate::load::session::LoadSession;
use crate::plan::LoadPlan;
use crate::stats::record::LoadRecord;
use crate::target::BenchTarget;
use crate::target::launcher::process_usage::ProcessUsage;
use crate::target::launcher::{LaunchedTarget, TargetLauncher};
use crate::target::named::NamedTarget;

/// Interval between readings of the memory usage.
const USAGE_INTERVAL: Duration = Duration::from_secs(1);

/// One target in one round.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    pub(crate) plan: LoadPlan,
    pub(crate) named_target: &'a NamedTarget,
    pub(crate) stage: ProgressStage<'a>,
    /// Whether a snapshot of the response is taken first.
    pub(crate) takes_snapshot: bool,
}

/// Results of a trial.
#[derive(Debug, Default)]
pub(crate) struct TrialResult {
    /// None if a signal came before the first request.
    pub(crate) record: Option<LoadRecord>,
    pub(crate) resource_usage: Option<ResourceUsage>,
    /// None unless a snapshot was taken.
    pub(crate) snapshot: Option<ResponseSnapshot>,
    /// The signal that stopped the trial.
    pub(crate) signal: Option<Signal>,
    /// How the launched target exited, if it did so during the trial.
    pub(crate) end: Option<String>,
}

impl Trial<'_> {
    /// Launches the target if it has a command, runs the load, and stops the target in any case.
    ///
    /// Dropped, it closes all connections; a launched target is killed by the guardian when mesero exits.
    ///
    /// # Errors
    /// If the target does not start, or the load cannot be run.
    pub(crate) async fn run(
        &self,
        launcher: Option<&TargetLauncher>,
        live: &mut ProgressDisplay,
        signals: &mut Signals,
    ) -> Result<TrialResult, BenchError> {
        let (Some(launcher), Some((target, line))) = (launcher, &self.named_target.start) else {
            return self.measure(None, live, signals).await;
        };
        let launched = launcher.start(&self.named_target.name, line, target).await;
        let launched = launched.map_err(BenchError::Launch)?;
        let ready = tokio::select! {
            biased;
            signal = signals.next() => {
                launched.stop().await;
                return Ok(TrialResult { signal: Some(signal), ..TrialResult::default() });
            }
            ready = launched.wait_until_ready(target) => ready,
        };
        if let Err(failure) = ready {
            return Err(BenchError::Launch(launched.stop_for(failure).await));
        }
        let result = self.measure(Some(&launched), live, signals).await;
        let has_ended = launched.has_ended().await;
        let end = launched.stop().await;
        let end = has_ended.then(|| format!("{}{}", end.status(), end.output_tail()));
        result.map(|result| TrialResult { end, ..result })
    }

    async fn take_snapshot(&self) -> Option<ResponseSnapshot> {
        match &self.named_target.target {
            BenchTarget::Url(target) if self.takes_snapshot => {
                ResponseSnapshot::of(target, self.plan.timeout).await
            }
            _ => None,
        }
    }

    async fn measure(
        &self,
        launched: Option<&LaunchedTarget>,
        live: &mut ProgressDisplay,
        signals: &mut Signals,
    ) -> Result<TrialResult, BenchError> {
        let snapshot = tokio::select! {
            biased;
            signal = signals.next() => {
                return Ok(TrialResult { signal: Some(signal), ..TrialResult::default() });
            }
            snapshot = self.take_snapshot() => snapshot,
        };
        let session = LoadSession::new(self.plan.clone(), self.named_target.target.clone());
        let session = Arc::new(session.map_err(BenchError::Histogram)?);
        let mut monitor = UsageMonitor { launched, begin: None, memory_bytes: 0 };
        let signal = tokio::select! {
            biased;
            signal = signals.next() => Some(signal),
            ended = load::run(&session) => {
                ended.map_err(BenchError::Io)?;
                None
            }
            () = live.show(&session, &self.stage) => None,
            () = monitor.run(self.plan.warm_up) => None,
        };
        session.close();
        let record = session.record().clone();
        let resource_usage = monitor.end(&record).await;
        Ok(TrialResult { record: Some(record), resource_usage, snapshot, signal, end: None })
    }
}

/// Reads a launched target's resource usage during a trial.
#[derive(Debug)]
struct UsageMonitor<'a> {
    launched: Option<&'a LaunchedTarget>,
    /// Usage when counting began.
    begin: Option<ProcessUsage>,
    memory_bytes: u64,
}

impl UsageMonitor<'_> {
    /// Reads the usage periodically, for as long as it is polled.
    async fn run(&mut self, warm_up: Duration) {
        if self.launched.is_none() {
            return std::future::pending().await;
        }
        sleep(warm_up).await;
        loop {
            let usage = self.usage().await;
            self.begin = self.begin.or(usage);
            sleep(USAGE_INTERVAL).await;
        }
    }

    /// Usage since counting began; none for targets that are not launched.
    async fn end(mut self, record: &LoadRecord) -> Option<ResourceUsage> {
        let begin = self.begin?;
        let cpu = self.usage().await?.cpu.saturating_sub(begin.cpu);
        Some(ResourceUsage { cpu, requests: record.requests, memory_bytes: self.memory_bytes })
    }

    async fn usage(&mut self) -> Option<ProcessUsage> {
        let group = self.launched?.group();
        // It reads a file for each process of the machine, and must not block the clients.
        #[expect(clippy::disallowed_methods, reason = "never more than one waits")]
        let usage = spawn_blocking(move || ProcessUsage::of(group)).await.ok()?;
        self.memory_bytes = self.memory_bytes.max(usage.memory_bytes);
        Some(usage)
    }
}
