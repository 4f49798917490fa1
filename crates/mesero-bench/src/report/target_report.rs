//! The report on one target.

use mesero_terminal::exit::Exit;
use mesero_terminal::units;

use crate::baseline::BaselineComparison;
use crate::capacity::estimate::CapacityEstimate;
use crate::comparison::results::TargetResults;
use crate::load::validity::ValidityIssue;
use crate::plan::{Arrivals, Load, LoadPlan, Protocol, StopCondition};
use crate::report::page::{OutcomeCount, OutcomeKind};
use crate::report::verdict::ThresholdResult;
use crate::stats::format;
use crate::stats::metric::Statistic;
use crate::stats::outcome::FaultKind;
use crate::stats::record::LoadRecord;

/// Everything that is reported on a target.
#[derive(Debug)]
pub(crate) struct TargetReport {
    pub(crate) plan: LoadPlan,
    pub(crate) results: TargetResults,
    pub(crate) issues: Vec<ValidityIssue>,
    /// None without thresholds.
    pub(crate) verdict: Option<Vec<ThresholdResult>>,
    pub(crate) is_interrupted: bool,
    /// None without a baseline.
    pub(crate) baseline: Option<BaselineComparison>,
}

/// Share of a round that a request may take before the rate counts as imprecise.
const ROUGH: f64 = 0.1;

impl TargetReport {
    /// Load and measured time as text.
    pub(crate) fn load(&self) -> String {
        let results = units::with_three_digits(self.results.record.measured_time());
        let until = match (&self.plan.until, self.plan.rounds.get()) {
            (StopCondition::Time(_), 1) => results,
            (StopCondition::Requests(count), 1) => {
                format!("{} requests in {results}", units::grouped(count.get()))
            }
            (StopCondition::Time(_) | StopCondition::Requests(_), _) => {
                format!("{}, {results} in all", self.rounds())
            }
        };
        self.who(&until)
    }

    /// Load and planned rounds as text.
    pub(crate) fn plan(&self) -> String {
        self.who(&self.rounds())
    }

    fn rounds(&self) -> String {
        let round = match self.plan.until {
            StopCondition::Time(time) => units::with_three_digits(time),
            StopCondition::Requests(count) => format!("{} requests", units::grouped(count.get())),
        };
        match self.plan.rounds.get() {
            1 => format!("1 round of {round}"),
            rounds => format!("{rounds} rounds of {round}"),
        }
    }

    fn who(&self, until: &str) -> String {
        let LoadPlan { load, protocol, timeout, warm_up, .. } = &self.plan;
        let connections = match protocol {
            Protocol::Http1 => " connections",
            Protocol::Http2 { .. } => " in flight",
        };
        let who = match load {
            Load::Closed { clients } if clients.get() == 1 => "1 client".to_owned(),
            Load::Closed { clients } => format!("{clients} clients, closed load"),
            Load::Open { rate, arrivals, concurrency } => {
                let pattern = match arrivals {
                    Arrivals::Poisson => "with Poisson arrivals",
                    Arrivals::Uniform => "at equal intervals",
                };
                let rate = units::number(*rate);
                format!("{rate} requests a second {pattern}, up to {concurrency}{connections}")
            }
        };
        let protocol = protocol.label().map_or_else(String::new, |label| format!("; {label}"));
        let mut load =
            format!("{who}{protocol}; {until}; timeout {}", units::with_three_digits(*timeout));
        if !warm_up.is_zero() {
            load.push_str(&format!("; after a warm-up of {}", units::with_three_digits(*warm_up)));
        }
        load
    }

