//! Estimates how many workers would have answered all clients before their timeout.

use std::time::Duration;

use mesero_terminal::units;

use crate::plan::{Load, LoadPlan};
use crate::stats::record::LoadRecord;

/// The workers behind a closed load, estimated from the responses that came before the timeout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CapacityEstimate {
    /// The number of workers that would have been enough.
    Enough { workers: u64, is_certain: bool, service: Duration, each: u64, now: Option<u64> },
    /// No response came in time, so the service time is unknown.
    Unknown,
}

/// Latencies below this multiple of the smallest belong to the first batch of requests: those of the second batch take
/// twice as long.
const SAME_WAVE: f64 = 1.5;

/// Latencies within this ratio are those of a constant service time.
const SAME_TIME: f64 = 1.1;

impl CapacityEstimate {
    /// None if no request timed out, for open loads, and if requests failed in another way.
    ///
    /// Clients that start together are served in batches of one request a worker. The smallest latencies are those of
    /// the first batch, which did not wait; so a worker serves as many clients within the timeout as such latencies fit
    /// into it.
    pub(crate) fn of(record: &LoadRecord, plan: &LoadPlan) -> Option<Self> {
        let Load::Closed { clients } = plan.load else { return None };
        if record.client_timeouts == 0 || record.client_timeouts != record.failed() {
            return None;
        }
        let Some(shortest) = record.response.min().filter(|latency| !latency.is_lower_bound) else {
            return Some(CapacityEstimate::Unknown);
        };
        let shortest = shortest.time.as_secs_f64();
        let first: Vec<_> = record
            .response
            .recorded()
            .take_while(|(time, _)| {
                *time < shortest * SAME_WAVE && *time <= plan.timeout.as_secs_f64()
            })
            .collect();
        let service = first.last().map_or(shortest, |(time, _)| *time);
        let each = ((plan.timeout.as_secs_f64() / service) as u64).max(1);
        let clients = clients.get() as u64;
        // If every client sent one request, the whole first batch was served at once.
        let now = (record.requests == clients).then(|| first.iter().map(|(_, count)| count).sum());
        Some(CapacityEstimate::Enough {
            workers: clients.div_ceil(each),
            is_certain: service <= shortest * SAME_TIME,
            service: Duration::try_from_secs_f64(service).ok()?,
            each,
            now,
        })
    }

    /// The estimate as a sentence.
    pub(crate) fn sentence(&self, timeout: Duration) -> String {
        let timeout = units::with_three_digits(timeout);
        match *self {
            CapacityEstimate::Enough { workers, is_certain, service, each, now } => {
                let number = |count: u64| match count {
                    1 => "1 worker".to_owned(),
                    _ => format!("{} workers", units::grouped(count)),
                };
                let least = if is_certain { "" } else { "at least " };
                let service = units::with_three_digits(service);
                let took = if is_certain { "a request takes" } else { "requests take up to" };
                let now = now.map(|now| format!("; the answered requests had {}", number(now)));
                format!(
                    "{least}{} would pass: {took} {service}, so one worker serves {} of the clients within {timeout}{}",
                    number(workers),
                    units::grouped(each),
                    now.unwrap_or_default()
                )
            }
            CapacityEstimate::Unknown => format!(
                "no request was answered within {timeout}: if a request takes that long without waiting, no \
                 number of workers would pass"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

    use tokio::time::Instant;

    use super::*;
    use crate::plan::{Arrivals, Protocol, StopCondition};
    use crate::stats::outcome::{RequestOutcome, ResponseSummary};
    use crate::stats::record::{MeasurementWindow, RequestTimes};

    const TIMEOUT: Duration = Duration::from_secs(7);

    fn plan(load: Load) -> LoadPlan {
        LoadPlan {
            load,
            until: StopCondition::Requests(NonZeroU64::new(10).unwrap()),
            timeout: TIMEOUT,
            warm_up: Duration::ZERO,
            protocol: Protocol::Http1,
            tolerance: None,
            seed: 1,
            rounds: NonZeroU32::MIN,
        }
    }

    /// A record of responses after these seconds, and of timeouts.
    fn record(answered: &[f64], client_timeouts: usize) -> LoadRecord {
        let begin = Instant::now() - Duration::from_secs(60);
        let mut record = LoadRecord::new(MeasurementWindow { begin, end: None }).unwrap();
        let after = |time| RequestTimes { planned: begin, started: begin, ended: begin + time };
        let ok = || {
            RequestOutcome::Answered(ResponseSummary {
                status: 200,
                body_bytes: 0,
                keeps_alive: true,
            })
        };
        answered.iter().for_each(|time| record.add(after(Duration::from_secs_f64(*time)), ok()));
        (0..client_timeouts)
            .for_each(|_| record.add(after(TIMEOUT), RequestOutcome::ClientTimeout));
        record
    }

    fn ten_clients(answered: &[f64]) -> Option<String> {
        let clients = NonZeroUsize::new(10).unwrap();
        let record = record(answered, 10 - answered.len());
        let waves = CapacityEstimate::of(&record, &plan(Load::Closed { clients }));
        waves.map(|waves| waves.sentence(TIMEOUT))
    }

    #[test]
    fn the_first_batch_of_responses_tells_how_many_workers_would_pass() {
        let five = ten_clients(&[5.0, 5.01, 5.0, 5.0, 5.02]).unwrap();
        assert_eq!(
            five,
            "10 workers would pass: a request takes 5.02 s, so one worker serves 1 of the clients within 7.00 s; the \
             answered requests had 5 workers"
        );
        // Two workers, three batches.
        let two = ten_clients(&[2.0, 2.0, 4.0, 4.0, 6.0, 6.0]).unwrap();
        assert!(
            two.starts_with("4 workers would pass")
                && two.ends_with("; the answered requests had 2 workers"),
            "{two}"
        );
    }

    #[test]
    fn times_that_differ_give_a_bound() {
        let text = ten_clients(&[2.0, 2.9]).unwrap();
        assert!(
            text.starts_with("at least 5 workers would pass: requests take up to 2.90 s"),
            "{text}"
        );
    }

    #[test]
    fn without_a_response_nothing_is_known() {
        assert!(ten_clients(&[]).unwrap().starts_with("no request was answered within 7.00 s"));
    }

    #[test]
    fn there_is_no_estimate_without_timeouts_or_for_an_open_load() {
        assert_eq!(ten_clients(&[5.0; 10]), None);
        let load = Load::Open {
            rate: 1.0,
            arrivals: Arrivals::Poisson,
            concurrency: NonZeroUsize::new(10).unwrap(),
        };
        assert_eq!(CapacityEstimate::of(&record(&[5.0], 3), &plan(load)), None);
    }
}
