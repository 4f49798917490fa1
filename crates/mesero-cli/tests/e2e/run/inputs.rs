//! Sources of items, and errors in them.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::{command, run, run_in, run_with};
use crate::harness::{HANG_TIMEOUT, folder};

#[tokio::test]
async fn arguments_ranges_and_lines_are_items() {
    let ran = run(&["a b", "2..4", "--", "echo", "<{}>"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.all("value"), ["<a b>", "<2>", "<3>"]);
    assert_eq!(ran.all("input"), [json!("a b"), json!(2), json!(3)]);
    let ran = run_with("one\r\n\n{\"two\"}", &["--", "echo"]).await;
    assert_eq!(ran.all("value"), ["one", "", "{\"two\"}"]);
}

#[tokio::test]
async fn a_command_that_is_repeated_gets_no_item() {
    let ran = run(&["-n", "3", "--", "echo", "hi"]).await;
    assert_eq!(ran.all("value"), ["hi", "hi", "hi"]);
    assert_eq!(ran.all("input"), [0, 1, 2]);
}

#[tokio::test]
async fn an_argument_with_places_is_never_split_again() {
    let ran = run(&["a  'b\" $(c)", "--", "printf", "%s|", "x{}", "{}"]).await;
    assert_eq!(ran.all("value"), ["xa  'b\" $(c)|a  'b\" $(c)|"]);
}

#[tokio::test]
async fn rows_and_objects_fill_places_by_name() {
    let folder = folder(&[
        ("in.csv", "name,num\n\"a, b\",1\nc,2\n"),
        ("in.tsv", "name\tnum\nx y\t1\n"),
        ("in.jsonl", "{\"name\":\"d\",\"num\":1.50,\"id\":\"mine\"}\n\n"),
    ]);
    for (file, values) in
        [("in.csv", &["a, b=1", "c=2"][..]), ("in.tsv", &["x y=1"]), ("in.jsonl", &["d=1.50"])]
    {
        let ran = run_in(&folder, &["--input", file, "--", "echo", "{name}={num}"]).await;
        assert_eq!(ran.all("value"), values, "{}", ran.stderr);
    }
    let ran = run_in(&folder, &["-i", "in.jsonl", "--", "echo"]).await;
    assert_eq!(ran.all("id"), ["mine"]);
    let ran = run_in(&folder, &["-i", "in.csv", "--id", "num", "--", "echo"]).await;
    assert_eq!(ran.all("id"), ["1", "2"]);
}

#[tokio::test]
async fn a_place_that_the_input_lacks_is_refused_before_anything_is_called() {
    let folder = folder(&[("in.csv", "name,num\na,1\n")]);
    let ran = run_in(&folder, &["-i", "in.csv", "--", "touch", "{nmae}"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("did you mean `name`?"), "{}", ran.stderr);
    let ran = run_in(&folder, &["1", "--", "touch", "{a}", "{b}"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("placeholders for `a` and `b`"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_line_that_is_no_item_is_named_by_its_number_and_the_run_goes_on() {
    let lines = "{\"a\":1}\n{broken\n{\"b\":1}\n{\"a\":2}\n";
    let ran = run_with(lines, &["--format-in", "jsonl", "--", "echo", "{a}"]).await;
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.all("status"), ["succeeded", "bad_input", "bad_input", "succeeded"]);
    let records = ran.sorted();
    let message = |index: usize| records[index]["error"]["message"].as_str().unwrap().to_owned();
    assert!(message(1).starts_with("line 2: not JSON"), "{}", message(1));
    assert_eq!(
        message(2),
        "line 3: the item has no field `a`, for which the target has a placeholder"
    );
    assert!(ran.stderr.contains("Successful: 2 Failed: 2 (2 bad input)"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_run_that_is_told_so_halts_at_a_line_that_is_no_item() {
    let lines = "{broken\n".to_owned() + &"{\"a\":1}\n".repeat(100_000);
    let flags =
        [(["--on-bad-input", "halt"], "ends the run"), (["--halt", "fail=1"], "is skipped")];
    for (flags, becomes) in flags {
        let arguments = [&["stub:", "--format-in", "jsonl"], &flags[..]].concat();
        let ran = run_with(&lines, &arguments).await;
        assert_eq!((ran.code, ran.all("status")), (Some(5), vec!["bad_input".into()]));
        assert!(ran.stderr.contains(&format!("item 0 {becomes}: line 1: ")), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_row_of_another_length_is_named_by_its_line() {
    let ran = run_with("a,b\n1,2\n3\n4,5\n", &["stub:", "--format-in", "csv"]).await;
    assert_eq!(ran.all("status"), ["succeeded", "bad_input", "succeeded"]);
    assert_eq!(ran.sorted()[1]["error"]["message"], "line 3: 1 cell, but the header has 2");
}

#[tokio::test]
async fn no_item_is_exit_code_4_and_no_input_exit_code_2() {
    for arguments in [&["stub:"][..], &["stub:", "5..5"], &["stub:", "-i", "/dev/null"]] {
        assert_eq!(run(arguments).await.code, Some(4), "{arguments:?}");
    }
    let ran = run(&["stub:", "-i", "nowhere.csv"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("read the input `nowhere.csv`: No such file"), "{}", ran.stderr);
    let ran = run_with("a,a\n", &["stub:", "--format-in", "csv"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("two columns are called `a`"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_item_is_called_as_soon_as_its_line_has_come() {
    let folder = folder(&[]);
    let mut child = command(&folder, &["stub:"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    for item in ["one", "two"] {
        stdin.write_all(format!("{item}\n").as_bytes()).await.unwrap();
        let line =
            timeout(HANG_TIMEOUT, stdout.next_line()).await.expect("a record").unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["input"], item);
    }
    drop(stdin);
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_input_is_read_no_further_than_it_is_worked_on() {
    // An input without an end: a run that read all of it would never halt.
    let folder = folder(&[]);
    let mut child = command(&folder, &["stub:", "--halt", "done=1000"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let endless =
        async { while stdin.write_all("item\n".repeat(10_000).as_bytes()).await.is_ok() {} };
    let both = async { tokio::join!(child.wait(), endless).0 };
    assert_eq!(timeout(HANG_TIMEOUT, both).await.expect("it ends").unwrap().code(), Some(5));
}