    /// Notes for the reader, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let record = &self.results.record;
        let mut notes = self.results.notes.clone();
        if record.delayed > 0 {
            let p99 = |times| format::latency(Statistic::Quantile(0.99).of(times));
            notes.push(format!(
                "{} requests waited for a free {}. `response` is measured from the time that they were \
                 due (p99 {}), `service` from the time that they were sent (p99 {}).",
                units::grouped(record.delayed),
                self.plan.protocol.place(),
                p99(&record.response),
                p99(&record.service),
            ));
        }
        if record.client_timeouts + record.unsent > 0 {
            notes.push(
                "Values after > are lower bounds: requests that timed out would have taken longer."
                    .to_owned(),
            );
        }
        if !record.has_latencies() {
            notes.push(
                "No response had a status of 2xx, so there are no response times.".to_owned(),
            );
        }
        notes.extend(self.about_rate());
        if self.is_interrupted {
            notes.push("Interrupted: requests still in flight are not counted.".to_owned());
        }
        notes
    }

    /// Precision of the rate, where it is low: requests of a closed load that are in flight at the end have been served
    /// in part, which no count of responses shows.
    fn about_rate(&self) -> Option<String> {
        let record = &self.results.record;
        if record.ok > 0 && record.ok_in_window == 0 {
            return Some("No answer came within the time, so there is no rate.".to_owned());
        }
        let StopCondition::Time(round) = self.plan.until else { return None };
        let mean = record.service.mean().filter(|_| !self.is_open())?.time;
        let share = mean.as_secs_f64() / round.as_secs_f64();
        (share > ROUGH).then(|| {
            format!(
                "A request took {} on average, {} of the {} that are measured at a time, and the rate may be off by as \
                 much; with a longer -d it is finer.",
                units::with_three_digits(mean),
                units::percent(share),
                units::with_three_digits(round),
            )
        })
    }

    /// Resource usage of a launched target.
    pub(crate) fn resource_usage(&self) -> Option<String> {
        let resource_usage = self.results.resource_usage?;
        let memory = units::bytes(resource_usage.memory_bytes);
        let cpu = units::with_three_digits(resource_usage.cpu_per_request()?);
        Some(format!(
            "A request took {cpu} of CPU time, and all processes together {memory} of memory."
        ))
    }

    /// Exit code by outcomes, validity and thresholds.
    pub(crate) fn exit(&self) -> Exit {
        let record = &self.results.record;
        let holds = |verdict: &Vec<ThresholdResult>| verdict.iter().all(|judged| judged.holds);
        match &self.verdict {
            Some(verdict) if holds(verdict) && self.issues.is_empty() => Exit::Fine,
            Some(_) => Exit::Unexpected,
            None if record.failed() > 0 || !record.has_latencies() => Exit::SomeFailed,
            None if !self.issues.is_empty() => Exit::SomeFailed,
            None => Exit::Fine,
        }
    }

    /// Validity, and the verdict on the thresholds.
    pub(crate) fn judgement(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.issues.iter().map(|issue| format!("void: {issue}")).collect();
        let Some(verdict) = &self.verdict else { return lines };
        if verdict.is_empty() {
            // All thresholds are relative to others.
            return lines;
        }
        let label = |judged: &ThresholdResult| format!("{} ({})", judged.text, judged.observed);
        let (held, failed): (Vec<_>, Vec<_>) = verdict.iter().partition(|judged| judged.holds);
        let failed: Vec<_> = failed.into_iter().map(label).collect();
        let held: Vec<_> = held.into_iter().map(label).collect();
        lines.push(match (failed.is_empty(), self.issues.is_empty()) {
            (false, _) => format!("failed: {}", failed.join(", ")),
            (true, false) => {
                format!("not passed: a void measurement proves nothing of {}", held.join(", "))
            }
            (true, true) => format!("passed: {}", held.join(", ")),
        });
        lines.extend(self.waves().map(|waves| waves.sentence(self.plan.timeout)));
        lines
    }

    /// Estimated number of workers, if requests timed out.
    pub(crate) fn waves(&self) -> Option<CapacityEstimate> {
        CapacityEstimate::of(&self.results.record, &self.plan)
    }

    /// Whether service times differ from response times: in a closed load requests are sent when they are due.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.plan.load, Load::Open { .. })
    }

    /// The counts of all causes of failure, by their names in JSON.
    pub(crate) fn fault_counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        FaultKind::ALL.into_iter().map(|kind| (kind.name(), self.results.record.of_kind(kind)))
    }
}

