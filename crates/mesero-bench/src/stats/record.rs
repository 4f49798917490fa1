//! What was measured of a target.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::CreationError;
use tokio::time::Instant;

use crate::stats::latency_histogram::Times;
use crate::stats::outcome::{FaultKind, Outcome};
use crate::stats::time_series::{Fate, Series};

pub(crate) mod serde_form;

/// Counts and times of the requests of a measurement, in constant memory.
///
/// `requests = ok + statuses + gave_up + unsent + faults`.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) requests: u64,
    /// Answers of 2xx: the only ones that are work done.
    pub(crate) ok: u64,
    /// All other answers, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) gave_up: u64,
    pub(crate) unsent: u64,
    pub(crate) faults: BTreeMap<FaultKind, Faults>,
    /// From the moment a request was planned for until its answer was whole: what a client sees.
    /// Of answers that are ok; a client who gives up has waited for his whole patience, and more.
    pub(crate) response: Times,
    /// From the moment its sending began: what the service takes.
    pub(crate) service: Times,
    /// How late the generator itself was.
    pub(crate) lag: Times,
    /// Requests that had to wait until a client was free.
    pub(crate) delayed: u64,
    pub(crate) body_bytes: u64,
    /// The time in which work done is counted for the rate.
    pub(crate) window: Window,
    /// The windows of the records that this one has taken in.
    merged: Duration,
    /// Answers of 2xx that came within the window, whenever they were asked for, and how much of it they took.
    pub(crate) ok_in_window: u64,
    busy_in_window: Duration,
    /// The same over time.
    pub(crate) series: Series,
}

/// Failures of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    pub(crate) count: u64,
    /// What the first of them was.
    pub(crate) first: String,
}

/// When counting begins and ends. What is planned before is warm-up: no request of the measurement, though its answer is
/// work done if it comes within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) begin: Instant,
    /// None as long as it is open.
    pub(crate) end: Option<Instant>,
}

impl Window {
    fn holds(&self, instant: Instant) -> bool {
        instant >= self.begin && self.end.is_none_or(|end| instant <= end)
    }
}

/// The instants of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instants {
    pub(crate) planned: Instant,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
}

impl Record {
    pub(crate) fn new(window: Window) -> Result<Self, CreationError> {
        Ok(Self {
            requests: 0,
            ok: 0,
            statuses: BTreeMap::new(),
            gave_up: 0,
            unsent: 0,
            faults: BTreeMap::new(),
            response: Times::new()?,
            service: Times::new()?,
            lag: Times::new()?,
            delayed: 0,
            body_bytes: 0,
            window,
            merged: Duration::ZERO,
            ok_in_window: 0,
            busy_in_window: Duration::ZERO,
            series: Series::new()?,
        })
    }

    /// A request is over.
    pub(crate) fn add(&mut self, instants: Instants, outcome: Outcome) {
        let Instants { planned, begun, ended } = instants;
        let is_ok = matches!(&outcome, Outcome::Answered(answer) if answer.is_ok());
        if is_ok && self.window.holds(ended) {
            self.ok_in_window += 1;
            self.busy_in_window += ended - begun.max(self.window.begin);
            self.series.answered(ended - self.window.begin);
        }
        if planned < self.window.begin {
            return;
        }
        self.requests += 1;
        let came = planned - self.window.begin;
        match outcome {
            Outcome::Answered(answer) => {
                self.body_bytes += answer.body_bytes;
                if !answer.is_ok() {
                    *self.statuses.entry(answer.status).or_default() += 1;
                    self.series.add(came, Fate::Failed);
                    return;
                }
                self.ok += 1;
                self.series.add(came, Fate::Ok(ended - planned));
                self.response.add(ended - planned);
                self.service.add(ended - begun);
            }
            Outcome::GaveUp => {
                self.gave_up += 1;
                self.series.add(came, Fate::GaveUp(ended - planned));
                self.response.add_cut(ended - planned);
                self.service.add_cut(ended - begun);
            }
            Outcome::Unsent => {
                self.unsent += 1;
                self.series.add(came, Fate::GaveUp(ended - planned));
                self.response.add_cut(ended - planned);
            }
            Outcome::Failed(fault) => {
                self.series.add(came, Fate::Failed);
                let faults = self.faults.entry(fault.kind);
                faults.or_insert(Faults { count: 0, first: fault.why }).count += 1;
            }
        }
    }

