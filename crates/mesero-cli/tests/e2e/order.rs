//! The order in which waiting calls get slots, and the shares of keys.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client;
use crate::gate::{Begun, Gate};
use crate::harness::{Mesero, in_phase};

/// A client that has sent a GET with these header fields, each with its line end.
async fn asking(front: SocketAddr, num: usize, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(front).await.unwrap();
    let head = format!("GET /square?num={num} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_key_with_one_call_gets_the_next_slot_although_500_calls_of_another_wait() {
    let gate = Gate::open().await;
    let settings = "threads = 4/order = \"fair\"\nkey = \"header.x-api-key\"";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let mut callers = Vec::new();
    for num in 0..504 {
        callers.push(asking(mesero.front, num, "X-Api-Key: heavy\r\n").await);
    }
    let running = gate.take(4).await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 500).await;
    let _light = asking(mesero.front, 999, "X-Api-Key: light\r\n").await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 501).await;
    let mut running = running.into_iter();
    running.next().map(Begun::finish);
    assert_eq!(gate.next().await.num, 999.0);
}

#[tokio::test]
async fn urgent_calls_come_first_and_a_priority_that_cannot_be_read_is_3() {
    let gate = Gate::open().await;
    let settings = "threads = 1/order = \"priority\"\npriority = \"header.priority\"";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let _first = asking(mesero.front, 100, "").await;
    let running = gate.next().await;
    let mut callers = Vec::new();
    let fields = ["u=7", "u=9, i", "i, u=2", "u=0"];
    for (num, field) in fields.into_iter().enumerate() {
        callers.push(asking(mesero.front, num, &format!("Priority: {field}\r\n")).await);
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == num + 1).await;
    }
    running.finish();
    for num in [3.0, 2.0, 1.0, 0.0] {
        let begun = gate.next().await;
        assert_eq!(begun.num, num);
        begun.finish();
    }
}

#[tokio::test]
async fn a_key_has_bounds_of_its_own_and_what_exceeds_them_is_a_429() {
    let gate = Gate::open().await;
    let settings = "threads = 4/key = \"query.num\"\nper_key = { limit = 1, queue = 1 }";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let _runs = asking(mesero.front, 7, "").await;
    let running = gate.next().await;
    // Three slots are free.
    let _waits = asking(mesero.front, 7, "").await;
    mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    let refused = mesero.get("/square?num=7").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["type"], "urn:mesero:key-queue-full");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let _other = asking(mesero.front, 8, "").await;
    assert_eq!(gate.next().await.num, 8.0);
    running.finish();
    assert_eq!(gate.next().await.num, 7.0);
}

#[tokio::test]
async fn a_call_that_has_waited_for_the_queue_timeout_is_a_503_and_one_that_has_begun_is_not() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/queue_timeout = \"100ms\"").await;
    let running = client::get(mesero.front, "/square?num=1");
    let play = async {
        let begun = gate.next().await;
        let refused = mesero.get("/square?num=2").await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.json()["type"], "urn:mesero:queue-timeout");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
        begun.finish();
    };
    let (answer, ()) = tokio::join!(running, play);
    assert_eq!(answer.status, StatusCode::OK);
}
