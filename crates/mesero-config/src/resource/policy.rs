//! `[resource.NAME.policy]`: how much of a resource is allowed, and what happens beyond it.

pub(crate) mod shares;

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Range;
use std::time::Duration;

use mesero::{OnDisconnect, Order, Rate, Retry};

use crate::check::Check;
use crate::elements::budget::Budget;
use crate::elements::cache::CacheSettings;
use crate::elements::count::Count;
use crate::elements::element::Setting;
use crate::elements::limit::LimitSettings;
use crate::elements::off::OrOff;
use crate::error::ConfigProblem;
use crate::file::raw;
use crate::resource::capacity::Capacity;
use crate::resource::policy::shares::{CallSources, PerKey, Shares};

/// The default of `deadline`.
const DEADLINE: Duration = Duration::from_secs(30);

/// The default of `queue`.
const QUEUE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The default of `queue_timeout`.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// The bounds of a resource; what is off is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySettings {
    /// Slots; `None` means the resource's own capacity, which is known once it has started.
    pub limit: Option<LimitSettings>,
    /// Jobs that may wait for a slot; `None` lets none wait.
    pub queue: Option<NonZeroUsize>,
    /// The order in which waiting calls get slots.
    pub order: Order,
    /// For the wait of a call that has not begun.
    pub queue_timeout: Option<Duration>,
    /// The time by which one level of priority comes before the next.
    pub head_start: Duration,
    pub sources: CallSources,
    pub per_key: PerKey,
    /// Set if responses have `RateLimit` and `RateLimit-Policy`.
    pub rate_limit_headers: bool,
    /// For one attempt.
    pub timeout: Option<Duration>,
    /// For the whole call, its waiting included.
    pub deadline: Option<Duration>,
    pub rate: Option<Rate>,
    /// With one attempt, nothing is retried.
    pub retry: Retry,
    /// Set if calls with the same arguments share one job.
    pub coalesce: bool,
    pub cache: Option<CacheSettings>,
    pub on_disconnect: OnDisconnect,
}

impl PolicySettings {
    /// Checks a policy; `capacity` is what its resource can run at once.
    pub(crate) fn check(mut raw: raw::Policy, capacity: Capacity, check: &mut Check<'_>) -> Self {
        if let (Some(timeout), Some(deadline)) = (&raw.timeout, &raw.deadline) {
            compare_times(timeout, deadline, check);
        } else if let Some(timeout) = &raw.timeout {
            compare_with_default(timeout, check);
        }
        let Shares { order, head_start, sources, per_key } = Shares::check(&mut raw, check);
        let queue = raw.queue.map(|queue| queue.value.on().map(Count::non_zero_usize));
        Self {
            limit: raw.limit.map(|limit| checked_limit(&limit, capacity, check)),
            queue: queue.unwrap_or(Some(QUEUE)),
            order,
            head_start,
            sources,
            per_key,
            rate_limit_headers: raw.rate_limit_headers.unwrap_or(false),
            queue_timeout: Setting::or(raw.queue_timeout, OrOff::On(QUEUE_TIMEOUT)).on(),
            timeout: Setting::or(raw.timeout, OrOff::Off).on(),
            deadline: Setting::or(raw.deadline, OrOff::On(DEADLINE)).on(),
            rate: Setting::or(raw.rate, OrOff::Off).on(),
            retry: checked_retry(raw.retry, check),
            coalesce: raw.coalesce.unwrap_or(false),
            cache: Setting::or(raw.cache, OrOff::Off).on(),
            on_disconnect: Setting::or(raw.on_disconnect, OnDisconnect::default()),
        }
    }
}

impl Default for PolicySettings {
    /// The defaults of all keys.
    fn default() -> Self {
        let capacity = Capacity { calls: NonZeroUsize::MAX, because: "there is no limit" };
        Self::check(raw::Policy::default(), capacity, &mut Check::new(Vec::new()))
    }
}

/// Notes a policy by which requests to `kind` would share an answer: two of them are never known to be alike.
pub(crate) fn never_shared(
    kind: &str,
    span: Range<usize>,
    policy: &PolicySettings,
    check: &mut Check<'_>,
) {
    if policy.coalesce || policy.cache.is_some() {
        let problem = ConfigProblem::new(format!("replies of {kind} resource cannot be shared"));
        let label = "its replies can depend on the client";
        let help = "leave `coalesce` and `cache` out of the policy of this resource";
        check.note(problem.at(span, label).help(help));
    }
}

fn checked_retry(raw: raw::Retry, check: &mut Check<'_>) -> Retry {
    let default = Retry::default();
    if let Some(backoff) = &raw.backoff {
        let most = raw.max_backoff.as_ref().map_or(default.max_backoff, |most| most.value);
        if backoff.value > most {
            let problem = ConfigProblem::new("`backoff` is longer than `max_backoff`");
            let label = format!("the first pause, above {}", humantime::format_duration(most));
            let problem = problem.at(backoff.span.clone(), label);
            check.note(match &raw.max_backoff {
                Some(most) => problem.at(most.span.clone(), "the longest pause"),
                None => problem.help("the default of `max_backoff` is 30s"),
            });
        }
    }
    Retry {
        max_attempts: raw.max_attempts.map_or(NonZeroU32::MIN, |count| count.value.non_zero()),
        backoff: Setting::or(raw.backoff, default.backoff),
        max_backoff: Setting::or(raw.max_backoff, default.max_backoff),
        budget: Setting::or(raw.budget, Budget(default.budget)).0,
    }
}

fn compare_times(
    timeout: &Setting<OrOff<Duration>>,
    deadline: &Setting<OrOff<Duration>>,
    check: &mut Check<'_>,
) {
    if let (OrOff::On(attempt), OrOff::On(call)) = (timeout.value, deadline.value)
        && attempt > call
    {
        let problem = ConfigProblem::new("`timeout` is longer than `deadline`");
        let problem = problem.at(timeout.span.clone(), "one attempt can never take this long");
        check.note(problem.at(deadline.span.clone(), "the whole call ends here"));
    }
}

fn compare_with_default(timeout: &Setting<OrOff<Duration>>, check: &mut Check<'_>) {
    if timeout.value.on().is_some_and(|attempt| attempt > DEADLINE) {
        let problem = ConfigProblem::new("`timeout` is longer than `deadline`");
        let problem = problem.at(timeout.span.clone(), "one attempt can never take this long");
        check.note(problem.help("the default of `deadline` is 30s"));
    }
}

fn checked_limit(
    limit: &Setting<LimitSettings>,
    Capacity { calls, because }: Capacity,
    check: &mut Check<'_>,
) -> LimitSettings {
    let slots = match limit.value {
        LimitSettings::Fixed(slots) => slots,
        LimitSettings::Auto { min, max } => max.unwrap_or(min),
    };
    if slots > calls {
        let problem = ConfigProblem::new("`limit` is above what the resource can run at once");
        let label = format!("{slots} slots, of which at most {calls} can be used");
        check.note(problem.at(limit.span.clone(), label).help(because));
    }
    limit.value
}
