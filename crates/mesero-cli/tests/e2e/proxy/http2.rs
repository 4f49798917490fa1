//! Upstreams that speak HTTP/2, where a slot is a stream.

use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderValue, Request};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::abandoned::stops;
use super::*;
use crate::certificates::Authority;
use crate::frames::{Frames, Heard, NO_ERROR, REFUSED_STREAM};
use crate::harness::HANG_TIMEOUT;
use crate::streams::{echo, send, serve};

const PRIOR: &str = "http2 = \"prior-knowledge\"";

async fn begun(upstream: &Upstream, streams: u32) -> Frames {
    Frames::begin(upstream.accept().await, streams).await
}

#[tokio::test]
async fn a_request_is_passed_on_in_the_words_of_http2_with_bodies_of_any_length() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, PRIOR).await;
    let ask = async {
        for length in [0, 1, 3_000_000] {
            let body = "x".repeat(length);
            let answer = request(mesero.front, Method::PUT, "/a%20b?c", &body).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, length));
            assert_eq!(
                (answer.header("via"), answer.header("x-version")),
                ("2.0 mesero", "HTTP/2.0")
            );
            assert_eq!(answer.header("x-uri"), format!("http://{}/a%20b?c", upstream.address()));
            let said = (length > 0).then(|| HeaderValue::from(length));
            assert_eq!(answer.header("x-length"), format!("{said:?}"));
            assert_eq!((answer.header("x-te"), answer.header("x-host")), ("None", "None"));
        }
    };
    tokio::select! {
        () = async { serve(upstream.accept().await, echo).await } => panic!("it ended"),
        () = ask => {}
    }
    assert!(!upstream.has_another().await);
}

#[tokio::test]
async fn trailers_are_passed_back_to_whom_takes_them() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, PRIOR).await;
    let ask = async {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\nTE: trailers\r\n\r\n";
        sent(&mesero, head).await.rest().await
    };
    let answer = tokio::select! {
        () = async { serve(upstream.accept().await, echo).await } => panic!("it ended"),
        answer = ask => answer,
    };
    assert!(answer.contains("x-te: Some(\"trailers\")"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n0\r\nx-last: said\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn streams_share_a_connection_and_where_they_are_used_up_there_is_another() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, &format!("{PRIOR}\nconnections = 5")).await;
    let serve = async {
        let mut held = Vec::new();
        for streams in [2, 2, 1] {
            let mut connection = begun(&upstream, 2).await;
            for _ in 0..streams {
                connection.request().await;
            }
            held.push(connection);
        }
        mesero.until_jobs(|jobs| in_phase(jobs, "queued") == 1).await;
        assert!(!upstream.has_another().await);
        // The sixth gets the one stream that is free again.
        held[1].answer(1, "").await;
        let sixth = held[1].request().await;
        for (connection, streams) in held.iter_mut().zip([vec![1, 3], vec![3, sixth], vec![1]]) {
            for stream in streams {
                connection.answer(stream, "").await;
            }
        }
        held
    };
    let ask = async {
        let get = || mesero.get("/");
        tokio::join!(get(), get(), get(), get(), get(), get())
    };
    let (_held, _answers) = tokio::join!(serve, ask);
    assert!(!upstream.has_another().await);
}

#[tokio::test]
async fn a_server_that_goes_away_finishes_what_it_took_and_the_rest_is_asked_elsewhere() {
    let upstream = Upstream::open().await;
    let settings = format!("{PRIOR}\nrequest_buffering = true");
    let mesero = behind(&upstream, &settings).await;
    let serve = async {
        let mut old = begun(&upstream, 100).await;
        let first = old.request().await;
        let second = old.request().await;
        old.go_away(first).await;
        let mut new = begun(&upstream, 100).await;
        let again = new.request().await;
        new.answer(again, "elsewhere").await;
        old.answer(first, "finished").await;
        assert!(second > first);
        old.closed().await;
        new
    };
    // The method is not idempotent.
    let ask = || request(mesero.front, Method::POST, "/", "hello");
    let (_new, one, other) = tokio::join!(serve, ask(), ask());
    let mut bodies = [one.body, other.body];
    bodies.sort();
    assert_eq!(bodies, ["elsewhere", "finished"]);
}

