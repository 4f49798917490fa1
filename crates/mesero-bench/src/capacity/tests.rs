//! Suggestions for resources that follow the formulas, with the clock paused; the dispatcher is the real one.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use mesero::{Call, Dispatcher, Order};
use mesero_config::{Delay, PolicyFlags, StubSettings};
use mesero_resources::stub::Stub;
use mesero_resources::{Reply, Request};
use mesero_services::dispatcher_metrics::DispatcherMetrics;
use mesero_services::service::Service;
use mesero_target::item::ItemCycle;
use mesero_target::{BodyOption, RequestFlags, Target, TargetArgs, TargetOptions};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::*;
use crate::capacity::erlang::ErlangSystem;
use crate::capacity::findings::CapacityVerdict;
use crate::capacity::need::tests::textbook;
use crate::plan::{ArrivalSchedule, Arrivals, Protocol, StopCondition};
use crate::target::in_process::InProcessTarget;

const SECOND: Duration = Duration::from_secs(1);

/// A stub behind a dispatcher with this limit.
fn service(delay: Delay, limit: u32) -> Service {
    let settings =
        StubSettings { delay, body: "ok".to_owned(), seed: Some(7), ..StubSettings::default() };
    // The formula is for calls that are served in order.
    let dispatcher = Dispatcher::<Reply>::builder("stub").limit(limit as usize).queue(1_000_000);
    let dispatcher = dispatcher.order(Order::Fifo);
    Service {
        dispatcher: dispatcher.build().unwrap(),
        resource: Arc::new(Stub::new(settings)),
        shares: false,
        ttl: None,
        policy: Arc::default(),
        metrics: DispatcherMetrics::default(),
    }
}

/// A stub as target, called like `stub:` on the command line.
fn target(delay: Delay, limit: u32) -> BenchTarget {
    let options = TargetOptions {
        name: Some("stub:"),
        command: &[],
        is_repetition: true,
        request: RequestFlags { method: None, headers: &[], body: BodyOption::Nothing },
        target: &TargetArgs::default(),
        policy: PolicyFlags::default(),
    };
    let (target, _) = Target::read(&options).unwrap();
    let items = ItemCycle::new(&[]).unwrap();
    BenchTarget::InProcess(Arc::new(InProcessTarget {
        service: service(delay, limit),
        target,
        items,
    }))
}

fn probe(target: BenchTarget, bound: ConcurrencyControl, goal: &CapacityGoal) -> CapacityProbe {
    let load = match goal.demand {
        Demand::Burst { clients } => {
            Load::Closed { clients: NonZeroUsize::new(clients as usize).unwrap() }
        }
        Demand::Rate { rate, arrivals } => {
            Load::Open { rate, arrivals, concurrency: NonZeroUsize::new(100_000).unwrap() }
        }
    };
    let plan = LoadPlan {
        load,
        until: StopCondition::Time(SECOND),
        timeout: Duration::from_secs_f64(goal.timeout),
        warm_up: Duration::ZERO,
        protocol: Protocol::Http1,
        tolerance: None,
        seed: 1,
        rounds: NonZeroU32::MIN,
    };
    CapacityProbe {
        target,
        bound,
        plan,
        level_time: 3_600 * SECOND,
        check_time: 20 * SECOND,
        live: ProgressDisplay::silent(),
    }
}

const SEATS: ConcurrencyControl = ConcurrencyControl::Limit { seats: 1_000 };

fn stream(rate: f64) -> Demand {
    Demand::Rate { rate, arrivals: Arrivals::Poisson }
}

async fn suggested(
    delay: Delay,
    goal: CapacityGoal,
    bound: ConcurrencyControl,
) -> CapacityFindings {
    let mut probe = probe(target(delay, 1), bound, &goal);
    CapacityFindings::measure(goal, &mut probe).await.unwrap()
}

/// Parameters for which service times 5 % shorter or longer, as measured ones may be, give the same concurrency.
#[tokio::test(start_paused = true)]
async fn what_is_suggested_for_exponential_calls_is_what_the_formula_says() {
    for (rate, mean, timeout) in [
        (1.25, 0.2, 1.6),
        (2.0, 0.2, 1.2),
        (5.0, 0.2, 1.6),
        (20.0, 0.1, 0.8),
        (15.0, 0.2, 1.8),
        (25.0, 0.2, 1.8),
        (40.0, 0.2, 2.0),
        (40.0, 0.1, 0.8),
        (30.0, 0.2, 2.0),
        (90.0, 0.1, 1.0),
        (27.0, 0.1, 0.8),
        (4.0, 0.5, 4.0),
    ] {
        let concurrency = [0.95, 1.0, 1.05].map(|f| textbook(rate, mean * f, (timeout, 0.99)));
        assert!(concurrency[0] == concurrency[2], "{rate} {mean} {timeout}");
        let goal = CapacityGoal { demand: stream(rate), timeout, share: 0.99 };
        let delay = Delay::Exponential { mean: Duration::from_secs_f64(mean) };
        let findings = suggested(delay, goal, SEATS).await;
        let enough = CapacityVerdict::Enough { concurrency: concurrency[1] };
        assert_eq!(findings.verdict, enough, "{rate} {mean} {timeout}");
        assert!(findings.holds());
    }
}

