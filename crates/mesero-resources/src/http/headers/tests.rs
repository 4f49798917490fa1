//! Header fields before and after the proxy.

use http::{Request, Response};

use super::*;

const PEER: &str = "192.0.2.7:1234";

/// The fields of a request after the proxy, sorted, as `name: value`.
fn forwarded_from(peer: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let mut request = Request::builder().uri("/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    lines(&forwarded(&head, peer.parse().unwrap()))
}

fn lines(fields: &HeaderMap) -> Vec<String> {
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<String> = fields.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn client_host_and_protocol_are_added_in_new_and_old_fields() {
    let expected = [
        "forwarded: for=192.0.2.7;proto=http;host=\"a.example\"",
        "host: a.example",
        "via: 1.1 mesero",
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-host: a.example",
        "x-forwarded-proto: http",
    ];
    assert_eq!(forwarded_from(PEER, &[("host", "a.example")]), expected);
}

#[test]
fn fields_of_earlier_proxies_stay_in_front() {
    let fields = [
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 edge"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-for", "10.0.0.2"),
        ("x-forwarded-proto", "https"),
    ];
    let expected = [
        "forwarded: for=10.0.0.1, for=\"[2001:db8::1]\";proto=http",
        "via: 1.1 edge, 1.1 mesero",
        "x-forwarded-for: 10.0.0.1, 10.0.0.2, 2001:db8::1",
        "x-forwarded-proto: https, http",
    ];
    assert_eq!(forwarded_from("[2001:db8::1]:1", &fields), expected);
}

#[test]
fn fields_about_one_connection_are_removed() {
    let fields = [
        ("connection", "close, X-Mine"),
        ("connection", "keep-alive , x-other"),
        ("x-mine", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eDp5"),
        ("te", "gzip, Trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("content-length", "3"),
        ("authorization", "Bearer t"),
        ("traceparent", "00-1-2-01"),
        ("x-request-id", "7"),
    ];
    let passed = forwarded_from(PEER, &fields);
    let added = ["forwarded:", "via:", "x-forwarded-"];
    let passed: Vec<_> =
        passed.iter().filter(|line| !added.iter().any(|added| line.starts_with(added))).collect();
    let expected =
        ["authorization: Bearer t", "te: trailers", "traceparent: 00-1-2-01", "x-request-id: 7"];
    assert_eq!(passed, expected);
}

#[test]
fn split_cookies_are_joined() {
    let passed = forwarded_from(PEER, &[("cookie", "a=1"), ("cookie", "b=2")]);
    assert!(passed.contains(&"cookie: a=1; b=2".to_owned()), "{passed:?}");
}

#[test]
fn a_response_loses_the_fields_of_one_connection_and_keeps_the_rest() {
    let response = Response::builder()
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("keep-alive", "timeout=5")
        .header("transfer-encoding", "chunked")
        .header("proxy-authenticate", "Basic")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("content-length", "3");
    let (mut head, ()) = response.body(()).unwrap().into_parts();
    clean_response(&mut head);
    let expected = ["content-length: 3", "set-cookie: a=1", "set-cookie: b=2", "via: 1.1 mesero"];
    assert_eq!(lines(&head.headers), expected);
}

#[test]
fn retry_after_is_read_in_seconds() {
    let with = |value: &'static str| {
        let mut fields = HeaderMap::new();
        fields.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
        retry_after(&fields)
    };
    assert_eq!(with("7"), Some(Duration::from_secs(7)));
    assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), None);
    assert_eq!(retry_after(&HeaderMap::new()), None);
}
