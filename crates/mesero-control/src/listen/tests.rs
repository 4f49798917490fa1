//! The control plane's thread over real sockets: it answers, and it stops.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::start;
use crate::scripted::Scripted;

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn connect(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

/// The bytes until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn it_answers_while_the_rest_of_the_process_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = connect(&listener);
    let stop = CancellationToken::new();
    let router = Scripted::new("square").router();
    let running = start(vec![listener], router, stop.clone()).unwrap();
    stream.write_all(LIVEZ).unwrap();
    let mut head = [0; 15];
    // Blocks this test's runtime, so nothing but the other thread can answer.
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    // The connection is kept open, and does not hold up the end.
    stop.cancel();
    running.stopped().await;
    rest(stream);
}

#[tokio::test]
async fn a_request_in_flight_is_still_answered_on_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = connect(&listener);
    let stop = CancellationToken::new();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move || async move {
            begun.notify_one();
            go_on.notified().await;
            "late"
        }
    };
    let router = Router::new().route("/livez", get(slow));
    let running = start(vec![listener], router, stop.clone()).unwrap();
    stream.write_all(LIVEZ).unwrap();
    begun.notified().await;
    stop.cancel();
    go_on.notify_one();
    running.stopped().await;
    let text = rest(stream);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nlate"), "{text}");
}

#[tokio::test]
async fn every_listener_is_served_and_freed() {
    let listeners =
        ["127.0.0.1:0", "127.0.0.2:0"].map(|address| TcpListener::bind(address).unwrap());
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let streams = listeners.each_ref().map(connect);
    let stop = CancellationToken::new();
    let router = Scripted::new("square").router();
    let running = start(listeners.into(), router, stop.clone()).unwrap();
    for mut stream in streams {
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .unwrap();
        assert!(rest(stream).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    stop.cancel();
    running.stopped().await;
    for address in addresses {
        TcpListener::bind(address).unwrap();
    }
}
