//! The deadline that a client sends with its request.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use mesero_http::problem::Problem;

/// The time that the client still waits, in milliseconds; mesero sends the same field to upstreams.
const DEADLINE: HeaderName = HeaderName::from_static("mesero-deadline-ms");

/// Returns the deadline of a request: that of the policy, or the client's if it is earlier; `None` if there is neither.
///
/// # Errors
/// A 400 if the client's is no number of milliseconds: without it, the client would wait for longer than it wants.
pub(super) fn lowered(
    policy: Option<Duration>,
    headers: &HeaderMap,
) -> Result<Option<Duration>, Box<Problem>> {
    let mut earliest = policy;
    for value in headers.get_all(DEADLINE) {
        let digits =
            value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let sent = digits.and_then(|text| text.parse().ok()).map(Duration::from_millis);
        let sent = sent.ok_or_else(|| Box::new(invalid()))?;
        earliest = Some(earliest.map_or(sent, |earliest| earliest.min(sent)));
    }
    Ok(earliest)
}

fn invalid() -> Problem {
    let detail = "the header field `Mesero-Deadline-Ms` must be a whole number of milliseconds";
    Problem::new(StatusCode::BAD_REQUEST, "bad-deadline", "The deadline is invalid", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sent(values: &[&str], policy: Option<Duration>) -> Option<Option<Duration>> {
        let fields = values.iter().map(|value| (DEADLINE, value.parse().unwrap()));
        lowered(policy, &fields.collect()).ok()
    }

    #[test]
    fn a_deadline_is_lowered_and_never_raised() {
        assert_eq!(sent(&[], Some(SECOND)), Some(Some(SECOND)));
        assert_eq!(sent(&["250"], Some(SECOND)), Some(Some(SECOND / 4)));
        assert_eq!(sent(&["2000"], Some(SECOND)), Some(Some(SECOND)));
        assert_eq!(sent(&["2000"], None), Some(Some(2 * SECOND)));
        assert_eq!(sent(&["500", "250"], None), Some(Some(SECOND / 4)));
        assert_eq!(sent(&["0"], None), Some(Some(Duration::ZERO)));
    }

    #[test]
    fn anything_but_a_whole_number_is_refused() {
        for invalid in ["", "1s", "-1", "+1", "1.5", "99999999999999999999"] {
            assert_eq!(sent(&[invalid], Some(SECOND)), None, "{invalid}");
        }
    }
}
