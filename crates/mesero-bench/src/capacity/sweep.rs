//! Ever more calls at once, until more at once bring no more.

use mesero_terminal::units;

use crate::capacity::service_times::ServiceTimes;
use crate::error::BenchError;
use crate::stats::format;
use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::record::LoadRecord;

/// What was measured with so many calls at once, each client asking again when it had its answer.
#[derive(Debug)]
pub(crate) struct SweepLevel {
    pub(crate) concurrency: u32,
    pub(crate) record: LoadRecord,
}

/// All levels, rising.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    pub(crate) levels: Vec<SweepLevel>,
}

/// Where more calls at once bring no more answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Knee {
    /// So many at once give the highest rate.
    pub(crate) concurrency: f64,
    /// The highest rate that was seen.
    pub(crate) rate: f64,
    /// Whether the rate was seen to grow no more; otherwise there is no knee, and these are where the sweep ended.
    pub(crate) is_observed: bool,
}

/// More at once bring at least this share of what they should, or it is no growth.
const GROWTH: f64 = 0.2;

/// How much longer calls may take beside others than alone, and still count as having waited for nothing.
const UNQUEUED: f64 = 1.05;

impl Knee {
    /// How many workers there seem to be.
    pub(crate) fn workers(&self) -> u32 {
        (self.concurrency.round() as u32).max(1)
    }
}

impl SweepLevel {
    /// Answers a second: by Little's law the calls at once over the time of one, of which those were answered that did not
    /// give up; it needs no whole number of calls in the time of the measurement. Where calls failed otherwise, the answers
    /// over that time.
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

    /// What was seen, in a line.
    pub(crate) fn label(&self) -> String {
        let Self { concurrency, record } = self;
        format!(
            "{} at once: {} a second, {} on average, p99 {}, {} ok",
            units::grouped((*concurrency).into()),
            units::number(self.rate()),
            format::latency(record.response.mean()),
            format::latency(record.response.quantile(0.99)),
            units::share(record.ok, record.requests),
        )
    }

    /// Whether so many callers gave up that more at once would only make more of them do so.
    fn is_overloaded(&self) -> bool {
        const TOO_MANY: f64 = 0.1;
        let LoadRecord { ok, client_timeouts, requests, .. } = self.record;
        ok == 0 || client_timeouts as f64 > TOO_MANY * requests as f64
    }

    /// How long a call took on average, in seconds, and how sure that is: the standard error, as a share of it.
    pub(crate) fn mean(&self) -> Option<(f64, f64)> {
        let times = &self.record.response;
        Some((times.mean()?.time.as_secs_f64(), times.error()?.0))
    }
}

impl Sweep {
    /// Measures levels from one call at once on, each with twice as many as the one before, until the rate has not grown
    /// twice or there were as many at once as `most` says for what is known so far; and then at the knee.
    ///
    /// # Errors
    /// Why it cannot be measured.
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

    /// Measures between the last levels: where many gave up at the last one, until it is known up to how many do not; else
    /// at the knee, if there is one.
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

    /// The middle between the last level at which few gave up, and the first at which many did; none if that is known to
    /// an eighth.
    fn between(&self) -> Option<u32> {
        let index = self.levels.iter().position(SweepLevel::is_overloaded)?;
        let (few, many) =
            (self.levels.get(index.checked_sub(1)?)?.concurrency, self.levels[index].concurrency);
        (many - few > (few / 8).max(1)).then_some(few.midpoint(many))
    }

    /// Whether nothing is to be learned from more at once: the rate has not grown twice, or many callers gave up.
    fn is_over(&self) -> bool {
        self.stalled() >= 2 || self.levels.last().is_some_and(SweepLevel::is_overloaded)
    }

    /// How many of the last levels did not bring what they should have.
    fn stalled(&self) -> usize {
        // The highest rate so far, and at how many at once.
        let (mut best, mut at) = (0.0, 1.0);
        let mut stalled = 0;
        for level in &self.levels {
            let (rate, concurrency) = (level.rate(), f64::from(level.concurrency));
            // Two standard errors, since what was seen may be below the truth.
            let rate_at_most = rate * (1.0 + 2.0 * level.mean().map_or(0.0, |(_, error)| error));
            let has_grown = rate_at_most >= best * (1.0 + GROWTH * (concurrency / at - 1.0));
            stalled = if has_grown { 0 } else { stalled + 1 };
            if rate > best {
                (best, at) = (rate, concurrency);
            }
        }
        stalled
    }

    /// Where the rate of calls that wait for nothing, which grows with their number, meets the highest rate that there
    /// is (P. J. Denning, J. P. Buzen, "The Operational Analysis of Queueing Network Models", 1978: the saturation point).
    pub(crate) fn knee(&self) -> Knee {
        let rate = self.levels.iter().map(SweepLevel::rate).fold(0.0, f64::max);
        let service = self.service().map_or(0.0, |service| service.mean());
        let is_overloaded = self.levels.last().is_some_and(SweepLevel::is_overloaded);
        Knee { concurrency: rate * service, rate, is_observed: self.stalled() > 0 || is_overloaded }
    }

    /// How long calls take that wait for nothing: those of the levels at which they took no longer than alone. None if
    /// nothing was seen.
    pub(crate) fn service(&self) -> Option<ServiceTimes> {
        let first = self.levels.first()?;
        let (alone, alone_error) = first.mean()?;
        let mut times: LatencyHistogram = first.record.response.clone();
        for level in &self.levels[1..] {
            // A standard error of the two, since either may be the one that is off.
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
