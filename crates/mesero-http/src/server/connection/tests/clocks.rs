//! The timeouts of a connection.

use http::Response;
use tokio::sync::mpsc;

use super::{Front, GOOD, LIMITS, hello};
use crate::body::Body;
use crate::server::limits::Limits;

#[tokio::test(start_paused = true)]
async fn a_head_that_takes_too_long_is_cut_off() {
    let front = Front::start(LIMITS, hello).await;
    let mut client = front.client().await;
    assert_eq!(client.get().await.body, "hello");
    let begun = tokio::time::Instant::now();
    client.send("GET / HTTP/1.1\r\nHo").await;
    let answer = client.answer().await;
    assert_eq!(answer.status(), 408);
    assert!(answer.body.contains("10s"));
    assert!(answer.closes());
    assert!(begun.elapsed() >= LIMITS.head_timeout && begun.elapsed() < LIMITS.idle_timeout);
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_moves_is_closed_without_a_word() {
    let front = Front::start(LIMITS, hello).await;
    let mut silent = front.client().await;
    silent.closed().await;
    let mut client = front.client().await;
    assert_eq!(client.get().await.body, "hello");
    let begun = tokio::time::Instant::now();
    client.closed().await;
    assert!(begun.elapsed() >= LIMITS.idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_take_longer_than_a_connection_may_be_idle() {
    let front = Front::start(LIMITS, |_, _| async {
        tokio::time::sleep(LIMITS.idle_timeout * 3).await;
        Response::new(Body::from("late"))
    })
    .await;
    let mut client = front.client().await;
    assert_eq!(client.get().await.body, "late");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    let (begun, mut has_begun) = mpsc::channel(1);
    let limits = Limits { drain_timeout: LIMITS.idle_timeout * 10, ..LIMITS };
    let front = Front::start(limits, move |_, _| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.unwrap();
            Response::new(Body::from(vec![0; 64 << 20]))
        }
    })
    .await;
    let mut client = front.client().await;
    client.send(GOOD).await;
    has_begun.recv().await.unwrap();
    // The idle timeout closes the connection long before the drain timeout.
    assert_eq!(front.stop().await.cut_off, 0);
}
