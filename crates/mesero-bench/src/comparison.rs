//! Compares two targets: which is faster, by how much, and with what confidence.

pub(crate) mod ratio;
pub(crate) mod response_snapshot;
pub(crate) mod results;
pub(crate) mod rounds;
pub(crate) mod trial;

use mesero_terminal::units;

use crate::comparison::ratio::{Pairing, Ratio};
use crate::comparison::response_snapshot::ResponseMatch;
use crate::comparison::results::TargetResults;
use crate::plan::Load;
use crate::stats::bootstrap::{ConfidenceInterval, LEAST_ROUNDS};
use crate::stats::format;
use crate::stats::metric::{Figure, STATISTICS};
use crate::stats::record::LoadRecord;

/// A target, compared with the reference.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) rate: Ratio,
    /// Of response times, in the order of [`STATISTICS`].
    pub(crate) response: [Ratio; STATISTICS.len()],
    pub(crate) responses: ResponseMatch,
    /// The figure that decides which target is faster.
    by: ComparedBy,
    /// The figures of both, as text.
    figures: String,
    /// Failed requests and all requests, of both targets.
    failed: (u64, u64),
    /// Finished rounds, of the target with fewer.
    rounds: usize,
}

/// The figure that decides which target is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparedBy {
    /// In a closed load, faster responses mean a higher rate.
    Rate,
    /// In an open load, all targets have the same rate.
    Median,
}

impl Comparison {
    pub(crate) fn of(
        target: &TargetResults,
        reference: &TargetResults,
        load: &Load,
        pairing: Pairing,
    ) -> Self {
        let ratio = |figure: Figure| Ratio::between(figure, pairing, [target, reference]);
        let (ours, theirs) = (&target.record, &reference.record);
        let by = match load {
            Load::Closed { .. } => ComparedBy::Rate,
            Load::Open { .. } => ComparedBy::Median,
        };
        Self {
            name: target.name.clone(),
            reference: reference.name.clone(),
            rate: ratio(Figure::Rate),
            response: std::array::from_fn(|index| ratio(Figure::Response(index))),
            responses: ResponseMatch::of(
                &target.name,
                target.snapshot.as_ref(),
                (&reference.name, reference.snapshot.as_ref()),
            ),
            by,
            figures: figures(by, ours, theirs),
            failed: (ours.failed() + theirs.failed(), ours.requests + theirs.requests),
            rounds: target.rounds.len().min(reference.rounds.len()),
        }
    }

    /// Ratio of the figure with this name; unknown for other names.
    pub(crate) fn ratio(&self, name: &str) -> Ratio {
        match Figure::named(name) {
            Some(Figure::Rate) => self.rate,
            Some(Figure::Response(index)) => self.response[index],
            None => Ratio::Unknown,
        }
    }

    /// Whether both have enough rounds for a confidence interval.
    pub(crate) fn has_rounds(&self) -> bool {
        self.rounds >= LEAST_ROUNDS
    }

    /// The conclusion as a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Comparison { name, reference, .. } = self;
        let (ratio, figures) = match self.by {
            ComparedBy::Rate => (self.rate, "rates"),
            ComparedBy::Median => (self.ratio("p50"), "median response times"),
        };
        let mut sentence = match ratio {
            Ratio::Of { ratio, interval: Some(interval) } if interval.excludes_one() => {
                let is_faster = (ratio > 1.0) == (self.by == ComparedBy::Rate);
                let word = if is_faster { "faster" } else { "slower" };
                // `2 × slower` and not `0.5 × faster`.
                let (factor, interval) =
                    if ratio > 1.0 { (ratio, interval) } else { (1.0 / ratio, interval.inverse()) };
                format!(
                    "{name} is {} × {word} than {reference}: {} ({} ×)",
                    format::ratio(factor),
                    self.figures,
                    range(interval)
                )
            }
            Ratio::Of { interval: Some(interval), .. } => format!(
                "no difference measured between {name} and {reference}: ratio of {figures} {}",
                range(interval)
            ),
            Ratio::Of { ratio, interval: None } => format!(
                "{name} and {reference}: ratio of {figures} {}; a confidence interval takes \
                 {LEAST_ROUNDS} rounds or more in which both have responses",
                format::ratio(ratio)
            ),
            Ratio::MoreThan(bound) => format!(
                "{name} and {reference}: ratio of {figures} more than {}",
                format::ratio(bound)
            ),
            Ratio::LessThan(bound) => format!(
                "{name} and {reference}: ratio of {figures} less than {}",
                format::ratio(bound)
            ),
            Ratio::Unknown => format!(
                "{name} and {reference} cannot be compared: at least one has no response with 2xx"
            ),
        };
        let (failed, requests) = self.failed;
        if failed > 0 {
            let share = units::share(failed, requests);
            sentence.push_str(&format!("; {share} of the requests to both targets failed"));
        }
        sentence
    }
}

/// The figures that are compared: `median 45.7 ms against 298 ms`.
fn figures(by: ComparedBy, target: &LoadRecord, reference: &LoadRecord) -> String {
    match by {
        ComparedBy::Rate => {
            let [ours, theirs] = [target, reference].map(|record| units::number(record.rate()));
            format!("{ours} responses a second against {theirs}")
        }
        ComparedBy::Median => {
            let median = |record: &LoadRecord| format::latency(record.response.quantile(0.5));
            format!("median {} against {}", median(target), median(reference))
        }
    }
}

impl ConfidenceInterval {
    /// The interval of the inverse ratio.
    fn inverse(self) -> Self {
        Self { low: 1.0 / self.high, high: 1.0 / self.low }
    }

