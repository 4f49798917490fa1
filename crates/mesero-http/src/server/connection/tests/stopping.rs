//! The bound on connections, and how a front ends.

use std::{future::pending, num::NonZeroUsize, sync::Arc, time::Duration};

use http::Response;
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
};

use super::{Front, GOOD, LIMITS};
use crate::body::Body;
use crate::server::{limits::Limits, listen::Stopped};

#[tokio::test]
async fn whoever_is_above_the_bound_waits_until_a_connection_ends() {
    let limits = Limits { connections: NonZeroUsize::MIN, ..LIMITS };
    let (peers, mut served) = mpsc::channel(8);
    let front = Front::start(limits, move |_, peer| {
        let peers = peers.clone();
        async move {
            peers.send(peer).await.unwrap();
            Response::new(Body::from(""))
        }
    })
    .await;
    let mut first = front.client().await;
    first.get().await;
    let mut second = front.client().await;
    second.send(GOOD).await;
    first.get().await;
    drop(first);
    second.answer().await;
    let first = served.recv().await.unwrap();
    assert_eq!(served.recv().await.unwrap(), first);
    assert_ne!(served.recv().await.unwrap(), first);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let release = Arc::new(Notify::new());
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, {
        let release = Arc::clone(&release);
        move |request, _| {
            let (release, begun) = (Arc::clone(&release), begun.clone());
            async move {
                if request.uri().path() == "/wait" {
                    begun.send(()).await.unwrap();
                    release.notified().await;
                }
                Response::new(Body::from("done"))
            }
        }
    })
    .await;
    let mut idle = front.client().await;
    idle.get().await;
    let mut silent = front.client().await;
    let mut half = front.client().await;
    half.get().await;
    half.send("GET / HT").await;
    let mut busy = front.client().await;
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    has_begun.recv().await.unwrap();
    let address = front.address;
    front.stop.cancel();
    idle.closed().await;
    silent.closed().await;
    half.closed().await;
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    release.notify_one();
    let answer = busy.answer().await;
    assert_eq!(answer.body, "done");
    assert!(answer.closes());
    busy.closed().await;
    assert_eq!(front.stop().await, Stopped { cut_off: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_within_the_drain_timeout_is_cut_off() {
    let (begun, mut has_begun) = mpsc::channel(1);
    let front = Front::start(LIMITS, move |_, _| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.unwrap();
            pending().await
        }
    })
    .await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    has_begun.recv().await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(front.stop().await, Stopped { cut_off: 1 });
    assert!(begun.elapsed() >= LIMITS.drain_timeout);
    assert!(begun.elapsed() < LIMITS.drain_timeout + Duration::from_secs(1));
}
