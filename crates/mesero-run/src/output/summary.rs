//! The summary of a run: counts that balance, durations, and utilization.

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use mesero::Stats;
use mesero_terminal::units::{plural, with_three_digits};
use tokio::time::Instant;

use super::counts::StatusCounts;
use super::record::ItemRecord;
use super::status::ItemStatus;

/// Collects the results of a run.
#[derive(Debug)]
pub(crate) struct RunSummary {
    pub(crate) counts: StatusCounts,
    /// The part of these that earlier runs finished.
    earlier: StatusCounts,
    /// The duration of all attempts of each item that had one, in microseconds.
    durations: Histogram<u64>,
    ran: Duration,
    started: Instant,
    /// The time that all slots together had, up to `updated`.
    slot_time: Duration,
    updated: Instant,
}

/// An empty histogram of durations in microseconds, up to a day, with three significant digits.
pub(crate) fn histogram() -> Result<Histogram<u64>, CreationError> {
    const DAY: u64 = 24 * 60 * 60 * 1_000_000;
    Histogram::new_with_bounds(1, DAY, 3)
}

impl RunSummary {
    pub(crate) fn new() -> Result<Self, CreationError> {
        let now = Instant::now();
        Ok(Self {
            counts: StatusCounts::default(),
            earlier: StatusCounts::default(),
            durations: histogram()?,
            ran: Duration::ZERO,
            started: now,
            slot_time: Duration::ZERO,
            updated: now,
        })
    }

    /// Adds a result of this run, at a moment with `limit` slots.
    pub(crate) fn add(&mut self, record: &ItemRecord, limit: usize) {
        self.counts.add(record.status());
        if record.attempts > 0 {
            self.ran += record.ran;
            let micros = u64::try_from(record.ran.as_micros()).unwrap_or(u64::MAX);
            self.durations.saturating_record(micros);
        }
        let now = Instant::now();
        self.slot_time += (now - self.updated) * u32::try_from(limit).unwrap_or(u32::MAX);
        self.updated = now;
    }

    /// Adds a result of an earlier run, or an item that is unknown because of one.
    pub(crate) fn add_earlier(&mut self, status: ItemStatus) {
        self.counts.add(status);
        self.earlier.add(status);
    }

    /// The counts without those of earlier runs.
    pub(crate) fn this_run(&self) -> StatusCounts {
        self.counts.without(&self.earlier)
    }

    /// The summary in a few lines, of `taken` items of the input and the dispatcher's statistics.
    pub(crate) fn text(&self, taken: u64, stats: &Stats) -> String {
        let (done, failed) = (self.counts.done(), self.counts.failed());
        let mut text = format!("Successful: {} Failed: {failed}", done - failed);
        if taken > done {
            let _ = write!(text, " Not finished: {}", taken - done);
        }
        let kinds =
            ItemStatus::ALL.into_iter().skip(1).filter(|status| self.counts.of(*status) > 0);
        let kinds: Vec<_> = kinds
            .map(|status| {
                format!("{} {}", self.counts.of(status), status.as_str().replace('_', " "))
            })
            .collect();
        if failed > 0 {
            let _ = write!(text, " ({})", kinds.join(", "));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let earlier = self.earlier.done();
        let items = plural(taken, "item", "items");
        let _ = match earlier {
            0 => write!(text, "\n{items} in {seconds:.2} s"),
            _ => {
                write!(text, "\n{items}, {earlier} of them from an earlier run, in {seconds:.2} s")
            }
        };
        let _ = write!(text, ", {:.1} items/s", (done - earlier) as f64 / seconds);
        if !self.durations.is_empty() {
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|quantile| {
                let micros = self.durations.value_at_quantile(quantile);
                with_three_digits(Duration::from_micros(micros))
            });
            let max = with_three_digits(Duration::from_micros(self.durations.max()));
            let _ = write!(text, "; time per item: p50 {p50}, p95 {p95}, p99 {p99}, max {max}");
        }
        let attempts = stats.attempts;
        if attempts.retries > 0 || attempts.retries_refused > 0 {
            let (retries, refused) = (attempts.retries, attempts.retries_refused);
            let retries = plural(retries, "retry", "retries");
            let _ = write!(text, "\n{retries}, {refused} refused by the retry budget");
        }
        if !self.slot_time.is_zero() && !self.ran.is_zero() {
            let share = 100.0 * self.ran.as_secs_f64() / self.slot_time.as_secs_f64();
            let _ = write!(
                text,
                "\nutilization {:.0} % of {} slots (Little's law)",
                share.min(100.0),
                stats.slots.total
            );
        }
        text
    }
}
