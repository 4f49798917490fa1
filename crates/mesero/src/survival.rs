//! Times that last until they end, or until they are cut off: the product-limit estimate of E. L. Kaplan
//! and P. Meier, "Nonparametric Estimation from Incomplete Observations", 1958.

use std::time::Duration;

/// The length of a run, or of what else lasts. Of equal lengths, a run that was cut off is the
/// longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) ran: Duration,
    /// True if it was stopped then, and would have lasted longer.
    pub(crate) cut_off: bool,
}

/// The shortest time beyond which at most this share of runs lasts; `None` if so many runs were cut
/// off that the share at no time is known to be as low.
///
/// Each run has the same share, and a run that is cut off passes its own to the longer ones in equal
/// parts, which is the product-limit estimate (B. Efron, "The Two Sample
/// Problem with Censored Data", 1967).
pub(crate) fn quantile(sorted: &[Run], survivors: f64) -> Option<Duration> {
    // So that a share that is only rounded above the wanted one is found.
    let survivors = survivors * (1.0 + 1e-9);
    let mut share = 1.0 / sorted.len() as f64;
    for (run, longer) in sorted.iter().zip((0..sorted.len()).rev()) {
        let longer = longer as f64;
        if run.cut_off {
            share *= (longer + 1.0) / longer;
        } else if share * longer <= survivors {
            return Some(run.ran);
        }
    }
    None
}
