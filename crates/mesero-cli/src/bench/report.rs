//! A measurement as it is told: for people, for programs, for a page.

use super::doubt::Doubt;
use super::expect::Judged;
use super::metric::Statistic;
use super::outcome::FaultKind;
use super::plan::{Arrivals, Load, Plan, Until};
use super::record::Record;
use super::words;

mod json;
mod table;

/// All there is to tell.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) url: &'a str,
    pub(super) plan: Plan,
    pub(super) record: Record,
    pub(super) doubts: Vec<Doubt>,
    /// None if nothing was expected.
    pub(super) verdict: Option<Vec<Judged>>,
    pub(super) is_interrupted: bool,
}

/// What is told of times.
const STATISTICS: [(&str, Statistic); 8] = [
    ("min", Statistic::Least),
    ("p50", Statistic::Quantile(0.5)),
    ("p90", Statistic::Quantile(0.9)),
    ("p95", Statistic::Quantile(0.95)),
    ("p99", Statistic::Quantile(0.99)),
    ("p99.9", Statistic::Quantile(0.999)),
    ("max", Statistic::Most),
    ("mean", Statistic::Mean),
];

/// A way in which requests ended, and how many did.
struct Ending {
    name: String,
    count: u64,
    /// What the first was, where there is more to say.
    first: Option<String>,
}

