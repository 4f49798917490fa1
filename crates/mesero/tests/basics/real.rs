//! The programs as a user runs them, on the real clock.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::process::Command;
use tokio::time::timeout;

use crate::page;

/// The output of the program `name`, which `cargo test` has built beside this test.
async fn output(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    let output = Command::new(program).stdin(Stdio::null()).kill_on_drop(true).output();
    // No program needs ten seconds; after a minute it hangs.
    let output = timeout(Duration::from_secs(60), output).await.unwrap_or_else(|_| {
        panic!("{name} has not ended within a minute");
    });
    let output = output.unwrap_or_else(|error| {
        panic!("{name}: {error}; `cargo test` builds it, or `cargo build --examples`");
    });
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines, in no order, with every time (`1.5 s`, `20 ms`) left open, since the machine may be busy.
fn timeless(text: &str) -> Vec<String> {
    let timeless = |line: &str| {
        let mut words: Vec<_> = line.split_whitespace().collect();
        for word in 1..words.len() {
            if matches!(words[word], "s" | "ms") {
                words[word - 1] = "_";
            }
        }
        words.join(" ")
    };
    let mut lines: Vec<_> = text.lines().map(timeless).collect();
    lines.sort();
    lines
}

/// The numbers that come before `unit` in the text.
fn times(text: &str, unit: &str) -> Vec<f64> {
    let words: Vec<_> = text.split_whitespace().collect();
    let time = |pair: &[&str]| (pair[1] == unit).then(|| pair[0].parse().unwrap());
    words.windows(2).filter_map(time).collect()
}

#[tokio::test]
async fn every_program_prints_what_the_page_shows() {
    let check = async |(name, shown): (String, String)| {
        assert_eq!(timeless(&output(&name).await), timeless(&shown), "{name}");
    };
    join_all(page::programs().into_iter().map(check)).await;
}

#[tokio::test]
async fn blocking_calls_one_after_the_other_take_the_sum_of_their_times() {
    let [work, took] = times(&output("m05_sync_blocking").await, "s")[..] else {
        panic!("no two times")
    };
    assert!(work >= 4.0 && took >= work, "{work} s of work in {took} s");
}

#[tokio::test]
async fn blocking_calls_on_threads_take_less_than_the_sum_of_their_times() {
    let [work, took] = times(&output("m06_async_blocking").await, "s")[..] else {
        panic!("no two times")
    };
    assert!(work >= 4.0 && took < work, "{work} s of work in {took} s");
}

#[tokio::test]
async fn a_blocking_call_in_async_delays_all_others_and_a_thread_does_not() {
    let printed = output("m10_blocking_in_async").await;
    let [washed, coffee, first_cure, _, second_cure, _] = times(&printed, "s")[..] else {
        panic!("no six times: {printed}")
    };
    assert!(coffee > washed, "{printed}");
    assert!(first_cure < washed && second_cure < washed, "{printed}");
}

#[tokio::test]
async fn a_pool_has_at_most_as_many_calls_at_work_as_workers() {
    let printed = output("m13_executor").await;
    for (times, workers) in times(&printed, "ms").chunks(2).zip([1.0, 2.0, 8.0]) {
        // Both are whole milliseconds, rounded down.
        assert!(times[0] <= (times[1] + 1.0) * workers, "{printed}");
    }
}
