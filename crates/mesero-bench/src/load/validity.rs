//! Validity of results.

use std::fmt;
use std::time::Duration;

use mesero_terminal::units;

use crate::plan::LoadPlan;
use crate::stats::outcome::FaultKind;
use crate::stats::record::LoadRecord;

/// A reason why results are void: they do not show the target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ValidityIssue {
    /// The generator was late too often.
    GeneratorLag { p99: Duration, tolerance: Duration },
    /// The generator had no descriptors or ports left.
    Generator { requests: u64, why: String },
    /// More requests were in flight than there were clients.
    LittlesLaw { in_flight: f64, clients: usize },
}

/// All reasons why the results are void.
pub(crate) fn check(record: &LoadRecord, plan: &LoadPlan) -> Vec<ValidityIssue> {
    let mut issues = Vec::new();
    let p99 = record.lag.quantile(0.99).map(|latency| latency.time).unwrap_or_default();
    let tolerance = plan.tolerance.unwrap_or_else(|| tolerance(record));
    if p99 > tolerance {
        issues.push(ValidityIssue::GeneratorLag { p99, tolerance });
    }
    if let Some(faults) = record.faults.get(&FaultKind::Generator) {
        issues.push(ValidityIssue::Generator { requests: faults.count, why: faults.first.clone() });
    }
    // Each client has at most one request in flight; a thousandth is for rounding.
    let clients = plan.load.concurrency().get();
    if record.in_flight() > clients as f64 * 1.001 {
        issues.push(ValidityIssue::LittlesLaw { in_flight: record.in_flight(), clients });
    }
    issues
}

/// A delay that does not show in the figures, and at least what a busy machine takes to wake a task.
fn tolerance(record: &LoadRecord) -> Duration {
    const USUAL: Duration = Duration::from_millis(10);
    let median = record.response.quantile(0.5).map(|latency| latency.time);
    USUAL.max(median.unwrap_or_default() / 100)
}

impl fmt::Display for ValidityIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValidityIssue::GeneratorLag { p99, tolerance } => write!(
                f,
                "the load generator was {} late (p99), with a tolerance of {}: this machine is too \
                 busy for this load; --tolerance allows more",
                units::with_three_digits(*p99),
                units::with_three_digits(*tolerance)
            ),
            ValidityIssue::Generator { requests, why } => write!(
                f,
                "{} requests could not be made on this machine: {why}",
                units::grouped(*requests)
            ),
            ValidityIssue::LittlesLaw { in_flight, clients } => write!(
                f,
                "rate × time is {} requests in flight, with {clients} clients: this contradicts \
                 Little's law",
                units::number(*in_flight)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use tokio::time::Instant;

    use super::*;
    use crate::plan::{Load, Protocol, StopCondition};
    use crate::stats::outcome::{Fault, RequestOutcome, ResponseSummary};
    use crate::stats::record::{MeasurementWindow, RequestTimes};

    const SECOND: Duration = Duration::from_secs(1);

    fn plan() -> LoadPlan {
        LoadPlan {
            load: Load::Closed { clients: NonZeroUsize::MIN },
            until: StopCondition::Time(SECOND),
            timeout: 7 * SECOND,
            warm_up: Duration::ZERO,
            protocol: Protocol::Http1,
            tolerance: None,
            seed: 1,
            rounds: NonZeroU32::MIN,
        }
    }

    fn record(outcomes: Vec<RequestOutcome>) -> LoadRecord {
        let begin = Instant::now() - Duration::from_secs(60);
        let mut record =
            LoadRecord::new(MeasurementWindow { begin, end: Some(begin + SECOND) }).unwrap();
        let instants = RequestTimes { planned: begin, started: begin, ended: begin + SECOND };
        outcomes.into_iter().for_each(|outcome| record.add(instants, outcome));
        record
    }

    #[test]
    fn a_generator_that_lagged_voids_the_measurement() {
        let mut record = record(vec![]);
        (0..99).for_each(|_| record.lag.add(Duration::from_micros(50)));
        record.lag.add(SECOND);
        assert_eq!(check(&record, &plan()), []);
        record.lag.add(SECOND);
        assert!(matches!(
            check(&record, &plan())[..],
            [ValidityIssue::GeneratorLag { p99: SECOND, .. }]
        ));
    }

    #[test]
    fn what_takes_long_may_be_measured_by_a_generator_that_is_a_hundredth_of_it_late() {
        let ok = RequestOutcome::Answered(ResponseSummary {
            status: 200,
            body_bytes: 0,
            keeps_alive: true,
        });
        let mut slow = record(vec![ok]);
        slow.lag.add(Duration::from_micros(9_900));
        assert_eq!(check(&slow, &plan()), []);
        let mut slower = LoadRecord::new(slow.window).unwrap();
        let begin = slow.window.begin;
        let ended = begin + 5 * SECOND;
        let ok = RequestOutcome::Answered(ResponseSummary {
            status: 200,
            body_bytes: 0,
            keeps_alive: true,
        });
        slower.add(RequestTimes { planned: begin, started: begin, ended }, ok);
        slower.lag.add(Duration::from_millis(49));
        assert_eq!(check(&slower, &plan()), []);
        let strict = LoadPlan { tolerance: Some(Duration::from_millis(10)), ..plan() };
        assert!(matches!(check(&slower, &strict)[..], [ValidityIssue::GeneratorLag { .. }]));
    }

    #[test]
    fn more_work_at_once_than_there_are_clients_is_doubted() {
        let ok = || {
            RequestOutcome::Answered(ResponseSummary {
                status: 200,
                body_bytes: 0,
                keeps_alive: true,
            })
        };
        assert_eq!(check(&record(vec![ok()]), &plan()), []);
        let issues = check(&record(vec![ok(), ok()]), &plan());
        assert_eq!(issues, [ValidityIssue::LittlesLaw { in_flight: 2.0, clients: 1 }]);
    }

    #[test]
    fn a_generator_without_descriptors_is_told_from_a_service_that_refuses() {
        let failed = |kind| RequestOutcome::Failed(Fault::new(kind, "why"));
        assert_eq!(check(&record(vec![failed(FaultKind::Refused)]), &plan()), []);
        let issues = check(&record(vec![failed(FaultKind::Generator)]), &plan());
        assert_eq!(issues, [ValidityIssue::Generator { requests: 1, why: "why".to_owned() }]);
    }
}
