//! Thresholds as they are typed, and the results that meet them.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::comparison::ratio::Pairing;
use crate::comparison::tests::results;
use crate::plan::Load;
use crate::stats::outcome::{Fault, FaultKind, RequestOutcome, ResponseSummary};
use crate::stats::record::{MeasurementWindow, RequestTimes};

/// `ok` responses after a second, timeouts after seven, and refused connections.
fn record(ok: u64, client_timeouts: u64, refused: u64) -> LoadRecord {
    let begin = Instant::now() - Duration::from_secs(60);
    let end = Some(begin + Duration::from_secs(10));
    let mut record = LoadRecord::new(MeasurementWindow { begin, end }).unwrap();
    let after = |seconds| {
        let ended = begin + Duration::from_secs(seconds);
        RequestTimes { planned: begin, started: begin, ended }
    };
    let answer = ResponseSummary { status: 200, body_bytes: 0, keeps_alive: true };
    (0..ok).for_each(|_| record.add(after(1), RequestOutcome::Answered(answer)));
    (0..client_timeouts).for_each(|_| record.add(after(7), RequestOutcome::ClientTimeout));
    let refusal = || RequestOutcome::Failed(Fault::new(FaultKind::Refused, "refused"));
    (0..refused).for_each(|_| record.add(after(0), refusal()));
    record
}

fn holds(text: &str, record: &LoadRecord) -> bool {
    let judged = judge(&text.parse::<Thresholds>().unwrap(), record, References::default());
    judged.iter().all(|judged| judged.holds)
}

#[test]
fn counts_shares_times_and_rates_are_compared_each_in_its_unit() {
    let record = record(99, 1, 0);
    for text in [
        "ok=99",
        "ok>=99%",
        "ok<100%",
        "client_timeout<=1%",
        "client_timeout!=0",
        "requests==100",
        "p50<1010ms, p50>=1s",
        "p95<5s",
        "mean<7s, service_p50<=1010ms",
        " rate >= 9.9/s ",
        "failed=1",
        "refused=0",
        "status_503=0",
        "statuses=0",
        "min=1s",
    ] {
        // The mean is at least 1.06 s, since one request timed out: it may be above 7 s.
        let expected = !text.starts_with("mean<7s");
        assert_eq!(holds(text, &record), expected, "{text}");
    }
}

#[test]
fn of_what_was_cut_off_only_that_it_is_longer_is_known() {
    let record = record(90, 10, 0);
    assert!(holds("p99>5s, p99>=7s", &record));
    for unknown in ["p99<10s", "p99=7s", "p99>8s", "max<1h"] {
        assert!(!holds(unknown, &record), "{unknown}");
    }
    assert_eq!(
        judge(&"p99<10s".parse::<Thresholds>().unwrap(), &record, References::default())[0]
            .observed,
        "more than 7.00 s"
    );
}

fn references(named_target: &[u64], reference: &[u64]) -> (LoadRecord, Comparison) {
    let [named_target, reference] =
        [("slow", named_target), ("fast", reference)].map(|(name, rounds)| results(name, rounds));
    let load = Load::Closed { clients: std::num::NonZeroUsize::MIN };
    let comparison = Comparison::of(&named_target, &reference, &load, Pairing::Rounds);
    (named_target.record, comparison)
}

fn judged(text: &str, (record, comparison): &(LoadRecord, Comparison)) -> Vec<ThresholdResult> {
    let references = References { figures: Some(comparison), responses: Some(comparison) };
    judge(&text.parse::<Thresholds>().unwrap(), record, references)
}

#[test]
fn what_is_relative_is_compared_with_the_ratio_to_another_and_only_with_that() {
    let slower = references(&[110; 8], &[100; 8]);
    let text = "rate>=0.9x, rate>=0.95x, p99<=1.11x, mean<1.05×, same_answers, ok=100%";
    let holds: Vec<_> = judged(text, &slower).iter().map(|judged| judged.holds).collect();
    assert_eq!(holds, [true, false, true, false, false, true]);
    let expectations = text.parse::<Thresholds>().unwrap();
    let alone = judge(&expectations, &slower.0, References::default());
    assert_eq!(alone.len(), 1, "the reference is not compared with itself");
    assert_eq!(expectations.relative(), Some("rate>=0.9x"));
    assert_eq!(expectations.of_responses(), Some("same_answers"));
    let absolute = "ok=1".parse::<Thresholds>().unwrap();
    assert_eq!((absolute.relative(), absolute.of_responses()), (None, None));
    for bad in ["ok>=0.9x", "p98<1x", "rate>x", "rate>0x", "client_timout<1x"] {
        assert!(bad.parse::<Thresholds>().is_err(), "{bad}");
    }
}

#[test]
fn what_is_relative_holds_only_if_it_does_for_all_that_the_ratio_may_be() {
    let rounds = [100, 130, 80, 100, 120, 90, 110, 100];
    let unsure = references(&rounds, &[100; 8]);
    let holds = |text: &str| judged(text, &unsure)[0].holds;
    // The median ratio is 1, and its interval contains 1.1.
    for (text, expected) in [("p50<=1.05x", false), ("p50<=1.5x", true), ("p50!=1x", false)] {
        assert_eq!(holds(text), expected, "{text}: {}", judged(text, &unsure)[0].observed);
    }
    assert!(!holds("p50>=1x") && holds("p50>=0.7x") && holds("p50!=2x"));
}

#[test]
fn what_is_relative_does_not_hold_for_lack_of_rounds() {
    let few = references(&[100; 7], &[100; 8]);
    let judged = &judged("p50<=1000x", &few)[0];
    assert!(!judged.holds);
    assert_eq!(judged.observed, "1.00 ×, without a confidence interval, which takes 8 rounds");
}

#[test]
fn nothing_measured_is_no_pass() {
    for text in ["client_timeout=0", "p95<5s", "ok>=0%", "failed>=0"] {
        assert!(!holds(text, &record(0, 0, 0)), "{text}");
        assert!(!holds(text, &record(0, 0, 5)), "{text}");
    }
}

#[test]
fn what_cannot_be_expected_is_refused_with_what_could() {
    let error = |text: &str| text.parse::<Thresholds>().unwrap_err();
    assert!(error("p95").contains("has no comparison"));
    assert!(error("").contains("has no comparison"));
    let misspelt = error("client_timout=0");
    assert!(
        misspelt.contains("`client_timout`") && misspelt.contains("`client_timeout`"),
        "{misspelt}"
    );
    for bad in ["p95<5", "p101<5s", "p<5s", "ok>=101%", "ok>=many", "rate>1%", "status_99=0"] {
        assert!(bad.parse::<Thresholds>().is_err(), "{bad}");
    }
}
