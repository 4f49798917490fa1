//! The record of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::stats::latency_histogram::LatencyHistogram;
use crate::stats::outcome::{FaultKind, RequestOutcome};
use crate::stats::time_series::{SeriesSample, TimeSeries};

pub(crate) mod serde_form;

/// Counts and latencies of requests, in constant memory.
///
/// `requests = ok + statuses + client_timeouts + unsent + faults`.
#[derive(Debug, Clone)]
pub(crate) struct LoadRecord {
    pub(crate) requests: u64,
    /// Responses with 2xx.
    pub(crate) ok: u64,
    /// Other responses, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) client_timeouts: u64,
    pub(crate) unsent: u64,
    pub(crate) faults: BTreeMap<FaultKind, FaultCount>,
    /// Latencies from due time to the end of the response, as a client sees them: of `ok` requests, and lower bounds of
    /// those that timed out.
    pub(crate) response: LatencyHistogram,
    /// The same from the moment of sending.
    pub(crate) service: LatencyHistogram,
    /// Delay of the generator itself.
    pub(crate) lag: LatencyHistogram,
    /// Requests that waited for a free client.
    pub(crate) delayed: u64,
    pub(crate) body_bytes: u64,
    /// The time in which responses count for the rate.
    pub(crate) window: MeasurementWindow,
    /// Total window of the merged records.
    merged: Duration,
    /// Responses with 2xx within the window, whenever they were sent, and the part of the window that they took.
    pub(crate) ok_in_window: u64,
    busy_in_window: Duration,
    /// The same over time.
    pub(crate) series: TimeSeries,
}

/// Failures with one cause.
#[derive(Debug, Clone)]
pub(crate) struct FaultCount {
    pub(crate) count: u64,
    /// Message of the first.
    pub(crate) first: String,
}

/// Start and end of counting. Requests that are due before are warm-up: they are not counted, but a response within the
/// window counts for the rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasurementWindow {
    pub(crate) begin: Instant,
    /// None while the load runs.
    pub(crate) end: Option<Instant>,
}

impl MeasurementWindow {
    fn holds(&self, instant: Instant) -> bool {
        instant >= self.begin && self.end.is_none_or(|end| instant <= end)
    }
}

/// Times of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestTimes {
    pub(crate) planned: Instant,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
}

impl LoadRecord {
    pub(crate) fn new(window: MeasurementWindow) -> Result<Self, CreationError> {
        Ok(Self {
            requests: 0,
            ok: 0,
            statuses: BTreeMap::new(),
            client_timeouts: 0,
            unsent: 0,
            faults: BTreeMap::new(),
            response: LatencyHistogram::new()?,
            service: LatencyHistogram::new()?,
            lag: LatencyHistogram::new()?,
            delayed: 0,
            body_bytes: 0,
            window,
            merged: Duration::ZERO,
            ok_in_window: 0,
            busy_in_window: Duration::ZERO,
            series: TimeSeries::new()?,
        })
    }

    /// Adds a request that has ended.
    pub(crate) fn add(&mut self, instants: RequestTimes, outcome: RequestOutcome) {
        let RequestTimes { planned, started, ended } = instants;
        let is_ok = matches!(&outcome, RequestOutcome::Answered(answer) if answer.is_ok());
        if is_ok && self.window.holds(ended) {
            self.ok_in_window += 1;
            self.busy_in_window += ended - started.max(self.window.begin);
            self.series.answered(ended - self.window.begin);
        }
        if planned < self.window.begin {
            return;
        }
        self.requests += 1;
        let arrived = planned - self.window.begin;
        match outcome {
            RequestOutcome::Answered(answer) => {
                self.body_bytes += answer.body_bytes;
                if !answer.is_ok() {
                    *self.statuses.entry(answer.status).or_default() += 1;
                    self.series.add(arrived, SeriesSample::Failed);
                    return;
                }
                self.ok += 1;
                self.series.add(arrived, SeriesSample::Ok(ended - planned));
                self.response.add(ended - planned);
                self.service.add(ended - started);
            }
            RequestOutcome::ClientTimeout => {
                self.client_timeouts += 1;
                self.series.add(arrived, SeriesSample::ClientTimeout(ended - planned));
                self.response.add_censored(ended - planned);
                self.service.add_censored(ended - started);
            }
            RequestOutcome::Unsent => {
                self.unsent += 1;
                self.series.add(arrived, SeriesSample::ClientTimeout(ended - planned));
                self.response.add_censored(ended - planned);
            }
            RequestOutcome::Failed(fault) => {
                self.series.add(arrived, SeriesSample::Failed);
                let faults = self.faults.entry(fault.kind);
                faults.or_insert(FaultCount { count: 0, first: fault.why }).count += 1;
            }
        }
    }

