//! Doubles the concurrency until it no longer raises the rate.

use mesero_terminal::units;

use crate::capacity::service_times::ServiceTimes;
use crate::error::BenchError;
use crate::stats::format;
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::record::LoadRecord;

/// The results at one concurrency, in a closed load.
#[derive(Debug)]
pub(crate) struct SweepLevel {
    pub(crate) concurrency: u32,
    pub(crate) record: LoadRecord,
}

/// All levels, by rising concurrency.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    pub(crate) levels: Vec<SweepLevel>,
}

/// The concurrency above which the rate does not rise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Knee {
    /// The lowest concurrency with the highest rate.
    pub(crate) concurrency: f64,
    /// The highest measured rate.
    pub(crate) rate: f64,
    /// Whether the rate stopped rising; otherwise these are the values where the sweep ended.
    pub(crate) is_observed: bool,
}

/// A level that brings less than this share of proportional growth counts as stalled.
const GROWTH: f64 = 0.2;

/// Calls that take at most this multiple of the time at a concurrency of one count as not having waited.
const UNQUEUED: f64 = 1.05;

impl Knee {
    /// Estimated number of workers.
    pub(crate) fn workers(&self) -> u32 {
        (self.concurrency.round() as u32).max(1)
    }
}

impl SweepLevel {
    /// Responses a second: by Little's law the concurrency over the mean latency, times the share of calls that did not
    /// time out; this needs no whole number of calls in the measured time. If calls failed otherwise, the responses
    /// over the measured time.
    pub(crate) fn rate(&self) -> f64 {
        let Self { concurrency, record } = self;
        let mean = record.response.mean().filter(|mean| !mean.time.is_zero());
        match mean.filter(|_| record.failed() == record.client_timeouts) {
            Some(mean) => {
                let answered = record.ok as f64 / record.requests as f64;
                answered * f64::from(*concurrency) / mean.time.as_secs_f64()
            }
            None => record.rate(),
        }
    }

    /// The level in one line.
    pub(crate) fn label(&self) -> String {
        let Self { concurrency, record } = self;
        format!(
            "concurrency {}: {} a second, {} on average, p99 {}, {} ok",
            units::grouped((*concurrency).into()),
            units::number(self.rate()),
            format::latency(record.response.mean()),
            format::latency(record.response.quantile(0.99)),
            units::share(record.ok, record.requests),
        )
    }

    /// Whether so many calls timed out that a higher concurrency would only add timeouts.
    fn is_overloaded(&self) -> bool {
        const TOO_MANY: f64 = 0.1;
        let LoadRecord { ok, client_timeouts, requests, .. } = self.record;
        ok == 0 || client_timeouts as f64 > TOO_MANY * requests as f64
    }

    /// Mean latency in seconds, and its standard error as a share of it.
    pub(crate) fn mean(&self) -> Option<(f64, f64)> {
        let times = &self.record.response;
        Some((times.mean()?.time.as_secs_f64(), times.error()?.0))
    }
}

impl Sweep {
    /// Measures levels from a concurrency of one on, each twice the one before, until the rate has not risen twice or
    /// `most`, given the levels so far, is reached; then at the knee.
    ///
    /// # Errors
    /// If a level cannot be measured.
    pub(crate) async fn measure<F>(
        mut measure: F,
        most: impl Fn(&Sweep) -> u32,
    ) -> Result<Self, BenchError>
    where
        F: AsyncFnMut(u32) -> Result<LoadRecord, BenchError>,
    {
        let mut sweep = Self::default();
        let mut concurrency = 1;
        loop {
            let record = measure(concurrency).await?;
            sweep.levels.push(SweepLevel { concurrency, record });
            let most = most(&sweep);
            if concurrency >= most || sweep.is_over() {
                break;
            }
            concurrency = concurrency.saturating_mul(2).min(most);
        }
        sweep.refine(&mut measure).await?;
        Ok(sweep)
    }

    /// Measures between the last two levels, if many calls timed out at the last one, until the concurrency without
    /// many timeouts is known; else at the knee, if there is one.
    async fn refine<F>(&mut self, measure: &mut F) -> Result<(), BenchError>
    where
        F: AsyncFnMut(u32) -> Result<LoadRecord, BenchError>,
    {
        while let Some(concurrency) = self.between() {
            self.add(concurrency, measure(concurrency).await?);
        }
        let knee = self.knee();
        let concurrency = knee.workers();
        if knee.is_observed && self.levels.iter().all(|level| level.concurrency != concurrency) {
            self.add(concurrency, measure(concurrency).await?);
        }
        Ok(())
    }

    fn add(&mut self, concurrency: u32, record: LoadRecord) {
        let index = self.levels.partition_point(|level| level.concurrency < concurrency);
        self.levels.insert(index, SweepLevel { concurrency, record });
    }

    /// The middle between the last level with few timeouts and the first one with many; none if they differ by an
    /// eighth at most.
    fn between(&self) -> Option<u32> {
        let index = self.levels.iter().position(SweepLevel::is_overloaded)?;
        let (few, many) =
            (self.levels.get(index.checked_sub(1)?)?.concurrency, self.levels[index].concurrency);
        (many - few > (few / 8).max(1)).then_some(few.midpoint(many))
    }

    /// Whether a higher concurrency would show nothing new: the rate has not risen twice, or many calls timed out.
    fn is_over(&self) -> bool {
        self.stalled() >= 2 || self.levels.last().is_some_and(SweepLevel::is_overloaded)
    }

    /// Number of last levels without the expected growth.
    fn stalled(&self) -> usize {
        // The highest rate so far, and its concurrency.
        let (mut best, mut at) = (0.0, 1.0);
        let mut stalled = 0;
        for level in &self.levels {
            let (rate, concurrency) = (level.rate(), f64::from(level.concurrency));
            // Two standard errors, since the measured rate may be below the true one.
            let rate_at_most = rate * (1.0 + 2.0 * level.mean().map_or(0.0, |(_, error)| error));
            let has_grown = rate_at_most >= best * (1.0 + GROWTH * (concurrency / at - 1.0));
            stalled = if has_grown { 0 } else { stalled + 1 };
            if rate > best {
                (best, at) = (rate, concurrency);
            }
        }
        stalled
    }

    /// Where the rate of calls that do not wait, which is proportional to the concurrency, meets the highest rate (P.
    /// J. Denning, J. P. Buzen, "The Operational Analysis of Queueing Network Models", 1978: the saturation point).
    pub(crate) fn knee(&self) -> Knee {
        let rate = self.levels.iter().map(SweepLevel::rate).fold(0.0, f64::max);
        let service = self.service().map_or(0.0, |service| service.mean());
        let is_overloaded = self.levels.last().is_some_and(SweepLevel::is_overloaded);
        Knee { concurrency: rate * service, rate, is_observed: self.stalled() > 0 || is_overloaded }
    }

    /// Service times, from the levels at which calls took no longer than at a concurrency of one. None without
    /// latencies.
    pub(crate) fn service(&self) -> Option<ServiceTimes> {
        let first = self.levels.first()?;
        let (alone, alone_error) = first.mean()?;
        let mut times: LatencyHistogram = first.record.response.clone();
        for level in &self.levels[1..] {
            // The standard error of the difference of both means.
            let is_unhindered = level.mean().is_some_and(|(mean, error)| {
                level.record.failed() == level.record.client_timeouts
                    && !level.is_overloaded()
                    && mean / alone <= UNQUEUED + error.hypot(alone_error)
            });
            if !is_unhindered {
                break;
            }
            times.merge(&level.record.response);
        }
        ServiceTimes::of(&times)
    }
}
