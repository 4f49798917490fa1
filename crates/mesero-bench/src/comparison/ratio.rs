//! Ratios of the figures of two targets.

use crate::comparison::results::{RoundResults, TargetResults};
use crate::stats::bootstrap::{self, ConfidenceInterval, Resampling};
use crate::stats::latency_histogram::Latency;
use crate::stats::metric::{Figure, STATISTICS};

/// A target's figure over the reference's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ratio {
    /// Median of the rounds' ratios; with enough rounds, its confidence interval.
    Of { ratio: f64, interval: Option<ConfidenceInterval> },
    /// The numerator is a lower bound.
    MoreThan(f64),
    /// The denominator is a lower bound.
    LessThan(f64),
    /// One of the figures is missing, or both are lower bounds.
    Unknown,
}

/// The relation between the rounds of two targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Rounds with the same number were measured one after the other.
    Rounds,
    /// Both were measured at different times.
    Nothing,
}

fn of_round(figure: Figure, round: &RoundResults) -> Option<f64> {
    match figure {
        Figure::Rate => Some(round.rate),
        Figure::Response(index) => match round.response[index] {
            Some(Latency { time, is_lower_bound: false }) => Some(time.as_secs_f64()),
            _ => None,
        },
    }
    .filter(|value| *value > 0.0)
}

/// The figure of all rounds, and whether it is a lower bound.
fn of_all(figure: Figure, results: &TargetResults) -> Option<(f64, bool)> {
    match figure {
        Figure::Rate => Some((results.record.rate(), false)),
        Figure::Response(index) => STATISTICS[index]
            .1
            .of(&results.record.response)
            .map(|Latency { time, is_lower_bound }| (time.as_secs_f64(), is_lower_bound)),
    }
    .filter(|(value, _)| *value > 0.0)
}

impl Ratio {
    /// The figure of `above` over that of `below`.
    pub(crate) fn between(
        figure: Figure,
        pairing: Pairing,
        [above, below]: [&TargetResults; 2],
    ) -> Self {
        let logarithms = |results: &TargetResults| {
            let rounds = results.rounds.iter().map(|round| of_round(figure, round).map(f64::ln));
            rounds.collect::<Option<Vec<_>>>().filter(|rounds| !rounds.is_empty())
        };
        match (of_all(figure, above), of_all(figure, below)) {
            (None, _) | (_, None) | (Some((_, true)), Some((_, true))) => Ratio::Unknown,
            (Some((above, true)), Some((below, false))) => Ratio::MoreThan(above / below),
            (Some((above, false)), Some((below, true))) => Ratio::LessThan(above / below),
            (Some((all_above, false)), Some((all_below, false))) => {
                match (logarithms(above), logarithms(below)) {
                    (Some(above), Some(below)) => of_rounds(pairing, above, below),
                    // In some rounds the figure is missing, or a lower bound.
                    _ => Ratio::Of { ratio: all_above / all_below, interval: None },
                }
            }
        }
    }
}

fn of_rounds(pairing: Pairing, mut above: Vec<f64>, mut below: Vec<f64>) -> Ratio {
    let (logarithm, interval) = match pairing {
        Pairing::Rounds => {
            let pairs = above.iter().zip(&below);
            let mut ratios: Vec<_> = pairs.map(|(above, below)| above - below).collect();
            let interval = bootstrap::of_median(&ratios, Resampling::default());
            (bootstrap::median(&mut ratios), interval)
        }
        Pairing::Nothing => {
            let interval = bootstrap::of_difference(&above, &below, Resampling::default());
            (bootstrap::median(&mut above) - bootstrap::median(&mut below), interval)
        }
    };
    let interval = interval.map(|ConfidenceInterval { low, high }| ConfidenceInterval {
        low: low.exp(),
        high: high.exp(),
    });
    Ratio::Of { ratio: logarithm.exp(), interval }
}
