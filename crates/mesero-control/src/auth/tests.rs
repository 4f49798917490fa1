//! Requests that are answered, with a token and without one.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use mesero_config::Secret;
use tokio_util::sync::CancellationToken;

use crate::router;
use crate::scripted::{Scripted, TestResponse, send};

async fn with(router: &Router, line: &str, headers: &[(&str, &str)]) -> TestResponse {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_a_token_only_loopback_names_are_answered() {
    let router = Scripted::new("square").router();
    let own = ["localhost", "LOCALHOST:9888", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:9888"];
    for host in own {
        assert_eq!(with(&router, "GET /jobs", &[("host", host)]).await.status, 200, "{host}");
    }
    let foreign = [
        "evil.example",
        "evil.example:9888",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1:9888",
        "[::2]",
        "localhost@evil.example",
        "",
    ];
    for host in foreign {
        let seen = with(&router, "GET /jobs", &[("host", host)]).await;
        assert_eq!((seen.status.as_u16(), &*seen.problem()), (403, "forbidden"), "{host}");
    }
    assert_eq!(with(&router, "GET /jobs", &[]).await.status, 403);
    let absolute = with(&router, "GET http://evil.example/jobs", &[("host", "localhost")]).await;
    assert_eq!(absolute.status, 403);
}

#[tokio::test]
async fn without_a_token_no_web_page_of_another_origin_changes_anything() {
    let router = Scripted::new("square").router();
    let host = ("host", "localhost:9888");
    // 404 is the answer to a request that has access.
    let mine = [
        vec![host],
        vec![host, ("sec-fetch-site", "same-origin"), ("origin", "http://localhost:9888")],
        vec![host, ("sec-fetch-site", "none")],
    ];
    for headers in mine {
        let seen = with(&router, "DELETE /jobs/square-1", &headers).await;
        assert_eq!(seen.status, 404, "{headers:?}");
    }
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://localhost:3000"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ];
    for header in foreign {
        let seen = with(&router, "DELETE /jobs/square-1", &[host, header]).await;
        assert_eq!((seen.status.as_u16(), &*seen.problem()), (403, "forbidden"), "{header:?}");
        assert_eq!(with(&router, "GET /jobs", &[host, header]).await.status, 200, "{header:?}");
    }
}

#[tokio::test]
async fn with_a_token_whoever_bears_it_is_answered_wherever_from() {
    let scripted = Scripted::new("square");
    let token = Some(Secret::new("s3cret"));
    let router = router(vec![scripted.service.clone()], CancellationToken::new(), token);
    for good in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
        let headers = [("host", "mesero.example"), ("authorization", good)];
        assert_eq!(with(&router, "GET /jobs", &headers).await.status, 200, "{good}");
    }
    for bad in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Bearer", "s3cret", "Basic s3cret", ""]
    {
        let headers = [("host", "localhost"), ("authorization", bad)];
        let seen = with(&router, "GET /jobs", &headers).await;
        assert_eq!((seen.status.as_u16(), &*seen.problem()), (401, "unauthorized"), "{bad}");
        assert_eq!(seen.headers["www-authenticate"], "Bearer realm=\"mesero\"");
    }
    for line in ["GET /jobs", "GET /nowhere", "POST /metrics", "PUT /resources/square/limit"] {
        assert_eq!(with(&router, line, &[("host", "localhost")]).await.status, 401, "{line}");
    }
}

#[tokio::test]
async fn health_checks_are_open_to_everybody() {
    let scripted = Scripted::new("square");
    let token = Some(Secret::new("s3cret"));
    let guarded = router(vec![scripted.service.clone()], CancellationToken::new(), token);
    for router in [guarded, scripted.router()] {
        for line in ["GET /livez", "GET /readyz"] {
            let seen = with(&router, line, &[("host", "10.0.0.1")]).await;
            assert_eq!(seen.status, 200, "{line}");
        }
    }
}
