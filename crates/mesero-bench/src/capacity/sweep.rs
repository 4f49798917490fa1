//! Ever more calls at once, until more at once bring no more.

use crate::capacity::service_times::Service;
use crate::error::BenchError;
use crate::stats::format;
use crate::stats::latency_histogram::Times;
use crate::stats::record::Record;

/// What was measured with so many calls at once, each client asking again when it had its answer.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) at_once: u32,
    pub(crate) record: Record,
}

/// All levels, rising.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    pub(crate) levels: Vec<Level>,
}

/// Where more calls at once bring no more answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Knee {
    /// So many at once give the highest rate.
    pub(crate) at_once: f64,
    /// The highest rate that was seen.
    pub(crate) rate: f64,
    /// Whether the rate was seen to grow no more; otherwise there is no knee, and these are where the sweep ended.
    pub(crate) is_seen: bool,
}

/// More at once bring at least this share of what they should, or it is no growth.
const GROWTH: f64 = 0.2;

/// How much longer calls may take beside others than alone, and still count as having waited for nothing.
const UNHINDERED: f64 = 1.05;

impl Knee {
    /// How many workers there seem to be.
    pub(crate) fn workers(&self) -> u32 {
        (self.at_once.round() as u32).max(1)
    }
}

impl Level {
    /// Answers a second: by Little's law the calls at once over the time of one, of which those were answered that did not
    /// give up; it needs no whole number of calls in the time of the measurement. Where calls failed otherwise, the answers
    /// over that time.
    pub(crate) fn rate(&self) -> f64 {
        let Self { at_once, record } = self;
        let mean = record.response.mean().filter(|mean| !mean.time.is_zero());
        match mean.filter(|_| record.failed() == record.gave_up) {
            Some(mean) => {
                let answered = record.ok as f64 / record.requests as f64;
                answered * f64::from(*at_once) / mean.time.as_secs_f64()
            }
            None => record.rate(),
        }
    }

    /// What was seen, in a line.
    pub(crate) fn told(&self) -> String {
        let Self { at_once, record } = self;
        format!(
            "{} at once: {} a second, {} on average, p99 {}, {} ok",
            format::count((*at_once).into()),
            format::number(self.rate()),
            format::found(record.response.mean()),
            format::found(record.response.quantile(0.99)),
            format::share(record.ok, record.requests),
        )
    }

    /// Whether so many callers gave up that more at once would only make more of them do so.
    fn is_overloaded(&self) -> bool {
        const TOO_MANY: f64 = 0.1;
        let Record { ok, gave_up, requests, .. } = self.record;
        ok == 0 || gave_up as f64 > TOO_MANY * requests as f64
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
        F: AsyncFnMut(u32) -> Result<Record, BenchError>,
    {
        let mut sweep = Self::default();
        let mut at_once = 1;
        loop {
            let record = measure(at_once).await?;
            sweep.levels.push(Level { at_once, record });
            let most = most(&sweep);
            if at_once >= most || sweep.is_over() {
                break;
            }
            at_once = at_once.saturating_mul(2).min(most);
        }
        sweep.refine(&mut measure).await?;
        Ok(sweep)
    }

    /// Measures between the last levels: where many gave up at the last one, until it is known up to how many do not; else
    /// at the knee, if there is one.
    async fn refine<F>(&mut self, measure: &mut F) -> Result<(), BenchError>
    where
        F: AsyncFnMut(u32) -> Result<Record, BenchError>,
    {
        while let Some(at_once) = self.between() {
            self.add(at_once, measure(at_once).await?);
        }
        let knee = self.knee();
        let at_once = knee.workers();
        if knee.is_seen && self.levels.iter().all(|level| level.at_once != at_once) {
            self.add(at_once, measure(at_once).await?);
        }
        Ok(())
    }

    fn add(&mut self, at_once: u32, record: Record) {
        let index = self.levels.partition_point(|level| level.at_once < at_once);
        self.levels.insert(index, Level { at_once, record });
    }

    /// The middle between the last level at which few gave up, and the first at which many did; none if that is known to
    /// an eighth.
    fn between(&self) -> Option<u32> {
        let index = self.levels.iter().position(Level::is_overloaded)?;
        let (few, many) =
            (self.levels.get(index.checked_sub(1)?)?.at_once, self.levels[index].at_once);
        (many - few > (few / 8).max(1)).then_some(few.midpoint(many))
    }

    /// Whether nothing is to be learned from more at once: the rate has not grown twice, or many callers gave up.
    fn is_over(&self) -> bool {
        self.stalled() >= 2 || self.levels.last().is_some_and(Level::is_overloaded)
    }

    /// How many of the last levels did not bring what they should have.
    fn stalled(&self) -> usize {
        // The highest rate so far, and at how many at once.
        let (mut best, mut at) = (0.0, 1.0);
        let mut stalled = 0;
        for level in &self.levels {
            let (rate, at_once) = (level.rate(), f64::from(level.at_once));
            // Two standard errors, since what was seen may be below the truth.
            let rate_at_most = rate * (1.0 + 2.0 * level.mean().map_or(0.0, |(_, error)| error));
            let has_grown = rate_at_most >= best * (1.0 + GROWTH * (at_once / at - 1.0));
            stalled = if has_grown { 0 } else { stalled + 1 };
            if rate > best {
                (best, at) = (rate, at_once);
            }
        }
        stalled
    }

    /// Where the rate of calls that wait for nothing, which grows with their number, meets the highest rate that there
    /// is (P. J. Denning, J. P. Buzen, "The Operational Analysis of Queueing Network Models", 1978: the saturation point).
    pub(crate) fn knee(&self) -> Knee {
        let rate = self.levels.iter().map(Level::rate).fold(0.0, f64::max);
        let service = self.service().map_or(0.0, |service| service.mean());
        let is_overloaded = self.levels.last().is_some_and(Level::is_overloaded);
        Knee { at_once: rate * service, rate, is_seen: self.stalled() > 0 || is_overloaded }
    }

    /// How long calls take that wait for nothing: those of the levels at which they took no longer than alone. None if
    /// nothing was seen.
    pub(crate) fn service(&self) -> Option<Service> {
        let first = self.levels.first()?;
        let (alone, alone_error) = first.mean()?;
        let mut times: Times = first.record.response.clone();
        for level in &self.levels[1..] {
            // A standard error of the two, since either may be the one that is off.
            let is_unhindered = level.mean().is_some_and(|(mean, error)| {
                level.record.failed() == level.record.gave_up
                    && !level.is_overloaded()
                    && mean / alone <= UNHINDERED + error.hypot(alone_error)
            });
            if !is_unhindered {
                break;
            }
            times.merge(&level.record.response);
        }
        Service::of(&times)
    }
}
