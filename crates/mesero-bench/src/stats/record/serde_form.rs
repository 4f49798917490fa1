//! The record in a baseline file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::stats::latency_histogram::serde_form as latency_form;
use crate::stats::outcome::FaultKind;
use crate::stats::record::{FaultCount, LoadRecord, MeasurementWindow};

/// Counts and latencies of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordForm {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    #[serde(rename = "client_timeout", alias = "gave_up")]
    client_timeouts: u64,
    unsent: u64,
    /// Statuses other than 2xx.
    statuses: BTreeMap<u16, u64>,
    /// By the names of [`FaultKind`], without zeros.
    faults: BTreeMap<String, u64>,
    delayed: u64,
    body_bytes: u64,
    measured_s: f64,
    /// Responses with 2xx within the measured time, and the part of it that they took. Over the measured time the
    /// former is the rate, and the latter by Little's law the mean number of requests in flight.
    ok_in_time: u64,
    busy_s: f64,
    response: latency_form::HistogramForm,
    service: latency_form::HistogramForm,
}

impl From<&LoadRecord> for RecordForm {
    fn from(record: &LoadRecord) -> Self {
        let faults = record.faults.iter();
        Self {
            requests: record.requests,
            ok: record.ok,
            client_timeouts: record.client_timeouts,
            unsent: record.unsent,
            statuses: record.statuses.clone(),
            // Without the first message, which may contain anything that a server sent.
            faults: faults.map(|(kind, faults)| (kind.name().to_owned(), faults.count)).collect(),
            delayed: record.delayed,
            body_bytes: record.body_bytes,
            measured_s: record.measured_time().as_secs_f64(),
            ok_in_time: record.ok_in_window,
            busy_s: record.busy_in_window.as_secs_f64(),
            response: (&record.response).into(),
            service: (&record.service).into(),
        }
    }
}

impl RecordForm {
    /// Reads the record, without time series and lag.
    ///
    /// # Errors
    /// If two figures contradict each other.
    pub(crate) fn record(&self) -> Result<LoadRecord, String> {
        let now = Instant::now();
        let window = MeasurementWindow { begin: now, end: Some(now) };
        let empty = LoadRecord::new(window).map_err(|error| format!("{error:?}"))?;
        let fault = |(name, count): (&String, &u64)| {
            let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
            let kind = kind.ok_or_else(|| format!("there is no failure called `{name}`"))?;
            Ok((kind, FaultCount { count: *count, first: String::new() }))
        };
        let seconds = |name: &str, seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{name}`: {error}"))
        };
        let record = LoadRecord {
            requests: self.requests,
            ok: self.ok,
            statuses: self.statuses.clone(),
            client_timeouts: self.client_timeouts,
            unsent: self.unsent,
            faults: self.faults.iter().map(fault).collect::<Result<_, String>>()?,
            response: self.response.times().map_err(|why| format!("`response`: {why}"))?,
            service: self.service.times().map_err(|why| format!("`service`: {why}"))?,
            delayed: self.delayed,
            body_bytes: self.body_bytes,
            merged: seconds("measured_s", self.measured_s)?,
            ok_in_window: self.ok_in_time,
            busy_in_window: seconds("busy_s", self.busy_s)?,
            ..empty
        };
        self.check_sums().map(|()| record)
    }

    fn check_sums(&self) -> Result<(), String> {
        let sum = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0, u64::saturating_add);
        let (statuses, faults) = (self.statuses.values(), self.faults.values());
        let others = [self.ok, self.client_timeouts, self.unsent].into_iter();
        let requests = sum(&mut others.chain(statuses.copied()).chain(faults.copied()));
        let timed = sum(&mut [self.ok, self.client_timeouts, self.unsent].into_iter());
        let equal = [
            ("`requests`", self.requests, "the requests by how they ended", requests),
            (
                "`count` of `response`",
                self.response.count,
                "`ok`, `client_timeout` and `unsent`",
                timed,
            ),
            (
                "`count` of `service`",
                self.service.count,
                "`ok` and `client_timeout`",
                timed - self.unsent,
            ),
        ];
        for (name, count, what, expected) in equal {
            if count != expected {
                return Err(format!("{name} is {count}, and {what} are {expected}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::outcome::{Fault, RequestOutcome, ResponseSummary};
    use crate::stats::record::RequestTimes;

    type Change<'a> = &'a dyn Fn(&mut RecordForm);

    fn record() -> LoadRecord {
        let begin = Instant::now() - Duration::from_secs(60);
        let end = Some(begin + Duration::from_secs(4));
        let mut record = LoadRecord::new(MeasurementWindow { begin, end }).unwrap();
        let after = |seconds| {
            let ended = begin + Duration::from_secs(seconds);
            RequestTimes { planned: begin, started: begin, ended }
        };
        let answered = |status| {
            RequestOutcome::Answered(ResponseSummary { status, body_bytes: 2, keeps_alive: true })
        };
        (0..10).for_each(|_| record.add(after(1), answered(200)));
        (0..2).for_each(|_| record.add(after(5), answered(200)));
        record.add(after(7), RequestOutcome::ClientTimeout);
        record.add(after(7), RequestOutcome::Unsent);
        record.add(after(1), answered(503));
        record.add(after(0), RequestOutcome::Failed(Fault::new(FaultKind::Refused, "a secret")));
        record
    }

    #[test]
    fn a_saved_record_has_the_same_figures_and_no_text_of_a_server() {
        let record = record();
        let text = serde_json::to_string(&RecordForm::from(&record)).unwrap();
        assert!(!text.contains("a secret"), "{text}");
        let again = serde_json::from_str::<RecordForm>(&text).unwrap().record().unwrap();
        assert_eq!((again.requests, again.ok, again.failed()), (16, 12, 4));
        assert_eq!((again.rate(), again.in_flight()), (record.rate(), record.in_flight()));
        assert_eq!(again.measured_time(), Duration::from_secs(4));
        assert_eq!((again.of_kind(FaultKind::Refused), again.statuses[&503]), (1, 1));
        assert_eq!(again.response.quantile(0.99), record.response.quantile(0.99));
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused_with_both() {
        let refused = |change: Change<'_>| {
            let mut kept = RecordForm::from(&record());
            change(&mut kept);
            kept.record().unwrap_err()
        };
        let cases: [(Change<'_>, &str); 5] = [
            (
                &|kept| kept.requests = 17,
                "`requests` is 17, and the requests by how they ended are 16",
            ),
            (
                &|kept| (kept.requests, kept.ok) = (17, 13),
                "`count` of `response` is 14, and `ok`, `client_timeout` and `unsent` are 15",
            ),
            (&|kept| kept.measured_s = -1.0, "`measured_s`: "),
            (
                &|kept| kept.faults = BTreeMap::from([("sulking".to_owned(), 1)]),
                "no failure called `sulking`",
            ),
            (&|kept| kept.response.count = 3, "`response`: `histogram_ns` has 14 times"),
        ];
        for (change, text) in cases {
            assert!(refused(change).contains(text), "{text}: {}", refused(change));
        }
    }
}
