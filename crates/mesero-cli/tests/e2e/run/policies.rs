//! Limits, times, retries and halts.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::time::timeout;

use super::api::{Api, ok};
use super::{command, run, run_in, run_with};
use crate::client;
use crate::gate::{self, Gate};
use crate::harness::{HANG_TIMEOUT, folder, output_of, until};
use crate::upstream::Upstream;

#[tokio::test]
async fn a_named_resource_brings_its_policy_and_flags_go_before_it() {
    let config = "[resource.square]\npython = \"tools:square\"\nthreads = 4\n\
                  [resource.square.policy]\nlimit = 3\n\
                  [resource.shout]\ncommand = [\"echo\", \"{word}!\"]\n";
    let tools = "import threading\ndef square(num):\n    return num ** 2\n";
    let folder = folder(&[("mesero.toml", config), ("tools.py", tools)]);
    let ran = run_in(&folder, &["@square", "0..5"]).await;
    assert_eq!(ran.all("value"), [0, 1, 4, 9, 16]);
    assert!(ran.stderr.contains("% of 3 slots"), "{}", ran.stderr);
    let ran = run_in(&folder, &["@square", "0..5", "--limit", "2"]).await;
    assert!(ran.stderr.contains("% of 2 slots"), "{}", ran.stderr);
    assert_eq!(run_in(&folder, &["@shout", "hey"]).await.all("value"), ["hey!"]);
    let ran = run_in(&folder, &["@sqare", "1"]).await;
    assert!(ran.stderr.contains("did you mean `@square`?"), "{}", ran.stderr);
}

#[tokio::test]
async fn only_what_says_not_now_is_tried_again_and_no_more_than_told() {
    let count = AtomicUsize::new(0);
    let api = Api::open(move |_| match count.fetch_add(1, SeqCst) {
        0 => ("429 Too Many Requests\r\nRetry-After: 0".to_owned(), String::new()),
        1 => ("503 Service Unavailable".to_owned(), String::new()),
        _ => ok("1"),
    })
    .await;
    let ran = run(&[&api.url("/"), "1", "--retry", "2"]).await;
    assert_eq!((ran.code, &ran.all("attempts")[0]), (Some(0), &3.into()));
    assert!(ran.stderr.contains("2 retries, 0 refused by the retry budget"), "{}", ran.stderr);

    let down = Api::open(|_| ("500 Oops".to_owned(), String::new())).await;
    let attempts = async |flags: &[&str]| {
        run(&[&[&*down.url("/"), "1"], flags].concat()).await.all("attempts")[0].clone()
    };
    assert_eq!(attempts(&["--retry", "2"]).await, 1);
    assert_eq!(attempts(&["--retry", "2", "--retry-on", "500,lost"]).await, 3);
}

#[tokio::test]
async fn a_timeout_closes_the_connection_and_is_named() {
    let upstream = Upstream::open().await;
    let url = format!("http://{}/", upstream.address());
    let silent = async {
        let wire = upstream.asked().await;
        wire.closed().await;
    };
    let arguments = [&url, "1", "--timeout", "200ms"];
    let (ran, ()) = tokio::join!(run(&arguments), silent);
    assert_eq!((ran.code, &ran.all("status")[0]), (Some(1), &"timed_out".into()));
    assert_eq!(ran.sorted()[0]["error"]["message"], "no answer within the timeout of 200ms");
}

#[tokio::test]
async fn an_item_that_has_timed_out_holds_its_slot_until_the_server_has_answered() {
    let upstream = Upstream::open().await;
    let url = format!("http://{}/{{}}", upstream.address());
    let serve = async {
        let mut wire = upstream.asked().await;
        // Much longer than the timeout.
        let other = timeout(Duration::from_secs(1), upstream.accept()).await;
        assert!(other.is_err(), "a second connection");
        wire.answer("late").await;
        assert!(wire.head().await.starts_with("GET /1 "));
        wire.answer("in time").await;
    };
    let arguments = [&url, "0..2", "--timeout", "200ms", "--limit", "1"];
    let (ran, ()) = tokio::join!(run(&arguments), serve);
    let statuses: Vec<_> = ran.sorted().iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, ["timed_out", "succeeded"]);
}

#[tokio::test]
async fn a_timeout_can_be_a_multiple_of_the_running_median() {
    let folder = folder(&[]);
    let script = "if [ {} = 3 ]; then exec sleep 600; fi";
    let ran =
        run_in(&folder, &["0..8", "--timeout", "3x", "-l", "2", "--", "sh", "-c", script]).await;
    assert_eq!((ran.code, ran.all("status")[3].as_str()), (Some(1), Some("timed_out")));
}

#[tokio::test]
async fn an_item_that_is_too_late_altogether_is_expired() {
    let ran = run(&["1", "--deadline", "200ms", "--", "sh", "-c", "exec sleep 600"]).await;
    assert_eq!((ran.code, &ran.all("status")[0]), (Some(1), &"expired".into()));
}

