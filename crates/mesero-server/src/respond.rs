//! The one table from an outcome to an HTTP response.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use mesero::{Answer, Call, CallReport, Error, FailureKind, Origin, Phase, Refusal};
use mesero_http::body::Body;
use mesero_http::problem::Problem;
use mesero_http::server::read_body::ReadBodyError;
use mesero_resources::{Reply, StatusOverride};
use mesero_services::service::Service;
use mesero_terminal::units::fractional_milliseconds;

use crate::request_handler::classification::Class;
use crate::{prospects, rate_limit};

/// The response to a call of this class.
pub(crate) fn answer(service: &Service, class: &Class, answer: Answer<Reply>) -> Response<Body> {
    let Answer { result, report } = answer;
    let succeeded = result.is_ok();
    let told = service.policy.rate_limit_headers;
    let unserved = result.as_ref().is_err_and(prospects::is_unserved);
    let outlook =
        (told || unserved).then(|| service.dispatcher.outlook(&class.apply(Call::unkeyed())));
    let mut response = match result {
        Ok(reply) => reply.into_response(),
        Err(error) => {
            let problem = failed(service, &error, &report);
            let problem = match outlook.filter(|_| unserved) {
                Some(outlook) => prospects::add(problem, &error, &outlook),
                None => problem,
            };
            match (&outlook, &error) {
                (Some(outlook), Error::Refused(refusal)) if told => {
                    problem.with("violated-policies", rate_limit::violated(refusal, outlook))
                }
                _ => problem,
            }
            .into_response()
        }
    };
    let headers = response.headers_mut();
    if let Some(outlook) = outlook.filter(|_| told) {
        rate_limit::add(headers, &outlook);
    }
    if let Some(timing) = server_timing(&report) {
        // An upstream's own times are kept.
        headers.append("server-timing", timing);
    }
    if let Some(status) = cache_status(&report, succeeded.then_some(service.ttl).flatten()) {
        headers.insert("cache-status", status);
    }
    if let Some(age) = report.age {
        headers.insert(header::AGE, age.as_secs().into());
    }
    response
}

fn failed(service: &Service, error: &Error, report: &CallReport) -> Problem {
    let problem = cause(error);
    match report.job {
        Some(id) => problem
            .with("job", service.job_name(id).to_string())
            .with("waited_ms", fractional_milliseconds(report.waited))
            .with("ran_ms", fractional_milliseconds(report.ran))
            .with("attempts", report.attempts),
        None => problem,
    }
}

fn cause(error: &Error) -> Problem {
    use StatusCode as S;
    let detail = error.to_string();
    let problem = |status, kind, title| Problem::new(status, kind, title, detail);
    match error {
        Error::Failed(failure) => match failure.kind() {
            FailureKind::Raised => {
                let declared =
                    StatusOverride::of(error).map(|status_override| status_override.status);
                let status = declared.unwrap_or(S::INTERNAL_SERVER_ERROR);
                problem(status, "raised", "The function raised an exception")
            }
            FailureKind::Unreachable => {
                problem(S::BAD_GATEWAY, "unreachable", "The resource could not be reached")
            }
            FailureKind::Lost => {
                problem(S::BAD_GATEWAY, "lost", "The resource was lost during the call")
            }
            FailureKind::Overloaded => {
                problem(S::SERVICE_UNAVAILABLE, "overloaded", "The resource is overloaded")
            }
            // A panic, or a kind that is newer than this table.
            _ => problem(S::INTERNAL_SERVER_ERROR, "panicked", "The resource failed"),
        },
        Error::TimedOut { .. } => {
            problem(S::GATEWAY_TIMEOUT, "timed-out-running", "The attempt took too long")
        }
        Error::Expired { phase: Phase::Queued } => {
            problem(S::GATEWAY_TIMEOUT, "timed-out-waiting", "The deadline passed in the queue")
        }
        Error::Expired { .. } => {
            problem(S::GATEWAY_TIMEOUT, "deadline-exceeded", "The deadline passed")
        }
        Error::Canceled => problem(S::SERVICE_UNAVAILABLE, "canceled", "The job was canceled"),
        Error::Shed => problem(S::SERVICE_UNAVAILABLE, "draining", "The service is stopping"),
        Error::Refused(refusal) => refused(*refusal, problem),
        _ => problem(S::INTERNAL_SERVER_ERROR, "internal-error", "The call failed"),
    }
}

