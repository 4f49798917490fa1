//! What was found out, in sentences with numbers.

use std::time::Duration;

use crate::capacity::findings::{Check, Findings, Verdict};
use crate::capacity::need::{Demand, Goal};
use crate::capacity::probe::Bound;
use crate::capacity::service_times::Service;
use crate::capacity::sweep::Knee;
use crate::stats::format;
use crate::stats::record::Record;

impl Goal {
    /// What is wanted.
    pub(crate) fn sentence(&self) -> String {
        format!("wanted: {} answered within {}", self.whom(), time(self.patience))
    }

    fn whom(&self) -> String {
        let whom = self.demand.whom();
        if self.share >= 1.0 {
            format!("all of {whom}")
        } else {
            format!("{} of {whom}", percent(self.share))
        }
    }

    /// The most that can wait and still be answered in time, where every call takes the mean time: who comes behind
    /// them had better be told at once.
    pub(crate) fn queue(&self, service: &Service, at_once: u32) -> u32 {
        match self.demand {
            Demand::Crowd { clients } => clients.saturating_sub(at_once),
            Demand::Stream { .. } => {
                let waves = (self.patience - service.mean()) / service.mean();
                (f64::from(at_once) * waves.max(0.0)) as u32
            }
        }
    }
}

impl Demand {
    fn whom(&self) -> String {
        match self {
            Demand::Crowd { clients: 1 } => "1 client".to_owned(),
            Demand::Crowd { clients } => format!("{} clients who come at once", count(*clients)),
            Demand::Stream { rate, .. } => format!("{} calls a second", format::number(*rate)),
        }
    }
}