#[tokio::test]
async fn a_refused_stream_is_asked_once_more_and_then_passed_back_as_unreachable() {
    let upstream = Upstream::open().await;
    let settings = format!("{PRIOR}\nrequest_buffering = true");
    let mesero = behind(&upstream, &settings).await;
    let serve = async {
        let mut connection = begun(&upstream, 100).await;
        let stream = connection.request().await;
        connection.reset(stream, REFUSED_STREAM).await;
        let stream = connection.request().await;
        connection.answer(stream, "taken").await;
        for _ in 0..2 {
            let stream = connection.request().await;
            connection.reset(stream, REFUSED_STREAM).await;
        }
        connection
    };
    let ask = async {
        let post = || request(mesero.front, Method::POST, "/", "hello");
        (post().await, post().await)
    };
    let (_connection, (first, second)) = tokio::join!(serve, ask);
    assert_eq!(first.body, "taken");
    assert_eq!(
        (second.status, &second.json()["type"]),
        (StatusCode::BAD_GATEWAY, &"urn:mesero:unreachable".into())
    );
}

#[tokio::test]
async fn a_client_that_leaves_holds_its_slot_until_its_stream_has_ended_and_no_other_notices() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, PRIOR).await;
    let before_the_head = client::impatient(mesero.front, "/1").await;
    let mut connection = begun(&upstream, 100).await;
    let first = connection.request().await;
    let mut within_the_body = sent(&mesero, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let second = connection.request().await;
    connection.begin_answer(second).await;
    connection.piece(second, b"hel").await;
    within_the_body.head().await;
    let serve = async {
        let third = connection.request().await;
        drop((before_the_head, within_the_body));
        mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 2).await;
        connection.answer(third, "unharmed").await;
        connection
    };
    let (mut connection, answer) = tokio::join!(serve, mesero.get("/3"));
    assert_eq!(answer.body, "unharmed");
    mesero.until_jobs(|jobs| jobs.len() == 2).await;
    connection.answer(first, "too late").await;
    mesero.until_jobs(|jobs| jobs.len() == 1).await;
    connection.last(second, b"lo!").await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(stops(&mesero, "by_itself").await, 2);
}

#[tokio::test]
async fn an_abandoned_stream_is_granted_window_and_its_data_thrown_away() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, &format!("{PRIOR}\nconnections = 1")).await;
    let (has_come, is_left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (come, wait) = (Arc::clone(&has_come), Arc::clone(&is_left));
    // More than the window of the stream and that of the connection.
    let long = Bytes::from(vec![b'x'; 2_000_000]);
    let answer = move |_request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
        come.notify_one();
        let (wait, long) = (Arc::clone(&wait), long.clone());
        async move {
            wait.notified().await;
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            assert!(send(&mut body, long).await);
            body.send_data(Bytes::new(), true).unwrap();
        }
    };
    let left = client::impatient(mesero.front, "/").await;
    let leave = async {
        has_come.notified().await;
        drop(left);
        mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 1).await;
        is_left.notify_one();
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
    };
    tokio::select! {
        () = async { serve(upstream.accept().await, answer).await } => panic!("it ended"),
        () = leave => {}
    }
    assert_eq!(stops(&mesero, "by_itself").await, 1);
}

#[tokio::test]
async fn a_stream_is_reset_where_the_upstream_stops_then_and_an_acknowledged_ping_frees_its_slot() {
    let upstream = Upstream::open().await;
    let settings = format!("{PRIOR}\nstops_on_disconnect = true\ncut_grace = \"10min\"");
    let mesero = behind(&upstream, &settings).await;
    let left = client::impatient(mesero.front, "/1").await;
    let mut connection = begun(&upstream, 100).await;
    let stream = connection.request().await;
    drop(left);
    connection.heard(|heard| heard == Heard::Reset(stream)).await;
    tokio::select! {
        heard = connection.next() => panic!("{heard:?}"),
        _ = mesero.until_jobs(|jobs| jobs.is_empty()) => {}
    }
    assert_eq!(stops(&mesero, "interrupted").await, 1);
}

#[tokio::test]
async fn a_stream_too_long_to_be_thrown_away_is_reset_and_its_slot_gets_a_grace() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, &format!("{PRIOR}\ncut_grace = \"100ms\"")).await;
    let mut left = sent(&mesero, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let leave = async {
        left.head().await;
        drop(left);
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
    };
    tokio::select! {
        () = async { serve(upstream.accept().await, without_end).await } => panic!("it ended"),
        () = leave => {}
    }
    assert_eq!((stops(&mesero, "by_itself").await, stops(&mesero, "assumed").await), (0, 1));
}

