//! `mesero bench`, as a person or a script runs it.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::{HANG_TIMEOUT, program};
use crate::upstream::Upstream;

mod baseline;
mod called;
mod comparison;
mod faults;
mod frozen;
mod http2;
mod live;
mod load;
mod page;
mod rounds;
mod start;
mod suggest;
mod usage;

/// Outcome of `mesero bench`.
struct Measured {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Measured {
    /// The report of `--json`.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }
}

impl From<Output> for Measured {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("bench").args(arguments).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn bench(arguments: &[&str]) -> Measured {
    timeout(HANG_TIMEOUT, command(arguments).output()).await.expect("it ends").unwrap().into()
}

fn url(server: &Upstream) -> String {
    format!("http://{}/", server.address())
}

/// Measures a server that a test plays. Other tests that keep this machine busy void nothing.
async fn measure(address: SocketAddr, arguments: &[&str]) -> Measured {
    let url = format!("http://{address}/");
    bench(&[&[url.as_str(), "--tolerance", "1h"], arguments].concat()).await
}