impl LoadRecord {
    /// The counts of outcomes; always those of ok and client timeouts.
    pub(crate) fn outcome_counts(&self) -> Vec<OutcomeCount> {
        let plain = |kind, name: &str, count| OutcomeCount {
            kind,
            name: name.to_owned(),
            count,
            first: None,
        };
        let mut outcome_counts = vec![
            plain(OutcomeKind::Ok, "ok", self.ok),
            plain(OutcomeKind::ClientTimeout, "client timeout", self.client_timeouts),
        ];
        if self.unsent > 0 {
            let name = "client timeout before sending";
            outcome_counts.push(plain(OutcomeKind::ClientTimeout, name, self.unsent));
        }
        for (status, count) in &self.statuses {
            outcome_counts.push(plain(OutcomeKind::Failed, &format!("status {status}"), *count));
        }
        for (kind, faults) in &self.faults {
            let (name, first) = (kind.text().to_owned(), Some(faults.first.clone()));
            outcome_counts.push(OutcomeCount {
                kind: OutcomeKind::Failed,
                name,
                count: faults.count,
                first,
            });
        }
        outcome_counts
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::report::verdict::{References, judge};
    use crate::stats::outcome::{RequestOutcome, ResponseSummary};
    use crate::stats::record::{LoadRecord, MeasurementWindow, RequestTimes};
    use crate::thresholds::Thresholds;

    /// Ten responses after a second, nine client timeouts after seven, one 503.
    pub(crate) fn target_report() -> TargetReport {
        let begin = Instant::now() - Duration::from_secs(60);
        let end = Some(begin + Duration::from_secs(20));
        let url = "http://localhost:8001/resource".to_owned();
        let mut results = TargetResults::new(url.clone(), url).unwrap();
        let mut record = LoadRecord::new(MeasurementWindow { begin, end }).unwrap();
        let after = |seconds| {
            let ended = begin + Duration::from_secs(seconds);
            RequestTimes { planned: begin, started: begin, ended }
        };
        let answer = |status| {
            RequestOutcome::Answered(ResponseSummary { status, body_bytes: 2, keeps_alive: true })
        };
        (0..10).for_each(|_| record.add(after(1), answer(200)));
        (0..9).for_each(|_| record.add(after(7), RequestOutcome::ClientTimeout));
        record.add(after(1), answer(503));
        let expectations: Thresholds = "client_timeout=0, p95<5s, ok>=50%".parse().unwrap();
        let plan = LoadPlan {
            load: Load::Closed { clients: NonZeroUsize::new(10).unwrap() },
            until: StopCondition::Time(Duration::from_secs(20)),
            timeout: Duration::from_secs(7),
            warm_up: Duration::ZERO,
            protocol: Protocol::Http1,
            tolerance: None,
            seed: 1,
            rounds: NonZeroU32::MIN,
        };
        let verdict = Some(judge(&expectations, &record, References::default()));
        results.add(&record);
        TargetReport {
            plan,
            results,
            issues: Vec::new(),
            verdict,
            is_interrupted: false,
            baseline: None,
        }
    }

    #[test]
    fn a_verdict_is_a_sentence_with_what_was_found() {
        let failed = target_report();
        assert_eq!(
            failed.judgement(),
            ["failed: client_timeout=0 (9 of 20), p95<5s (more than 7.00 s)"]
        );
        let mut passed = target_report();
        passed.verdict = Some(judge(
            &"ok>=50%".parse::<Thresholds>().unwrap(),
            &passed.results.record,
            References::default(),
        ));
        assert_eq!(passed.judgement(), ["passed: ok>=50% (10 of 20)"]);
    }

    #[test]
    fn a_void_measurement_passes_nothing() {
        let mut void = target_report();
        void.verdict = Some(judge(
            &"ok>=50%".parse::<Thresholds>().unwrap(),
            &void.results.record,
            References::default(),
        ));
        void.issues.push(ValidityIssue::LittlesLaw { in_flight: 20.0, clients: 10 });
        let judgement = void.judgement();
        assert!(judgement[0].starts_with("void: rate × time is 20.0 requests"), "{judgement:?}");
        assert!(judgement[1].starts_with("not passed: "), "{judgement:?}");
    }
}