#[tokio::test]
async fn a_stream_that_stops_within_its_answer_is_given_up_and_the_client_sees_the_break() {
    let upstream = Upstream::open().await;
    let settings = format!("{PRIOR}\nstall_timeout = \"20ms\"\nstops_on_disconnect = true");
    let mesero = behind(&upstream, &settings).await;
    let client = sent(&mesero, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = begun(&upstream, 100).await;
    let stream = connection.request().await;
    connection.begin_answer(stream).await;
    connection.piece(stream, b"hel").await;
    connection.heard(|heard| heard == Heard::Reset(stream)).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

/// RFC 9113, 8.1: a server that wants no more of a request says so after the end of its answer.
#[tokio::test]
async fn a_stream_reset_without_an_error_has_a_whole_answer_only_after_its_end() {
    for is_whole in [true, false] {
        let upstream = Upstream::open().await;
        let mesero = behind(&upstream, PRIOR).await;
        // Longer than what the server has room for.
        let body = "x".repeat(100_000);
        let head =
            "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n";
        let client = sent(&mesero, &format!("{head}{body}")).await;
        let mut connection = begun(&upstream, 100).await;
        let stream = connection.request().await;
        connection.begin_answer(stream).await;
        match is_whole {
            true => connection.last(stream, b"all").await,
            false => connection.piece(stream, b"all").await,
        }
        connection.reset(stream, NO_ERROR).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(answer.ends_with("\r\n3\r\nall\r\n0\r\n\r\n"), is_whole, "{answer}");
    }
}

/// Answers `/endless` without an end, and anything else without a body.
async fn without_end(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let is_endless = request.uri().path() == "/endless";
    let begun = respond.send_response(http::Response::new(()), !is_endless);
    let (true, Ok(mut body)) = (is_endless, begun) else { return };
    while send(&mut body, Bytes::from(vec![b'x'; 100_000])).await {}
}

#[tokio::test]
async fn a_reader_that_takes_nothing_holds_up_no_other_stream() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, PRIOR).await;
    let mut slow = sent(&mesero, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let ask = async {
        slow.head().await;
        for _ in 0..50 {
            assert_eq!(mesero.get("/fast").await.status, StatusCode::OK);
        }
    };
    tokio::select! {
        () = async { serve(upstream.accept().await, without_end).await } => panic!("it ended"),
        () = ask => {}
    }
    mesero.until_jobs(|jobs| jobs.len() == 1 && in_phase(jobs, "stopping") == 1).await;
}

#[tokio::test]
async fn a_shared_connection_that_is_idle_too_long_is_closed() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, &format!("{PRIOR}\nidle_timeout = \"20ms\"")).await;
    let serve = async {
        let mut connection = begun(&upstream, 100).await;
        let stream = connection.request().await;
        connection.answer(stream, "").await;
        connection.closed().await;
    };
    tokio::join!(mesero.get("/"), serve);
}

#[tokio::test]
async fn what_speaks_only_http1_is_named_as_such() {
    let upstream = Upstream::open().await;
    let mesero = behind(&upstream, PRIOR).await;
    let serve = async {
        let mut wire = upstream.accept().await;
        wire.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        wire.rest().await;
    };
    let (answer, ()) =
        tokio::join!(mesero.get("/"), async { drop(timeout(HANG_TIMEOUT, serve).await) });
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("it does not speak HTTP/2"), "{}", answer.body);
}

#[tokio::test]
async fn over_tls_the_server_chooses_the_version_unless_it_is_said() {
    let authority = Authority::new();
    let both = authority.server("127.0.0.1", 2100, &["h2", "http/1.1"]);
    for (settings, version) in [("", "HTTP/2.0"), ("http2 = \"off\"", "HTTP/1.1")] {
        let upstream = Upstream::open().await;
        let config = upstream.behind(&format!("ca = \"ca.pem\"\n{settings}"));
        let config = config.replace("http://", "https://");
        let mesero = Mesero::serve(&config, &[("ca.pem", &authority.pem())]).await;
        let serving = async {
            let mut wire = upstream.accept().await.over_tls(&both).await;
            if version == "HTTP/2.0" {
                serve(wire, echo).await;
            } else {
                wire.head().await;
                wire.write("HTTP/1.1 200 OK\r\nX-Version: HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
                    .await;
                wire.rest().await;
            }
        };
        tokio::select! {
            () = serving => panic!("it ended"),
            answer = mesero.get("/") => {
                assert_eq!(answer.header("x-version"), version);
                if version == "HTTP/2.0" {
                    let uri = format!("https://{}/", upstream.address());
                    assert_eq!(answer.header("x-uri"), uri);
                }
            }
        }
    }
}
