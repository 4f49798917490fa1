//! Runs that are interrupted: killed, without room on the disk, without a reader. Nothing is lost, and nothing done twice.

use std::collections::HashMap;
use std::process::{Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;
use tokio::time::timeout;

use super::api::{Api, ok};
use super::{Ran, command, run_in};
use crate::harness::{HANG_TIMEOUT, folder};

/// Items, some of them more than once, in a file whose order changes; and a server that counts them.
struct Work {
    folder: TempDir,
    items: Vec<usize>,
    api: Api,
    asked: watch::Receiver<usize>,
}

const LIMIT: usize = 20;

impl Work {
    /// So many items, of which one in twenty is there twice.
    async fn of(count: usize) -> Self {
        let asked = Arc::new(watch::Sender::new(0));
        let receiver = asked.subscribe();
        let api = Api::open(move |_| {
            asked.send_modify(|count| *count += 1);
            ok("1")
        });
        let items = (0..count).map(|n| n % (count - count / 20)).collect();
        Self { folder: folder(&[]), items, api: api.await, asked: receiver }
    }

    fn shuffle(&mut self) {
        fastrand::shuffle(&mut self.items);
        let lines: String = self.items.iter().map(|item| format!("{item}\n")).collect();
        std::fs::write(self.folder.path().join("items"), lines).unwrap();
    }

    fn arguments<'a>(&self, url: &'a str, journal: [&'a str; 2]) -> Vec<&'a str> {
        let mut arguments = vec![url, "-i", "items", "-l", "20"];
        arguments.extend(journal);
        arguments
    }

    fn url(&self) -> String {
        self.api.url("/{}")
    }

    /// Resumes the run to the end, in another order.
    async fn resume(&mut self, more: &[&str]) -> Ran {
        self.shuffle();
        let url = self.url();
        let mut arguments = self.arguments(&url, ["--resume", "j"]);
        arguments.extend(more);
        run_in(&self.folder, &arguments).await
    }

    /// Counts the requests for each item.
    fn times_asked(&self) -> HashMap<usize, usize> {
        let mut times = HashMap::new();
        for request in self.api.asked() {
            *times.entry(request.path()[1..].parse().unwrap()).or_default() += 1;
        }
        times
    }

    /// Counts each item in the input.
    fn times_wanted(&self) -> HashMap<usize, usize> {
        let mut times = HashMap::new();
        self.items.iter().for_each(|item| *times.entry(*item).or_default() += 1);
        times
    }

    /// Counts the statuses of each item, in records of which every item of the input has one.
    fn tally(&self, ran: &Ran) -> HashMap<usize, HashMap<String, usize>> {
        let mut tally: HashMap<usize, HashMap<String, usize>> = HashMap::new();
        let records = ran.sorted();
        assert_eq!(records.len(), self.items.len(), "{}", ran.stderr);
        for (place, record) in records.iter().enumerate() {
            assert_eq!(record["index"].as_u64(), Some(place as u64));
            let item: usize = record["input"].as_str().unwrap().parse().unwrap();
            assert_eq!(item, self.items[place]);
            let status = record["status"].as_str().unwrap().to_owned();
            *tally.entry(item).or_default().entry(status).or_default() += 1;
        }
        tally
    }
}

#[tokio::test]
async fn killed_ten_times_every_item_is_accounted_for_and_none_that_was_done_is_done_again() {
    let mut work = Work::of(10_000).await;
    let mut printed: HashMap<usize, usize> = HashMap::new();
    for round in 0..10 {
        work.shuffle();
        let url = work.url();
        let journal = [if round == 0 { "--journal" } else { "--resume" }, "j"];
        // Into a file, which keeps what was printed when the run is killed.
        let out = std::fs::File::create(work.folder.path().join("out")).unwrap();
        let mut command = command(&work.folder, &work.arguments(&url, journal));
        let mut child = command.stdout(Stdio::from(out)).spawn().unwrap();
        let until = *work.asked.borrow() + fastrand::usize(1..800);
        let there = work.asked.wait_for(|count| *count >= until);
        timeout(HANG_TIMEOUT, there).await.expect("it works").unwrap();
        child.kill().await.unwrap();
        // Since the last round everything that was kept is printed again.
        let mut this_time: HashMap<usize, usize> = HashMap::new();
        let text = std::fs::read_to_string(work.folder.path().join("out")).unwrap();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            if record["status"] == "succeeded" {
                let item = record["input"].as_str().unwrap().parse().unwrap();
                *this_time.entry(item).or_default() += 1;
            }
        }
        for (item, times) in this_time {
            let most = printed.entry(item).or_default();
            *most = times.max(*most);
        }
    }

    let ran = work.resume(&[]).await;
    let (wanted, asked) = (work.times_wanted(), work.times_asked());
    let mut unknown = 0;
    for (item, statuses) in work.tally(&ran) {
        let of = |status: &str| statuses.get(status).copied().unwrap_or(0);
        unknown += of("unknown");
        assert_eq!(of("succeeded") + of("unknown"), wanted[&item], "{item}");
        assert!(asked.get(&item).copied().unwrap_or(0) <= wanted[&item], "{item} ran twice");
        assert!(asked.get(&item).copied().unwrap_or(0) >= of("succeeded"), "{item} never ran");
        assert!(of("succeeded") >= printed.get(&item).copied().unwrap_or(0), "{item} was lost");
    }
    // Items in flight, and items that were done and not yet on disk.
    assert!(unknown <= 10 * 3 * LIMIT, "{unknown}");
    assert_eq!(ran.code, Some(i32::from(unknown > 0)), "{}", ran.stderr);
    let before = asked.values().sum::<usize>();

    let ran = work.resume(&["--idempotent"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for (item, statuses) in work.tally(&ran) {
        assert_eq!(statuses["succeeded"], wanted[&item]);
    }
    assert_eq!(work.times_asked().values().sum::<usize>(), before + unknown);
}

#[tokio::test]
async fn a_full_disk_ends_the_run_and_nothing_that_was_kept_is_done_again() {
    let mut work = Work::of(2_000).await;
    let mut journal = "--journal";
    // In blocks of 512 bytes; all of it takes about 1,200.
    for blocks in [300, 500, 700] {
        work.shuffle();
        let mut limited = tokio::process::Command::new("/bin/sh");
        limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run \"$@\""));
        limited.arg(crate::harness::program()).args(work.arguments(&work.url(), [journal, "j"]));
        limited.current_dir(work.folder.path()).kill_on_drop(true).env("NO_COLOR", "1");
        let ran = ended(limited.output()).await;
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("stopped: failed to write the journal: "), "{}", ran.stderr);
        assert!(ran.stderr.contains("to continue, repeat the command"), "{}", ran.stderr);
        journal = "--resume";
    }
    let ran = work.resume(&[]).await;
    let (wanted, asked) = (work.times_wanted(), work.times_asked());
    for (item, statuses) in work.tally(&ran) {
        let of = |status: &str| statuses.get(status).copied().unwrap_or(0);
        assert_eq!(of("succeeded") + of("unknown"), wanted[&item], "{item}");
        assert!(asked.get(&item).copied().unwrap_or(0) <= wanted[&item], "{item} ran twice");
    }
}