impl Report<'_> {
    /// What was done, in words.
    fn load(&self) -> String {
        let Plan { load, until, patience, warm_up, .. } = &self.plan;
        let who = match load {
            Load::Closed { clients } if clients.get() == 1 => "1 client".to_owned(),
            Load::Closed { clients } => format!("{clients} clients, each of which waits"),
            Load::Open { rate, arrivals, connections } => {
                let pattern = match arrivals {
                    Arrivals::Poisson => "at random",
                    Arrivals::Uniform => "evenly",
                };
                let rate = words::number(*rate);
                format!("{rate} requests a second {pattern}, up to {connections} connections")
            }
        };
        let until = match until {
            Until::Time(_) => words::time(self.record.measured()),
            Until::Requests(count) => format!(
                "{} requests in {}",
                words::count(count.get()),
                words::time(self.record.measured())
            ),
        };
        let mut load = format!("{who}; {until}; patience {}", words::time(*patience));
        if !warm_up.is_zero() {
            load.push_str(&format!("; after a warm-up of {}", words::time(*warm_up)));
        }
        load
    }

    /// Each way in which requests ended that occurred; ok and given up always.
    fn endings(&self) -> Vec<Ending> {
        let record = &self.record;
        let plain = |name: &str, count| Ending { name: name.to_owned(), count, first: None };
        let mut endings = vec![plain("ok", record.ok), plain("gave up", record.gave_up)];
        if record.unsent > 0 {
            endings.push(plain("gave up before a connection was free", record.unsent));
        }
        for (status, count) in &record.statuses {
            endings.push(plain(&format!("answered {status}"), *count));
        }
        for (kind, faults) in &record.faults {
            let first = Some(faults.first.clone());
            endings.push(Ending { name: kind.text().to_owned(), count: faults.count, first });
        }
        endings
    }

    /// What has to be known to read the figures right, a sentence each.
    fn notes(&self) -> Vec<String> {
        let record = &self.record;
        let mut notes = Vec::new();
        if record.delayed > 0 {
            notes.push(format!(
                "{} requests had to wait until one of the connections was free; `response` counts \
                 from when they were planned, `service` from when they were sent, as a generator \
                 does that waits with its requests.",
                words::count(record.delayed)
            ));
        }
        if record.gave_up + record.unsent > 0 {
            notes.push(
                "A time behind > is a lower bound: nobody knows when those who gave up would have \
                 been answered."
                    .to_owned(),
            );
        }
        if !record.has_times() {
            notes.push("Nobody was answered with 2xx, so there are no times.".to_owned());
        }
        let slow = record.ok.saturating_sub(record.ok_in_window);
        if slow > 0 && record.ok_in_window == 0 {
            notes.push("No answer came within the time, so there is no rate.".to_owned());
        }
        if self.is_interrupted {
            notes.push("Interrupted: requests still in work are not counted.".to_owned());
        }
        notes
    }

    /// What is to be said about it: whether it is void, and whether what was expected holds.
    pub(super) fn judgement(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.doubts.iter().map(|doubt| format!("void: {doubt}")).collect();
        let Some(verdict) = &self.verdict else { return lines };
        let told = |judged: &Judged| format!("{} ({})", judged.text, judged.found);
        let (held, failed): (Vec<_>, Vec<_>) = verdict.iter().partition(|judged| judged.holds);
        let failed: Vec<_> = failed.into_iter().map(told).collect();
        let held: Vec<_> = held.into_iter().map(told).collect();
        lines.push(match (failed.is_empty(), self.doubts.is_empty()) {
            (false, _) => format!("failed: {}", failed.join(", ")),
            (true, false) => {
                format!("not passed: a void measurement proves nothing of {}", held.join(", "))
            }
            (true, true) => format!("passed: {}", held.join(", ")),
        });
        lines
    }

    /// Whether both kinds of times differ: a closed load plans a request when it sends it.
    fn is_open(&self) -> bool {
        matches!(self.plan.load, Load::Open { .. })
    }

    /// The word for a failure in JSON, each that there is.
    fn fault_counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        FaultKind::ALL.into_iter().map(|kind| (kind.name(), self.record.of_kind(kind)))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::expect::Expectations;
    use super::super::outcome::{Answer, Outcome};
    use super::super::record::{Instants, Window};
    use super::*;

    /// Ten answers after a second, nine clients who gave up after seven, one 503.
    pub(super) fn report() -> Report<'static> {
        let begin = Instant::now() - Duration::from_secs(60);
        let end = Some(begin + Duration::from_secs(20));
        let mut record = Record::new(Window { begin, end }).unwrap();
        let after = |seconds| {
            let ended = begin + Duration::from_secs(seconds);
            Instants { planned: begin, begun: begin, ended }
        };
        let answer = |status| Outcome::Answered(Answer { status, body_bytes: 2, keeps: true });
        (0..10).for_each(|_| record.add(after(1), answer(200)));
        (0..9).for_each(|_| record.add(after(7), Outcome::GaveUp));
        record.add(after(1), answer(503));
        let expectations: Expectations = "gave_up=0, p95<5s, ok>=50%".parse().unwrap();
        let plan = Plan {
            load: Load::Closed { clients: NonZeroUsize::new(10).unwrap() },
            until: Until::Time(Duration::from_secs(20)),
            patience: Duration::from_secs(7),
            warm_up: Duration::ZERO,
            tolerance: None,
            seed: 1,
        };
        let verdict = Some(expectations.judge(&record));
        let url = "http://localhost:8001/resource";
        Report { url, plan, record, doubts: Vec::new(), verdict, is_interrupted: false }
    }

    #[test]
    fn a_verdict_is_a_sentence_with_what_was_found() {
        let failed = report();
        assert_eq!(failed.judgement(), ["failed: gave_up=0 (9 of 20), p95<5s (more than 7.00 s)"]);
        let mut passed = report();
        passed.verdict = Some("ok>=50%".parse::<Expectations>().unwrap().judge(&passed.record));
        assert_eq!(passed.judgement(), ["passed: ok>=50% (10 of 20)"]);
    }

    #[test]
    fn a_void_measurement_passes_nothing() {
        let mut void = report();
        void.verdict = Some("ok>=50%".parse::<Expectations>().unwrap().judge(&void.record));
        void.doubts.push(Doubt::Little { in_work: 20.0, clients: 10 });
        let judgement = void.judgement();
        assert!(judgement[0].starts_with("void: rate × time is 20.0 requests"), "{judgement:?}");
        assert!(judgement[1].starts_with("not passed: "), "{judgement:?}");
    }
}
