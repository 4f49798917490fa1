//! How many workers would have served all clients before they gave up, as far as those tell who were served.

use std::time::Duration;

use crate::plan::{Load, Plan};
use crate::stats::format;
use crate::stats::record::Record;

/// What the answers to clients of a closed load tell of the workers behind them, where clients gave up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Waves {
    /// So many workers would have been enough.
    Enough { workers: u64, is_certain: bool, service: Duration, each: u64, now: Option<u64> },
    /// Nobody was served in time, so nobody knows how long it takes.
    Unknown,
}

/// Answers that took less than so many times the quickest came from the same wave as that: those of the next take twice
/// as long.
const SAME_WAVE: f64 = 1.5;

/// Times that are so near to each other are those of a service that always takes the same.
const SAME_TIME: f64 = 1.1;

impl Waves {
    /// None where nobody gave up, where clients do not wait for one another, or where something else went wrong too.
    ///
    /// Who comes at once is served in waves, as many at once as there are workers. The quickest answers are those of the
    /// first wave, which waited for nothing; so a worker serves as many clients, one after the other, as such times fit
    /// into the patience.
    pub(crate) fn of(record: &Record, plan: &Plan) -> Option<Self> {
        let Load::Closed { clients } = plan.load else { return None };
        if record.gave_up == 0 || record.gave_up != record.failed() {
            return None;
        }
        let Some(shortest) = record.response.shortest().filter(|found| !found.is_more) else {
            return Some(Waves::Unknown);
        };
        let shortest = shortest.time.as_secs_f64();
        let first: Vec<_> = record
            .response
            .seen()
            .take_while(|(time, _)| {
                *time < shortest * SAME_WAVE && *time <= plan.patience.as_secs_f64()
            })
            .collect();
        let service = first.last().map_or(shortest, |(time, _)| *time);
        let each = ((plan.patience.as_secs_f64() / service) as u64).max(1);
        let clients = clients.get() as u64;
        // Where everybody asked once, all those of the first wave were served at once.
        let now = (record.requests == clients).then(|| first.iter().map(|(_, count)| count).sum());
        Some(Waves::Enough {
            workers: clients.div_ceil(each),
            is_certain: service <= shortest * SAME_TIME,
            service: Duration::try_from_secs_f64(service).ok()?,
            each,
            now,
        })
    }

    /// It in a sentence.
    pub(crate) fn sentence(&self, patience: Duration) -> String {
        let patience = format::time(patience);
        match *self {
            Waves::Enough { workers, is_certain, service, each, now } => {
                let number = |count: u64| match count {
                    1 => "1 worker".to_owned(),
                    _ => format!("{} workers", format::count(count)),
                };
                let least = if is_certain { "" } else { "at least " };
                let service = format::time(service);
                let took = if is_certain { "a request takes" } else { "requests take up to" };
                let now = now.map(|now| format!("; those who were answered had {}", number(now)));
                format!(
                    "{least}{} would pass: {took} {service}, so within {patience} a worker serves {} of the clients{}",
                    number(workers),
                    format::count(each),
                    now.unwrap_or_default()
                )
            }
            Waves::Unknown => format!(
                "nobody was answered within {patience}: if a request takes that long without waiting, no \
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
    use crate::plan::{Arrivals, Protocol, Until};
    use crate::stats::outcome::{Answer, Outcome};
    use crate::stats::record::{Instants, Window};

    const PATIENCE: Duration = Duration::from_secs(7);

    fn plan(load: Load) -> Plan {
        Plan {
            load,
            until: Until::Requests(NonZeroU64::new(10).unwrap()),
            patience: PATIENCE,
            warm_up: Duration::ZERO,
            protocol: Protocol::Http1,
            tolerance: None,
            seed: 1,
            rounds: NonZeroU32::MIN,
        }
    }

    /// Answers after so many seconds each, and others who gave up.
    fn record(answered: &[f64], gave_up: usize) -> Record {
        let begin = Instant::now() - Duration::from_secs(60);
        let mut record = Record::new(Window { begin, end: None }).unwrap();
        let after = |time| Instants { planned: begin, begun: begin, ended: begin + time };
        let ok = || Outcome::Answered(Answer { status: 200, body_bytes: 0, keeps: true });
        answered.iter().for_each(|time| record.add(after(Duration::from_secs_f64(*time)), ok()));
        (0..gave_up).for_each(|_| record.add(after(PATIENCE), Outcome::GaveUp));
        record
    }

    fn ten_clients(answered: &[f64]) -> Option<String> {
        let clients = NonZeroUsize::new(10).unwrap();
        let record = record(answered, 10 - answered.len());
        let waves = Waves::of(&record, &plan(Load::Closed { clients }));
        waves.map(|waves| waves.sentence(PATIENCE))
    }

    #[test]
    fn those_of_the_first_wave_tell_how_many_workers_would_pass() {
        let five = ten_clients(&[5.0, 5.01, 5.0, 5.0, 5.02]).unwrap();
        assert_eq!(
            five,
            "10 workers would pass: a request takes 5.02 s, so within 7.00 s a worker serves 1 of the clients; those who \
             were answered had 5 workers"
        );
        // Two workers, three waves.
        let two = ten_clients(&[2.0, 2.0, 4.0, 4.0, 6.0, 6.0]).unwrap();
        assert!(
            two.starts_with("4 workers would pass")
                && two.ends_with("; those who were answered had 2 workers"),
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
    fn where_nobody_was_answered_nothing_is_known() {
        assert!(ten_clients(&[]).unwrap().starts_with("nobody was answered within 7.00 s"));
    }

    #[test]
    fn nothing_is_said_where_all_went_well_or_clients_do_not_wait_for_one_another() {
        assert_eq!(ten_clients(&[5.0; 10]), None);
        let load = Load::Open {
            rate: 1.0,
            arrivals: Arrivals::Poisson,
            at_once: NonZeroUsize::new(10).unwrap(),
        };
        assert_eq!(Waves::of(&record(&[5.0], 3), &plan(load)), None);
    }
}