    /// Takes in another, whose time was another one than this one's.
    pub(crate) fn merge(&mut self, other: &Record) {
        self.merged += other.measured();
        self.requests += other.requests;
        self.ok += other.ok;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.gave_up += other.gave_up;
        self.unsent += other.unsent;
        for (kind, Faults { count, first }) in &other.faults {
            let faults = self.faults.entry(*kind);
            faults.or_insert_with(|| Faults { count: 0, first: first.clone() }).count += count;
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

    /// Everything that is not work done.
    pub(crate) fn failed(&self) -> u64 {
        self.requests - self.ok
    }

    pub(crate) fn of_kind(&self, kind: FaultKind) -> u64 {
        self.faults.get(&kind).map_or(0, |faults| faults.count)
    }

    /// How long was counted.
    pub(crate) fn measured(&self) -> Duration {
        let now = Instant::now();
        let end = self.window.end.map_or(now, |end| end.min(now));
        end.saturating_duration_since(self.window.begin) + self.merged
    }

    /// Work done a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.measured().as_secs_f64();
        if seconds > 0.0 { self.ok_in_window as f64 / seconds } else { 0.0 }
    }

    /// Requests in work at once, on average: how much of the window those took that were answered in it, over the window
    /// (J. D. C. Little, "A Proof for the Queuing Formula L = λW", 1961).
    pub(crate) fn in_work(&self) -> f64 {
        let seconds = self.measured().as_secs_f64();
        if seconds > 0.0 { self.busy_in_window.as_secs_f64() / seconds } else { 0.0 }
    }

    /// Whether anything was seen that times can be told of.
    pub(crate) fn has_times(&self) -> bool {
        self.response.count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::outcome::{Answer, Fault};

    /// A second and more ago, so that the window is over.
    fn past() -> Instant {
        Instant::now() - Duration::from_secs(60)
    }

    fn record(begin: Instant, end: Instant) -> Record {
        Record::new(Window { begin, end: Some(end) }).unwrap()
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered(Answer { status, body_bytes: 1, keeps: true })
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn only_2xx_is_work_done_and_only_the_wait_for_it_is_a_time() {
        let begin = past();
        let mut record = record(begin, begin + ms(1_000));
        let instants = Instants { planned: begin, begun: begin + ms(5), ended: begin + ms(15) };
        record.add(instants, answered(200));
        record.add(instants, answered(503));
        record.add(instants, Outcome::Failed(Fault::new(FaultKind::Refused, "no")));
        assert_eq!((record.requests, record.ok, record.failed()), (3, 1, 2));
        assert_eq!(record.statuses, BTreeMap::from([(503, 1)]));
        assert_eq!(record.of_kind(FaultKind::Refused), 1);
        assert_eq!(record.response.longest().unwrap().time, ms(15));
        assert_eq!(record.service.longest().unwrap().time, ms(10));
        assert_eq!(record.rate(), 1.0);
    }

    #[test]
    fn what_was_merged_is_counted_over_the_time_of_both() {
        let begin = past();
        let mut first = record(begin, begin + ms(1_000));
        let at = |planned| Instants {
            planned: begin + ms(planned),
            begun: begin + ms(planned),
            ended: begin + ms(planned + 500),
        };
        first.add(at(0), answered(200));
        let refused = || Outcome::Failed(Fault::new(FaultKind::Refused, "no"));
        first.add(at(100), refused());
        let mut second = record(begin + ms(5_000), begin + ms(8_000));
        (0..5).for_each(|_| second.add(at(5_000), answered(200)));
        second.add(at(6_000), refused());
        second.add(at(6_000), answered(503));
        first.merge(&second);
        assert_eq!((first.requests, first.ok, first.ok_in_window), (9, 6, 6));
        assert_eq!((first.of_kind(FaultKind::Refused), first.statuses[&503]), (2, 1));
        assert_eq!(first.measured(), ms(4_000));
        assert_eq!((first.rate(), first.in_work()), (1.5, 0.75));
    }

    #[test]
    fn the_rate_is_of_all_that_was_answered_in_time_whenever_it_was_asked() {
        let begin = past();
        let mut record = record(begin + ms(100), begin + ms(200));
        let at = |planned, ended| Instants {
            planned: begin + ms(planned),
            begun: begin + ms(planned),
            ended: begin + ms(ended),
        };
        record.add(at(20, 99), answered(200));
        record.add(at(50, 150), answered(503));
        record.add(at(50, 150), answered(200));
        record.add(at(100, 200), answered(200));
        record.add(at(150, 250), answered(200));
        assert_eq!((record.requests, record.ok, record.ok_in_window), (2, 2, 2));
        assert_eq!(record.rate(), 20.0);
        assert!((record.in_work() - 1.5).abs() < 1e-9, "{}", record.in_work());
    }
}
