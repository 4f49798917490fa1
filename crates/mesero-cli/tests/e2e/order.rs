//! The order in which waiting calls get slots, and the shares of keys.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client;
use crate::gate::{Begun, Gate};
use crate::harness::{HANG_TIMEOUT, Mesero, in_phase};

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
    running.next().into_iter().for_each(Begun::finish);
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

#[tokio::test]
async fn a_refused_call_is_told_its_place_and_its_wait_and_so_is_the_list_of_jobs() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/queue = 1\norder = \"fifo\"").await;
    // Eight slots have to come back before the pace is known.
    for num in 0..8 {
        let _caller = asking(mesero.front, num, "").await;
        gate.next().await.finish();
        mesero.until_jobs(<[_]>::is_empty).await;
    }
    let _callers = (asking(mesero.front, 8, "").await, gate.next().await);
    let _waits = asking(mesero.front, 9, "").await;
    let jobs = mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
    let waiting = jobs.iter().find(|job| job["phase"] == "queued").unwrap();
    assert_eq!(waiting["position"], 1);
    let wait = |range: &serde_json::Value| range.as_array().map(|ends| ends.len());
    assert_eq!(wait(&waiting["eta_ms"]), Some(2), "{waiting}");
    let refused = mesero.get("/square?num=10").await.json();
    assert_eq!(
        (&refused["type"], &refused["queue_position"]),
        (&"urn:mesero:queue-full".into(), &2.into())
    );
    let [low, high] = [0, 1].map(|end| refused["eta_ms"][end].as_u64().unwrap());
    assert!(low <= high, "{refused}");
}

#[tokio::test]
async fn an_overloaded_queue_that_is_full_refuses_its_oldest_call_which_has_no_place() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 1/queue = 2").await;
    for num in 0..8 {
        let _caller = asking(mesero.front, num, "").await;
        gate.next().await.finish();
        mesero.until_jobs(<[_]>::is_empty).await;
    }
    let _runs = asking(mesero.front, 8, "").await;
    let running = gate.next().await;
    let oldest = async {
        let refused = mesero.get("/square?num=9").await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
        let refused = refused.json();
        assert_eq!(refused["type"], "urn:mesero:queue-full");
        assert!(refused["queue_position"].is_null(), "{refused}");
        assert!(refused["eta_ms"][0].is_u64() && refused["eta_ms"][1].is_null(), "{refused}");
    };
    let play = async {
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        let second = asking(mesero.front, 10, "").await;
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 2).await;
        // The queue is overloaded once it has been filled for the time of a usual call.
        let newest_first = |jobs: &[serde_json::Value]| {
            jobs.iter().any(|job| job["phase"] == "queued" && job["position"].is_null())
        };
        mesero.until_jobs(newest_first).await;
        (second, asking(mesero.front, 11, "").await)
    };
    let ((), _waiting) = tokio::join!(oldest, play);
    running.finish();
    assert_eq!(gate.next().await.num, 11.0);
}

#[tokio::test]
async fn the_list_of_bounds_says_what_is_left_and_a_refusal_which_was_exceeded() {
    let gate = Gate::open().await;
    let settings = "threads = 3/rate_limit_headers = true\nrate = { rate = \"60/m\", burst = 2 }\n\
        key = \"query.num\"\nper_key = { limit = 2, queue = 4, rate = \"1/h\" }";
    let mesero = Mesero::gated(&gate, "gated", settings).await;
    let (answer, ()) = tokio::join!(mesero.get("/square?num=1"), async {
        gate.next().await.finish();
    });
    assert_eq!(answer.status, StatusCode::OK);
    let policy = "\"slots\";q=3;qu=\"concurrent-requests\", \"rate\";q=60;w=60, \
        \"key-slots\";q=2;qu=\"concurrent-requests\", \"key-queue\";q=4;qu=\"concurrent-requests\", \
        \"key-rate\";q=1;w=3600";
    assert_eq!(answer.header("ratelimit-policy"), policy);
    let left = answer.header("ratelimit");
    assert!(left.starts_with("\"slots\";r="), "{left}");
    assert!(left.contains("\"key-slots\";r=") && left.contains("\"key-rate\";r=0;t="), "{left}");
    let refused = mesero.get("/square?num=1").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["violated-policies"], serde_json::json!(["key-rate"]));
    assert_eq!(refused.header("ratelimit-policy"), policy);
}

#[tokio::test]
async fn a_client_lowers_its_deadline_and_cannot_raise_it() {
    let gate = Gate::open().await;
    let mesero = Mesero::gated(&gate, "gated", "threads = 2/deadline = \"100ms\"").await;
    let raised =
        asking(mesero.front, 1, "Mesero-Deadline-Ms: 3600000\r\nConnection: close\r\n").await;
    let _begun = gate.next().await;
    assert!(received(raised).await.starts_with("HTTP/1.1 504 "));
    let patient = Mesero::gated(&gate, "gated", "threads = 2/deadline = \"1h\"").await;
    let lowered =
        asking(patient.front, 2, "Mesero-Deadline-Ms: 100\r\nConnection: close\r\n").await;
    let _begun = gate.next().await;
    assert!(received(lowered).await.starts_with("HTTP/1.1 504 "));
    let invalid =
        asking(patient.front, 3, "Mesero-Deadline-Ms: soon\r\nConnection: close\r\n").await;
    let answer = received(invalid).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("urn:mesero:bad-deadline"),
        "{answer}"
    );
}

/// All that the server sends until it closes the connection.
async fn received(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let reading = timeout(HANG_TIMEOUT, stream.read_to_string(&mut text)).await;
    reading.expect("an answer").unwrap();
    text
}
