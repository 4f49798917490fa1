//! Keys of a policy that say whose calls are served when: the order, and what it is decided by.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Range;
use std::time::Duration;

use mesero::{Order, Rate};

use crate::check::Check;
use crate::elements::element::Setting;
use crate::elements::request_part::{ForecastBy, KeySource, RequestPart};
use crate::error::ConfigProblem;
use crate::file::raw;

/// The default of `head_start`.
const HEAD_START: Duration = Duration::from_secs(5);

/// Parts of a request from which its call gets its key, its priority and its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSources {
    /// The source of the key, whose share a call uses.
    pub key: Option<KeySource>,
    pub priority: Option<RequestPart>,
    pub forecast_by: ForecastBy,
}

/// Bounds and weights of each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerKey {
    /// Slots of a key.
    pub limit: Option<NonZeroUsize>,
    /// Calls of a key that may wait for a slot.
    pub queue: Option<NonZeroUsize>,
    pub rate: Option<Rate>,
    /// Weights in `order = "fair"`; a key that is not named has weight 1.
    pub weights: BTreeMap<String, NonZeroU32>,
}

/// The checked keys.
#[derive(Debug)]
pub(super) struct Shares {
    pub(super) order: Order,
    pub(super) head_start: Duration,
    pub(super) sources: CallSources,
    pub(super) per_key: PerKey,
}

impl Shares {
    /// Takes its keys out of a policy.
    pub(super) fn check(raw: &mut raw::Policy, check: &mut Check<'_>) -> Self {
        contradictions(raw, check);
        let sources = CallSources {
            key: raw.key.take().map(|key| key.value),
            priority: raw.priority.take().map(|priority| priority.value),
            forecast_by: Setting::or(raw.forecast_by.take(), ForecastBy::default()),
        };
        let each = raw.per_key.take().map(toml::Spanned::into_inner).unwrap_or_default();
        let weights = each.weights.into_iter();
        let weights = weights.map(|(key, weight)| (key.into_inner(), weight.value.non_zero()));
        Self {
            order: Setting::or(raw.order.take(), Order::default()),
            head_start: Setting::or(raw.head_start.take(), HEAD_START),
            sources,
            per_key: PerKey {
                limit: each.limit.map(|limit| limit.value.non_zero_usize()),
                queue: each.queue.map(|queue| queue.value.non_zero_usize()),
                rate: each.rate.map(|rate| rate.value),
                weights: weights.collect(),
            },
        }
    }
}

/// Notes keys without those that they need, and keys without effect.
fn contradictions(raw: &raw::Policy, check: &mut Check<'_>) {
    let order = raw.order.as_ref();
    let is = |expected: Order| order.filter(|order| order.value == expected);
    let span = |setting: &Setting<Order>| setting.span.clone();
    if raw.key.is_none() {
        let help = "add `key`, such as `key = \"header.x-api-key\"` or `key = \"client\"`";
        if let Some(fair) = is(Order::Fair) {
            let problem = ConfigProblem::new("`order = \"fair\"` without `key`");
            let label = "slots are shared among keys, and no call has one";
            check.note(problem.at(span(fair), label).help(help));
        }
        if let Some(each) = &raw.per_key {
            let problem = ConfigProblem::new("`per_key` without `key`");
            check.note(problem.at(each.span(), "no call has a key").help(help));
        }
    }
    let unused = |key: &str, span: Range<usize>, label: &str, help: &str| {
        ConfigProblem::new(format!("`{key}` has no effect")).at(span, label).help(help)
    };
    match (&raw.priority, is(Order::Priority)) {
        (None, Some(by_priority)) => {
            let problem = ConfigProblem::new("`order = \"priority\"` without `priority`");
            let problem = problem.at(span(by_priority), "no call has a priority");
            check.note(problem.help("add `priority`, such as `priority = \"header.priority\"`"));
        }
        (Some(priority), None) if is(Order::Fair).is_none() => {
            let label = "the order does not depend on it";
            let help = "set `order = \"priority\"` or `order = \"fair\"`, or remove it";
            check.note(unused("priority", priority.span.clone(), label, help));
        }
        _ => {}
    }
    if let (Some(key), None, None) = (&raw.key, &raw.per_key, is(Order::Fair)) {
        let label = "neither the order nor a bound depends on it";
        let help = "set `order = \"fair\"` or `per_key`, or remove it";
        check.note(unused("key", key.span.clone(), label, help));
    }
    if let (Some(head_start), None) = (&raw.head_start, &raw.priority) {
        let label = "no call has a priority";
        check.note(unused(
            "head_start",
            head_start.span.clone(),
            label,
            "add `priority`, or remove it",
        ));
    }
    let weights = raw.per_key.as_ref().map(toml::Spanned::get_ref);
    let weight = weights.and_then(|each| {
        each.weights.keys().map(toml::Spanned::span).min_by_key(|span| span.start)
    });
    if let (Some(place), None) = (weight, is(Order::Fair)) {
        let label = "the order does not depend on weights";
        check.note(unused("weights", place, label, "set `order = \"fair\"`, or remove them"));
    }
}
