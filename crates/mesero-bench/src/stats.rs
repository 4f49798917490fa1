//! Counts, latencies and their statistics.

pub(crate) mod bootstrap;
pub(crate) mod format;
pub(crate) mod latency_histogram;
pub(crate) mod metric;
pub(crate) mod nullable;
pub(crate) mod outcome;
pub(crate) mod record;
pub(crate) mod scale;
pub(crate) mod time_series;
