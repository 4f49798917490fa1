//! Addresses, as a person writes them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroUsize,
    time::Duration,
};

use http::Response;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{BindError, Limits, bind, serve};
use crate::body::Body;

#[tokio::test]
async fn localhost_is_both_families_on_one_port() {
    let listeners = bind("localhost:0").await.unwrap();
    let addresses: Vec<_> =
        listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    assert_eq!(addresses[0].ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    assert_ne!(addresses[0].port(), 0);
    // A machine without IPv6 has the first alone.
    if let Some(second) = addresses.get(1) {
        assert_eq!(second.ip(), IpAddr::from(Ipv6Addr::LOCALHOST));
        assert_eq!(second.port(), addresses[0].port());
    }
    assert!(addresses.len() <= 2);
}

#[tokio::test]
async fn a_taken_port_is_said_to_be_taken() {
    let first = bind("127.0.0.1:0").await.unwrap();
    let address = first[0].local_addr().unwrap();
    for wanted in [address.to_string(), format!("localhost:{}", address.port())] {
        let error = bind(&wanted).await.unwrap_err();
        assert!(matches!(error, BindError::Taken { address: taken } if taken == address));
        assert!(error.to_string().contains(&format!("{address}: the port is taken")));
    }
}

#[tokio::test]
async fn what_is_no_address_is_said_to_be_none() {
    for wrong in ["8888", "localhost", "localhost:http", "127.0.0.1:99999", ""] {
        let error = bind(wrong).await.unwrap_err();
        assert!(matches!(error, BindError::Unknown { .. }), "{wrong}");
        assert!(error.to_string().contains("expected host:port"));
    }
}

#[tokio::test]
async fn every_listener_is_served() {
    let listeners = bind("localhost:0").await.unwrap();
    let addresses: Vec<_> =
        listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let stop = CancellationToken::new();
    let limits = Limits {
        connections: NonZeroUsize::MIN,
        head_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(60),
        head_bytes: 1_024,
        drain_timeout: Duration::from_secs(30),
    };
    let handler = |_, _| async { Response::new(Body::from("")) };
    let stopped = TaskTracker::new().spawn(serve(listeners, limits, handler, stop.clone()));
    // With one connection at a time, the permit must not be bound to a listener.
    for address in addresses.iter().chain(&addresses) {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{address}: {answer}");
    }
    stop.cancel();
    assert_eq!(stopped.await.unwrap().cut_off, 0);
}