    /// Whether the interval excludes equality.
    pub(crate) fn excludes_one(self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }
}

/// A ratio with its confidence interval: `1.42 × (1.38–1.47)`.
pub(crate) fn text(ratio: Ratio) -> String {
    match ratio {
        Ratio::Of { ratio, interval: Some(interval) } => {
            format!("{} × ({})", format::ratio(ratio), range(interval))
        }
        Ratio::Of { ratio, interval: None } => format!("{} ×", format::ratio(ratio)),
        Ratio::MoreThan(ratio) => format!("> {} ×", format::ratio(ratio)),
        Ratio::LessThan(ratio) => format!("< {} ×", format::ratio(ratio)),
        Ratio::Unknown => "—".to_owned(),
    }
}

fn range(ConfidenceInterval { low, high }: ConfidenceInterval) -> String {
    format!("{}–{}", format::ratio(low), format::ratio(high))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::plan::Arrivals;
    use crate::stats::outcome::{RequestOutcome, ResponseSummary};
    use crate::stats::record::{MeasurementWindow, RequestTimes};

    const CLOSED: Load = Load::Closed { clients: NonZeroUsize::MIN };
    const OPEN: Load =
        Load::Open { rate: 1.0, arrivals: Arrivals::Uniform, concurrency: NonZeroUsize::MIN };

    /// Rounds of ten consecutive responses, with these times in milliseconds.
    pub(crate) fn results(name: &str, rounds: &[u64]) -> TargetResults {
        let begin = Instant::now() - Duration::from_secs(60);
        let mut results = TargetResults::new(name.to_owned(), format!("http://{name}/")).unwrap();
        for milliseconds in rounds {
            let time = Duration::from_millis(*milliseconds);
            let mut record =
                LoadRecord::new(MeasurementWindow { begin, end: Some(begin + 10 * time) }).unwrap();
            for turn in 0..10 {
                let planned = begin + turn * time;
                let instants = RequestTimes { planned, started: planned, ended: planned + time };
                let answer = ResponseSummary { status: 200, body_bytes: 2, keeps_alive: true };
                record.add(instants, RequestOutcome::Answered(answer));
            }
            results.add(&record);
        }
        results
    }

    /// One more round, in which every request timed out.
    fn with_timeouts(mut results: TargetResults) -> TargetResults {
        let begin = Instant::now() - Duration::from_secs(60);
        let end = begin + Duration::from_secs(1);
        let mut record = LoadRecord::new(MeasurementWindow { begin, end: Some(end) }).unwrap();
        let instants = RequestTimes { planned: begin, started: begin, ended: end };
        (0..1_000).for_each(|_| record.add(instants, RequestOutcome::ClientTimeout));
        results.add(&record);
        results
    }

    fn sentence(load: &Load, target: &TargetResults, reference: &TargetResults) -> String {
        Comparison::of(target, reference, load, Pairing::Rounds).sentence()
    }

    /// A machine that is slower in some rounds, for both targets.
    const ROUNDS: [u64; 8] = [100, 120, 90, 200, 100, 110, 95, 100];

    #[test]
    fn a_difference_is_reported_with_its_factor_and_interval() {
        let slow = results("slow", &ROUNDS.map(|time| 2 * time));
        let fast = results("fast", &ROUNDS);
        let text = sentence(&CLOSED, &fast, &slow);
        assert_eq!(
            text,
            "fast is 2.00 × faster than slow: 8.74 responses a second against 4.37 (2.00–2.00 ×)"
        );
        let text = sentence(&CLOSED, &slow, &fast);
        assert_eq!(
            text,
            "slow is 2.00 × slower than fast: 4.37 responses a second against 8.74 (2.00–2.00 ×)"
        );
        let text = sentence(&OPEN, &fast, &slow);
        let begin = "fast is 2.00 × faster than slow: median 100 ms against 200 ms (";
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn without_a_significant_difference_none_is_reported() {
        let one = results("one", &ROUNDS);
        let other = results("other", &[101, 119, 91, 199, 99, 111, 96, 99]);
        let text = sentence(&CLOSED, &other, &one);
        let begin = "no difference measured between other and one: ratio of rates 0.9";
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn too_few_rounds_make_no_interval() {
        let one = results("one", &ROUNDS[..7]);
        let text = sentence(&CLOSED, &one, &one);
        assert!(
            text.starts_with("one and one: ratio of rates 1.00; a confidence interval"),
            "{text}"
        );
        assert!(text.contains("8 rounds or more"), "{text}");
    }

    #[test]
    fn lower_bounds_have_a_bound_and_no_ratio() {
        let whole = results("whole", &ROUNDS);
        let cut = with_timeouts(results("cut", &ROUNDS[1..]));
        let of = |one: &TargetResults, other: &TargetResults| {
            text(Comparison::of(one, other, &OPEN, Pairing::Rounds).ratio("p50"))
        };
        assert_eq!(of(&cut, &whole), "> 10.0 ×");
        assert_eq!(of(&whole, &cut), "< 0.100 ×");
        assert_eq!(of(&cut, &cut), "—");
        let text = sentence(&OPEN, &cut, &whole);
        let expected = "cut and whole: ratio of median response times more than 10.0; 87.0 % of the requests to both targets failed";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_target_without_responses_is_not_compared() {
        let (silent, answering) = (results("silent", &[]), results("answering", &ROUNDS));
        let text = sentence(&CLOSED, &silent, &answering);
        assert!(text.starts_with("silent and answering cannot be compared"), "{text}");
    }
}
