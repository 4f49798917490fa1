//! Reasons why a measurement is not to be believed.

use std::fmt;
use std::time::Duration;

use crate::plan::Plan;
use crate::stats::format;
use crate::stats::outcome::FaultKind;
use crate::stats::record::Record;

/// A reason why a measurement is void: what it shows is not the service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Doubt {
    /// The generator itself was too late too often.
    Lag { p99: Duration, tolerance: Duration },
    /// The generator had no descriptors or ports.
    Generator { requests: u64, why: String },
    /// More was in work at once than there were clients.
    Little { in_work: f64, clients: usize },
}

/// What is wrong with a measurement; usually nothing.
pub(crate) fn about(record: &Record, plan: &Plan) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let p99 = record.lag.quantile(0.99).map(|found| found.time).unwrap_or_default();
    let tolerance = plan.tolerance.unwrap_or_else(|| tolerance(record));
    if p99 > tolerance {
        doubts.push(Doubt::Lag { p99, tolerance });
    }
    if let Some(faults) = record.faults.get(&FaultKind::Generator) {
        doubts.push(Doubt::Generator { requests: faults.count, why: faults.first.clone() });
    }
    // Clients cannot do more than ask all of the time; a thousandth is for rounding.
    let clients = plan.load.at_once().get();
    if record.in_work() > clients as f64 * 1.001 {
        doubts.push(Doubt::Little { in_work: record.in_work(), clients });
    }
    doubts
}

/// What nobody would see in the figures; and never less than what a machine that does other things
/// as well takes to wake a task.
fn tolerance(record: &Record) -> Duration {
    const USUAL: Duration = Duration::from_millis(10);
    let median = record.response.quantile(0.5).map(|found| found.time);
    USUAL.max(median.unwrap_or_default() / 100)
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Lag { p99, tolerance } => write!(
                f,
                "the generator itself was late by {} (p99), and may be by {}: this machine is too \
                 busy for this load; --tolerance allows more",
                format::time(*p99),
                format::time(*tolerance)
            ),
            Doubt::Generator { requests, why } => write!(
                f,
                "{} requests could not be made on this machine: {why}",
                format::count(*requests)
            ),
            Doubt::Little { in_work, clients } => write!(
                f,
                "rate × time is {} requests at once, and there were {clients} clients: by \
                 Little's law one of the two is wrong",
                format::number(*in_work)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use tokio::time::Instant;

    use super::*;
    use crate::plan::{Load, Protocol, Until};
    use crate::stats::outcome::{Answer, Fault, Outcome};
    use crate::stats::record::{Instants, Window};

    const SECOND: Duration = Duration::from_secs(1);

    fn plan() -> Plan {
        Plan {
            load: Load::Closed { clients: NonZeroUsize::MIN },
            until: Until::Time(SECOND),
            patience: 7 * SECOND,
            warm_up: Duration::ZERO,
            protocol: Protocol::Http1,
            tolerance: None,
            seed: 1,
            rounds: NonZeroU32::MIN,
        }
    }

    fn record(outcomes: Vec<Outcome>) -> Record {
        let begin = Instant::now() - Duration::from_secs(60);
        let mut record = Record::new(Window { begin, end: Some(begin + SECOND) }).unwrap();
        let instants = Instants { planned: begin, begun: begin, ended: begin + SECOND };
        outcomes.into_iter().for_each(|outcome| record.add(instants, outcome));
        record
    }

    #[test]
    fn a_generator_that_lagged_voids_the_measurement() {
        let mut record = record(vec![]);
        (0..99).for_each(|_| record.lag.add(Duration::from_micros(50)));
        record.lag.add(SECOND);
        assert_eq!(about(&record, &plan()), []);
        record.lag.add(SECOND);
        assert!(matches!(about(&record, &plan())[..], [Doubt::Lag { p99: SECOND, .. }]));
    }

    #[test]
    fn what_takes_long_may_be_measured_by_a_generator_that_is_a_hundredth_of_it_late() {
        let ok = Outcome::Answered(Answer { status: 200, body_bytes: 0, keeps: true });
        let mut slow = record(vec![ok]);
        slow.lag.add(Duration::from_micros(9_900));
        assert_eq!(about(&slow, &plan()), []);
        let mut slower = Record::new(slow.window).unwrap();
        let begin = slow.window.begin;
        let ended = begin + 5 * SECOND;
        let ok = Outcome::Answered(Answer { status: 200, body_bytes: 0, keeps: true });
        slower.add(Instants { planned: begin, begun: begin, ended }, ok);
        slower.lag.add(Duration::from_millis(49));
        assert_eq!(about(&slower, &plan()), []);
        let strict = Plan { tolerance: Some(Duration::from_millis(10)), ..plan() };
        assert!(matches!(about(&slower, &strict)[..], [Doubt::Lag { .. }]));
    }

    #[test]
    fn more_work_at_once_than_there_are_clients_is_doubted() {
        let ok = || Outcome::Answered(Answer { status: 200, body_bytes: 0, keeps: true });
        assert_eq!(about(&record(vec![ok()]), &plan()), []);
        let doubts = about(&record(vec![ok(), ok()]), &plan());
        assert_eq!(doubts, [Doubt::Little { in_work: 2.0, clients: 1 }]);
    }

    #[test]
    fn a_generator_without_descriptors_is_told_from_a_service_that_refuses() {
        let failed = |kind| Outcome::Failed(Fault::new(kind, "why"));
        assert_eq!(about(&record(vec![failed(FaultKind::Refused)]), &plan()), []);
        let doubts = about(&record(vec![failed(FaultKind::Generator)]), &plan());
        assert_eq!(doubts, [Doubt::Generator { requests: 1, why: "why".to_owned() }]);
    }
}
