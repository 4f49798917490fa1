//! Upstreams over https: trusted ones, and the errors of others.

use tokio_rustls::TlsAcceptor;

use super::*;
use crate::certificates::Authority;
use crate::harness::HANG_TIMEOUT;

/// A mesero that passes everything on to this upstream over https, and trusts this authority.
async fn behind_tls(upstream: &Upstream, authority: &Authority, settings: &str) -> Mesero {
    let settings = format!("ca = \"ca.pem\"\n{settings}");
    let config = upstream.behind(&settings).replace("http://", "https://");
    Mesero::serve(&config, &[("ca.pem", &authority.pem())]).await
}

/// Sends a request for an upstream whose handshake fails; returns the detail of the problem.
async fn failed_handshake(server: &TlsAcceptor, authority: &Authority, settings: &str) -> String {
    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, authority, settings).await;
    let shake = async {
        let stream = upstream.accept().await.into_stream();
        assert!(server.accept(stream).await.is_err());
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), shake);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let problem = answer.json();
    assert_eq!(
        (&problem["type"], &problem["attempts"]),
        (&"urn:mesero:unreachable".into(), &1.into())
    );
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn requests_are_passed_on_over_tls_and_the_connection_is_kept() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2100, &["http/1.1"]);
    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, &authority, "").await;
    let serve = async {
        let mut wire = upstream.accept().await.over_tls(&server).await;
        for _ in 0..2 {
            let head = wire.head().await;
            assert_eq!(field(&head, "x-forwarded-proto"), Some("http"));
            let bytes = field(&head, "content-length").unwrap().parse().unwrap();
            let body = wire.bytes(bytes).await;
            wire.answer(&body).await;
        }
        assert!(!upstream.has_another().await);
    };
    let ask = async {
        // More than a record of TLS, or any buffer on the way.
        for body in ["hello".to_owned(), "x".repeat(1_000_000)] {
            let answer = request(mesero.front, Method::PUT, "/", &body).await;
            assert!(answer.body == body, "{}: {} bytes", answer.status, answer.body.len());
        }
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn a_certificate_of_nobody_who_is_trusted_is_refused() {
    let server = Authority::new().server("127.0.0.1", 2100, &[]);
    let detail = failed_handshake(&server, &Authority::new(), "").await;
    assert!(detail.ends_with("is signed by an unknown authority"), "{detail}");
}

#[tokio::test]
async fn a_certificate_that_is_an_authoritys_is_named_as_such() {
    let authority = Authority::new();
    let detail = failed_handshake(&authority.itself(), &authority, "").await;
    assert!(detail.contains("an authority's (CA:TRUE)"), "{detail}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_not_tried_again() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2020, &[]);
    let detail = failed_handshake(&server, &authority, "/retry = { max_attempts = 3 }").await;
    assert!(detail.ends_with("its certificate has expired"), "{detail}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused_unless_that_name_is_wanted() {
    let authority = Authority::new();
    let server = authority.server("api.example", 2100, &[]);
    let detail = failed_handshake(&server, &authority, "").await;
    assert!(detail.ends_with("its certificate is not for the name `127.0.0.1`"), "{detail}");

    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, &authority, "tls_server_name = \"api.example\"").await;
    let serve = async {
        let mut wire = upstream.accept().await.over_tls(&server).await;
        wire.head().await;
        wire.answer("it is").await;
    };
    let (answer, ()) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.body, "it is");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_named_as_such() {
    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, &Authority::new(), "").await;
    let serve = async {
        let mut wire = upstream.accept().await;
        wire.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        wire.rest().await;
    };
    let (answer, _) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("the server does not speak TLS"), "{}", answer.body);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_an_end_takes_no_longer_than_connecting_may() {
    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, &Authority::new(), "connect_timeout = \"20ms\"").await;
    let serve = async { upstream.accept().await.rest().await };
    let (answer, _) = tokio::join!(mesero.get("/"), serve);
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.body.contains("nothing came within 20ms"), "{}", answer.body);
}

#[tokio::test]
async fn a_body_that_ends_without_a_goodbye_of_tls_is_not_taken_for_whole() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2100, &[]);
    let upstream = Upstream::open().await;
    let mesero = behind_tls(&upstream, &authority, "").await;
    let serve = async {
        let mut wire = upstream.accept().await.over_tls(&server).await;
        wire.head().await;
        // It ends with the connection, which any machine on the way can end.
        wire.write("HTTP/1.0 200 OK\r\n\r\nnot everyth").await;
    };
    let asking = client::try_request(mesero.front, Method::GET, "/", "");
    let (answer, ()) = tokio::join!(asking, serve);
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_an_error_at_the_start() {
    let folder = crate::harness::folder(&[("ca.pem", "no certificate\n")]);
    let config = "[resource.api]\nhttp = \"https://127.0.0.1:1\"\nca = \"ca.pem\"\n";
    std::fs::write(folder.path().join("mesero.toml"), config).unwrap();
    let mut check = tokio::process::Command::new(crate::harness::program());
    check.arg("check").arg(folder.path().join("mesero.toml"));
    let output = tokio::time::timeout(HANG_TIMEOUT, check.output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("resource `api`: read the trusted certificates in"), "{said}");
    assert!(said.contains("ca.pem`: it holds no certificate in PEM form"), "{said}");
}

#[tokio::test]
async fn an_abandoned_request_is_read_to_its_end_or_cut_off_over_tls_too() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2100, &[]);
    for (settings, how) in
        [("", "by_itself"), ("stops_on_disconnect = true\nconnections = 1", "interrupted")]
    {
        let upstream = Upstream::open().await;
        let mesero = behind_tls(&upstream, &authority, settings).await;
        let left = client::impatient(mesero.front, "/").await;
        let mut wire = upstream.accept().await.over_tls(&server).await;
        wire.head().await;
        drop(left);
        mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 1).await;
        match how {
            "by_itself" => wire.answer("too late").await,
            _ => {
                // The end of TLS, then of the connection.
                assert_eq!(wire.read(&mut [0; 1]).await, 0);
                drop(wire);
            }
        }
        mesero.until_jobs(|jobs| jobs.is_empty()).await;
        assert_eq!(super::abandoned::stops(&mesero, how).await, 1);
    }
}
