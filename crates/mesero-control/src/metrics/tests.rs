//! The metrics' page, read as strictly as its standard wants.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use mesero::{Call, Failure, Retry};
use mesero_resources::Health;

use crate::scripted::{Scripted, TestResponse, ask, nine, pass, send, settle};

/// Reads an `OpenMetrics` page as strictly as the standard wants it; gives all samples.
fn read(page: &str) -> HashMap<String, f64> {
    let mut samples = HashMap::new();
    let mut families = HashSet::new();
    let (mut family, mut kind, mut bucket) = ("", "", 0.0);
    let body = page.strip_suffix("# EOF\n").expect("the end mark is the last line");
    for line in body.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "HELP", name, help] => {
                assert!(families.insert(name), "{name} is described twice");
                assert!(!help.contains(['\\', '"']), "{help}");
                family = name;
            }
            ["#", "TYPE", name, what] => {
                assert_eq!(name, family);
                kind = what;
            }
            ["#", "UNIT", name, unit] => {
                assert_eq!(name, family);
                assert!(name.ends_with(&format!("_{unit}")), "{line}");
            }
            _ => {
                let (name_and_labels, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = name_and_labels.split_once('{').unwrap();
                assert!(labels.contains("resource=\"") && labels.ends_with("\"}"), "{line}");
                let suffix = name.strip_prefix(family).unwrap();
                let suffixes: &[_] = match kind {
                    "counter" => &["_total"],
                    "gauge" => &[""],
                    "histogram" => &["_bucket", "_count", "_sum"],
                    other => panic!("{other}"),
                };
                assert!(suffixes.contains(&suffix), "{line}");
                let value: f64 = value.parse().unwrap();
                assert!(value >= 0.0, "{line}");
                match suffix {
                    "_count" => bucket = 0.0,
                    "_bucket" => {
                        assert!(value >= bucket, "{line}");
                        bucket = value;
                    }
                    _ => {}
                }
                assert!(samples.insert(name_and_labels.to_owned(), value).is_none(), "{line}");
            }
        }
    }
    samples
}

async fn scrape(scripted: &Scripted, accept: &str) -> TestResponse {
    let request = Request::get("/metrics").header("host", "localhost").header("accept", accept);
    send(&scripted.router(), request.body(Body::empty()).unwrap()).await
}

async fn samples(scripted: &Scripted) -> HashMap<String, f64> {
    read(&scrape(scripted, "application/openmetrics-text").await.text)
}

fn value(samples: &HashMap<String, f64>, name: &str) -> f64 {
    *samples.get(name).unwrap_or_else(|| panic!("no {name} in {samples:#?}"))
}

fn phases(samples: &HashMap<String, f64>) -> [f64; 4] {
    ["queued", "running", "backoff", "stopping"].map(|phase| {
        let name = format!("mesero_jobs_in_flight{{resource=\"square\",phase=\"{phase}\"}}");
        value(samples, &name)
    })
}

