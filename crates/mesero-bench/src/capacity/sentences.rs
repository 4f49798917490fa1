//! The results of `--suggest` in sentences.

use std::time::Duration;

use mesero_terminal::units;

use crate::capacity::findings::{CapacityCheck, CapacityFindings, CapacityVerdict};
use crate::capacity::need::{CapacityGoal, Demand};
use crate::capacity::probe::ConcurrencyControl;
use crate::capacity::service_times::ServiceTimes;
use crate::capacity::sweep::Knee;
use crate::stats::format;
use crate::stats::record::LoadRecord;

impl CapacityGoal {
    /// The goal as a sentence.
    pub(crate) fn sentence(&self) -> String {
        format!("wanted: {} answered within {}", self.demand_label(), time(self.timeout))
    }

    fn demand_label(&self) -> String {
        let demand_label = self.demand.demand_label();
        if self.share >= 1.0 {
            format!("all of {demand_label}")
        } else {
            format!("{} of {demand_label}", percent(self.share))
        }
    }

    /// Longest queue in which the last call is still answered in time, with mean service times; longer queues should
    /// reject calls at once.
    pub(crate) fn queue(&self, service: &ServiceTimes, concurrency: u32) -> u32 {
        match self.demand {
            Demand::Burst { clients } => clients.saturating_sub(concurrency),
            Demand::Rate { .. } => {
                let waves = (self.timeout - service.mean()) / service.mean();
                (f64::from(concurrency) * waves.max(0.0)) as u32
            }
        }
    }
}

impl Demand {
    fn demand_label(&self) -> String {
        match self {
            Demand::Burst { clients: 1 } => "1 client".to_owned(),
            Demand::Burst { clients } => format!("{} simultaneous clients", count(*clients)),
            Demand::Rate { rate, .. } => format!("{} calls a second", units::number(*rate)),
        }
    }
}

impl ServiceTimes {
    /// The service time as a sentence.
    pub(crate) fn sentence(&self) -> String {
        let seen = units::grouped(self.count());
        let mean = time(self.mean());
        let more = if self.is_lower_bound() { "more than " } else { "" };
        let mut sentence = format!("A call that does not wait takes {more}{mean}");
        // Variations below this are not reported.
        const SAME: f64 = 0.01;
        if self.variation().sqrt() > SAME {
            sentence.push_str(&format!(
                " on average (± {}; its standard deviation is {})",
                time(2.0 * self.error() * self.mean()),
                time(self.variation().sqrt() * self.mean()),
            ));
        }
        format!("{sentence}, as {seen} calls showed.")
    }
}