    /// Adds the record of another time.
    pub(crate) fn merge(&mut self, other: &LoadRecord) {
        self.merged += other.measured_time();
        self.requests += other.requests;
        self.ok += other.ok;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.client_timeouts += other.client_timeouts;
        self.unsent += other.unsent;
        for (kind, FaultCount { count, first }) in &other.faults {
            let faults = self.faults.entry(*kind);
            faults.or_insert_with(|| FaultCount { count: 0, first: first.clone() }).count += count;
        }
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
        self.delayed += other.delayed;
        self.body_bytes += other.body_bytes;
        self.ok_in_window += other.ok_in_window;
        self.busy_in_window += other.busy_in_window;
        self.series.append(other.series.clone());
    }

    /// Requests without a 2xx response.
    pub(crate) fn failed(&self) -> u64 {
        self.requests - self.ok
    }

    pub(crate) fn of_kind(&self, kind: FaultKind) -> u64 {
        self.faults.get(&kind).map_or(0, |faults| faults.count)
    }

    /// Length of the window.
    pub(crate) fn measured_time(&self) -> Duration {
        let now = Instant::now();
        let end = self.window.end.map_or(now, |end| end.min(now));
        end.saturating_duration_since(self.window.begin) + self.merged
    }

    /// `ok` responses a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.measured_time().as_secs_f64();
        if seconds > 0.0 { self.ok_in_window as f64 / seconds } else { 0.0 }
    }

    /// Mean number of requests in flight: the part of the window that the requests answered in it took, over the window
    /// (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961).
    pub(crate) fn in_flight(&self) -> f64 {
        let seconds = self.measured_time().as_secs_f64();
        if seconds > 0.0 { self.busy_in_window.as_secs_f64() / seconds } else { 0.0 }
    }

    /// Whether there are latencies.
    pub(crate) fn has_latencies(&self) -> bool {
        self.response.count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::outcome::{Fault, ResponseSummary};

    /// Long enough ago that the window is over.
    fn past() -> Instant {
        Instant::now() - Duration::from_secs(60)
    }

    fn record(begin: Instant, end: Instant) -> LoadRecord {
        LoadRecord::new(MeasurementWindow { begin, end: Some(end) }).unwrap()
    }

    fn answered(status: u16) -> RequestOutcome {
        RequestOutcome::Answered(ResponseSummary { status, body_bytes: 1, keeps_alive: true })
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn only_2xx_is_work_done_and_only_the_wait_for_it_is_a_time() {
        let begin = past();
        let mut record = record(begin, begin + ms(1_000));
        let instants =
            RequestTimes { planned: begin, started: begin + ms(5), ended: begin + ms(15) };
        record.add(instants, answered(200));
        record.add(instants, answered(503));
        record.add(instants, RequestOutcome::Failed(Fault::new(FaultKind::Refused, "no")));
        assert_eq!((record.requests, record.ok, record.failed()), (3, 1, 2));
        assert_eq!(record.statuses, BTreeMap::from([(503, 1)]));
        assert_eq!(record.of_kind(FaultKind::Refused), 1);
        assert_eq!(record.response.max().unwrap().time, ms(15));
        assert_eq!(record.service.max().unwrap().time, ms(10));
        assert_eq!(record.rate(), 1.0);
    }

    #[test]
    fn what_was_merged_is_counted_over_the_time_of_both() {
        let begin = past();
        let mut first = record(begin, begin + ms(1_000));
        let at = |planned| RequestTimes {
            planned: begin + ms(planned),
            started: begin + ms(planned),
            ended: begin + ms(planned + 500),
        };
        first.add(at(0), answered(200));
        let refused = || RequestOutcome::Failed(Fault::new(FaultKind::Refused, "no"));
        first.add(at(100), refused());
        let mut second = record(begin + ms(5_000), begin + ms(8_000));
        (0..5).for_each(|_| second.add(at(5_000), answered(200)));
        second.add(at(6_000), refused());
        second.add(at(6_000), answered(503));
        first.merge(&second);
        assert_eq!((first.requests, first.ok, first.ok_in_window), (9, 6, 6));
        assert_eq!((first.of_kind(FaultKind::Refused), first.statuses[&503]), (2, 1));
        assert_eq!(first.measured_time(), ms(4_000));
        assert_eq!((first.rate(), first.in_flight()), (1.5, 0.75));
    }

    #[test]
    fn the_rate_is_of_all_that_was_answered_in_time_whenever_it_was_asked() {
        let begin = past();
        let mut record = record(begin + ms(100), begin + ms(200));
        let at = |planned, ended| RequestTimes {
            planned: begin + ms(planned),
            started: begin + ms(planned),
            ended: begin + ms(ended),
        };
        record.add(at(20, 99), answered(200));
        record.add(at(50, 150), answered(503));
        record.add(at(50, 150), answered(200));
        record.add(at(100, 200), answered(200));
        record.add(at(150, 250), answered(200));
        assert_eq!((record.requests, record.ok, record.ok_in_window), (2, 2, 2));
        assert_eq!(record.rate(), 20.0);
        assert!((record.in_flight() - 1.5).abs() < 1e-9, "{}", record.in_flight());
    }
}
