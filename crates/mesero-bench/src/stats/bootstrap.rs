//! Confidence intervals of the median of few rounds, by the bootstrap.

use fastrand::Rng;

/// The range between these percentiles of the resampled medians is reported as a 95 % interval: with few values the
/// percentiles for 95 % contain the true value too rarely (T. C. Hesterberg, "What Teachers Should Know about the
/// Bootstrap", 2015, section 5.1), and those for 99 % do so in 96 of 100 cases.
const PERCENTILES: [f64; 2] = [0.005, 0.995];

/// With fewer rounds even that interval contains the true value too rarely.
pub(crate) const LEAST_ROUNDS: usize = 8;

/// Number and seed of the resamples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resampling {
    pub(crate) count: usize,
    pub(crate) seed: u64,
}

impl Default for Resampling {
    /// Enough that ten resamples are outside on each side.
    fn default() -> Self {
        Self { count: 2_000, seed: 1 }
    }
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConfidenceInterval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Confidence interval of the median of the distribution that these values come from: the percentile interval of the
/// bootstrap (B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979). The same for the same seed.
///
/// A median and not a mean, since rounds in which the machine was busy are outliers. None with too few values.
pub(crate) fn of_median(values: &[f64], draws: Resampling) -> Option<ConfidenceInterval> {
    let random = &mut Rng::with_seed(draws.seed);
    (values.len() >= LEAST_ROUNDS).then(|| draws.percentiles(|| drawn(values, random)))
}

/// The same for the difference of two medians of independent values.
pub(crate) fn of_difference(
    values: &[f64],
    others: &[f64],
    draws: Resampling,
) -> Option<ConfidenceInterval> {
    let random = &mut Rng::with_seed(draws.seed);
    let is_enough = values.len().min(others.len()) >= LEAST_ROUNDS;
    is_enough.then(|| draws.percentiles(|| drawn(values, random) - drawn(others, random)))
}

/// The middle value, or the mean of the two middle ones. NaN without values.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let is_odd = !values.len().is_multiple_of(2);
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_unstable_by(f64::total_cmp);
    if is_odd { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// The median of a resample.
fn drawn(values: &[f64], random: &mut Rng) -> f64 {
    let mut sample: Vec<_> = values.iter().map(|_| values[random.usize(..values.len())]).collect();
    median(&mut sample)
}

impl Resampling {
    fn percentiles(self, mut draw: impl FnMut() -> f64) -> ConfidenceInterval {
        let mut drawn: Vec<_> = (0..self.count).map(|_| draw()).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        // Between the first and the last.
        let at = |share: f64| drawn[(share * (self.count - 1) as f64).round() as usize];
        let [low, high] = PERCENTILES.map(at);
        ConfidenceInterval { low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the intervals that contain the true value, zero.
    fn coverage(
        runs: u32,
        interval: impl Fn(&mut Rng, Resampling) -> Option<ConfidenceInterval>,
    ) -> f64 {
        let random = &mut Rng::with_seed(7);
        let held = (0..runs).filter(|run| {
            // Few, to save time; more would not make it worse.
            let draws = Resampling { count: 400, seed: u64::from(*run) };
            let ConfidenceInterval { low, high } = interval(random, draws).unwrap();
            low <= 0.0 && high >= 0.0
        });
        held.count() as f64 / f64::from(runs)
    }

    /// By G. E. P. Box and M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    fn normal(random: &mut Rng) -> f64 {
        (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
    }

    /// Every tenth value is an outlier, from a round in which the machine was busy.
    fn disturbed(random: &mut Rng) -> f64 {
        normal(random) * if random.u8(..) < 26 { 10.0 } else { 1.0 }
    }

    fn values(count: usize, mut draw: impl FnMut() -> f64) -> Vec<f64> {
        (0..count).map(|_| draw()).collect()
    }

    #[test]
    fn ninety_five_of_a_hundred_intervals_hold_the_truth() {
        for (rounds, runs) in [(LEAST_ROUNDS, 500), (10, 2_000)] {
            let share = coverage(runs, |random, draws| {
                of_median(&values(rounds, || disturbed(random)), draws)
            });
            assert!(share > 0.95, "{rounds} rounds: {share}");
        }
    }

    #[test]
    fn ninety_five_of_a_hundred_hold_it_too_where_rounds_are_no_pairs() {
        for (rounds, others) in [(LEAST_ROUNDS, LEAST_ROUNDS), (10, 10), (10, 25)] {
            let share = coverage(1_000, |random, draws| {
                let of = |count, random: &mut Rng| values(count, || disturbed(random));
                let (mine, theirs) = (of(rounds, random), of(others, random));
                of_difference(&mine, &theirs, draws)
            });
            assert!(share > 0.95, "{rounds} and {others} rounds: {share}");
        }
    }

    #[test]
    fn a_seed_names_an_interval_and_few_rounds_have_none() {
        let random = &mut Rng::with_seed(3);
        let rounds = values(10, || normal(random));
        let of = |seed| of_median(&rounds, Resampling { seed, ..Resampling::default() }).unwrap();
        assert_eq!(of(1), of(1));
        assert!(of(1).low >= -3.0 && of(1).high <= 3.0, "{:?}", of(1));
        assert_eq!(of_median(&rounds[..LEAST_ROUNDS - 1], Resampling::default()), None);
        assert_eq!(
            of_difference(&rounds, &rounds[..LEAST_ROUNDS - 1], Resampling::default()),
            None
        );
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }
}
