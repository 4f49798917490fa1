//! A round in a baseline file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::comparison::results::RoundResults;
use crate::stats::latency_histogram::Latency;
use crate::stats::metric::STATISTICS;

/// The figures of one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RoundForm {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    measured_s: f64,
    rate: f64,
    /// By the names of [`STATISTICS`]; null without latencies.
    response_s: BTreeMap<String, Option<LatencyForm>>,
}

/// A latency. Lower bounds are objects, so that no program adds them up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a time is wanted: seconds, or {\"more_than\": seconds}")]
enum LatencyForm {
    Seen(f64),
    Cut { more_than: f64 },
}

impl From<&RoundResults> for RoundForm {
    fn from(round: &RoundResults) -> Self {
        let seconds = |latency: Latency| match latency {
            Latency { time, is_lower_bound: false } => LatencyForm::Seen(time.as_secs_f64()),
            Latency { time, is_lower_bound: true } => {
                LatencyForm::Cut { more_than: time.as_secs_f64() }
            }
        };
        let names = STATISTICS.iter().map(|(name, _)| (*name).to_owned());
        Self {
            requests: round.requests,
            ok: round.ok,
            measured_s: round.measured_time.as_secs_f64(),
            rate: round.rate,
            response_s: names.zip(round.response.map(|latency| latency.map(seconds))).collect(),
        }
    }
}

impl RoundForm {
    /// Reads the round.
    ///
    /// # Errors
    /// If a figure is missing or invalid.
    pub(crate) fn round(&self) -> Result<RoundResults, String> {
        let time = |name: &str, seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{name}`: {error}"))
        };
        if self.rate < 0.0 {
            return Err(format!("`rate` is {}", self.rate));
        }
        let mut response = [None; STATISTICS.len()];
        for ((name, _), latency) in STATISTICS.iter().zip(&mut response) {
            let kept = self.response_s.get(*name);
            let kept = kept.ok_or_else(|| format!("`response_s` has no `{name}`"))?;
            *latency = match kept {
                None => None,
                Some(LatencyForm::Seen(seconds)) => {
                    Some(Latency { time: time(name, *seconds)?, is_lower_bound: false })
                }
                Some(LatencyForm::Cut { more_than }) => {
                    Some(Latency { time: time(name, *more_than)?, is_lower_bound: true })
                }
            };
        }
        let measured_time = time("measured_s", self.measured_s)?;
        Ok(RoundResults {
            requests: self.requests,
            ok: self.ok,
            measured_time,
            rate: self.rate,
            response,
        })
    }
}
