//! Which lines the log has for which events, and how many.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesero::testing::mock_resource;
use mesero::{Call, Dispatcher, Event, Fact, Failure, LimitFinding, Observer, Stop, StopKind};
use tokio::time::{Instant, advance};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use super::{Log, Refusals};
use crate::telemetry::form::Form;
use crate::telemetry::lines::Lines;
use crate::telemetry::queue::{self, Writer};

/// The log of this thread.
struct Captured {
    text: Arc<Mutex<Vec<u8>>>,
    writer: Writer,
    _subscriber: DefaultGuard,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn new(filter: &str) -> Self {
        let text = Arc::default();
        let (queue, writer) = queue::start(Sink(Arc::clone(&text)), Form::Logfmt).unwrap();
        let subscriber = tracing_subscriber::registry()
            .with(Lines::new(Form::Logfmt, queue))
            .with(filter.parse::<Targets>().unwrap());
        Self { text, writer, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines, without their times.
    fn lines(self) -> Vec<String> {
        drop(self.writer);
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_is_a_warning_with_its_traceback() {
    let captured = Captured::new("info");
    let squares = Dispatcher::builder("square").observer(Log::new("square")).build().unwrap();
    let (work, mut handle) = mock_resource::<_, ()>();
    let calling = squares.call(Call::new("3").argument("num", "3"), work.on(()));
    let playing = async {
        let attempt = handle.next().await;
        advance(Duration::from_millis(25)).await;
        attempt.fail(Failure::raised("OverflowError: too large").with_detail("Traceback:\n  x"));
    };
    let (result, ()) = tokio::join!(calling, playing);
    assert!(result.is_err());
    let expected = "level=warn target=mesero::jobs msg=\"job failed\" resource=square \
                    job.id=square-1 outcome=failed waited_ms=0 ran_ms=25 attempts=1 \
                    error=\"OverflowError: too large\" detail=\"Traceback:\\n  x\"";
    assert_eq!(captured.lines(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_for_debugging_and_never_shows_its_arguments() {
    let captured = Captured::new("debug");
    let squares = Dispatcher::builder("square").observer(Log::new("square")).build().unwrap();
    let call = Call::new("secret").argument("num", "secret");
    squares.call(call, |_attempt| async { Ok("secret") }).await.unwrap();
    let expected = "level=debug target=mesero::jobs msg=\"job finished\" resource=square \
                    job.id=square-1 outcome=succeeded waited_ms=0 ran_ms=0 attempts=1";
    assert_eq!(captured.lines(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_blocks_is_a_warning() {
    let captured = Captured::new("info");
    let squares = Dispatcher::builder("square").observer(Log::new("square")).build().unwrap();
    let work = |_attempt| async {
        // Moves the clock within one poll, as blocking does.
        advance(Duration::from_millis(250)).await;
        Ok(9)
    };
    squares.call(Call::new("3"), work).await.unwrap();
    let expected = "level=warn target=mesero::jobs \
                    msg=\"attempt blocked a thread of mesero itself\" resource=square \
                    job.id=square-1 for_ms=250";
    assert_eq!(captured.lines(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stopped_after_it_was_given_up_is_told_with_how_and_how_long_it_took() {
    let captured = Captured::new("info");
    let squares = Dispatcher::builder("square").observer(Log::new("square")).build().unwrap();
    squares
        .call(Call::new("3"), |attempt| async move {
            let after = Duration::from_millis(1_250);
            attempt.slot().stopped(Stop { kind: StopKind::Killed, after });
            Ok(9)
        })
        .await
        .unwrap();
    let expected = "level=info target=mesero::jobs msg=\"call stopped\" resource=square \
                    job.id=square-1 how=killed after_ms=1250";
    assert_eq!(captured.lines(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_summed_up_once_a_second() {
    let captured = Captured::new("info");
    let squares = Dispatcher::builder("square").observer(Log::new("square")).build().unwrap();
    squares.drain();
    for _ in 0..3 {
        for _ in 0..100 {
            let refused = squares.call(Call::new("3"), |_attempt| async { Ok(9) }).await;
            assert!(refused.is_err());
        }
        advance(Duration::from_secs(1)).await;
    }
    let told = |refused| {
        format!(
            "level=warn target=mesero::jobs msg=\"calls refused\" resource=square refused={refused}"
        )
    };
    assert_eq!(captured.lines(), [told(1), told(100), told(100)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_twice() {
    let start = Instant::now();
    let refusals = Refusals::new(start);
    assert_eq!(refusals.due(start), None);
    refusals.count();
    refusals.count();
    assert_eq!(refusals.due(start), Some(2));
    refusals.count();
    assert_eq!(refusals.due(start + Duration::from_millis(999)), None);
    assert_eq!(refusals.due(start + Duration::from_millis(1_000)), Some(1));
    assert_eq!(refusals.due(start + Duration::from_secs(9)), None);
}

#[tokio::test(start_paused = true)]
async fn limits_that_changed_by_half_and_those_beyond_the_knee_are_reported() {
    let captured = Captured::new("info");
    let log = Log::new("square");
    let observe = |fact| log.observe(&Event { at: Instant::now(), fact });
    observe(Fact::LimitChanged { from: 8, to: 16, is_trial: true });
    observe(Fact::LimitChanged { from: 8, to: 12, is_trial: false });
    observe(Fact::LimitFound { limit: 16, finding: LimitFinding::TooHigh { best: 8 } });
    let lines = captured.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("limit changed") && lines[0].contains("before=8"), "{lines:?}");
    let knee = "throughput falls when more than 8 run at once";
    assert!(lines[1].contains(knee) && lines[1].contains("limit=16"), "{lines:?}");
}
