//! What an answer means for an item: a value, or a failure that is worth another try or not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{StatusCode, header};
use mesero::{Advice, Failure, FailureKind};
use mesero_resources::Reply;

/// What is tried again, besides what always is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RetryOn {
    statuses: Vec<StatusCode>,
    /// Also where the work may have been done, and doing it twice may differ from doing it once.
    lost: bool,
    raised: bool,
}

/// The answers that say "not now".
const RETRYABLE: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// How much of a refusal's body is kept.
const EXCERPT_BYTES: usize = 1024;

impl RetryOn {
    /// A reply, if its status says that all is well.
    pub(crate) fn judge(&self, reply: Reply) -> Result<Reply, Failure> {
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let after = reply.headers().get(header::RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let bytes = reply.into_body().at_hand();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT_BYTES)]).into_owned();
        let failure = Failure::from(UnsuccessfulResponse { status, text, received: bytes.len() });
        let again = RETRYABLE.contains(&status) || self.statuses.contains(&status);
        Err(failure.advise(match (again, after) {
            (false, _) => Advice::Never,
            (true, None) => Advice::Backoff,
            (true, Some(seconds)) => Advice::After(Duration::from_secs(seconds)),
        }))
    }

    /// A failure, with the advice to try again where that was asked for.
    pub(crate) fn advise(&self, failure: Failure) -> Failure {
        let named = match failure.kind() {
            FailureKind::Lost => self.lost,
            FailureKind::Raised | FailureKind::Panicked => self.raised,
            _ => false,
        };
        match (named, failure.advice()) {
            (true, Advice::Never) => failure.advise(Advice::Backoff),
            _ => failure,
        }
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
                            "wanted statuses such as 500, `lost` (the connection broke, the worker died) or `raised` (an \
                             exception, an exit code), came `{word}`"
                        ));
                    }
                },
            }
        }
        Ok(retry_on)
    }
}

/// An answer that is none.
#[derive(Debug)]
pub(crate) struct UnsuccessfulResponse {
    pub(crate) status: StatusCode,
    /// The beginning of its body.
    pub(crate) text: String,
    /// How long its body is.
    pub(crate) received: usize,
}

impl fmt::Display for UnsuccessfulResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the target answered {}", self.status)
    }
}

impl std::error::Error for UnsuccessfulResponse {}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn judged(status: u16, retry_on: &str) -> Option<Advice> {
        let status = StatusCode::from_u16(status).unwrap();
        let reply = Reply::response(status, HeaderMap::new(), "no".into());
        let retry_on =
            if retry_on.is_empty() { RetryOn::default() } else { retry_on.parse().unwrap() };
        retry_on.judge(reply).err().map(|failure| failure.advice())
    }

    #[test]
    fn only_what_says_not_now_is_tried_again_and_what_is_named() {
        assert_eq!(judged(204, ""), None);
        for status in [429, 502, 503, 504] {
            assert_eq!(judged(status, ""), Some(Advice::Backoff));
        }
        for status in [301, 404, 500] {
            assert_eq!(judged(status, ""), Some(Advice::Never));
        }
        assert_eq!(judged(500, "lost,500"), Some(Advice::Backoff));
    }

    #[test]
    fn what_was_lost_or_raised_is_tried_again_if_that_is_named() {
        let lost = || Failure::lost("gone").advise(Advice::Never);
        assert_eq!(RetryOn::default().advise(lost()).advice(), Advice::Never);
        let both: RetryOn = "lost,raised".parse().unwrap();
        assert_eq!(both.advise(lost()).advice(), Advice::Backoff);
        assert_eq!(both.advise(Failure::raised("bad")).advice(), Advice::Backoff);
        assert!("200".parse::<RetryOn>().is_err() && "timeout".parse::<RetryOn>().is_err());
    }
}
