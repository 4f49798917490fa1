//! A service compared with itself, and with a service that is a tenth slower, in real time.
//!
//! Whether a tenth is seen in so many rounds depends on what else the machine does. The same is tested with a machine whose
//! disturbances are always the same, in `bench/contest/tests.rs`; this is for a quiet one: `cargo test --test e2e -- --ignored an_interval`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bench;
use crate::harness::quiet_machine;

/// Long beside what a busy machine adds.
const DELAY: Duration = Duration::from_millis(40);

/// Answers `/` after the delay, and everything else after a delay that is a tenth longer.
async fn serve(listener: TcpListener) -> Infallible {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "it ends with the connection")]
        tokio::spawn(connection(stream));
    }
}

async fn connection(mut stream: TcpStream) {
    let mut request = [0; 4_096];
    while let Ok(bytes @ 1..) = stream.read(&mut request).await {
        let is_slow = !request[..bytes].starts_with(b"GET / ");
        sleep(if is_slow { DELAY * 11 / 10 } else { DELAY }).await;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// Interval of the ratio of the median times of a path and of `/`. The median is what disturbances of the machine
/// change least.
async fn interval(address: SocketAddr, path: &str) -> [f64; 2] {
    let targets = [format!("one=http://{address}/"), format!("other=http://{address}{path}")];
    // Many short rounds, since what disturbs one leaves the others alone.
    let load = ["-c", "1", "-n", "3", "--rounds", "25", "--tolerance", "1h", "--json"];
    let arguments = [&[&*targets[0], &targets[1]][..], &load].concat();
    let report = bench(&arguments).await.json();
    ["low", "high"].map(|end| report["comparisons"][0]["response"]["p50"][end].as_f64().unwrap())
}

/// Measures twenty intervals, some at the same time, since measuring is mostly waiting.
async fn intervals(address: SocketAddr, path: &'static str) -> Vec<[f64; 2]> {
    let places = Arc::new(Semaphore::new(10));
    let measured = |places: Arc<Semaphore>| async move {
        let _place = places.acquire().await.unwrap();
        interval(address, path).await
    };
    let tasks: JoinSet<_> = (0..20).map(|_| measured(Arc::clone(&places))).collect();
    tasks.join_all().await
}

#[tokio::test]
#[ignore = "takes a machine that does nothing else"]
async fn an_interval_holds_one_for_the_same_service_and_does_not_for_one_a_tenth_slower() {
    let _machine = quiet_machine().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let measuring = async { (intervals(address, "/").await, intervals(address, "/slow").await) };
    let (same, slower) = tokio::select! {
        measured = measuring => measured,
        never = serve(listener) => match never {},
    };
    let holds_one = |[low, high]: &&[f64; 2]| (*low..=*high).contains(&1.0);
    assert!(same.iter().filter(holds_one).count() >= 18, "{same:?}");
    let above_one = |[low, _]: &&[f64; 2]| *low > 1.0;
    assert!(slower.iter().filter(above_one).count() >= 18, "{slower:?}");
}
