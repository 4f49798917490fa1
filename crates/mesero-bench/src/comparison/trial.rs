//! One contestant's turn in a round.

use std::sync::Arc;
use std::time::Duration;

use mesero_terminal::signals::{Signal, Signals};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::comparison::response_snapshot::Seen;
use crate::comparison::results::Taken;
use crate::error::BenchError;
use crate::load;
use crate::load::progress::{Live, Stage};
use crate::load::session::Session;
use crate::plan::Plan;
use crate::stats::record::Record;
use crate::target::Subject;
use crate::target::launcher::process_usage::Usage;
use crate::target::launcher::{Started, Starter};
use crate::target::named::Contestant;

/// How often is looked how much memory is taken.
const LOOK: Duration = Duration::from_secs(1);

/// One contestant's turn.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) plan: Plan,
    pub(crate) contestant: &'a Contestant,
    pub(crate) stage: Stage<'a>,
    /// Whether an answer is looked at before.
    pub(crate) looks: bool,
}

/// What a turn came to.
#[derive(Debug, Default)]
pub(crate) struct Turned {
    /// None if it was over before anything was asked.
    pub(crate) record: Option<Record>,
    pub(crate) taken: Option<Taken>,
    /// What an answer looked like.
    pub(crate) seen: Option<Seen>,
    /// What ended it early.
    pub(crate) signal: Option<Signal>,
    /// How what was measured ended by itself, if it did.
    pub(crate) end: Option<String>,
}

impl Turn<'_> {
    /// Starts what has to be started, measures, and ends it, whatever happened.
    ///
    /// # Errors
    /// Why it cannot be measured.
    pub(crate) async fn run(
        &self,
        starter: Option<&Starter>,
        live: &mut Live,
        signals: &mut Signals,
    ) -> Result<Turned, BenchError> {
        let (Some(starter), Some((target, line))) = (starter, &self.contestant.start) else {
            return self.measure(None, live, signals).await;
        };
        let started = starter.start(&self.contestant.name, line, target).await;
        let started = started.map_err(BenchError::Start)?;
        let ready = tokio::select! {
            biased;
            signal = signals.next() => {
                started.stop().await;
                return Ok(Turned { signal: Some(signal), ..Turned::default() });
            }
            ready = started.answers(target) => ready,
        };
        if let Err(why) = ready {
            return Err(BenchError::Start(started.stop_for(why).await));
        }
        let turned = self.measure(Some(&started), live, signals).await;
        let has_ended = started.has_ended().await;
        let end = started.stop().await;
        let end = has_ended.then(|| format!("{}{}", end.how(), end.said()));
        turned.map(|turned| Turned { end, ..turned })
    }

    async fn look(&self) -> Option<Seen> {
        match &self.contestant.subject {
            Subject::Url(target) if self.looks => Seen::of(target, self.plan.patience).await,
            _ => None,
        }
    }

    async fn measure(
        &self,
        started: Option<&Started>,
        live: &mut Live,
        signals: &mut Signals,
    ) -> Result<Turned, BenchError> {
        let seen = tokio::select! {
            biased;
            signal = signals.next() => {
                return Ok(Turned { signal: Some(signal), ..Turned::default() });
            }
            seen = self.look() => seen,
        };
        let session = Session::new(self.plan.clone(), self.contestant.subject.clone());
        let session = Arc::new(session.map_err(BenchError::Histogram)?);
        let mut watch = Watch { started, begin: None, memory_bytes: 0 };
        let signal = tokio::select! {
            biased;
            signal = signals.next() => Some(signal),
            ended = load::run(&session) => {
                ended.map_err(BenchError::Io)?;
                None
            }
            () = live.show(&session, &self.stage) => None,
            () = watch.look(self.plan.warm_up) => None,
        };
        session.close();
        let record = session.record().clone();
        let taken = watch.end(&record).await;
        Ok(Turned { record: Some(record), taken, seen, signal, end: None })
    }
}

/// Looks what is taken while it is measured.
#[derive(Debug)]
struct Watch<'a> {
    started: Option<&'a Started>,
    /// When counting began.
    begin: Option<Usage>,
    memory_bytes: u64,
}

impl Watch<'_> {
    /// Looks for as long as it is polled.
    async fn look(&mut self, warm_up: Duration) {
        if self.started.is_none() {
            return std::future::pending().await;
        }
        sleep(warm_up).await;
        loop {
            let usage = self.usage().await;
            self.begin = self.begin.or(usage);
            sleep(LOOK).await;
        }
    }

    /// What was taken since counting began; none where there is nothing to look at.
    async fn end(mut self, record: &Record) -> Option<Taken> {
        let begin = self.begin?;
        let cpu = self.usage().await?.cpu.saturating_sub(begin.cpu);
        Some(Taken { cpu, requests: record.requests, memory_bytes: self.memory_bytes })
    }

    async fn usage(&mut self) -> Option<Usage> {
        let group = self.started?.group();
        // It reads a file for each process of the machine, and must not hold up who asks.
        #[expect(clippy::disallowed_methods, reason = "never more than one waits")]
        let usage = spawn_blocking(move || Usage::of(group)).await.ok()?;
        self.memory_bytes = self.memory_bytes.max(usage.memory_bytes);
        Some(usage)
    }
}
