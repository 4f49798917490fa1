//! Recycling of worker processes: the limits after which one is replaced.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::check::Check;
use crate::elements::element::Setting;
use crate::elements::off::OrOff;
use crate::error::ConfigProblem;
use crate::file::raw;

/// The limits after which a worker process is replaced; none by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recycling {
    /// Calls, to which each process adds a random number up to `jitter`.
    pub max_requests: Option<NonZeroU32>,
    pub jitter: u32,
    /// From its greeting on.
    pub max_age: Option<Duration>,
    /// Bytes of memory that it has.
    pub max_memory: Option<u64>,
}

impl Recycling {
    /// Takes what is written about it.
    pub(crate) fn check(raw: &mut raw::Resource, check: &mut Check<'_>) -> Self {
        let max_requests = on(raw.max_requests.take()).map(|count| count.non_zero());
        let jitter = raw.max_requests_jitter.take();
        if let (Some(jitter), None) = (&jitter, max_requests) {
            let problem = ConfigProblem::new("`max_requests_jitter` without `max_requests`");
            let problem = problem.at(jitter.span.clone(), "it is added to that number");
            check.note(problem.help(
                "set `max_requests`, the number of requests after which a process is replaced",
            ));
        }
        let jitter = match jitter.map(|jitter| jitter.value.on()) {
            Some(jitter) => jitter.map_or(0, |jitter| jitter.non_zero().get()),
            None => max_requests.map_or(0, |count| count.get() / 10),
        };
        let max_memory = on(raw.max_memory.take());
        Self {
            max_requests,
            jitter,
            max_age: on(raw.max_age.take()),
            max_memory: max_memory.map(|size| u64::try_from(size.0).unwrap_or(u64::MAX)),
        }
    }
}

fn on<T>(setting: Option<Setting<OrOff<T>>>) -> Option<T> {
    setting.and_then(|setting| setting.value.on())
}