#[tokio::test]
async fn a_run_halts_when_too_much_fails() {
    let ran = run(&["1..1000", "--halt", "fail=3", "-l", "1", "--", "sh", "-c", "exit {}"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(5), 3), "{}", ran.stderr);
    assert!(ran.stderr.contains("halted: 3 of the items failed"), "{}", ran.stderr);
    let ran = run(&["stub:", "0..1000", "--halt", "now,success=10"]).await;
    assert_eq!(ran.code, Some(5));
}

#[tokio::test]
async fn nothing_begins_in_a_slot_whose_result_was_not_heard_yet() {
    // A journal hears of a result later than anything else.
    let halting = ["1..1000", "--halt", "fail=1", "-l", "1", "--journal", "journal"];
    for flags in [&halting[..5], &halting] {
        let ran = run(&[flags, &["--", "sh", "-c", "exit {}"]].concat()).await;
        assert_eq!((ran.code, ran.all("index")), (Some(5), vec![0.into()]), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn an_item_that_waits_for_its_next_try_keeps_no_other_from_beginning() {
    let folder = folder(&[]);
    // The first ends only when the others have, and they begin only while it backs off.
    let script = "test {} != 0 || test -e 2; status=$?; touch {}; exit $status";
    let flags = ["0..3", "-l", "1", "--halt", "fail=1", "--retry", "50", "--retry-on", "raised"];
    let all = [&flags[..], &["--retry-budget", "100", "--", "sh", "-c", script]].concat();
    let output = timeout(HANG_TIMEOUT, command(&folder, &all).output()).await.expect("it ends");
    let ran = super::Ran::from(output.unwrap());
    assert_eq!((ran.code, ran.records().len()), (Some(0), 3), "{}", ran.stderr);
}

#[tokio::test]
async fn halting_now_stops_what_runs_and_does_not_call_it_failed() {
    let script = "test {} = 1 || exec sleep 600; exit 1";
    let ran = run(&["0..2", "--halt", "now,fail=1", "-l", "2", "--", "sh", "-c", script]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(5), 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("Failed: 1 Not finished: 1"), "{}", ran.stderr);
}

/// Reads the URL of the control plane, which a run prints first.
async fn control(stderr: &mut BufReader<ChildStderr>) -> String {
    let mut line = String::new();
    timeout(HANG_TIMEOUT, stderr.read_line(&mut line)).await.expect("a line").unwrap();
    line.trim().strip_prefix("control on ").expect(&line).to_owned()
}

#[tokio::test]
async fn equal_items_in_work_share_a_call_when_told_so() {
    let gate = Gate::open().await;
    let folder = folder(&[("gated.py", gate::MODULE)]);
    let items = ["python:gated:gated", "7", "7", "7", "--coalesce", "-l", "3"];
    let mut command = command(&folder, &[&items[..], &["--control", "127.0.0.1:0"]].concat());
    let mut child = command.env("GATE", gate.port().to_string()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let control = control(&mut stderr).await;
    let control = control.strip_prefix("http://").expect(&control).parse().unwrap();
    let begun = gate.next().await;
    until(async || {
        let listed = client::get(control, "/jobs").await.json();
        listed["jobs"].as_array().unwrap().len() == 1 && listed["jobs"][0]["waiters"] == 3
    })
    .await;
    begun.finish();
    let ran = super::Ran::from(output_of(child).await);
    assert_eq!(ran.all("value"), [7, 7, 7]);
}

#[tokio::test]
async fn the_limit_is_changed_while_it_runs() {
    let upstream = Upstream::open().await;
    let url = format!("http://{}/{{}}", upstream.address());
    let folder = folder(&[]);
    let arguments = [&*url, "0..4", "--limit", "1", "--control", "127.0.0.1:0"];
    let mut child = command(&folder, &arguments).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let control = control(&mut stderr).await;
    let mut first = upstream.asked().await;
    let mut jobs = tokio::process::Command::new(crate::harness::program());
    let changed = jobs.args(["jobs", "limit", "3", "--control", &control]).output().await.unwrap();
    let said = String::from_utf8(changed.stdout).unwrap();
    assert_eq!(said, "run: limit changed from 1 to 3\n");
    let (mut second, mut third) = (upstream.accept().await, upstream.accept().await);
    for wire in [&mut second, &mut third] {
        wire.head().await;
    }
    for wire in [&mut first, &mut second, &mut third] {
        wire.answer("1").await;
    }
    // The last item is sent over any of the connections.
    tokio::select! {
        _ = first.head() => first.answer("1").await,
        _ = second.head() => second.answer("1").await,
        _ = third.head() => third.answer("1").await,
    }
    drop((first, second, third));
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_rate_waits_instead_of_refusing() {
    let ran = run_with("1\n2\n3\n4\n", &["stub:", "--rate", "2/s"]).await;
    assert_eq!(ran.all("status"), vec![Value::from("succeeded"); 4]);
}
