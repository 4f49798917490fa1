//! Servers that a measurement starts, and ends.

use std::net::SocketAddr;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{Measured, bench, command};
use crate::gate::Gate;
use crate::harness::{ReservedPort, folder, output_of, program, signal};

/// Announces itself at the gate, and serves as a child, which holds the gate's connection too.
const SCRIPT: &str = r#"
exec 9<>"/dev/tcp/127.0.0.1/$1"
echo "$$ 1" >&9
"$2" serve "$3" &
wait
"#;

/// A server that can be started, and its address.
struct Service {
    folder: TempDir,
    address: SocketAddr,
    gate: Gate,
    _port: ReservedPort,
}

impl Service {
    async fn new() -> Self {
        let port = ReservedPort::new();
        let address = port.address();
        let config = format!(
            r#"
            [server]
            listen = "{address}"
            control = "127.0.0.1:0"
            [resource.it]
            stub = {{ delay = "5ms" }}
            [[route]]
            path = "/"
            resource = "it"
            "#
        );
        let folder = folder(&[("start.sh", SCRIPT), ("it.toml", &config)]);
        Self { folder, address, gate: Gate::open().await, _port: port }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The command line that starts it.
    fn start(&self) -> String {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (script, config) = (path("start.sh"), path("it.toml"));
        format!("bash {script} {} {} {config}", self.gate.port(), program())
    }
}

#[tokio::test]
async fn two_that_share_a_port_are_each_started_for_their_turn_and_ended_after_it() {
    let service = Service::new().await;
    let (url, start) = (service.url(), service.start());
    let targets = [format!("one={url}"), format!("two={url}")];
    let arguments = [&targets[0], &targets[1], "--start", &start, "--start", &start];
    let load = ["-c", "2", "-n", "20", "--rounds", "2", "--json", "--tolerance", "1h"];
    let arguments = [&arguments[..], &load].concat();
    let measuring = bench(&arguments);
    let starting = async {
        for _ in 0..4 {
            // No server is started before the previous one has ended.
            service.gate.next().await.gone().await;
        }
    };
    let (measured, ()) = tokio::join!(measuring, starting);
    assert_eq!(measured.code, Some(0), "{}{}", measured.stderr, measured.stdout);
    for target in measured.json()["targets"].as_array().unwrap() {
        assert_eq!(target["ok"], 40);
        assert!(target["cpu_s_per_request"].is_number(), "{target:#}");
        assert!(target["memory_bytes"].as_u64().unwrap() > 1_000_000, "{target:#}");
    }
    assert!(TcpStream::connect(service.address).await.is_err(), "a server is left");
}

#[tokio::test]
async fn what_is_started_is_waited_for_and_asked_over_http2() {
    let service = Service::new().await;
    let (url, start) = (service.url(), service.start());
    let load = ["-c", "4", "--streams", "2", "-n", "20", "--json", "--tolerance", "1h"];
    let arguments = [&[&*url, "--http2", "--start", &start], &load[..]].concat();
    let (measured, started) = tokio::join!(bench(&arguments), service.gate.next());
    started.gone().await;
    assert_eq!(measured.json()["ok"], 20, "{}{}", measured.stderr, measured.stdout);
}

#[tokio::test]
async fn a_bench_that_is_killed_leaves_nothing_that_it_has_started() {
    let service = Service::new().await;
    let (url, start) = (service.url(), service.start());
    let mut child = command(&[&url, "--start", &start, "-d", "1h"]).spawn().unwrap();
    let begun = service.gate.next().await;
    child.kill().await.unwrap();
    begun.gone().await;
}

#[tokio::test]
async fn an_interrupted_bench_ends_what_it_has_started_and_tells_what_it_has() {
    let service = Service::new().await;
    let (url, start) = (service.url(), service.start());
    let arguments = [&url, "--start", &start, "-d", "1h", "--tolerance", "1h", "--json"];
    let child = command(&arguments).spawn().unwrap();
    let begun = service.gate.next().await;
    signal(&child, Signal::INT);
    begun.gone().await;
    let output = output_of(child).await;
    let measured = Measured::from(output);
    assert_eq!(measured.code, Some(130), "{}", measured.stderr);
    assert_eq!(measured.json()["interrupted"], true);
}

#[tokio::test]
async fn a_command_that_does_not_start_or_does_not_answer_is_told_with_its_last_words() {
    let failed = async |start: &str, timeout: &str| {
        let port = ReservedPort::new();
        let url = format!("http://{}/", port.address());
        let measured = bench(&[&url, "--start", start, "--start-timeout", timeout]).await;
        assert_eq!((measured.code, &*measured.stdout), (Some(2), ""));
        measured.stderr
    };
    let (broken, silent) = tokio::join!(
        failed("echo one; echo the config is broken >&2; exit 7", "120s"),
        failed("echo here I am; sleep 60", "3s")
    );
    for wanted in ["with exit code 7", "must stay in the foreground", "\n  the config is broken"] {
        assert!(broken.contains(wanted), "{broken}");
    }
    for wanted in ["no response within 3.00 s: refused", "--start-timeout", "\n  here I am"] {
        assert!(silent.contains(wanted), "{silent}");
    }
}

#[tokio::test]
async fn somebody_else_on_the_port_is_not_measured_in_its_place() {
    let somebody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", somebody.local_addr().unwrap());
    let measured = bench(&[&url, "--start", "sleep 60"]).await;
    assert_eq!(measured.code, Some(2));
    assert!(measured.stderr.contains("a server already listens at its URL"), "{}", measured.stderr);
}

#[tokio::test]
async fn what_dies_in_the_middle_of_a_round_fails_its_requests_and_is_told() {
    let port = ReservedPort::new();
    let address = port.address();
    let server = format!(
        r"
import http.server, os, sys
left = 4
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        global left
        left -= 1
        if left < 0:
            print('out of luck', file=sys.stderr, flush=True)
            os._exit(9)
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(('127.0.0.1', {}), Handler).serve_forever()
",
        address.port()
    );
    let folder = folder(&[("server.py", &server)]);
    let start = format!("exec python3 {}", folder.path().join("server.py").display());
    let url = format!("http://{address}/");
    let arguments = [&url, "--start", &start, "-c", "1", "-n", "5", "--json", "--tolerance", "1h"];
    let measured = bench(&arguments).await;
    assert_eq!(measured.code, Some(1), "{}", measured.stderr);
    let report = measured.json();
    // One of four was the first answer that was waited for.
    assert_eq!((&report["ok"], &report["failed"]), (&3.into(), &2.into()), "{report:#}");
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.starts_with("In round 1 it exited, with exit code 9"), "{note}");
    assert!(note.ends_with("\n  out of luck"), "{note}");
}

#[tokio::test]
async fn there_is_a_command_for_each_url_or_none() {
    let measured = bench(&["http://localhost:1/", "http://localhost:2/", "--start", "true"]).await;
    assert_eq!(measured.code, Some(2));
    assert!(measured.stderr.contains("start 2 targets with 1 --start"), "{}", measured.stderr);
    let measured = bench(&["stub:", "--start", "true"]).await;
    assert_eq!(measured.code, Some(2));
    assert!(measured.stderr.contains("it is for URLs"), "{}", measured.stderr);
}