async fn ended(output: impl Future<Output = std::io::Result<Output>>) -> Ran {
    timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap().into()
}

#[tokio::test]
async fn where_results_cannot_be_written_the_journal_has_them() {
    let mut work = Work::of(1_000).await;
    work.shuffle();
    let (url, full) = (work.url(), std::fs::OpenOptions::new().write(true).open("/dev/full"));
    let mut command = command(&work.folder, &work.arguments(&url, ["--journal", "j"]));
    let ran = ended(command.stdout(Stdio::from(full.unwrap())).spawn().unwrap().wait_with_output());
    let ran = ran.await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("failed to write the results: No space left"), "{}", ran.stderr);
    assert_eq!(all_done_once(&mut work).await, Some(0));
}

#[tokio::test]
async fn where_nobody_reads_the_results_any_more_the_journal_has_them() {
    let mut work = Work::of(1_000).await;
    work.shuffle();
    let url = work.url();
    let mut child =
        command(&work.folder, &work.arguments(&url, ["--journal", "j"])).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(HANG_TIMEOUT, stdout.read_line(&mut String::new())).await.unwrap().unwrap();
    drop(stdout);
    let ran = ended(child.wait_with_output()).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the reader of the results has closed the pipe"), "{}", ran.stderr);
    assert!(ran.stderr.contains("repeat the command with `--resume j`"), "{}", ran.stderr);
    assert_eq!(all_done_once(&mut work).await, Some(0));
}

/// Resumes the run to the end: all items in flight had finished, so that none is unknown.
async fn all_done_once(work: &mut Work) -> Option<i32> {
    let ran = work.resume(&[]).await;
    let wanted = work.times_wanted();
    for (item, statuses) in work.tally(&ran) {
        assert_eq!(statuses.get("succeeded"), Some(&wanted[&item]), "{item}: {}", ran.stderr);
    }
    assert_eq!(work.times_asked(), wanted);
    ran.code
}
