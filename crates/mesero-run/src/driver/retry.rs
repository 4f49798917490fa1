//! Failures of attempts: error responses, and which failures are retried.

use std::str::FromStr;
use std::time::Duration;

use http::{StatusCode, header};
use mesero::{Advice, Failure, FailureKind};
use mesero_resources::Reply;

use crate::output::error::ErrorResponse;

/// Failures that are retried, besides those that always are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RetryOn {
    statuses: Vec<StatusCode>,
    /// Broken exchanges, even if the target may have done the work and doing it twice makes a difference.
    lost: bool,
    raised: bool,
}

/// Statuses that are always retried: the target is temporarily unavailable.
const RETRYABLE: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// The part of an error response's body that is recorded.
const EXCERPT_BYTES: usize = 1024;

impl RetryOn {
    /// Returns a successful reply, or turns an error response into a failure.
    pub(super) fn check(&self, reply: Reply) -> Result<Reply, Failure> {
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let after = reply.headers().get(header::RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let bytes = reply.into_body().buffered();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT_BYTES)]).into_owned();
        let failure = Failure::from(ErrorResponse { status, text, body_bytes: bytes.len() });
        let is_retryable = RETRYABLE.contains(&status) || self.statuses.contains(&status);
        Err(failure.advise(match (is_retryable, after) {
            (false, _) => Advice::Never,
            (true, None) => Advice::Backoff,
            (true, Some(seconds)) => Advice::After(Duration::from_secs(seconds)),
        }))
    }

    /// Advises a retry for failures of the selected kinds.
    pub(super) fn advise(&self, failure: Failure) -> Failure {
        let is_selected = match failure.kind() {
            FailureKind::Lost => self.lost,
            FailureKind::Raised | FailureKind::Panicked => self.raised,
            _ => false,
        };
        if is_selected && failure.advice() == Advice::Never {
            return failure.advise(Advice::Backoff);
        }
        failure
    }
}

impl FromStr for RetryOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut retry_on = Self::default();
        for word in text.split(',') {
            match word {
                "lost" => retry_on.lost = true,
                "raised" => retry_on.raised = true,
                _ => match word.parse::<StatusCode>() {
                    Ok(status) if !status.is_success() => retry_on.statuses.push(status),
                    _ => {
                        return Err(format!(
                            "expected statuses such as 500, `lost` (the connection broke, the worker died) or `raised` (an \
                             exception, an exit code), found `{word}`"
                        ));
                    }
                },
            }
        }
        Ok(retry_on)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn advice(status: u16, retry_on: &str) -> Option<Advice> {
        let status = StatusCode::from_u16(status).unwrap();
        let reply = Reply::response(status, HeaderMap::new(), "no".into());
        let retry_on =
            if retry_on.is_empty() { RetryOn::default() } else { retry_on.parse().unwrap() };
        retry_on.check(reply).err().map(|failure| failure.advice())
    }

    #[test]
    fn temporary_and_selected_statuses_are_retried() {
        assert_eq!(advice(204, ""), None);
        for status in [429, 502, 503, 504] {
            assert_eq!(advice(status, ""), Some(Advice::Backoff));
        }
        for status in [301, 404, 500] {
            assert_eq!(advice(status, ""), Some(Advice::Never));
        }
        assert_eq!(advice(500, "lost,500"), Some(Advice::Backoff));
    }

    #[test]
    fn lost_and_raised_failures_are_retried_if_selected() {
        let lost = || Failure::lost("gone").advise(Advice::Never);
        assert_eq!(RetryOn::default().advise(lost()).advice(), Advice::Never);
        let both: RetryOn = "lost,raised".parse().unwrap();
        assert_eq!(both.advise(lost()).advice(), Advice::Backoff);
        assert_eq!(both.advise(Failure::raised("bad")).advice(), Advice::Backoff);
        assert!("200".parse::<RetryOn>().is_err() && "timeout".parse::<RetryOn>().is_err());
    }
}
