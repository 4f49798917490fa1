//! A server that freezes for five seconds, and the true percentiles of its response times.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::measure;

/// Requests a second, over twenty seconds.
const RATE: u64 = 200;
const REQUESTS: u64 = 20 * RATE;
const FREEZE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Server {
    asked: Arc<AtomicU64>,
    frozen: watch::Sender<bool>,
}

impl Server {
    /// Answers at once, but for the five seconds after a quarter of the requests.
    async fn serve(self, listener: TcpListener) -> Infallible {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            #[expect(clippy::disallowed_methods, reason = "it ends with the connection")]
            tokio::spawn(self.clone().connection(stream));
        }
    }

    async fn connection(self, mut stream: TcpStream) {
        let mut request = [0; 4_096];
        let mut frozen = self.frozen.subscribe();
        while stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
            if self.asked.fetch_add(1, Relaxed) == REQUESTS / 4 {
                self.frozen.send_replace(true);
                sleep(FREEZE).await;
                self.frozen.send_replace(false);
            }
            frozen.wait_for(|frozen| !frozen).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_percentiles_of_a_frozen_server_are_those_of_arithmetic() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server { asked: Arc::default(), frozen: watch::channel(false).0 };
    let (rate, requests) = (RATE.to_string(), REQUESTS.to_string());
    let arguments =
        [&["--rate", &rate, "--arrivals", "uniform", "-n", &requests][..], &["-c", "20", "--json"]]
            .concat();
    let measured = tokio::select! {
        measured = measure(address, &arguments) => measured,
        never = server.serve(listener) => match never {},
    };
    let report = measured.json();
    assert_eq!(report["ok"], REQUESTS, "{}", measured.stdout);

    // Requests that come while it is frozen wait for the rest of that time, each a little less than
    // the one before; so of all times the greatest hundredth is what is cut off that slope.
    let slope = RATE as f64 * FREEZE.as_secs_f64();
    let of_slope = REQUESTS as f64 / 100.0 / slope;
    let truth = FREEZE.as_secs_f64() * (1.0 - of_slope);
    let p99 = report["response_s"]["p99"].as_f64().unwrap();
    assert!((p99 / truth - 1.0).abs() < 0.1, "{p99} is not {truth}");

    // A generator that counts from when it sends has seen twenty slow answers of 4,000.
    let naive = report["service_s"]["p99"].as_f64().unwrap();
    assert!(naive < truth / 4.0, "{naive}");

    // Both are reported, side by side.
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.contains("due (p99 ") && note.contains("sent (p99 "), "{note}");
}
