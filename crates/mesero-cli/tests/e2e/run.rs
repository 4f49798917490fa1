//! `mesero run`, as a person or a script runs it.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, program};

mod api;
mod crashes;
mod examples;
mod hosts;
mod inputs;
mod journal;
mod memory;
mod outages;
mod policies;
mod requests;
mod results;
mod stopping;

/// Outcome of a run.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Its records, in the order in which they came.
    fn records(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// Its records, in the order of the items.
    fn sorted(&self) -> Vec<Value> {
        let mut records = self.records();
        records.sort_by_key(|record| record["index"].as_u64());
        records
    }

    /// One member of every record, in the order of the items.
    fn all(&self, member: &str) -> Vec<Value> {
        self.sorted().iter().map(|record| record[member].clone()).collect()
    }
}

impl From<Output> for Ran {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("run").args(arguments).current_dir(folder.path()).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs to the end, in an empty folder.
async fn run(arguments: &[&str]) -> Ran {
    run_in(&crate::harness::folder(&[]), arguments).await
}

async fn run_in(folder: &TempDir, arguments: &[&str]) -> Ran {
    let output = command(folder, arguments).output();
    timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap().into()
}

/// Runs to the end with this on standard input.
async fn run_with(input: &str, arguments: &[&str]) -> Ran {
    let folder = crate::harness::folder(&[]);
    let mut child = command(&folder, arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = async {
        // It may not want all of it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let both = async { tokio::join!(feeding, child.wait_with_output()).1 };
    timeout(HANG_TIMEOUT, both).await.expect("it ends").unwrap().into()
}
