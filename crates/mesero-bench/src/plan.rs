//! How much is asked, when, and for how long: all of it known before the first request.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::ValueEnum;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A load to put on each contestant, once a round.
#[derive(Debug, Clone)]
pub(crate) struct LoadPlan {
    pub(crate) load: Load,
    pub(crate) protocol: Protocol,
    /// Of a round.
    pub(crate) until: StopCondition,
    /// How long a client waits for its answer before it gives up.
    pub(crate) timeout: Duration,
    /// Requests that are planned before are made, and not counted.
    pub(crate) warm_up: Duration,
    /// How late the generator itself may be, in all but one of a hundred cases; none if what was
    /// measured says how much matters.
    pub(crate) tolerance: Option<Duration>,
    /// Names all that is random.
    pub(crate) seed: u64,
    /// How often each contestant is measured.
    pub(crate) rounds: NonZeroU32,
}

impl LoadPlan {
    /// What is done in a round, by whomever: requests at other instants than in the round before,
    /// but the same for all contestants.
    pub(crate) fn of_round(&self, round: u32) -> LoadPlan {
        LoadPlan { seed: self.seed.wrapping_add(round.into()), ..self.clone() }
    }

    /// The most connections that are open at once.
    pub(crate) fn connections(&self) -> usize {
        self.load.concurrency().get().div_ceil(self.protocol.streams().get())
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// So many clients, each of which asks again when it has its answer.
    Closed { clients: NonZeroUsize },
    /// Clients who come whether the earlier ones have their answers or not.
    Open {
        /// A second.
        rate: f64,
        arrivals: Arrivals,
        /// The most that are in work at once; more wait in the generator, and their time runs.
        concurrency: NonZeroUsize,
    },
}

/// What is spoken with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// HTTP/1.1, where each client has a connection of his own.
    #[default]
    Http1,
    /// HTTP/2, where so many clients share a connection, and have a stream each.
    Http2 { streams: NonZeroUsize },
}

/// What ends a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCondition {
    Time(Duration),
    Requests(NonZeroU64),
}

/// When clients come who do not know of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Arrivals {
    /// At random, as people do: in bursts and with gaps
    Poisson,
    /// One as long after the other as the next
    Uniform,
}

impl Load {
    /// How many requests can be in work at once.
    pub(crate) fn concurrency(&self) -> NonZeroUsize {
        match *self {
            Load::Closed { clients } => clients,
            Load::Open { concurrency, .. } => concurrency,
        }
    }
}

impl Protocol {
    /// What a request needs to be sent.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Protocol::Http1 => "connection",
            Protocol::Http2 { .. } => "stream",
        }
    }

    /// How a report names it; HTTP/1.1 is not mentioned.
    pub(crate) fn label(self) -> Option<String> {
        match self {
            Protocol::Http1 => None,
            Protocol::Http2 { streams } if streams.get() == 1 => Some("HTTP/2".to_owned()),
            Protocol::Http2 { streams } => Some(format!("HTTP/2, {streams} streams a connection")),
        }
    }

    /// How HTTP/2 is spoken, or null.
    pub(crate) fn json(self) -> Value {
        match self {
            Protocol::Http1 => Value::Null,
            Protocol::Http2 { streams } => json!({ "streams": streams }),
        }
    }

    /// How many clients share a connection.
    pub(crate) fn streams(self) -> NonZeroUsize {
        match self {
            Protocol::Http1 => NonZeroUsize::MIN,
            Protocol::Http2 { streams } => streams,
        }
    }
}

/// The instants of an open load, as times after its beginning: the same for the same seed.
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
            // From the count and not from the one before, so that nothing adds up.
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

    /// Mean and deviation of exponential gaps are the same; of 100,000, five standard errors.
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