#[tokio::test(start_paused = true)]
async fn every_count_is_a_metric() {
    let mut scripted = Scripted::new("square");
    scripted.set_health(Health { up: 1, wanted: 2, restarts: 5 });
    for time in [250, 5_500] {
        scripted.blocked.record_start();
        scripted.blocked.add_time(Duration::from_millis(time));
    }
    // One runs, two wait, one is refused.
    let calls: Vec<_> = ["1", "2", "3", "4"].map(|num| scripted.call(num)).into();
    pass(300).await;
    scripted.mock.next().await.reply(nine());
    let _second = scripted.mock.next().await;
    settle().await;
    let seen = samples(&scripted).await;
    let expected = [
        ("calls_total{resource=\"square\",how=\"led\"}", 3.0),
        ("calls_total{resource=\"square\",how=\"refused\"}", 1.0),
        ("calls_in_flight{resource=\"square\"}", 2.0),
        ("refusals_total{resource=\"square\",reason=\"queue_full\"}", 1.0),
        ("refusals_total{resource=\"square\",reason=\"draining\"}", 0.0),
        ("jobs_total{resource=\"square\",outcome=\"succeeded\"}", 1.0),
        ("jobs_total{resource=\"square\",outcome=\"timed_out\"}", 0.0),
        ("attempts_total{resource=\"square\"}", 2.0),
        ("retries_total{resource=\"square\"}", 0.0),
        ("slots{resource=\"square\",state=\"in_use\"}", 1.0),
        ("slots{resource=\"square\",state=\"total\"}", 1.0),
        ("queue_length{resource=\"square\"}", 1.0),
        ("queue_bound{resource=\"square\"}", 2.0),
        ("workers{resource=\"square\",state=\"up\"}", 1.0),
        ("workers{resource=\"square\",state=\"wanted\"}", 2.0),
        ("worker_restarts_total{resource=\"square\"}", 5.0),
        ("loop_blocked_total{resource=\"square\"}", 2.0),
        ("loop_blocked_seconds_total{resource=\"square\"}", 5.75),
        ("run_seconds_count{resource=\"square\"}", 1.0),
        ("run_seconds_sum{resource=\"square\"}", 0.3),
        ("run_seconds_bucket{le=\"0.25\",resource=\"square\"}", 0.0),
        ("run_seconds_bucket{le=\"0.5\",resource=\"square\"}", 1.0),
        ("run_seconds_bucket{le=\"+Inf\",resource=\"square\"}", 1.0),
        ("queue_seconds_count{resource=\"square\"}", 1.0),
        ("slot_overdue_seconds_count{resource=\"square\"}", 0.0),
    ];
    for (name, expected) in expected {
        assert_eq!(value(&seen, &format!("mesero_{name}")), expected, "{name}");
    }
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_blocks_is_counted_with_the_event_loops_of_the_resource() {
    let scripted = Scripted::new("square");
    scripted.blocked.record_start();
    scripted.blocked.add_time(Duration::from_millis(250));
    let work = |_| async {
        // Moves the clock within one poll, as blocking does.
        tokio::time::advance(Duration::from_millis(500)).await;
        Ok(nine())
    };
    assert!(scripted.service.dispatcher.call(Call::new("3"), work).await.is_ok());
    let seen = samples(&scripted).await;
    assert_eq!(value(&seen, "mesero_loop_blocked_total{resource=\"square\"}"), 2.0);
    assert_eq!(value(&seen, "mesero_loop_blocked_seconds_total{resource=\"square\"}"), 0.75);
}

#[tokio::test(start_paused = true)]
async fn phases_are_counted_without_a_look_at_the_jobs() {
    let retry = Retry {
        backoff: Duration::from_secs(10),
        max_backoff: Duration::from_secs(10),
        ..Retry::default()
    };
    let mut scripted = Scripted::built("square", |builder| builder.limit(1).queue(9).retry(retry));
    let _calls: Vec<_> = ["1", "2", "3"].map(|num| scripted.call(num)).into();
    let first = scripted.mock.next().await;
    settle().await;
    assert_eq!(phases(&samples(&scripted).await), [2.0, 1.0, 0.0, 0.0]);
    // The first pauses before it tries again; the second has the slot.
    first.fail(Failure::lost("gone"));
    let mut second = scripted.mock.next().await;
    settle().await;
    assert_eq!(phases(&samples(&scripted).await), [1.0, 1.0, 1.0, 0.0]);
    // The second is over, but the resource is not done with it.
    assert_eq!(ask(&scripted.router(), "DELETE /jobs/square-2", "").await.status, 202);
    second.abandoned().await;
    settle().await;
    assert_eq!(phases(&samples(&scripted).await), [1.0, 0.0, 1.0, 1.0]);
    pass(20).await;
    drop(second);
    settle().await;
    let seen = samples(&scripted).await;
    assert_eq!(value(&seen, "mesero_slot_overdue_seconds_sum{resource=\"square\"}"), 0.02);
}

#[tokio::test]
async fn a_histogram_counts_what_its_last_bucket_counts() {
    let mut scripted = Scripted::new("square");
    let call = scripted.call("1");
    scripted.mock.next().await.reply(nine());
    call.await.unwrap().result.unwrap();
    let seen = samples(&scripted).await;
    for name in ["queue", "run", "slot_overdue"] {
        let count = value(&seen, &format!("mesero_{name}_seconds_count{{resource=\"square\"}}"));
        let bucket = format!("mesero_{name}_seconds_bucket{{le=\"+Inf\",resource=\"square\"}}");
        assert_eq!(value(&seen, &bucket), count, "{name}");
    }
}

#[tokio::test]
async fn the_form_is_what_the_scraper_accepts() {
    let scripted = Scripted::new("square");
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    for accept in [prometheus, "application/openmetrics-text"] {
        let seen = scrape(&scripted, accept).await;
        let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(seen.headers["content-type"], media_type, "{accept}");
        assert!(seen.text.ends_with("# EOF\n"));
    }
    for accept in ["", "*/*", "text/plain", "application/openmetrics-text;q=0, */*"] {
        let seen = scrape(&scripted, accept).await;
        let media_type = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(seen.headers["content-type"], media_type, "{accept}");
        assert!(seen.text.contains("\n# TYPE mesero_jobs_total counter\n"));
        assert!(!seen.text.contains("EOF"));
    }
}

#[tokio::test]
async fn a_name_cannot_break_out_of_its_label() {
    let scripted = Scripted::new("a\"} 1\nmesero_evil{b=\"\\");
    let seen = samples(&scripted).await;
    assert!(seen.keys().all(|name| !name.starts_with("mesero_evil")));
}
