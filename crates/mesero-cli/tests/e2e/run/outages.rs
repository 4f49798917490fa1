//! A target that goes away, and comes back.

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::api::{Api, ok};
use super::{command, run};
use crate::harness::{HANG_TIMEOUT, ReservedPort, folder, signal};

#[tokio::test]
async fn items_wait_for_a_target_that_went_away_and_none_fails() {
    let folder = folder(&[]);
    // Every item needs a connection of its own, so that none is left when the target goes.
    let port = ReservedPort::new();
    let address = port.address();
    let closing = |_: &_| ("200 OK\r\nConnection: close".to_owned(), "1".to_owned());
    let api = Api::at(address, closing).await;
    let url = api.url("/{}");
    let mut child = command(&folder, &[&url, "--format-in", "lines", "-i", "-", "-l", "2"]);
    let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    stdin.write_all(b"0\n").await.unwrap();
    stdout.next_line().await.unwrap().unwrap();
    api.end().await;
    stdin.write_all(b"1\n2\n3\n4\n5\n6\n").await.unwrap();
    drop(stdin);
    let line = timeout(HANG_TIMEOUT, stderr.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("the target can no longer be reached"), "{line}");
    let _api = Api::at(address, |_| ok("1")).await;
    let line = timeout(HANG_TIMEOUT, stderr.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("the target can be reached again, after"), "{line}");
    let mut rest = String::new();
    timeout(HANG_TIMEOUT, stderr.into_inner().read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("Successful: 7 Failed: 0"), "{rest}");
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_target_that_was_never_reached_fails_its_items_at_once() {
    let port = ReservedPort::new();
    let free = port.address();
    let ran = run(&[&format!("http://{free}/{{}}"), "0..5"]).await;
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.sorted()[0]["error"]["kind"], "unreachable");
    assert_eq!(ran.records().len(), 5);
}

#[tokio::test]
async fn who_waits_for_a_target_gives_up_at_the_deadline() {
    let port = ReservedPort::new();
    let free = port.address();
    let url = format!("http://{free}/{{}}");
    let ran = run(&[&url, "0..5", "--wait-for-target", "--deadline", "1s"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.all("status").iter().all(|status| status == "expired"), "{}", ran.stdout);
}

#[tokio::test]
async fn who_is_interrupted_while_waiting_for_a_target_has_not_failed() {
    let (folder, port) = (folder(&[]), ReservedPort::new());
    let url = format!("http://{}/{{}}", port.address());
    let mut child = command(&folder, &[&url, "0..5", "--wait-for-target"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    timeout(HANG_TIMEOUT, stderr.read_line(&mut said)).await.unwrap().unwrap();
    assert!(said.contains("can no longer be reached"), "{said}");
    signal(&child, Signal::INT);
    timeout(HANG_TIMEOUT, stderr.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.contains("Successful: 0 Failed: 0 Not finished: 5"), "{said}");
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(130));
}
