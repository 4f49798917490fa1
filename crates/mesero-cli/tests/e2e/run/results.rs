//! Results: records, tables, values, failed items, and the summary.

use super::api::{Api, ok};
use super::{run, run_in, run_with};
use crate::harness::folder;

#[tokio::test]
async fn a_record_says_what_became_of_an_item() {
    let functions = "def half(num):\n    return {'half': 6 / num}\n";
    let folder = folder(&[("math6.py", functions)]);
    let ran = run_in(&folder, &["python:math6:half", "0", "4", "--ordered"]).await;
    assert_eq!(ran.code, Some(1));
    let [bad, good] = &ran.records()[..] else { panic!("{}", ran.stdout) };
    assert_eq!(
        (&good["index"], &good["input"], &good["status"]),
        (&1.into(), &"4".into(), &"succeeded".into())
    );
    assert_eq!((&good["value"]["half"], &good["attempts"]), (&1.5.into(), &1.into()));
    assert!(good["ran_ms"].as_f64().unwrap() > 0.0 && good["queued_ms"].is_number());
    assert_eq!((&bad["status"], &bad["error"]["kind"]), (&"failed".into(), &"raised".into()));
    assert_eq!(bad["error"]["message"], "ZeroDivisionError: division by zero");
    assert!(bad["error"]["detail"].as_str().unwrap().contains("math6.py"));
    assert_eq!(good["id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn an_id_is_the_same_wherever_in_the_input_the_item_stands() {
    let (one, other) = (run(&["stub:", "a", "b"]).await, run(&["stub:", "x", "b", "a"]).await);
    let (one, other) = (one.all("id"), other.all("id"));
    assert_eq!((&one[0], &one[1]), (&other[2], &other[1]));
    assert_ne!(one[0], one[1]);
}

#[tokio::test]
async fn failed_items_are_written_as_an_input() {
    let folder = folder(&[("in.csv", "a,b\n1,x\n0,y\n")]);
    let ran = run_in(&folder, &["-i", "in.csv", "--failed", "--", "sh", "-c", "exit {a}"]).await;
    assert_eq!(ran.code, Some(1));
    let failed = std::fs::read_to_string(folder.path().join("failed.jsonl")).unwrap();
    assert_eq!(failed, "{\"a\":\"1\",\"b\":\"x\"}\n");
    let again = run_in(&folder, &["-i", "failed.jsonl", "--", "sh", "-c", "exit {a}"]).await;
    assert_eq!(again.all("id")[0], ran.sorted()[0]["id"]);
}

#[tokio::test]
async fn values_alone_are_lines_and_text_has_no_quotes() {
    let folder = folder(&[("echo.py", "def echo(x):\n    return x\n")]);
    let arguments = ["python:echo:echo", "3", "a \"b\"", "--values", "--ordered"];
    assert_eq!(run_in(&folder, &arguments).await.stdout, "3\na \"b\"\n");
    let ran = run_in(&folder, &["python:echo:echo", "3", "--values", "--texts"]).await;
    assert_eq!(ran.stdout, "3\n");
    let ran = run(&["--values", "x", "--", "printf", "a\n\n"]).await;
    assert_eq!(ran.stdout, "a\n\n");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_written_in_base64() {
    let ran = run(&["-n", "1", "--", "printf", r"\377\000"]).await;
    assert_eq!(ran.sorted()[0]["value_base64"], "/wA=");
}

#[tokio::test]
async fn tables_have_a_header_and_quote_what_needs_it() {
    let ran = run(&["--format", "csv", "a,\"b", "--", "echo"]).await;
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "index,id,status,attempts,queued_ms,ran_ms,input,value,error");
    assert!(lines[1].ends_with("\"a,\"\"b\",\"a,\"\"b\",") && lines.len() == 2, "{}", ran.stdout);
}

#[tokio::test]
async fn a_job_log_has_what_gnu_parallel_writes_exit_codes_signals_and_bytes() {
    let row = async |arguments: &[&str]| -> Vec<String> {
        let ran = run(&[&["--format", "joblog"], arguments].concat()).await;
        let mut lines = ran.stdout.lines().map(|line| line.split('\t').map(str::to_owned));
        let columns = "Seq Host Starttime JobRuntime Send Receive Exitval Signal Command";
        assert_eq!(lines.next().unwrap().collect::<Vec<_>>().join(" "), columns);
        lines.next().unwrap().collect()
    };
    // Send, Receive, Exitval, Signal, Command
    let sh = ["--", "sh", "-c", "{}"];
    let of_sh = async |script: &str| row(&[&[script], &sh[..]].concat()).await[4..].join(" ");
    assert_eq!(of_sh("echo hello").await, "0 6 0 0 sh -c echo hello");
    assert_eq!(of_sh("echo hello; exit 7").await, "0 6 7 0 sh -c echo hello; exit 7");
    assert_eq!(of_sh("kill -9 $$").await, "0 0 0 9 sh -c kill -9 $$");
    let late = row(&["-n", "1", "--timeout", "1s", "--", "sleep", "60"]).await;
    assert_eq!(late[4..].join(" "), "0 0 -1 15 sleep 60");
    let api = Api::open(|asked| match asked.path() {
        "/bad" => ("404 Not Found".to_owned(), "no such page".to_owned()),
        _ => ok("4444"),
    });
    let api = api.await;
    let url = api.url("/{}");
    let good = row(&[&url, "-d", "12345", "good"]).await;
    assert_eq!((&*good[0], good[4..8].join(" ")), ("1", "5 4 0 0".to_owned()));
    let bad = row(&[&url, "-d", "12345", "bad"]).await;
    assert_eq!(bad[4..8].join(" "), "5 12 1 0");
}

#[tokio::test]
async fn in_order_means_the_order_of_the_input_also_around_bad_ones() {
    let lines: String = (0..2_000)
        .map(|n| if n % 100 == 7 { "{\n".to_owned() } else { format!("{n}\n") })
        .collect();
    let ran = run_with(&lines, &["stub:", "--format-in", "jsonl", "--ordered", "-l", "7"]).await;
    let indices: Vec<_> = ran.records().iter().map(|record| record["index"].as_u64()).collect();
    assert_eq!(indices, (0..2_000).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_verbose_run_says_each_item_and_a_quiet_one_nothing() {
    let ran = run(&["x", "--verbose", "--", "echo", "h{}"]).await;
    assert!(ran.stderr.starts_with("#0 hx 0."), "{}", ran.stderr);
    assert!(ran.stderr.contains("Successful: 1 Failed: 0\n1 item in"), "{}", ran.stderr);
    assert_eq!(run(&["x", "--quiet", "--", "echo"]).await.stderr, "");
}
