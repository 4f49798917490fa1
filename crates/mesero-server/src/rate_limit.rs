//! Bounds and what is left of them, as header fields (draft-ietf-httpapi-ratelimit-headers-11).

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use mesero::{Outlook, Quota, RateQuota, Refusal};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// A bound by its name in these fields.
#[derive(Debug, Clone, Copy)]
enum Bound {
    AtOnce(&'static str, Quota),
    InTime(&'static str, RateQuota),
}

/// Adds the fields; those of an upstream are kept.
pub(crate) fn add(headers: &mut HeaderMap, outlook: &Outlook) {
    let (mut policies, mut left) = (String::new(), String::new());
    for bound in bounds(outlook) {
        if !policies.is_empty() {
            policies.push_str(", ");
            left.push_str(", ");
        }
        // Writing to a string never fails.
        let _ = match bound {
            Bound::AtOnce(name, Quota { total, left: rest }) => {
                write!(policies, "\"{name}\";q={total};qu=\"concurrent-requests\"")
                    .and_then(|()| write!(left, "\"{name}\";r={rest}"))
            }
            Bound::InTime(name, RateQuota { total, per, left: rest, reset }) => {
                let seconds = reset.as_secs() + u64::from(reset.subsec_nanos() > 0);
                write!(policies, "\"{name}\";q={total};w={}", per.as_secs())
                    .and_then(|()| write!(left, "\"{name}\";r={rest};t={seconds}"))
            }
        };
    }
    for (name, text) in [(POLICY, policies), (LEFT, left)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.append(name, value);
        }
    }
}

/// The names of the bounds that a refused call has exceeded.
pub(crate) fn violated(refusal: &Refusal, outlook: &Outlook) -> Vec<&'static str> {
    match refusal {
        Refusal::QueueFull { .. } => vec!["slots"],
        Refusal::TenantQueueFull { .. } => vec!["key-queue"],
        Refusal::RateLimited { .. } => bounds(outlook)
            .filter_map(|bound| match bound {
                Bound::InTime(name, RateQuota { left: 0, .. }) => Some(name),
                Bound::InTime(..) | Bound::AtOnce(..) => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn bounds(outlook: &Outlook) -> impl Iterator<Item = Bound> {
    let of_key = outlook.tenant;
    let bounds = [
        Some(Bound::AtOnce("slots", outlook.slots)),
        outlook.rate.map(|rate| Bound::InTime("rate", rate)),
        of_key.slots.map(|slots| Bound::AtOnce("key-slots", slots)),
        of_key.queue.map(|queue| Bound::AtOnce("key-queue", queue)),
        of_key.rate.map(|rate| Bound::InTime("key-rate", rate)),
    ];
    bounds.into_iter().flatten()
}
