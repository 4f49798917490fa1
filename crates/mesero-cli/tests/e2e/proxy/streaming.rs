//! Bodies that are passed on as they arrive, both ways.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const MEGABYTE: usize = 1_000_000;
const BODY: usize = 1_000 * MEGABYTE;

/// Most that the kernel may buffer on the four sockets between the two ends, and a little more.
fn on_the_way() -> usize {
    let most = |name: &str| -> usize {
        let sizes = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap();
        sizes.split_whitespace().last().unwrap().parse().unwrap()
    };
    2 * (most("tcp_rmem") + most("tcp_wmem")) + 2 * MEGABYTE
}

/// Most that the memory of mesero may grow by.
const GROWTH_KB: usize = 10_000;

#[tokio::test]
async fn a_piece_of_a_body_is_passed_on_before_the_next_has_come() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = sent(&mesero, head).await;
    client.write("3\r\nabc\r\n").await;
    let mut wire = upstream.accept().await;
    assert_eq!(field(&wire.head().await, "transfer-encoding"), Some("chunked"));
    assert_eq!(wire.bytes(8).await, "3\r\nabc\r\n");
    client.write("2\r\nde\r\n").await;
    assert_eq!(wire.bytes(7).await, "2\r\nde\r\n");
    // The answer begins before the request has ended.
    wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    client.head().await;
    assert_eq!(client.bytes(6).await, "1\r\nx\r\n");
    client.write("0\r\n\r\n").await;
    assert_eq!(wire.bytes(5).await, "0\r\n\r\n");
    wire.write("0\r\n\r\n").await;
    assert_eq!(client.bytes(5).await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_long_body_of_an_answer_goes_no_faster_than_its_reader_and_takes_no_memory() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let before = peak_kb(&mesero);
    let mut client = sent(&mesero, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut wire = upstream.asked().await;
    wire.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n")).await;
    client.head().await;
    carry(wire, client).await;
    grown_little(&mesero, before);
}

#[tokio::test]
async fn a_long_body_of_a_request_goes_no_faster_than_its_reader_and_takes_no_memory() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "").await;
    let before = peak_kb(&mesero);
    let head = format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n");
    let client = sent(&mesero, &head).await;
    let wire = upstream.asked().await;
    carry(client, wire).await;
    grown_little(&mesero, before);
}

#[tokio::test]
async fn a_client_that_reads_a_little_now_and_then_holds_one_slot_and_nothing_else() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, "connections = 2").await;
    let mut slow = sent(&mesero, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut endless = upstream.asked().await;
    endless.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    slow.head().await;
    let before = peak_kb(&mesero);
    let piece = [format!("{MEGABYTE:x}\r\n"), "x".repeat(MEGABYTE), "\r\n".to_owned()].concat();
    let sent = AtomicUsize::new(0);
    let send = async {
        loop {
            endless.write_at_leisure(&piece).await;
            sent.fetch_add(piece.len(), Ordering::Relaxed);
        }
    };
    let serve = async {
        let mut wire = upstream.accept().await;
        loop {
            wire.head().await;
            wire.answer("fast").await;
        }
    };
    let ask = async {
        // A thousand bytes for each call of another client.
        for _ in 0..200 {
            slow.bytes(1_000).await;
            assert_eq!(mesero.get("/fast").await.body, "fast");
        }
    };
    tokio::select! {
        () = send => {}
        () = serve => {}
        () = ask => {}
    }
    let sent = sent.into_inner();
    assert!(sent < on_the_way(), "{sent} bytes were taken of the upstream");
    mesero.until_jobs(|jobs| jobs.len() == 1 && in_phase(jobs, "stopping") == 1).await;
    grown_little(&mesero, before);
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up_and_its_slot_is_free() {
    let upstream = Upstream::open().await;
    let config =
        upstream.behind("connections = 1").replace("[server]", "[server]\nidle_timeout = \"1s\"");
    let mesero = Mesero::serve(&config, &[]).await;
    let mut stopped = sent(&mesero, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut wire = upstream.asked().await;
    wire.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
    stopped.head().await;
    wire.written_until_closed().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    drop(stopped);
}

/// Sends a body as fast as it is taken, and reads it; the sender never gets far ahead.
async fn carry(mut from: Wire, mut to: Wire) {
    let (sent, on_the_way) = (AtomicUsize::new(0), on_the_way());
    let send = async {
        let piece = vec![b'x'; MEGABYTE / 10];
        while sent.load(Ordering::Relaxed) < BODY {
            from.write(&piece).await;
            sent.fetch_add(piece.len(), Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        let (mut read, mut space) = (0, vec![0; MEGABYTE / 10]);
        while read < BODY {
            read += to.read(&mut space).await;
            let ahead = sent.load(Ordering::Relaxed).saturating_sub(read);
            assert!(ahead < on_the_way, "{ahead} bytes ahead");
            // The sender has every chance to send more.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::join!(send, read);
}

/// Peak of the memory of mesero.
fn peak_kb(mesero: &Mesero) -> usize {
    let path = format!("/proc/{}/status", mesero.child.id().unwrap());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn grown_little(mesero: &Mesero, before: usize) {
    let grown = peak_kb(mesero) - before;
    assert!(grown < GROWTH_KB, "{grown} kB");
}
