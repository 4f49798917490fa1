//! Clients that ask before they send a body.

use super::*;

const HEAD: &str = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[tokio::test]
async fn a_client_is_told_to_go_on_and_the_upstream_is_not_asked() {
    for settings in ["", "request_buffering = true"] {
        let upstream = Upstream::open().await;
        let mesero = behind(&upstream, settings).await;
        let mut client = sent(&mesero, HEAD).await;
        assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n");
        client.write("hello").await;
        let mut wire = upstream.accept().await;
        assert_eq!(field(&wire.head().await, "expect"), None);
        assert_eq!(wire.bytes(5).await, "hello");
        wire.answer("").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_client_whose_body_nobody_can_have_is_not_told_to_send_it() {
    let port = ReservedPort::new();
    let config = Upstream::at(port.address()).await.behind("");
    let mesero = Mesero::serve(&config, &[]).await;
    let mut client = sent(&mesero, HEAD).await;
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
}
