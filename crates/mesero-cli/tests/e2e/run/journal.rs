//! `--journal`, `--resume` and `--retry-failed`.

use std::io::Write;
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::timeout;

use super::api::{Api, ok};
use super::{command, run_in};
use crate::gate::{self, Gate};
use crate::harness::{HANG_TIMEOUT, ReservedPort, folder, output_of, signal};

fn journal(folder: &TempDir) -> PathBuf {
    folder.path().join("j")
}

fn lines(folder: &TempDir) -> Vec<String> {
    std::fs::read_to_string(journal(folder)).unwrap().lines().map(str::to_owned).collect()
}

/// A server that refuses even numbers, up to a time.
async fn picky(times: usize) -> Api {
    let refused = std::sync::atomic::AtomicUsize::new(0);
    Api::open(move |asked| {
        let number: u64 = asked.path()[1..].parse().unwrap();
        let refuses = number.is_multiple_of(2)
            && refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < times;
        match refuses {
            true => ("400 Bad Request".to_owned(), "even".to_owned()),
            false => ok(&format!("{}", number * 10)),
        }
    })
    .await
}

#[tokio::test]
async fn a_resumed_run_gives_the_results_of_all_items_as_one_run_would_have() {
    let (folder, api) = (folder(&[]), picky(0).await);
    let url = api.url("/{}");
    let ran = run_in(&folder, &[&url, "0", "1", "2", "3", "4", "--journal", "j"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let values = ["--ordered", "--values", "--resume", "j"];
    let ran = run_in(&folder, &[&[&*url, "9", "3", "7", "1", "3"], &values[..]].concat()).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "90\n30\n70\n10\n30\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Successful: 5 Failed: 0\n5 items, 2 of them"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("items of the journal that are not in the input: 3"),
        "{}",
        ran.stderr
    );
    // The second 3 is another item than the first.
    assert_eq!(api.asked().iter().filter(|asked| asked.path() == "/3").count(), 2);
    assert_eq!(api.asked().len(), 8);
}

#[tokio::test]
async fn what_was_kept_is_given_out_as_it_was() {
    let folder = folder(&[("items.jsonl", "{\"id\": \"é\\\"1\", \"n\": 1.50}\n[1]\n\"x\"\nbad\n")]);
    let program = "import sys; v = sys.argv[1]; sys.exit('no') if v == '[1]' else sys.stdout.buffer.write(\
                   b'\\xff' if v == 'x' else v.encode())";
    let python = ["--", "python3", "-c", program, "{}"];
    let options = ["-i", "items.jsonl", "--ordered", "-q", "--journal", "j"];
    let first = run_in(&folder, &[&options[..], &python].concat()).await;
    assert_eq!(first.all("status"), ["succeeded", "failed", "succeeded", "bad_input"]);
    let options = ["-i", "items.jsonl", "--ordered", "-q", "--resume", "j"];
    let again = run_in(&folder, &[&options[..], &python].concat()).await;
    assert_eq!((again.code, again.stdout), (first.code, first.stdout));
}

#[tokio::test]
async fn a_journal_with_the_names_of_version_0_1_is_resumed() {
    let (folder, api) = (folder(&[("items.jsonl", "3\nbad\n")]), picky(0).await);
    let url = api.url("/{}");
    let first = run_in(&folder, &[&url, "-i", "items.jsonl", "--ordered", "--journal", "j"]).await;
    assert_eq!(first.all("status"), ["succeeded", "bad_input"]);
    let text = std::fs::read_to_string(journal(&folder)).unwrap();
    let former = text.replace("\"never_started\":", "\"unbegun\":");
    assert_ne!(former, text);
    std::fs::write(journal(&folder), former).unwrap();
    let again = run_in(&folder, &[&url, "-i", "items.jsonl", "--ordered", "--resume", "j"]).await;
    assert_eq!((again.code, &again.stdout), (first.code, &first.stdout), "{}", again.stderr);
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn what_failed_is_run_again_without_an_input_until_nothing_failed() {
    let (folder, api) = (folder(&[]), picky(8).await);
    let url = api.url("/{}");
    let ran = run_in(&folder, &[&url, "0..10", "--journal", "j"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("to run the failed items again"), "{}", ran.stderr);
    let ran = run_in(&folder, &[&url, "--retry-failed", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(1), 5), "{}", ran.stderr);
    let ran = run_in(&folder, &[&url, "--retry-failed", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(0), 3), "{}", ran.stderr);
    let ran = run_in(&folder, &[&url, "--retry-failed", "j"]).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""));
    assert!(ran.stderr.contains("no item of the journal has failed"), "{}", ran.stderr);
    let ran = run_in(&folder, &[&url, "0..10", "--resume", "j", "--ordered", "--values"]).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "0\n10\n20\n30\n40\n50\n60\n70\n80\n90\n"));
    assert_eq!(api.asked().len(), 18);
    let ran = run_in(&folder, &[&url, "7", "--retry-failed", "j"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("the items are those of the journal"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_interrupted_run_says_how_to_go_on_and_goes_on() {
    let gate = Gate::open().await;
    let folder = folder(&[("gated.py", gate::MODULE)]);
    let arguments = ["python:gated:gated", "0..6", "-l", "2", "--journal", "j"];
    let spawned = |arguments: &[&str]| {
        command(&folder, arguments).env("GATE", gate.port().to_string()).spawn().unwrap()
    };
    let mut child = spawned(&arguments);
    let begun = [gate.next().await, gate.next().await];
    let ran = run_in(&folder, &["python:gated:gated", "0..6", "--resume", "j"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("another run is using it"), "{}", ran.stderr);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    signal(&child, Signal::INT);
    timeout(HANG_TIMEOUT, stderr.read_line(&mut String::new())).await.unwrap().unwrap();
    begun.into_iter().for_each(gate::Begun::finish);
    let ended = output_of(child).await;
    assert_eq!(ended.status.code(), Some(130));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("repeat the command with `--resume j` instead of"), "{rest}");

    let child = spawned(&["python:gated:gated", "0..6", "-l", "4", "--resume", "j"]);
    for _ in 0..4 {
        gate.next().await.finish();
    }
    let ended = output_of(child).await;
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(String::from_utf8(ended.stdout).unwrap().lines().count(), 6);
}

#[tokio::test]
async fn what_had_begun_is_unknown_until_it_is_said_to_be_harmless() {
    let gate = Gate::open().await;
    let folder = folder(&[("gated.py", gate::MODULE)]);
    let arguments = ["python:gated:gated", "0..3", "-l", "2", "--journal", "j"];
    let mut child =
        command(&folder, &arguments).env("GATE", gate.port().to_string()).spawn().unwrap();
    let begun = [gate.next().await, gate.next().await];
    child.kill().await.unwrap();
    for begun in begun {
        begun.gone().await;
    }
    let resume = ["python:gated:gated", "0..3", "-l", "2", "--resume", "j"];
    let spawned = |more: &[&str]| {
        let arguments = [&resume[..], more].concat();
        command(&folder, &arguments).env("GATE", gate.port().to_string()).spawn().unwrap()
    };
    let child = spawned(&[]);
    gate.next().await.finish();
    let ran: super::Ran = output_of(child).await.into();
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.all("status"), ["unknown", "unknown", "succeeded"]);
    assert!(ran.stderr.contains("Successful: 1 Failed: 2 (2 unknown)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("add `--idempotent`"), "{}", ran.stderr);

    let child = spawned(&["--idempotent"]);
    for _ in 0..2 {
        gate.next().await.finish();
    }
    let ran: super::Ran = output_of(child).await.into();
    assert_eq!((ran.code, ran.records().len()), (Some(0), 3), "{}", ran.stderr);
    // Nothing is left to do.
    let child = spawned(&[]);
    let ran: super::Ran = output_of(child).await.into();
    assert_eq!((ran.code, ran.records().len()), (Some(0), 3), "{}", ran.stderr);
}

#[tokio::test]
async fn an_item_that_never_reached_its_target_had_not_begun() {
    let folder = folder(&[]);
    let port = ReservedPort::new();
    let free = port.address();
    let url = format!("http://{free}/{{}}");
    let arguments = [&*url, "0", "1", "--journal", "j", "--wait-for-target"];
    let mut child = command(&folder, &arguments).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    timeout(HANG_TIMEOUT, stderr.read_line(&mut line)).await.unwrap().unwrap();
    assert!(line.contains("can no longer be reached"), "{line}");
    signal(&child, Signal::INT);
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(130));
    let api = Api::at(free, |_| ok("1")).await;
    let ran = run_in(&folder, &[&url, "0", "1", "--resume", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(0), 2), "{}", ran.stderr);
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn a_line_that_was_cut_off_does_not_count_and_one_that_is_damaged_is_named() {
    let folder = folder(&[]);
    assert_eq!(run_in(&folder, &["stub:", "0..5", "--journal", "j"]).await.code, Some(0));
    let whole = std::fs::read(journal(&folder)).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(journal(&folder)).unwrap();
    file.write_all(b"{\"finished\":{\"id\":\"383388").unwrap();
    let ran = run_in(&folder, &["stub:", "0..5", "--resume", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(0), 5), "{}", ran.stderr);
    assert_eq!(std::fs::read(journal(&folder)).unwrap(), whole);

    let first = lines(&folder)[0].len() + 1;
    let mut damaged = whole.clone();
    damaged[first + 5] = 0;
    std::fs::write(journal(&folder), damaged).unwrap();
    let ran = run_in(&folder, &["stub:", "0..5", "--resume", "j"]).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    let named = format!("line 2, at byte {first}, is damaged");
    assert!(ran.stderr.contains(&named), "{}", ran.stderr);
    std::fs::write(journal(&folder), &whole[..first]).unwrap();
    let ran = run_in(&folder, &["stub:", "0..5", "--resume", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(0), 5), "{}", ran.stderr);
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_is_refused_before_anything_is_called() {
    let folder = folder(&[("text", "hello\n")]);
    for (arguments, why) in [
        (["--journal", "no/such/folder"], "No such file or directory"),
        (["--journal", "/dev/full"], "it is not a regular file"),
        (["--journal", "text"], "the file already exists; use `--resume text`"),
        (["--resume", "text"], "its first line is not the header of a mesero journal"),
        (["--resume", "none"], "the file does not exist; use `--journal`"),
    ] {
        let ran = run_in(&folder, &[&["stub:", "0..5"], &arguments[..]].concat()).await;
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{arguments:?}");
        let path = arguments[1];
        let said = format!("mesero: failed to use the journal `{path}`: {why}");
        assert!(ran.stderr.contains(&said), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(run_in(&folder, &["stub:", "0..5", "--journal", "j"]).await.code, Some(0));
    for (arguments, why) in [
        (
            &["0..5", "--resume", "j", "--", "echo"][..],
            "it belongs to the target `stub:`, not to `echo {}`",
        ),
        (&["stub:", "0..5", "--resume", "j", "--id", "name"], "it was written with `--id id`"),
    ] {
        let ran = run_in(&folder, arguments).await;
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains(why), "{arguments:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_resource_that_changed_meanwhile_is_pointed_out() {
    let config = |body: &str| format!("[resource.it]\nstub = {{ body = \"{body}\" }}\n");
    let folder = folder(&[("mesero.toml", &config("one"))]);
    assert_eq!(run_in(&folder, &["@it", "0..2", "--journal", "j"]).await.code, Some(0));
    std::fs::write(folder.path().join("mesero.toml"), config("two")).unwrap();
    let ran = run_in(&folder, &["@it", "0..3", "--resume", "j", "--ordered", "--values"]).await;
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "one\none\ntwo\n"));
    assert!(ran.stderr.contains("configuration has changed since the journal"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_id_under_which_the_journal_has_another_input_is_pointed_out() {
    let folder =
        folder(&[("a.jsonl", "{\"id\": 1, \"n\": 1}\n"), ("b.jsonl", "{\"id\": 1, \"n\": 2}\n")]);
    assert_eq!(run_in(&folder, &["stub:", "-i", "a.jsonl", "--journal", "j"]).await.code, Some(0));
    let ran = run_in(&folder, &["stub:", "-i", "b.jsonl", "--resume", "j"]).await;
    assert!(ran.stderr.contains("item 0 has the id `1`, under which"), "{}", ran.stderr);
}

#[tokio::test]
async fn without_items_nothing_is_done_and_the_journal_can_be_gone_on_with() {
    let folder = folder(&[("none", "")]);
    assert_eq!(run_in(&folder, &["stub:", "-i", "none", "--journal", "j"]).await.code, Some(4));
    let ran = run_in(&folder, &["stub:", "0..2", "--resume", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(0), 2));
    let ran = run_in(&folder, &["stub:", "-i", "none", "--resume", "j"]).await;
    assert_eq!((ran.code, ran.records().len()), (Some(4), 0));
}
