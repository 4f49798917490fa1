//! A service, compared with itself and with a service that is a tenth slower, on a noisy machine. With the clock paused, it
//! is the same machine in every run of the test.

use std::f64::consts::TAU;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use mesero::{Attempt, Dispatcher, Seats};
use mesero_config::PolicyFlags;
use mesero_http::body::Body;
use mesero_resources::{Health, Reply, Request, Resource, Serving};
use mesero_services::dispatcher_metrics::DispatcherMetrics;
use mesero_services::service::Service;
use mesero_target::item::ItemCycle;
use mesero_target::{BodyOption, RequestFlags, Target, TargetArgs, TargetOptions};
use tokio::time::{Instant, sleep};

use super::*;
use crate::comparison::Comparison;
use crate::comparison::ratio::{Pairing, Ratio};
use crate::plan::{Load, Protocol, StopCondition};
use crate::stats::bootstrap::ConfidenceInterval;
use crate::target::BenchTarget;
use crate::target::in_process::InProcessTarget;

/// Comparisons of each pair.
const COMPARISONS: u64 = 20;

const CLIENTS: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// A resource with variable service times, on a machine that is shared.
#[derive(Debug)]
struct NoisyResource {
    usual: Duration,
    random: Mutex<Rng>,
    begin: Instant,
}

impl NoisyResource {
    /// Factor by which the machine slows everything down at this moment.
    fn machine(&self) -> f64 {
        let seconds = self.begin.elapsed().as_secs_f64();
        // A slow drift, and intervals in which another process takes most of the machine.
        let drift = 1.0 + 0.3 * (TAU * seconds / 30.0).sin();
        let stretch = (seconds / 0.4) as u64;
        let is_disturbed = Rng::with_seed(stretch).u8(..) < 26;
        drift * if is_disturbed { 3.0 } else { 1.0 }
    }
}

impl Resource for NoisyResource {
    fn seats(&self) -> NonZeroUsize {
        CLIENTS
    }

    fn supervise(&self, _seats: Seats) {}

    fn attempt(&self, _order: Request, _attempt: Attempt) -> Serving {
        let own = 0.8 + 0.4 * self.random.lock().unwrap().f64();
        let delay = self.usual.mul_f64(own * self.machine());
        Box::pin(async move {
            sleep(delay).await;
            Ok(Reply::response(StatusCode::OK, HeaderMap::new(), Body::from("ok".to_owned())))
        })
    }

    fn describe(&self) -> String {
        "slow".to_owned()
    }

    fn health(&self) -> Health {
        Health { up: 1, wanted: 1, restarts: 0 }
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

fn named_target(name: &str, slow: NoisyResource) -> NamedTarget {
    let options = TargetOptions {
        name: Some("stub:"),
        command: &[],
        is_repetition: true,
        request: RequestFlags { method: None, headers: &[], body: BodyOption::Nothing },
        target: &TargetArgs::default(),
        policy: PolicyFlags::default(),
    };
    let dispatcher = Dispatcher::<Reply>::builder("slow").limit(CLIENTS.get()).queue(10);
    let service = Service {
        dispatcher: dispatcher.build().unwrap(),
        resource: Arc::new(slow),
        shares: false,
        ttl: None,
        policy: Arc::default(),
        metrics: DispatcherMetrics::default(),
    };
    let (target, _) = Target::read(&options).unwrap();
    let in_process = InProcessTarget { service, target, items: ItemCycle::new(&[]).unwrap() };
    let target = BenchTarget::InProcess(Arc::new(in_process));
    NamedTarget { name: name.to_owned(), url: name.to_owned(), target, start: None }
}

/// Interval of the ratio of two median times, of which one is this many times the other.
async fn interval(seed: u64, times: f64) -> ConfidenceInterval {
    let begin = Instant::now();
    let slow = |usual: Duration, seed| NoisyResource {
        usual,
        random: Mutex::new(Rng::with_seed(seed)),
        begin,
    };
    let usual = Duration::from_millis(60);
    let load = Load::Closed { clients: CLIENTS };
    let plan = LoadPlan {
        load,
        until: StopCondition::Requests(NonZeroU64::new(20).unwrap()),
        timeout: Duration::from_secs(30),
        warm_up: Duration::ZERO,
        protocol: Protocol::Http1,
        tolerance: None,
        seed,
        rounds: NonZeroU32::new(25).unwrap(),
    };
    let targets = vec![
        named_target("usual", slow(usual, 2 * seed)),
        named_target("other", slow(usual.mul_f64(times), 2 * seed + 1)),
    ];
    let comparison_run = ComparisonRun { plan, targets, launcher: None, compares_responses: false };
    let run = comparison_run.run().await.unwrap();
    let [reference, other] = &run.results[..] else { panic!("two are measured") };
    match Comparison::of(other, reference, &load, Pairing::Rounds).ratio("p50") {
        Ratio::Of { interval: Some(interval), .. } => interval,
        other => panic!("{other:?}"),
    }
}

async fn intervals(times: f64) -> Vec<ConfidenceInterval> {
    let mut intervals = Vec::new();
    for seed in 0..COMPARISONS {
        intervals.push(interval(seed, times).await);
    }
    intervals
}

#[tokio::test(start_paused = true)]
async fn an_interval_holds_one_for_the_same_service_and_does_not_for_one_a_tenth_slower() {
    let same = intervals(1.0).await;
    let holds_one = same.iter().filter(|interval| !interval.excludes_one()).count();
    assert!(holds_one >= 18, "{holds_one}: {same:?}");
    let slower = intervals(1.1).await;
    let above_one = slower.iter().filter(|interval| interval.low > 1.0).count();
    assert!(above_one >= 18, "{above_one}: {slower:?}");
}
