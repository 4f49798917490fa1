//! Delays of a stub: always the same, or drawn from a distribution.

use std::f64::consts::TAU;
use std::time::Duration;

use fastrand::Rng;
use mesero_config::Delay;

/// Longest draw: the tail of a distribution has no end, and a clock has.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Draws the delay of one call.
pub(super) fn draw(delay: &Delay, random: &mut Rng) -> Duration {
    match *delay {
        Delay::Fixed(delay) => delay,
        Delay::Uniform { least, most } => {
            let span = most.saturating_sub(least);
            scaled(span, random.f64()).saturating_add(least)
        }
        Delay::Lognormal { median, sigma } => scaled(median, (sigma * normal(random)).exp()),
        Delay::Exponential { mean } => scaled(mean, exponential(random)),
    }
}

/// A draw from the exponential distribution of mean 1, by inversion (L. Devroye, "Non-Uniform
/// Random Variate Generation", 1986, section II.2).
fn exponential(random: &mut Rng) -> f64 {
    -above_zero(random).ln()
}

/// A draw from the standard normal distribution (G. E. P. Box and M. E. Muller, "A Note on the
/// Generation of Random Normal Deviates", 1958).
fn normal(random: &mut Rng) -> f64 {
    (-2.0 * above_zero(random).ln()).sqrt() * (TAU * random.f64()).cos()
}

/// Uniform above 0 and up to 1, so that its logarithm is a number.
fn above_zero(random: &mut Rng) -> f64 {
    1.0 - random.f64()
}

fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).map_or(LONGEST, |d| d.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws; the seed is fixed, so they are always the same.
    fn moments(draw: impl Fn(&mut Rng) -> f64) -> (f64, f64) {
        const DRAWS: u32 = 100_000;
        let mut random = Rng::with_seed(7);
        let draws: Vec<f64> = (0..DRAWS).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
        let squares = draws.iter().map(|draw| (draw - mean).powi(2));
        (mean, squares.sum::<f64>() / f64::from(DRAWS))
    }

    /// Five standard errors of the mean of 100,000 draws of variance 1, and some for the variance.
    fn is_near(found: (f64, f64), wanted: (f64, f64)) {
        let near = |found: f64, wanted: f64| (found - wanted).abs() < 0.05;
        assert!(near(found.0, wanted.0) && near(found.1, wanted.1), "{found:?}, not {wanted:?}");
    }

    #[test]
    fn exponential_draws_have_mean_and_variance_1() {
        is_near(moments(exponential), (1.0, 1.0));
    }

    #[test]
    fn normal_draws_have_mean_0_and_variance_1() {
        is_near(moments(normal), (0.0, 1.0));
    }

    #[test]
    fn lognormal_delays_have_the_mean_and_variance_of_their_median_and_sigma() {
        let sigma = 0.5_f64;
        let delay = Delay::Lognormal { median: Duration::from_secs(1), sigma };
        let square = sigma * sigma;
        let wanted = ((square / 2.0).exp(), (square.exp() - 1.0) * square.exp());
        is_near(moments(|random| draw(&delay, random).as_secs_f64()), wanted);
    }

    #[test]
    fn uniform_delays_lie_between_their_bounds_and_have_the_mean_in_the_middle() {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(3));
        let delay = Delay::Uniform { least, most };
        let found = moments(|random| {
            let draw = draw(&delay, random);
            assert!(least <= draw && draw < most);
            draw.as_secs_f64()
        });
        is_near(found, (2.0, 4.0 / 12.0));
    }

    #[test]
    fn a_draw_beyond_the_longest_delay_is_cut_to_it() {
        assert_eq!(scaled(Duration::from_secs(1), f64::INFINITY), LONGEST);
    }
}
