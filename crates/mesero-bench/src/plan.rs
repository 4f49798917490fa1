//! The plan of a load, complete before the first request.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::ValueEnum;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The load on each target in each round.
#[derive(Debug, Clone)]
pub(crate) struct LoadPlan {
    pub(crate) load: Load,
    pub(crate) protocol: Protocol,
    /// End of a round.
    pub(crate) until: StopCondition,
    /// Timeout of a request, from the time it is due.
    pub(crate) timeout: Duration,
    /// Requests that are due in this time are sent and not counted.
    pub(crate) warm_up: Duration,
    /// Delay of the generator, at the 99th percentile, that is accepted; by default it depends on the median response
    /// time.
    pub(crate) tolerance: Option<Duration>,
    /// Random seed.
    pub(crate) seed: u64,
    /// Trials of each target.
    pub(crate) rounds: NonZeroU32,
}

impl LoadPlan {
    /// The plan of a round: its arrivals differ from those of other rounds, and are the same for all targets.
    pub(crate) fn of_round(&self, round: u32) -> LoadPlan {
        LoadPlan { seed: self.seed.wrapping_add(round.into()), ..self.clone() }
    }

    /// Maximum number of open connections.
    pub(crate) fn connections(&self) -> usize {
        self.load.concurrency().get().div_ceil(self.protocol.streams().get())
    }
}

/// The model of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// Clients that send their next request when they have their response.
    Closed { clients: NonZeroUsize },
    /// Requests that are due independent of responses.
    Open {
        /// Requests a second.
        rate: f64,
        arrivals: Arrivals,
        /// Maximum number of requests in flight; others wait in the generator, and their time runs.
        concurrency: NonZeroUsize,
    },
}

/// The HTTP version for URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// HTTP/1.1, with a connection for each client.
    #[default]
    Http1,
    /// HTTP/2, with this many clients a connection and a stream for each client.
    Http2 { streams: NonZeroUsize },
}

/// The end of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCondition {
    Time(Duration),
    Requests(NonZeroU64),
}

/// Distribution of the times between requests of an open load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arrivals {
    /// Random, as from independent clients: with bursts and gaps
    Poisson,
    /// Constant intervals
    Uniform,
}

impl Load {
    /// Maximum number of requests in flight.
    pub(crate) fn concurrency(&self) -> NonZeroUsize {
        match *self {
            Load::Closed { clients } => clients,
            Load::Open { concurrency, .. } => concurrency,
        }
    }
}

impl Protocol {
    /// A request occupies one of these.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Protocol::Http1 => "connection",
            Protocol::Http2 { .. } => "stream",
        }
    }

    /// The name in reports; HTTP/1.1 is not mentioned.
    pub(crate) fn label(self) -> Option<String> {
        match self {
            Protocol::Http1 => None,
            Protocol::Http2 { streams } if streams.get() == 1 => Some("HTTP/2".to_owned()),
            Protocol::Http2 { streams } => Some(format!("HTTP/2, {streams} streams a connection")),
        }
    }

    /// The JSON value; null for HTTP/1.1.
    pub(crate) fn json(self) -> Value {
        match self {
            Protocol::Http1 => Value::Null,
            Protocol::Http2 { streams } => json!({ "streams": streams }),
        }
    }

    /// Clients that share a connection.
    pub(crate) fn streams(self) -> NonZeroUsize {
        match self {
            Protocol::Http1 => NonZeroUsize::MIN,
            Protocol::Http2 { streams } => streams,
        }
    }
}

/// Due times of an open load, from its start: the same for the same seed.
#[derive(Debug)]
pub(crate) struct ArrivalSchedule {
    rate: f64,
    arrivals: Arrivals,
    random: Rng,
    count: u64,
    seconds: f64,
}

impl ArrivalSchedule {
    pub(crate) fn new(rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        Self { rate, arrivals, random: Rng::with_seed(seed), count: 0, seconds: 0.0 }
    }
}

impl Iterator for ArrivalSchedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match self.arrivals {
            // From the count and not from the previous time, so that no errors add up.
            Arrivals::Uniform => self.count as f64 / self.rate,
            // Exponential gaps, by inversion (L. Devroye, "Non-Uniform Random Variate Generation",
            // 1986, section II.2).
            Arrivals::Poisson => self.seconds - (1.0 - self.random.f64()).ln() / self.rate,
        };
        self.count += 1;
        self.seconds = seconds;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(rate: f64, arrivals: Arrivals, seed: u64, count: usize) -> Vec<f64> {
        let schedule = ArrivalSchedule::new(rate, arrivals, seed);
        schedule.take(count).map(|time| time.as_secs_f64()).collect()
    }

    #[test]
    fn uniform_arrivals_are_equally_far_apart() {
        assert_eq!(seconds(4.0, Arrivals::Uniform, 1, 4), [0.0, 0.25, 0.5, 0.75]);
    }

    /// Mean and standard deviation of exponential gaps are equal; within five standard errors for 100,000.
    #[test]
    fn gaps_between_poisson_arrivals_have_the_mean_and_deviation_of_their_rate() {
        let times = seconds(50.0, Arrivals::Poisson, 7, 100_001);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) * 50.0).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.016, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn a_seed_names_a_schedule() {
        let of = |seed| seconds(50.0, Arrivals::Poisson, seed, 100);
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }
}
