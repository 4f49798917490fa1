//! Signals, and readers that leave.

use std::process::Stdio;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use super::{Ran, command, run_in};
use crate::gate::{self, Gate};
use crate::harness::{HANG_TIMEOUT, folder, output_of, signal};

/// A run of two gated items at a time out of ten, both of which have begun.
async fn gated(gate: &Gate) -> (Child, [gate::Begun; 2], tempfile::TempDir) {
    let folder = folder(&[("gated.py", gate::MODULE)]);
    let mut command = command(&folder, &["python:gated:gated", "0..10", "-l", "2"]);
    let child = command.env("GATE", gate.port().to_string()).spawn().unwrap();
    let begun = [gate.next().await, gate.next().await];
    (child, begun, folder)
}

#[tokio::test]
async fn the_first_signal_finishes_what_is_in_work_and_begins_nothing_more() {
    let gate = Gate::open().await;
    let (mut child, begun, _folder) = gated(&gate).await;
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    signal(&child, Signal::INT);
    let mut line = String::new();
    timeout(HANG_TIMEOUT, stderr.read_line(&mut line)).await.unwrap().unwrap();
    assert!(line.contains("interrupted: finishing 2 items in flight"), "{line}");
    begun.into_iter().for_each(gate::Begun::finish);
    let output = output_of(child).await;
    let ran = Ran::from(output);
    assert_eq!((ran.code, ran.records().len()), (Some(130), 2));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("Successful: 2 Failed: 0 Not finished:"), "{rest}");
}

#[tokio::test]
async fn the_second_signal_stops_at_once() {
    let gate = Gate::open().await;
    let (mut child, begun, _folder) = gated(&gate).await;
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    signal(&child, Signal::TERM);
    let mut line = String::new();
    timeout(HANG_TIMEOUT, stderr.read_line(&mut line)).await.unwrap().unwrap();
    signal(&child, Signal::TERM);
    assert_eq!(timeout(HANG_TIMEOUT, child.wait()).await.unwrap().unwrap().code(), Some(143));
    for begun in begun {
        begun.gone().await;
    }
}

#[tokio::test]
async fn a_reader_that_has_read_enough_ends_the_run() {
    let folder = folder(&[]);
    let mut child = command(&folder, &["stub:", "0..1000000000000"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    drop(stdout);
    let output = output_of(child).await;
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the reader of the results has closed the pipe"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_reader_who_does_not_read_keeps_nobody_from_stopping_the_run() {
    let folder = folder(&[]);
    let mut child = command(&folder, &["stub:", "0..1000000000000"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // It runs; from now on its output is not read, and the pipe fills up.
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    signal(&child, Signal::INT);
    timeout(HANG_TIMEOUT, stderr.read_line(&mut line)).await.expect("it hears").unwrap();
    signal(&child, Signal::INT);
    assert_eq!(
        timeout(HANG_TIMEOUT, child.wait()).await.expect("it ends").unwrap().code(),
        Some(130)
    );
}

#[tokio::test]
async fn a_disk_that_is_full_is_said_and_ends_the_run() {
    let folder = folder(&[]);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = command(&folder, &["stub:", "0..1000000000000"]);
    let child = command.stdout(Stdio::from(full())).spawn().unwrap();
    let output = output_of(child).await;
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("failed to write the results: No space left"), "{}", ran.stderr);
    let arguments = ["--failed=/dev/full", "0..1000000", "-l", "1", "--", "false"];
    let ran = run_in(&folder, &arguments).await;
    assert_eq!(ran.code, Some(1));
    let said = "failed to write the failed items: No space left";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}
