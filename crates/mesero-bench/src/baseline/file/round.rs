//! A round, as a file keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::comparison::results::Round;
use crate::stats::latency_histogram::Found;
use crate::stats::metric::STATISTICS;

/// What is kept of a single round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    measured_s: f64,
    rate: f64,
    /// By the names of [`STATISTICS`]; null where there were no times.
    response_s: BTreeMap<String, Option<Seconds>>,
}

/// A time; what was cut off is no number, so that nobody adds it up by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a time is wanted: seconds, or {\"more_than\": seconds}")]
enum Seconds {
    Seen(f64),
    Cut { more_than: f64 },
}

impl From<&Round> for Kept {
    fn from(round: &Round) -> Self {
        let seconds = |found: Found| match found {
            Found { time, is_more: false } => Seconds::Seen(time.as_secs_f64()),
            Found { time, is_more: true } => Seconds::Cut { more_than: time.as_secs_f64() },
        };
        let names = STATISTICS.iter().map(|(name, _)| (*name).to_owned());
        Self {
            requests: round.requests,
            ok: round.ok,
            measured_s: round.measured.as_secs_f64(),
            rate: round.rate,
            response_s: names.zip(round.response.map(|found| found.map(seconds))).collect(),
        }
    }
}

impl Kept {
    /// The round again.
    ///
    /// # Errors
    /// What in it is missing, or cannot be.
    pub(crate) fn round(&self) -> Result<Round, String> {
        let time = |name: &str, seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{name}`: {error}"))
        };
        if self.rate < 0.0 {
            return Err(format!("`rate` is {}", self.rate));
        }
        let mut response = [None; STATISTICS.len()];
        for ((name, _), found) in STATISTICS.iter().zip(&mut response) {
            let kept = self.response_s.get(*name);
            let kept = kept.ok_or_else(|| format!("`response_s` has no `{name}`"))?;
            *found = match kept {
                None => None,
                Some(Seconds::Seen(seconds)) => {
                    Some(Found { time: time(name, *seconds)?, is_more: false })
                }
                Some(Seconds::Cut { more_than }) => {
                    Some(Found { time: time(name, *more_than)?, is_more: true })
                }
            };
        }
        let measured = time("measured_s", self.measured_s)?;
        Ok(Round { requests: self.requests, ok: self.ok, measured, rate: self.rate, response })
    }
}
