//! A real framework, and another server for comparison; both from the virtual environment of `make venv`.

use std::process::Stdio;

use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::client;
use crate::harness::{self, HANG_TIMEOUT, Mesero, example, venv};

#[tokio::test]
async fn an_unmodified_flask_application_is_served() {
    let Some(venv) = venv() else { return };
    let read = |name: &str| std::fs::read_to_string(example("flask").join(name)).unwrap();
    let config = read("mesero.toml")
        .replace("localhost:8888", "127.0.0.1:0")
        .replace("127.0.0.1:9888", "127.0.0.1:0")
        .replace("../../target/venv", venv.to_str().unwrap());
    let mesero = Mesero::serve(&config, &[("shop.py", &read("shop.py"))]).await;
    let order = mesero.get("/orders/7").await;
    assert_eq!((order.status, order.json()["number"].as_u64()), (StatusCode::OK, Some(7)));
    assert_eq!(mesero.get("/menu").await.body, "soup\nrice\nflan\n");
    // Flask wants a JSON media type, and says so in its own words.
    let refused = client::request(mesero.front, Method::POST, "/orders", "{}").await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(refused.body.contains("Unsupported Media Type"), "{}", refused.body);
}

/// Answers with what it was asked.
const ECHO: &str = r#"
import hashlib, json

APART = {"HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING", "HTTP_X_REQUEST_ID"}

def app(environ, start_response):
    digest, length = hashlib.sha256(), 0
    for piece in iter(lambda: environ["wsgi.input"].read(100_000), b""):
        digest.update(piece)
        length += len(piece)
    names = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "SERVER_PROTOCOL",
             "wsgi.url_scheme", "wsgi.version", "wsgi.run_once", "wsgi.input_terminated"]
    seen = {name: environ.get(name) for name in names}
    seen |= {name: value for name, value in environ.items() if name.startswith("HTTP_") and name not in APART}
    if "HTTP_TRANSFER_ENCODING" not in environ and "HTTP_X_CHUNKED" not in environ:
        seen["CONTENT_LENGTH"] = environ.get("CONTENT_LENGTH")
    body = json.dumps([seen, length, digest.hexdigest()], sort_keys=True).encode()
    status = ["200 OK", "201 Created", "404 Not Found", "204 No Content", "304 Not Modified"][length % 5]
    headers = [("X-Length", str(length)), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "caf\xe9")]
    if status[:3] not in ("204", "304") and length % 2:
        headers.append(("Content-Length", str(len(body))))
    start_response(status, headers)
    return iter([body[:10], b"", body[10:]]) if length % 3 else [body]
"#;

#[tokio::test]
async fn two_hundred_random_requests_are_answered_as_gunicorn_answers_them() {
    let Some(venv) = venv() else { return };
    let config = r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        body_limit = "16MiB"
        [resource.echo]
        wsgi = "echo:app"
        workers = 2
        [[route]]
        path = "/{*rest}"
        resource = "echo"
    "#;
    let mesero = Mesero::serve(config, &[("echo.py", ECHO)]).await;
    let folder = harness::folder(&[("echo.py", ECHO)]);
    let socket = folder.path().join("gunicorn.sock");
    let mut command = Command::new(venv.join("bin/gunicorn"));
    command.arg("--bind").arg(format!("unix:{}", socket.display())).arg("echo:app");
    command.current_dir(folder.path()).kill_on_drop(true).stderr(Stdio::piped());
    let mut gunicorn = command.spawn().unwrap();
    // It logs that before it listens for the first time; by then the socket exists.
    let mut log = gunicorn.stderr.take().unwrap();
    timeout(HANG_TIMEOUT, said(&mut log, "Booting worker")).await.expect("gunicorn starts");

    let mut random = fastrand::Rng::with_seed(4);
    for number in 0..200 {
        let request = request(&mut random, number);
        let ours = TcpStream::connect(mesero.front).await.unwrap();
        let theirs = UnixStream::connect(&socket).await.unwrap();
        let both = async { tokio::join!(exchange(ours, &request), exchange(theirs, &request)) };
        let (ours, theirs) = timeout(HANG_TIMEOUT, both).await.expect("two answers");
        let head = &request[..request.len().min(400)];
        assert_eq!(ours, theirs, "request {number}: {}", String::from_utf8_lossy(head));
    }
    gunicorn.kill().await.unwrap();
}

async fn said(log: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(text) {
        assert!(log.read_buf(&mut heard).await.unwrap() > 0, "gunicorn ended");
    }
}

/// A request of any method, path, headers and body; the connection ends after it.
fn request(random: &mut fastrand::Rng, number: usize) -> Vec<u8> {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let parts =
        ["a", "%20", "%C3%A9", "%e9", "+", "~", "%7E", ".", ":", "@", "'", "%25", "=", ";", "%00"];
    let mut some = |most: usize| -> String {
        (0..random.usize(1..=most)).map(|_| parts[random.usize(..parts.len())]).collect()
    };
    let (path, query) = (format!("x{}", some(6)), some(8));
    let method = methods[random.usize(..methods.len())];
    let mut head = format!("{method} /{path}?{query}&a=b HTTP/1.1\r\nHost: example.org:81\r\n");
    head += "Connection: close\r\n";
    for _ in 0..random.usize(..5) {
        let name = ["X-One", "x-two", "Accept", "X_Under", "Referer"][random.usize(..5)];
        head += &format!("{name}: {}\r\n", random.u32(..));
    }
    if random.bool() {
        head += "Content-Type: text/x; charset=\"a\"\r\nCookie: a=1; b=\"2\"\r\n";
    }
    let longest = [0, 10, 1_000, 70_000, 10_000_000][number % 5];
    let body: Vec<u8> = (0..random.usize(..=longest)).map(|at| at as u8).collect();
    let mut bytes;
    if body.is_empty() && random.bool() {
        bytes = (head + "\r\n").into_bytes();
    } else if random.bool() {
        bytes = (head + &format!("Content-Length: {}\r\n\r\n", body.len())).into_bytes();
        bytes.extend(body);
    } else {
        bytes = (head + "X-Chunked: yes\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
        let size = random.usize(1..=100_000);
        for chunk in body.chunks(size) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
    }
    bytes
}

/// Status, sorted headers and body of an answer, without those that may differ (Date, Server, Connection,
/// Transfer-Encoding, Content-Length), and those that only mesero sends.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    request: &[u8],
) -> (String, Vec<String>, Vec<u8>) {
    let (mut from, mut to) = tokio::io::split(stream);
    let mut answer = Vec::new();
    let send = async {
        // A server may answer and close before it has read everything.
        let _ = to.write_all(request).await;
    };
    let (_, received) = tokio::join!(send, from.read_to_end(&mut answer));
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{received:?}: {}", String::from_utf8_lossy(&answer)));
    let head: String = answer[..end].iter().map(|byte| char::from(*byte)).collect();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines.map(|line| line.split_once(':').unwrap());
    let mut headers: Vec<_> =
        headers.map(|(name, value)| format!("{}:{}", name.to_lowercase(), value.trim())).collect();
    let is_chunked = headers.iter().any(|header| header == "transfer-encoding:chunked");
    let apart = ["date:", "server:", "connection:", "transfer-encoding:", "content-length:"];
    let ours = ["server-timing:", "x-request-id:"];
    headers.retain(|header| !apart.iter().chain(&ours).any(|apart| header.starts_with(apart)));
    headers.sort();
    let body = answer.split_off(end + 4);
    (status, headers, if is_chunked { unchunked(&body) } else { body })
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
    whole
}
