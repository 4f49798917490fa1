//! Measurements that are saved, and compared with later ones.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::{Measured, bench, command, url};
use crate::harness::{output_of, signal};
use crate::upstream::Upstream;

/// Response times of a service, in milliseconds and one round after another. They vary by far more than a busy machine
/// adds to them, so one measurement is as good as the next, and no interval is narrow.
const TIMES: [u64; 10] = [20, 80, 40, 60, 30, 70, 50, 90, 25, 65];

/// A request in each of as many rounds.
const LOAD: [&str; 8] = ["-c", "1", "-n", "1", "--rounds", "10", "--tolerance", "1h"];

/// A service whose response times are a multiple of [`TIMES`].
struct Service {
    listener: TcpListener,
    factor: u32,
}

impl Service {
    async fn open(factor: u32) -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), factor }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Answers one request on each connection, forever.
    async fn serve(&self) -> Infallible {
        let mut times = TIMES.into_iter().cycle().map(Duration::from_millis);
        loop {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            if let Ok(1..) = stream.read(&mut request).await {
                sleep(times.next().unwrap() * self.factor).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                // The client may have left.
                let _ = stream.write_all(answer).await;
            }
        }
    }

    async fn measured(&self, arguments: &[&str]) -> Measured {
        let url = format!("http://{}/", self.address());
        let arguments = [&[url.as_str()][..], &LOAD, arguments].concat();
        tokio::select! {
            measured = bench(&arguments) => measured,
            never = self.serve() => match never {},
        }
    }
}

/// Path of a file to be written.
fn file(folder: &TempDir) -> String {
    folder.path().join("base.json").to_str().unwrap().to_owned()
}

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_service_is_as_fast_as_it_was_and_one_that_became_slower_is_not() {
    let folder = tempdir().unwrap();
    let (base, page) = (file(&folder), folder.path().join("page.html"));
    let (usual, slow) = (Service::open(1).await, Service::open(8).await);
    let saved = usual.measured(&["--save", &base, "--expect", "ok=100%"]).await;
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);

    let same = usual.measured(&["--baseline", &base, "--expect", "p50<=8x", "--json"]).await;
    assert_eq!(same.code, Some(0), "{}{}", same.stderr, same.stdout);
    let median = &same.json()["baseline"]["response"]["p50"];
    let ends = ["low", "high"].map(|end| median[end].as_f64().unwrap());
    assert!(ends[0] <= 1.0 && ends[1] >= 1.0, "{ends:?}");
    let conclusion = same.json()["baseline"]["conclusion"].clone();
    assert!(conclusion.as_str().unwrap().starts_with("no difference measured between http://"));

    let html = ["--html", page.to_str().unwrap()];
    let flags = ["--baseline", &base, "--expect", "p50<=1.2x"];
    let slower = slow.measured(&[&flags[..], &html].concat()).await;
    assert_eq!(slower.code, Some(3), "{}{}", slower.stderr, slower.stdout);
    let told = format!("\nhttp://{}/ is ", slow.address());
    assert!(slower.stdout.contains(&told), "{}", slower.stdout);
    assert!(slower.stdout.contains(" × slower than its baseline: "), "{}", slower.stdout);
    assert!(slower.stdout.contains("\nbaseline: "), "{}", slower.stdout);
    assert!(slower.stdout.contains("\nfailed: p50<=1.2x ("), "{}", slower.stdout);
    assert!(slower.stdout.contains("Both were measured at different times"), "{}", slower.stdout);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("× slower than its baseline") && page.contains("/, baseline<"));
}

#[tokio::test]
async fn what_is_saved_has_no_secret() {
    let folder = tempdir().unwrap();
    let base = file(&folder);
    let service = Service::open(1).await;
    let flags = ["-H", "Authorization: hunter2", "--data", "pin=hunter3", "--save", &base];
    let measured = service.measured(&flags).await;
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    let text = fs::read_to_string(&base).unwrap();
    assert!(!text.contains("hunter"), "{text}");
    let saved = read(&base);
    let request = &saved["terms"]["request"];
    assert_eq!(request["headers"][0], "authorization");
    assert_eq!((&request["method"], &request["body"]["bytes"]), (&"POST".into(), &11.into()));
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_baseline_is_replaced_by_what_holds_beside_it_and_by_nothing_else() {
    let folder = tempdir().unwrap();
    let base = file(&folder);
    let (usual, slow) = (Service::open(1).await, Service::open(8).await);
    usual.measured(&["--save", &base]).await;
    let first = read(&base);
    let rolling = ["--baseline", &base, "--save", &base];

    let holds = usual.measured(&[&rolling[..], &["--expect", "p50<=8x"]].concat()).await;
    assert_eq!(holds.code, Some(0), "{}", holds.stderr);
    let second = read(&base);
    assert_ne!(second["targets"], first["targets"]);

    let fails = slow.measured(&[&rolling[..], &["--expect", "p50<=1.2x"]].concat()).await;
    let said = format!("the baseline `{base}` stays as it was: a threshold does not hold\n");
    assert!(fails.code == Some(3) && fails.stderr.ends_with(&said), "{}", fails.stderr);
    assert_eq!(read(&base), second);

    // In another file it is saved in any case.
    let other = folder.path().join("other.json");
    let other = other.to_str().unwrap();
    let flags = ["--baseline", &base, "--save", other, "--expect", "p50<=1.2x"];
    assert_eq!(slow.measured(&flags).await.code, Some(3));
    assert_eq!(read(other)["targets"][0]["record"]["ok"], 10);
}

#[tokio::test]
async fn what_cannot_be_compared_or_kept_is_told_before_anything_is_asked() {
    let folder = tempdir().unwrap();
    let base = file(&folder);
    let saved = Service::open(1).await.measured(&["--save", &base]).await;
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    let server = Upstream::open().await;
    let url = url(&server);
    let missing = "failed to compare with `/no/base.json`: there is no such file";
    let over_http2 = ["--http2", "-c", "1", "-n", "1", "--baseline", &base];
    let cases: [(&[&str], &str); 7] = [
        (&["-c", "2", "-n", "1", "--baseline", &base], "\n  clients: saved 1, now 2\n"),
        (&["-c", "1", "-n", "2", "--baseline", &base], "a round: saved 1 requests, now 2 requests"),
        (&over_http2, "measured under other terms (1)\n  HTTP: saved 1.1, now 2\n"),
        (&["--baseline", "/no/base.json"], missing),
        (&["--save", "/no/base.json"], "failed to write `/no/base.json`: "),
        (&["--suggest", "-c", "2", "--save", &base], "cannot be used with"),
        (&["--baseline", &base, "--expect", "same_answers"], "judge `same_answers`"),
    ];
    for (arguments, text) in cases {
        let refused = bench(&[&[url.as_str()], arguments].concat()).await;
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(text), "{arguments:?}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    assert!(!server.has_another().await, "no request was sent");
}

#[tokio::test]
async fn an_interrupted_measurement_is_kept_and_is_no_baseline() {
    let folder = tempdir().unwrap();
    let base = file(&folder);
    let server = Upstream::open().await;
    let url = url(&server);
    let child = command(&[&url, "-c", "1", "-d", "1h", "--save", &base]).spawn().unwrap();
    let mut wire = server.accept().await;
    wire.head().await;
    signal(&child, Signal::INT);
    let ended = output_of(child).await;
    assert_eq!(ended.status.code(), Some(130));
    assert!(Path::new(&base).exists());
    let refused = bench(&[&url, "-c", "1", "-d", "1h", "--baseline", &base]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("its measurement was interrupted"), "{}", refused.stderr);
}
