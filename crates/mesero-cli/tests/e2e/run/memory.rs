//! What a run keeps in memory does not depend on how many items there are.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::command;
use crate::harness::{PATIENCE, folder, shared_machine};

const FEW: usize = 10_000;
const MANY: usize = 50_000;

/// The largest resident set so far, in kilobytes, after few and after many items.
async fn peaks(arguments: &[&str]) -> (usize, usize) {
    let folder = folder(&[]);
    let mut child = command(&folder, arguments).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut results = BufReader::new(stdout).lines();
    let mut peaks = Vec::new();
    let mut next = 0;
    for until in [FEW, MANY] {
        let items: String = (next..until).map(|item| format!("{item}\n")).collect();
        let feeding = async { stdin.write_all(items.as_bytes()).await.unwrap() };
        let reading = async {
            for _ in next..until {
                results.next_line().await.unwrap().unwrap();
            }
        };
        timeout(PATIENCE, async { tokio::join!(feeding, reading) }).await.expect("it works");
        next = until;
        // Every item has its result, and the run waits for more.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap()));
        let status = status.unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peaks.push(peak.trim_end_matches("kB").trim().parse().unwrap());
    }
    (peaks[0], peaks[1])
}

async fn stays_flat(arguments: &[&str]) {
    let (few, many) = peaks(arguments).await;
    // Were 64 bytes of every item kept, it would be 2,500 more.
    assert!(many < few + 2_000, "{arguments:?}: {few} kB, then {many} kB");
}

#[tokio::test]
async fn many_items_take_no_more_memory_than_few() {
    let _machine = shared_machine().await;
    stays_flat(&["stub:", "-q"]).await;
    stays_flat(&["stub:", "-q", "--ordered"]).await;
    stays_flat(&["stub:", "-q", "--journal", "j", "-l", "100"]).await;
}