impl Service {
    /// How long a call takes.
    pub(crate) fn sentence(&self) -> String {
        let seen = format::count(self.count());
        let mean = time(self.mean());
        let more = if self.is_more() { "more than " } else { "" };
        let mut sentence = format!("A call that does not wait takes {more}{mean}");
        // Below this nobody sees a difference.
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

impl Findings {
    /// What it comes to, a sentence or two each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let service = self.service.as_ref();
        let mut sentences: Vec<_> = service.map(Service::sentence).into_iter().collect();
        sentences.push(self.verdict_sentence());
        sentences.extend(self.spread().map(|(least, most)| {
            format!(
                "As well as that time is known, it takes {} to {}; a longer `-d` makes it surer.",
                count(least),
                count(most)
            )
        }));
        sentences.extend(self.check.as_ref().map(|check| self.tried(check)));
        sentences
    }

    fn verdict_sentence(&self) -> String {
        let patience = time(self.goal.patience);
        match self.verdict {
            Verdict::Enough { at_once } => {
                let enough = match self.bound {
                    Bound::Limit { .. } => format!("`limit = {at_once}` is enough"),
                    Bound::Theirs => {
                        format!("It is enough as it is, and takes {}", workers(at_once))
                    }
                };
                format!("{enough}: {}.{}", self.because(at_once), self.queue(at_once))
            }
            Verdict::TooFewSeats { at_once, seats } => format!(
                "It takes `limit = {at_once}`, and it has room for {}; raise its `threads`, `processes` or \
                 `concurrency`, or whatever gives it room: {}.",
                count(seats),
                self.because(at_once)
            ),
            Verdict::TooFewWorkers { at_once, now } => format!(
                "It takes {}, and it has {}: {}; with more than {} at once it answers no more than {}.",
                workers(at_once),
                count(now),
                self.because(at_once),
                count(now),
                a_second(&self.knee)
            ),
            Verdict::Saturated { at_once } => format!(
                "No limit is enough: it would take {} calls at once that do not hinder each other ({}), and it answers no \
                 more than {}, which takes {}.",
                count(at_once),
                self.because(at_once),
                a_second(&self.knee),
                count(self.knee.workers())
            ),
            Verdict::Refuted { at_once } => format!(
                "{} should be enough, and was not: calls hinder each other, or take longer than they did when they were \
                 measured. By the formula {}.",
                capital(&self.named(at_once)),
                self.because(at_once)
            ),
            Verdict::Beyond { at_once } => {
                format!("It takes more than {} at once.", count(at_once))
            }
            Verdict::Never { share, is_sure: true } => format!(
                "No number of workers is enough: of calls that wait for nothing {} within {patience}. Make the call faster, \
                 or wait for longer.",
                if share > 0.0 {
                    format!("only {} are over", percent(share))
                } else {
                    "none is over".to_owned()
                }
            ),
            Verdict::Never { share, .. } => format!(
                "Too few calls were seen to tell: of those that wait for nothing {} were over within {patience}. A longer \
                 `-d` makes it surer.",
                percent(share)
            ),
            Verdict::Unanswered => {
                let record = self.sweep.levels.first().map(|level| &level.record);
                format!("Nothing is known of it: {}.", record.map_or_else(String::new, unanswered))
            }
        }
    }

    /// Why so many.
    fn because(&self, at_once: u32) -> String {
        let Some(service) = &self.service else { return String::new() };
        match self.goal.demand {
            Demand::Stream { rate, .. } => {
                let load = rate * service.mean();
                let busy =
                    format!("{} calls are in work on average (Little's law)", format::number(load));
                match self.goal.wait(service, at_once) {
                    Some((busy_share, wait)) if busy_share < 1.0 => format!(
                        "{busy}, and with {} at once {} of the calls wait, for {} on average (Erlang C)",
                        count(at_once),
                        percent(wait.chance),
                        time(wait.once)
                    ),
                    _ => busy,
                }
            }
            Demand::Crowd { .. } => {
                let waves = (self.goal.patience / service.mean()) as u64;
                let patience = time(self.goal.patience);
                let waves_in_words = match waves {
                    0 | 1 => "1 of them".to_owned(),
                    _ => format!("{} of them, one after the other", format::count(waves)),
                };
                format!("within {patience} one worker serves {waves_in_words}")
            }
        }
    }

    fn queue(&self, at_once: u32) -> String {
        let Some(service) = &self.service else { return String::new() };
        match self.goal.queue(service, at_once) {
            0 => String::new(),
            queue => format!(
                " `queue = {queue}` has room for all who can still be answered within {}.",
                time(self.goal.patience)
            ),
        }
    }

    fn named(&self, at_once: u32) -> String {
        match self.bound {
            Bound::Limit { .. } => format!("`limit = {at_once}`"),
            Bound::Theirs => workers(at_once),
        }
    }

    /// What came of trying it.
    fn tried(&self, check: &Check) -> String {
        let Record { ok, requests, .. } = check.record;
        let whom = check.demand.whom();
        let found = format!(
            "{} of {} calls were answered within {} (p99 {})",
            // A share of few says less than their number.
            if requests < 100 { format::count(ok) } else { format::share(ok, requests) },
            format::count(requests),
            time(self.goal.patience),
            format::found(check.record.response.quantile(0.99))
        );
        let with = match self.bound {
            Bound::Limit { .. } => format!("With `limit = {}`", check.at_once),
            Bound::Theirs => "As it is".to_owned(),
        };
        match (check.demand == self.goal.demand, check.holds(self.goal.share)) {
            (true, _) => format!("Tried: {found}."),
            (_, true) => format!("{with} it can take {whom}; tried: {found}."),
            (_, false) => {
                format!("{with} it should be able to take {whom}, and is not; tried: {found}.")
            }
        }
    }
}

/// Why nobody was answered.
fn unanswered(record: &Record) -> String {
    let requests = format::count(record.requests);
    let faults =
        record.faults.iter().map(|(kind, faults)| format!("{}: {}", kind.text(), faults.first));
    let statuses = record.statuses.keys().map(|status| format!("answered {status}"));
    let why: Vec<_> = faults.chain(statuses).collect();
    format!("of {requests} calls none was answered with 2xx ({})", why.join("; "))
}

fn a_second(knee: &Knee) -> String {
    format!("{} a second", format::number(knee.rate))
}

fn workers(number: u32) -> String {
    if number == 1 { "1 worker".to_owned() } else { format!("{} workers", count(number)) }
}

fn count(number: u32) -> String {
    format::count(number.into())
}

fn time(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "∞".to_owned(), format::time)
}

/// `97.2 %`; never all unless it is so.
fn percent(share: f64) -> String {
    const OF: f64 = 1e9;
    let share = format::share((share * OF).round() as u64, OF as u64);
    // What was typed as 99 % is read as that.
    share.replace(".0 %", " %")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