/// Time that each call waited for a slot, in their order.
async fn waits((rate, mean, servers): (f64, Duration, u32), calls: usize) -> Vec<f64> {
    let service = service(Delay::Exponential { mean }, servers);
    let begin = Instant::now();
    let mut answers = JoinSet::new();
    for (index, offset) in ArrivalSchedule::new(rate, Arrivals::Poisson, 3).take(calls).enumerate()
    {
        sleep_until(begin + offset).await;
        let service = service.clone();
        answers.spawn(async move {
            let answer = service.ask(Call::unkeyed(), Request::of_arguments("{}")).await;
            (index, answer.report.waited.as_secs_f64())
        });
    }
    let mut waits = answers.join_all().await;
    waits.sort_by_key(|(index, _)| *index);
    waits.into_iter().map(|(_, wait)| wait).collect()
}

/// The method of batch means (A. M. Law, "Simulation Modeling and Analysis", 4th ed., 2007, 9.5.3): the means of twenty
/// batches, each much longer than waits are correlated, are practically independent.
#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_slot_for_as_long_as_erlang_says() {
    const BATCH: usize = 400;
    const BATCHES: usize = 20;
    // The 99.5th percentile of Student's distribution with 19 degrees of freedom: two-sided, a certainty of 99 %.
    const STUDENT: f64 = 2.861;
    // Long compared with the milliseconds of tokio's clock.
    let mean = 10 * SECOND;
    for (rate, servers) in [(0.05, 1), (0.16, 2), (0.4, 5), (0.8, 10), (2.0, 25)] {
        // The first batch starts with an empty system, and is not counted.
        let waits = waits((rate, mean, servers), (BATCHES + 1) * BATCH).await;
        let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let means: Vec<_> = waits.chunks(BATCH).skip(1).map(mean_of).collect();
        let middle = mean_of(&means);
        let squares = means.iter().map(|mean| (mean - middle).powi(2)).sum::<f64>();
        let error = (squares / (BATCHES - 1) as f64 / BATCHES as f64).sqrt();
        let erlang = (0..servers).fold(ErlangSystem::of(rate * 10.0), |erlang, _| erlang.more());
        let truth = erlang.wait(10.0, 1.0).mean();
        let interval = middle - STUDENT * error..=middle + STUDENT * error;
        assert!(interval.contains(&truth), "{rate}, {servers}: {truth} is not in {interval:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_gets_as_many_places_as_batches_fit_into_the_timeout() {
    let delay = Delay::Fixed(5 * SECOND);
    for (timeout, concurrency) in [(7.0, 10), (11.0, 5), (16.0, 4)] {
        let goal = CapacityGoal { demand: Demand::Burst { clients: 10 }, timeout, share: 1.0 };
        let findings = suggested(delay, goal, SEATS).await;
        assert_eq!(findings.verdict, CapacityVerdict::Enough { concurrency });
        assert_eq!(findings.check.unwrap().record.ok, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn no_concurrency_helps_calls_that_take_longer_than_the_timeout() {
    for demand in [stream(2.0), Demand::Burst { clients: 10 }] {
        let goal = CapacityGoal { demand, timeout: 4.0, share: 0.9 };
        let findings = suggested(Delay::Fixed(5 * SECOND), goal, SEATS).await;
        assert_eq!(findings.verdict, CapacityVerdict::Never { share: 0.0, is_certain: true });
        assert!(!findings.holds() && findings.check.is_none());
        let said = findings.sentences().join(" ");
        assert!(said.contains("No number of workers is enough"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_with_too_few_seats_is_reported_with_the_needed_ones_and_its_feasible_demand() {
    let goal = CapacityGoal { demand: Demand::Burst { clients: 10 }, timeout: 7.0, share: 1.0 };
    let delay = Delay::Fixed(5 * SECOND);
    let findings = suggested(delay, goal, ConcurrencyControl::Limit { seats: 4 }).await;
    assert_eq!(findings.verdict, CapacityVerdict::TooFewSeats { concurrency: 10, seats: 4 });
    let check = findings.check.as_ref().unwrap();
    assert_eq!((check.demand, check.record.ok), (Demand::Burst { clients: 4 }, 4));
    assert!(!findings.holds());
}

/// A limit behind the swept limit: a URL as seen from outside.
#[tokio::test(start_paused = true)]
async fn workers_behind_a_url_are_counted_at_the_knee() {
    for (workers, demand) in
        [(1, stream(1.0)), (5, Demand::Burst { clients: 20 }), (7, stream(30.0))]
    {
        let goal = CapacityGoal { demand, timeout: 2.5, share: 0.99 };
        let mut theirs =
            probe(target(Delay::Fixed(SECOND), workers), ConcurrencyControl::External, &goal);
        let findings = CapacityFindings::measure(goal, &mut theirs).await.unwrap();
        assert!(
            matches!(findings.verdict, CapacityVerdict::TooFewWorkers { now, .. } if now == workers),
            "{workers}: {:#?}",
            findings.sentences()
        );
        let check = findings.check.as_ref().unwrap();
        assert!(check.holds(0.99), "{:?}", findings.sentences());
    }
}

/// The printed text.
async fn label(
    delay: Delay,
    workers: u32,
    (goal, bound): (CapacityGoal, ConcurrencyControl),
) -> String {
    let mut probe = probe(target(delay, workers), bound, &goal);
    let findings = CapacityFindings::measure(goal, &mut probe).await.unwrap();
    CapacityReport { target: "@slow", protocol: Protocol::Http1, findings, note: None }.text()
}

#[tokio::test(start_paused = true)]
async fn the_text_has_measurements_computation_and_trial() {
    let stream = CapacityGoal { demand: stream(8.0), timeout: 5.0, share: 0.99 };
    let text = label(Delay::Fixed(SECOND), 1, (stream, SEATS)).await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..10],
        [
            "@slow",
            "wanted: 99 % of 8.00 calls a second answered within 5.00 s",
            "",
            " concurrency  a second    mean     p99     ok",
            "           1      1.00  1.00 s  1.00 s  100 %",
            "           2      2.00  1.00 s  1.00 s  100 %",
            "           4      4.00  1.00 s  1.00 s  100 %",
            "           8      8.00  1.00 s  1.00 s  100 %",
            "          16      16.0  1.00 s  1.00 s  100 %",
            "          18      18.0  1.00 s  1.00 s  100 %",
        ]
    );
    assert_eq!(
        lines[11..].join("\n"),
        "A call that does not wait takes 1.00 s, as 102 calls showed.\n\n\
         `limit = 9` is enough: 8.00 calls are in flight on average (Little's law), and 65.4 % of the calls wait \
         at a concurrency of 9, for 500 ms on average (Erlang C). `queue = 35` holds all calls that can still be answered within \
         5.00 s.\n\n\
         Trial: 100 % of 171 calls were answered within 5.00 s (p99 2.12 s)."
    );
}

#[tokio::test(start_paused = true)]
async fn the_text_has_the_number_of_workers_and_their_feasible_demand() {
    let crowd = CapacityGoal { demand: Demand::Burst { clients: 10 }, timeout: 7.0, share: 0.99 };
    let text = label(Delay::Fixed(5 * SECOND), 5, (crowd, ConcurrencyControl::External)).await;
    let sentences = text.split("\n\n").skip(2).collect::<Vec<_>>().join("\n");
    assert_eq!(
        sentences,
        "A call that does not wait takes 5.00 s, as 28 calls showed.\n\
         10 workers are needed, and the server has 5: within 7.00 s one worker serves 1 of them; a concurrency above 5 \
         answers no more than 1.00 a second.\n\
         With its current capacity it can serve 5 simultaneous clients; trial: 5 of 5 calls were answered within 7.00 s \
         (p99 5.00 s).\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_few_slow_calls_are_no_proof_that_no_number_is_enough() {
    // One of two hundred calls takes longer than 5.3 s, and may be among the first.
    let goal = CapacityGoal { demand: stream(2.0), timeout: 5.0, share: 0.99 };
    let mut probe = probe(target(Delay::Exponential { mean: SECOND }, 1), SEATS, &goal);
    probe.level_time = 2 * SECOND;
    let findings = CapacityFindings::measure(goal, &mut probe).await.unwrap();
    assert!(
        !matches!(findings.verdict, CapacityVerdict::Never { is_certain: true, .. }),
        "{:?}",
        findings.verdict
    );
}
