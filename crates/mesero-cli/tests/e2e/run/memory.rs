//! Memory of a run, which does not depend on the number of items.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::command;
use crate::harness::{HANG_TIMEOUT, folder};

/// Peaks of the resident set, in kilobytes, after few and after many items.
async fn peaks(arguments: &[&str], few: usize, many: usize) -> (usize, usize) {
    let folder = folder(&[]);
    let mut child = command(&folder, arguments).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut results = BufReader::new(stdout).lines();
    let mut peaks = Vec::new();
    let mut next = 0;
    for until in [few, many] {
        let feeding = async {
            for piece in (next..until).collect::<Vec<_>>().chunks(1_000) {
                let lines: String = piece.iter().map(|item| format!("{item}\n")).collect();
                stdin.write_all(lines.as_bytes()).await.unwrap();
            }
        };
        let reading = async {
            for _ in next..until {
                results.next_line().await.unwrap().unwrap();
            }
        };
        let patience = HANG_TIMEOUT * u32::try_from(until.div_ceil(50_000)).unwrap();
        timeout(patience, async { tokio::join!(feeding, reading) }).await.expect("it works");
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
    let (few, many) = peaks(arguments, 10_000, 50_000).await;
    // Were 64 bytes of every item kept, it would be 2,500 more.
    assert!(many < few + 2_000, "{arguments:?}: {few} kB, then {many} kB");
}

#[tokio::test]
async fn many_items_take_no_more_memory_than_few() {
    stays_flat(&["stub:", "-q"]).await;
    stays_flat(&["stub:", "-q", "--ordered"]).await;
    stays_flat(&["stub:", "-q", "--journal", "j", "-l", "100"]).await;
}

/// Ten times as many take less than a tenth more: what the allocator keeps back, and nothing of any item.
async fn same_peak(few: usize) {
    let (few, many) = peaks(&["stub:", "-q"], few, 10 * few).await;
    assert!(many * 10 < few * 11, "{few} kB, then {many} kB");
}

#[tokio::test]
async fn two_hundred_thousand_items_have_the_peak_of_twenty_thousand() {
    same_peak(20_000).await;
}

#[tokio::test]
#[ignore = "takes two minutes where nothing is optimized"]
async fn two_million_items_have_the_peak_of_two_hundred_thousand() {
    same_peak(200_000).await;
}
