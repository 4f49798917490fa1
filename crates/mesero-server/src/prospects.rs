//! The prospects of a call that was not served: when to come again, and its position in the queue.

use std::time::Duration;

use mesero::{Error, Eta, Outlook, Phase, Refusal};
use mesero_http::problem::Problem;
use mesero_terminal::units::milliseconds;
use serde_json::Value;

/// The advised wait where nothing is known.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

/// The longest advised wait: no estimate is good for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// True for a call that was refused, or left the queue: it was never begun.
pub(crate) fn is_unserved(error: &Error) -> bool {
    matches!(error, Error::Refused(_) | Error::Shed | Error::Expired { phase: Phase::Queued })
}

/// Adds to the problem of a call that was not served what `outlook` says about another try.
pub(crate) fn add(problem: Problem, error: &Error, outlook: &Outlook) -> Problem {
    let problem = problem.retry_after(retry_after(error, outlook, fastrand::f64()));
    if matches!(error, Error::Refused(Refusal::Draining) | Error::Shed) {
        return problem;
    }
    let problem = problem.with("queue_position", outlook.position);
    match outlook.eta {
        Some(Eta { low, high }) => {
            let range = [Some(low), high].map(|end| end.map(milliseconds));
            problem.with("eta_ms", range.map(Value::from).to_vec())
        }
        None => problem,
    }
}

/// The advised wait, so that clients that were refused together do not come back together; `random` is from 0 to 1.
///
/// An expected wait is changed by up to 25 %. The wait of a rate is known, and lengthened by up to 25 %: before it is
/// over, the client would be refused again.
fn retry_after(error: &Error, outlook: &Outlook, random: f64) -> Duration {
    let (wait, factor) = match error {
        Error::Refused(refusal @ Refusal::RateLimited { .. }) => {
            (refusal.retry_after(), 1.0 + random / 4.0)
        }
        Error::Refused(refusal) => (refusal.retry_after(), 0.75 + random / 2.0),
        Error::Expired { .. } => (outlook.eta.map(|eta| eta.expected()), 0.75 + random / 2.0),
        _ => (None, 0.75 + random / 2.0),
    };
    wait.unwrap_or(UNKNOWN_WAIT).min(LONGEST_WAIT).mul_f64(factor)
}

#[cfg(test)]
mod tests {
    use mesero::{Call, Dispatcher};

    use super::*;

    fn spread(error: &Error) -> [Duration; 2] {
        let dispatcher = Dispatcher::<()>::builder("slow").build().unwrap();
        let mut outlook = dispatcher.outlook(&Call::unkeyed());
        outlook.eta = Some(Eta { low: SECOND, high: None });
        [0.0, 1.0].map(|random| retry_after(error, &outlook, random))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_expected_wait_is_shortened_or_lengthened_and_the_wait_of_a_rate_only_lengthened() {
        let full = Refusal::QueueFull { retry_after: 4 * SECOND };
        assert_eq!(spread(&Error::Refused(full)), [3 * SECOND, 5 * SECOND]);
        let rate = Refusal::RateLimited { retry_after: 4 * SECOND };
        assert_eq!(spread(&Error::Refused(rate)), [4 * SECOND, 5 * SECOND]);
        let waited = Error::Expired { phase: Phase::Queued };
        assert_eq!(spread(&waited), [3 * SECOND / 2, 5 * SECOND / 2]);
        assert_eq!(spread(&Error::Shed), [3 * SECOND / 4, 5 * SECOND / 4]);
    }

    #[test]
    fn a_wait_without_end_is_a_day() {
        let (expected_wait, expected_run) = (Duration::MAX, Duration::ZERO);
        let never = Refusal::DeadlineUnmeetable { expected_wait, expected_run };
        assert!(spread(&Error::Refused(never))[1] < 2 * LONGEST_WAIT);
    }
}
