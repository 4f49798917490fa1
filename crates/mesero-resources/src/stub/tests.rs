use std::time::Duration;

use mesero::{Call, Dispatcher, Error};
use mesero_config::Delay;
use tokio::time::Instant;

use super::*;

fn settings() -> StubSettings {
    StubSettings {
        delay: Delay::Fixed(Duration::from_secs(5)),
        status: StatusCode::ACCEPTED,
        content_type: HeaderValue::from_static("application/json"),
        body: "{}".to_owned(),
        seed: Some(7),
        ..StubSettings::default()
    }
}

/// Makes this many calls at once; returns their results.
async fn calls(stub: Stub, count: usize) -> Vec<Result<Reply, Error>> {
    let stub = Arc::new(stub);
    let dispatcher = Dispatcher::<Reply>::builder("stub").limit(1_000).build().unwrap();
    let calls = (0..count).map(|_| {
        let stub = Arc::clone(&stub);
        let work = move |attempt| stub.attempt(Request::of_arguments("{}"), attempt);
        let dispatcher = dispatcher.clone();
        async move { dispatcher.ask(Call::unkeyed(), work).await.result }
    });
    let tasks = tokio_util::task::TaskTracker::new();
    let calls: Vec<_> = calls.map(|call| tasks.spawn(call)).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_stub_answers_as_configured_after_its_delay() {
    let started = Instant::now();
    let reply = calls(Stub::new(settings()), 1).await.remove(0).unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    assert_eq!(reply.status(), StatusCode::ACCEPTED);
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(reply.body_len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stub_is_busy_only_above_its_concurrency() {
    let concurrency = NonZeroUsize::new(10);
    let busy_status = StatusCode::IM_A_TEAPOT;
    let stub = Stub::new(StubSettings { concurrency, busy_status, ..settings() });
    let answers = calls(stub, 12).await;
    let of = |status| answers.iter().flatten().filter(|reply| reply.status() == status).count();
    assert_eq!((of(StatusCode::ACCEPTED), of(StatusCode::IM_A_TEAPOT)), (10, 2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_may_be_retried() {
    let failure_status = StatusCode::SERVICE_UNAVAILABLE;
    let stub = Stub::new(StubSettings { failure_rate: 1.0, failure_status, ..settings() });
    let error = calls(stub, 1).await.remove(0).unwrap_err();
    let Error::Failed(failure) = error else { panic!("{error}") };
    assert_eq!((failure.kind(), failure.advice()), (FailureKind::Overloaded, Advice::Backoff));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_fails_the_same_calls_and_about_as_many_as_the_rate_says() {
    let run = async || {
        let stub = Stub::new(StubSettings { failure_rate: 0.1, ..settings() });
        let answers = calls(stub, 1_000).await;
        answers.iter().map(Result::is_ok).collect::<Vec<_>>()
    };
    let first = run().await;
    assert_eq!(first, run().await);
    let failed = first.iter().filter(|is_ok| !**is_ok).count();
    // Within five standard deviations of the 100 that are expected.
    assert!((53..=147).contains(&failed), "{failed}");
}
