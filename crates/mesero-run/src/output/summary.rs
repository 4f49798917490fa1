//! What a run comes to: counts that balance, and how long things took.

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use mesero::Stats;
use mesero_terminal::counted::counted;
use tokio::time::Instant;

use crate::output::record::{ItemRecord, ItemStatus};

/// How many items ended in which way.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct StatusCounts([u64; ItemStatus::ALL.len()]);

impl StatusCounts {
    pub(crate) fn add(&mut self, status: ItemStatus) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn of(&self, status: ItemStatus) -> u64 {
        self.0[status as usize]
    }

    /// Items that have a result.
    pub(crate) fn done(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.done() - self.of(ItemStatus::Succeeded)
    }
}

/// Adds up what becomes of items.
#[derive(Debug)]
pub(crate) struct RunSummary {
    pub(crate) counts: StatusCounts,
    /// Those among them that an earlier run did.
    earlier: StatusCounts,
    /// What attempts took, in microseconds, for each item that was tried.
    durations: Histogram<u64>,
    ran: Duration,
    started: Instant,
    /// What the slots could have run, all together, up to `updated`.
    slot_time: Duration,
    updated: Instant,
}

/// An empty histogram of durations in microseconds, up to a day and to three digits.
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

    /// An item is done, while there were so many slots.
    pub(crate) fn add(&mut self, record: &ItemRecord, limit: usize) {
        self.counts.add(record.status());
        if record.attempts > 0 {
            self.ran += record.ran;
            let durations = u64::try_from(record.ran.as_micros()).unwrap_or(u64::MAX);
            self.durations.saturating_record(durations);
        }
        let now = Instant::now();
        self.slot_time += (now - self.updated) * u32::try_from(limit).unwrap_or(u32::MAX);
        self.updated = now;
    }

    /// An item has a result of an earlier run, or is given up because of one.
    pub(crate) fn add_earlier(&mut self, status: ItemStatus) {
        self.counts.add(status);
        self.earlier.add(status);
    }

    /// How many items this run itself ended, in which way.
    pub(crate) fn this_run(&self) -> StatusCounts {
        let mut counts = self.counts;
        counts.0.iter_mut().zip(self.earlier.0).for_each(|(count, earlier)| *count -= earlier);
        counts
    }

    /// The summary in a few lines, with what was taken in and what the dispatcher counted.
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
        let durations = self.started.elapsed().as_secs_f64();
        let earlier = self.earlier.done();
        let items = counted(taken, "item", "items");
        let _ = match earlier {
            0 => write!(text, "\n{items} in {durations:.2} s"),
            _ => write!(
                text,
                "\n{items}, {earlier} of them from an earlier run, in {durations:.2} s"
            ),
        };
        let _ = write!(text, ", {:.1} a second", (done - earlier) as f64 / durations);
        if !self.durations.is_empty() {
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|quantile| {
                let micros = self.durations.value_at_quantile(quantile);
                format_duration(Duration::from_micros(micros))
            });
            let most = format_duration(Duration::from_micros(self.durations.max()));
            let _ =
                write!(text, "; an item ran for p50 {p50}, p95 {p95}, p99 {p99}, at most {most}");
        }
        let attempts = stats.attempts;
        if attempts.retries > 0 || attempts.retries_refused > 0 {
            let (retries, refused) = (attempts.retries, attempts.retries_refused);
            let retries = counted(retries, "retry", "retries");
            let _ = write!(text, "\n{retries}, {refused} refused by their budget");
        }
        if !self.slot_time.is_zero() && !self.ran.is_zero() {
            let share = 100.0 * self.ran.as_secs_f64() / self.slot_time.as_secs_f64();
            let _ = write!(
                text,
                "\n{:.0} % of what {} at once can do (Little's law)",
                share.min(100.0),
                stats.slots.total
            );
        }
        text
    }
}

/// A duration with three digits.
pub(crate) fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{:.0} µs", seconds * 1e6),
    }
}
