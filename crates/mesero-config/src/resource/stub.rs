//! A stub as a resource: how long it takes, what it answers, how often it fails.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::elements::count::Count;
use crate::elements::delay::Delay;
use crate::elements::element::Setting;
use crate::elements::fraction::Share;
use crate::file::raw;

/// The capacity of a stub.
pub(crate) const MOST_CALLS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999_999);

/// A resource that waits, and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct StubSettings {
    pub delay: Delay,
    pub status: StatusCode,
    pub content_type: HeaderValue,
    pub body: String,
    /// From 0 to 1.
    pub failure_rate: f64,
    pub failure_status: StatusCode,
    /// Calls at once, beyond which it says that it is busy; `None` never does.
    pub concurrency: Option<NonZeroUsize>,
    pub busy_status: StatusCode,
    /// For the same delays and failures in every run, as long as calls come in the same order.
    pub seed: Option<u64>,
}

impl Default for StubSettings {
    /// Answers 200 at once, without a body, any number of calls.
    fn default() -> Self {
        Self {
            delay: Delay::Fixed(Duration::ZERO),
            status: StatusCode::OK,
            content_type: HeaderValue::from_static("text/plain; charset=utf-8"),
            body: String::new(),
            failure_rate: 0.0,
            failure_status: StatusCode::INTERNAL_SERVER_ERROR,
            concurrency: None,
            busy_status: StatusCode::SERVICE_UNAVAILABLE,
            seed: None,
        }
    }
}

impl StubSettings {
    /// Fills in the defaults; every value that can be written is valid.
    pub(crate) fn check(raw: raw::Stub) -> Self {
        let default = Self::default();
        Self {
            delay: Setting::or(raw.delay, default.delay),
            status: Setting::or(raw.status, default.status),
            content_type: raw.content_type.map_or(default.content_type, |written| written.value.0),
            body: raw.body.unwrap_or_default(),
            failure_rate: Setting::or(raw.failure_rate, Share(default.failure_rate)).0,
            failure_status: Setting::or(raw.failure_status, default.failure_status),
            concurrency: raw.concurrency.map(|count| Count::non_zero_usize(count.value)),
            busy_status: Setting::or(raw.busy_status, default.busy_status),
            seed: raw.seed,
        }
    }
}