impl CapacityFindings {
    /// Service time, verdict, precision and trial, a sentence or two each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let service = self.service.as_ref();
        let mut sentences: Vec<_> = service.map(ServiceTimes::sentence).into_iter().collect();
        sentences.push(self.verdict_sentence());
        sentences.extend(self.spread().map(|(least, most)| {
            format!(
                "Within the precision of that time, {} to {} are needed; a longer `-d` narrows this.",
                count(least),
                count(most)
            )
        }));
        sentences.extend(self.check.as_ref().map(|check| self.check_sentence(check)));
        sentences
    }

    fn verdict_sentence(&self) -> String {
        let timeout = time(self.goal.timeout);
        match self.verdict {
            CapacityVerdict::Enough { concurrency } => {
                let enough = match self.bound {
                    ConcurrencyControl::Limit { .. } => {
                        format!("`limit = {concurrency}` is enough")
                    }
                    ConcurrencyControl::External => {
                        format!(
                            "The current capacity is enough; {} are needed",
                            workers(concurrency)
                        )
                    }
                };
                format!("{enough}: {}.{}", self.reason(concurrency), self.queue(concurrency))
            }
            CapacityVerdict::TooFewSeats { concurrency, seats } => format!(
                "`limit = {concurrency}` is needed, and the resource has {} seats; raise its `threads`, `processes` or \
                 `concurrency`, or another setting of its capacity: {}.",
                count(seats),
                self.reason(concurrency)
            ),
            CapacityVerdict::TooFewWorkers { concurrency, now } => format!(
                "{} are needed, and the server has {}: {}; a concurrency above {} answers no more than {}.",
                workers(concurrency),
                count(now),
                self.reason(concurrency),
                count(now),
                a_second(&self.knee)
            ),
            CapacityVerdict::Saturated { concurrency } => format!(
                "No limit is enough: {} independent calls at once are needed ({}), and the resource answers no more than \
                 {}, with a concurrency of {}.",
                count(concurrency),
                self.reason(concurrency),
                a_second(&self.knee),
                count(self.knee.workers())
            ),
            CapacityVerdict::Refuted { concurrency } => format!(
                "{} should be enough, and was not: calls slow each other down, or take longer than when they were \
                 measured. By the formula {}.",
                capital(&self.named(concurrency)),
                self.reason(concurrency)
            ),
            CapacityVerdict::TooMany { concurrency } => {
                format!("More than {} calls at once are needed.", count(concurrency))
            }
            CapacityVerdict::Never { share, is_certain: true } => format!(
                "No number of workers is enough: without waiting {} within {timeout}. Make the call faster, or allow more \
                 time.",
                if share > 0.0 {
                    format!("only {} of the calls end", percent(share))
                } else {
                    "no call ends".to_owned()
                }
            ),
            CapacityVerdict::Never { share, .. } => format!(
                "Too few calls were measured to be certain: without waiting {} of them ended within {timeout}. A longer \
                 `-d` makes this certain.",
                percent(share)
            ),
            CapacityVerdict::Unanswered => {
                let record = self.sweep.levels.first().map(|level| &level.record);
                format!("There is no result: {}.", record.map_or_else(String::new, unanswered))
            }
        }
    }

    /// The reason for this concurrency.
    fn reason(&self, concurrency: u32) -> String {
        let Some(service) = &self.service else { return String::new() };
        match self.goal.demand {
            Demand::Rate { rate, .. } => {
                let load = rate * service.mean();
                let busy = format!(
                    "{} calls are in flight on average (Little's law)",
                    units::number(load)
                );
                match self.goal.wait(service, concurrency) {
                    Some((busy_share, wait)) if busy_share < 1.0 => format!(
                        "{busy}, and {} of the calls wait at a concurrency of {}, for {} on average (Erlang C)",
                        percent(wait.chance),
                        count(concurrency),
                        time(wait.once)
                    ),
                    _ => busy,
                }
            }
            Demand::Burst { .. } => {
                let waves = (self.goal.timeout / service.mean()) as u64;
                let timeout = time(self.goal.timeout);
                let waves_in_words = match waves {
                    0 | 1 => "1 of them".to_owned(),
                    _ => format!("{} of them, one after the other", units::grouped(waves)),
                };
                format!("within {timeout} one worker serves {waves_in_words}")
            }
        }
    }

    fn queue(&self, concurrency: u32) -> String {
        let Some(service) = &self.service else { return String::new() };
        match self.goal.queue(service, concurrency) {
            0 => String::new(),
            queue => format!(
                " `queue = {queue}` holds all calls that can still be answered within {}.",
                time(self.goal.timeout)
            ),
        }
    }

    fn named(&self, concurrency: u32) -> String {
        match self.bound {
            ConcurrencyControl::Limit { .. } => format!("`limit = {concurrency}`"),
            ConcurrencyControl::External => workers(concurrency),
        }
    }

    /// The result of the trial.
    fn check_sentence(&self, check: &CapacityCheck) -> String {
        let LoadRecord { ok, requests, .. } = check.record;
        let demand_label = check.demand.demand_label();
        let result = format!(
            "{} of {} calls were answered within {} (p99 {})",
            // Of few requests the number says more than the share.
            if requests < 100 { units::grouped(ok) } else { units::share(ok, requests) },
            units::grouped(requests),
            time(self.goal.timeout),
            format::latency(check.record.response.quantile(0.99))
        );
        let with = match self.bound {
            ConcurrencyControl::Limit { .. } => format!("With `limit = {}`", check.concurrency),
            ConcurrencyControl::External => "With its current capacity".to_owned(),
        };
        match (check.demand == self.goal.demand, check.holds(self.goal.share)) {
            (true, _) => format!("Trial: {result}."),
            (_, true) => format!("{with} it can serve {demand_label}; trial: {result}."),
            (_, false) => {
                format!("{with} it should serve {demand_label}, and does not; trial: {result}.")
            }
        }
    }
}

/// The failures of a level without any success.
fn unanswered(record: &LoadRecord) -> String {
    let requests = units::grouped(record.requests);
    let faults =
        record.faults.iter().map(|(kind, faults)| format!("{}: {}", kind.text(), faults.first));
    let statuses = record.statuses.keys().map(|status| format!("status {status}"));
    let why: Vec<_> = faults.chain(statuses).collect();
    format!("none of {requests} calls was answered with 2xx ({})", why.join("; "))
}

fn a_second(knee: &Knee) -> String {
    format!("{} a second", units::number(knee.rate))
}

fn workers(number: u32) -> String {
    if number == 1 { "1 worker".to_owned() } else { format!("{} workers", count(number)) }
}

fn count(number: u32) -> String {
    units::grouped(number.into())
}

fn time(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "∞".to_owned(), units::with_three_digits)
}

/// `97.2 %`; only 1 is `100 %`.
fn percent(share: f64) -> String {
    const OF: f64 = 1e9;
    let share = units::share((share * OF).round() as u64, OF as u64);
    // `99 %`, as it was typed.
    share.replace(".0 %", " %")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
