//! Unmodified WSGI applications.

use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client;
use crate::gate::Gate;
use crate::harness::{HANG_TIMEOUT, Mesero};

/// Applications that the validator of the standard library watches.
const APPS: &str = r#"
import os, socket, sys
from wsgiref.validate import validator

def plain(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    environ["wsgi.errors"].write("a word to the log\n")
    text = f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']} {environ['QUERY_STRING']} {len(body)}"
    text = text.encode("latin-1")
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "caf\xe9")]
    start_response("201 Made", headers + [("Content-Length", str(len(text)))])
    return [text]

class Gated:
    """Pieces that each wait at the gate, and log when they are closed."""
    number = 0
    def __iter__(self):
        return self
    def __next__(self):
        with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
            gate.sendall(f"{os.getpid()} {self.number}\n".encode())
            gate.recv(1)
        self.number += 1
        return b"piece %d;" % self.number
    def close(self):
        print("closed after", self.number, file=sys.stderr)

def gated(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Gated()

def lines(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    lines = list(environ["wsgi.input"])
    return [b"%d lines, %d bytes" % (len(lines), sum(map(len, lines)))]

def raises(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["QUERY_STRING"] == "midway":
        yield b"the beginning;"
    raise ValueError("out of order")

def short(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
    yield b"short"

def long(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    yield b"long"
    yield b"er than that"

def recovers(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise KeyError("nothing")
    except KeyError:
        start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"sorry"]

def writes(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written;")
    return [b"returned"]

def hop(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b""]

APPS = {name: globals()[name] for name in "plain gated lines raises short long recovers writes hop".split()}

def app(environ, start_response):
    return APPS[environ["PATH_INFO"].split("/")[1]](environ, start_response)

def create_app():
    return validator(app)

bare = app
"#;

async fn serve(settings: &str) -> Mesero {
    let mut config = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        body_limit = "16MiB"
        [resource.app]
        {settings}
        "#
    );
    config += r#"
        [[route]]
        path = "/{*rest}"
        resource = "app"
        [[route]]
        path = "/shop/{*rest}"
        resource = "app"
        strip_prefix = "/shop"
        "#;
    Mesero::serve(&config, &[("apps.py", APPS)]).await
}

async fn validated() -> Mesero {
    serve("wsgi = \"apps:create_app()\"").await
}

#[tokio::test]
async fn a_valid_application_is_served_to_the_letter() {
    let mut mesero = validated().await;
    let answer = mesero.get("/plain/caf%C3%A9?x=%20").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body, "GET /plain/café x=%20 0");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(answer.headers["x-name"].as_bytes(), b"caf\xe9");
    mesero.logged("a word to the log").await;
    // The application finds itself by what is left of the path, and can name all of it.
    assert_eq!(mesero.get("/shop/plain/x").await.body, "GET /shop/plain/x  0");
    let put = client::request(mesero.front, Method::PUT, "/plain/x", "12").await;
    assert_eq!(put.body, "PUT /plain/x  2");
    let head = client::request(mesero.front, Method::HEAD, "/plain/x", "").await;
    assert_eq!((head.body.as_str(), head.header("content-length")), ("", "16"));
}

#[tokio::test]
async fn bodies_of_any_size_reach_the_application_whole() {
    for settings in
        ["wsgi = \"apps:create_app()\"", "wsgi = \"apps:app\"\nrequest_buffering = false"]
    {
        let mesero = serve(settings).await;
        for count in [0, 1, 1_000, 8_192, 65_536, 1_000_000] {
            let body = "1234567\n".repeat(count);
            let ask = client::request(mesero.front, Method::POST, "/lines", &body);
            let wanted = format!("{count} lines, {} bytes", body.len());
            assert_eq!(timeout(HANG_TIMEOUT, ask).await.unwrap().body, wanted);
        }
        // An application that leaves the body unread does not spoil the next request.
        let body = "x".repeat(3_000_000);
        let ask = client::request(mesero.front, Method::POST, "/recovers", &body);
        assert_eq!(timeout(HANG_TIMEOUT, ask).await.unwrap().body, "sorry");
        assert_eq!(mesero.get("/plain/after").await.body, "GET /plain/after  0");
    }
}

#[tokio::test]
async fn what_start_response_may_do_it_does() {
    let mesero = validated().await;
    let recovered = mesero.get("/recovers").await;
    assert_eq!((recovered.status.as_u16(), recovered.body.as_str()), (503, "sorry"));
    assert_eq!(mesero.get("/writes").await.body, "written;returned");
    let hop = mesero.get("/hop").await;
    assert_eq!(hop.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_exception_before_the_head_is_a_500_and_later_breaks_the_connection_off() {
    let mut mesero = serve("wsgi = \"apps:bare\"").await;
    let raised = mesero.get("/raises").await;
    assert_eq!(raised.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(raised.json()["detail"], "ValueError: out of order");
    let midway = client::try_request(mesero.front, Method::GET, "/raises?midway", "").await;
    assert!(midway.is_err(), "{midway:?}");
    mesero.logged("failed after its answer had begun: ValueError: out of order").await;
    let short = client::try_request(mesero.front, Method::GET, "/short", "").await;
    assert!(short.is_err(), "{short:?}");
    assert_eq!(mesero.get("/long").await.body, "long");
    mesero.logged("longer than its Content-Length of 4").await;
    // The seat has survived it all.
    assert_eq!(mesero.get("/plain/x").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_piece_reaches_the_client_before_the_next_is_asked_for_and_a_client_that_leaves_ends_it()
{
    let gate = Gate::open().await;
    let env = format!("wsgi = \"apps:app\"\nenv = {{ GATE = \"{}\" }}", gate.port());
    let mut mesero = serve(&env).await;
    let mut client = client::impatient(mesero.front, "/gated").await;
    for number in 0..3 {
        let begun = gate.next().await;
        assert_eq!(begun.num, f64::from(number));
        begun.finish();
        read_until(&mut client, &format!("piece {};", number + 1)).await;
    }
    let begun = gate.next().await;
    let pid = begun.pid;
    drop(client);
    begun.finish();
    // It may be asked for a few more pieces until the client's leaving is known.
    loop {
        tokio::select! {
            _ = mesero.logged("closed after") => break,
            begun = gate.next() => begun.finish(),
        }
    }
    // The same process serves on.
    let mut client = client::impatient(mesero.front, "/gated").await;
    let begun = gate.next().await;
    assert_eq!(begun.pid, pid);
    begun.finish();
    read_until(&mut client, "piece 1;").await;
}

#[tokio::test]
async fn a_slow_sender_holds_no_worker() {
    let mesero = validated().await;
    let mut slow = TcpStream::connect(mesero.front).await.unwrap();
    let head = "POST /lines HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\none\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(mesero.get("/plain/x").await.status, StatusCode::CREATED);
    slow.write_all(b"2\n").await.unwrap();
    read_until(&mut slow, "2 lines, 6 bytes").await;
}

async fn read_until(stream: &mut TcpStream, text: &str) {
    let reading = async {
        let mut received = Vec::new();
        while !String::from_utf8_lossy(&received).contains(text) {
            let count = stream.read_buf(&mut received).await.unwrap();
            assert!(count > 0, "{text} did not come: {}", String::from_utf8_lossy(&received));
        }
    };
    timeout(HANG_TIMEOUT, reading).await.expect(text);
}