fn refused(
    refusal: Refusal,
    problem: impl FnOnce(StatusCode, &'static str, &'static str) -> Problem,
) -> Problem {
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    match refusal {
        Refusal::QueueFull { .. } => problem(busy, "queue-full", "The queue is full"),
        Refusal::TenantQueueFull { .. } => problem(
            StatusCode::TOO_MANY_REQUESTS,
            "key-queue-full",
            "The queue of this key is full",
        ),
        Refusal::QueueTimeout { .. } => problem(busy, "queue-timeout", "No slot was free in time"),
        Refusal::RateLimited { .. } => {
            problem(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "The rate limit is reached")
        }
        Refusal::DeadlineUnmeetable { .. } => {
            problem(busy, "deadline-unmeetable", "The deadline cannot be met")
        }
        Refusal::Draining => problem(busy, "draining", "The service is stopping")
            .header(header::CONNECTION, HeaderValue::from_static("close")),
        _ => problem(busy, "refused", "The call was refused"),
    }
}

/// The response to a request whose body could not be read; the connection cannot be used again.
pub(crate) fn body_not_read(error: &ReadBodyError) -> Response<Body> {
    use StatusCode as S;
    let problem = match error {
        ReadBodyError::TooLarge { limit } => Problem::new(
            S::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            format!("the body is larger than {limit} bytes, the limit of this server"),
        ),
        ReadBodyError::TooSlow { after } => Problem::new(
            S::REQUEST_TIMEOUT,
            "body-too-slow",
            "The body is too slow",
            format!("the body was incomplete after {after:?}"),
        ),
        ReadBodyError::NotStored(kind) => {
            tracing::error!(
                "failed to store a request's body in the folder for temporary files: {kind}"
            );
            Problem::new(
                S::INSUFFICIENT_STORAGE,
                "body-not-stored",
                "The body could not be stored",
                "there is no space for the body at the moment",
            )
        }
        ReadBodyError::Incomplete => Problem::new(
            S::BAD_REQUEST,
            "body-incomplete",
            "The body is incomplete",
            "the connection ended before the body did",
        ),
        ReadBodyError::Malformed(violation) => {
            let detail = match violation {
                Some(violation) => violation.to_string(),
                None => "the body violates its framing".to_owned(),
            };
            Problem::new(S::BAD_REQUEST, "bad-framing", "The request is malformed", detail)
        }
    };
    problem.header(header::CONNECTION, HeaderValue::from_static("close")).into_response()
}

/// The response to a request for another protocol than HTTP.
pub(crate) fn no_upgrade() -> Response<Body> {
    Problem::new(
        StatusCode::NOT_IMPLEMENTED,
        "no-upgrade",
        "Upgrades are not supported",
        "the request asks for another protocol, and only HTTP is forwarded",
    )
    .into_response()
}

/// The call's times in the queue and at the resource, for a browser's display (W3C Server Timing).
fn server_timing(report: &CallReport) -> Option<HeaderValue> {
    report.job?;
    let (queue, run) =
        (fractional_milliseconds(report.waited), fractional_milliseconds(report.ran));
    HeaderValue::from_str(&format!("queue;dur={queue:.3}, run;dur={run:.3}")).ok()
}

/// The source of the reply (RFC 9211), unless it is a job of its own. The reply of a failed job is a
/// stale one; a hit without a time to live is a cached failure.
fn cache_status(report: &CallReport, ttl: Option<Duration>) -> Option<HeaderValue> {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let left = report.age.zip(ttl).map(|(age, ttl)| match ttl.checked_sub(age) {
        Some(left) => seconds(left),
        None => -seconds(age - ttl),
    });
    let text = match (report.origin, left) {
        (Origin::Cached | Origin::Stale, Some(left)) => format!("mesero; hit; ttl={left}"),
        (Origin::Cached | Origin::Stale, None) => "mesero; hit; detail=failure".to_owned(),
        (Origin::Led, Some(left)) => format!("mesero; fwd=stale; ttl={left}"),
        (Origin::Joined, Some(left)) => format!("mesero; fwd=stale; ttl={left}; collapsed"),
        (Origin::Joined, None) => "mesero; fwd=uri-miss; collapsed".to_owned(),
        (Origin::Led | Origin::Refused, _) => return None,
    };
    HeaderValue::from_str(&text).ok()
}
