//! Exhausted resources of the machine: descriptors, room on the disk.

use http::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::client::request;
use crate::harness::{self, Mesero};

/// Serves a configuration from a shell that first runs this.
async fn under(limit: &str, config: &str, files: &[(&str, &str)]) -> (Mesero, tempfile::TempDir) {
    let folder = harness::folder(files);
    std::fs::write(folder.path().join("mesero.toml"), config).unwrap();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{limit}; exec \"$0\" serve \"$1\""));
    command.arg(harness::program()).arg(folder.path().join("mesero.toml"));
    (Mesero::start(command).await, folder)
}

const STUB: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    control = "127.0.0.1:0"
    [resource.quick]
    stub = { body = "here" }
    [[route]]
    path = "/"
    resource = "quick"
"#;

#[tokio::test]
async fn without_descriptors_clients_wait_in_the_backlog_until_there_are_some() {
    let (mut mesero, _folder) = under("ulimit -n 64", STUB, &[]).await;
    let mut idle = Vec::new();
    for _ in 0..64 {
        idle.push(TcpStream::connect(mesero.front).await.unwrap());
    }
    mesero.logged("failed to accept connections; trying again").await;
    drop(idle);
    assert_eq!(mesero.get("/").await.body, "here");
}

const LENGTH: &str = r#"
def app(environ, start_response):
    length = len(environ["wsgi.input"].read())
    start_response("200 OK", [])
    return [str(length).encode()]
"#;

#[tokio::test]
async fn a_body_for_which_the_disk_has_no_room_is_refused_and_the_next_one_is_served() {
    let config = r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        body_limit = "16MiB"
        [resource.length]
        wsgi = "length:app"
        [[route]]
        path = "/"
        resource = "length"
    "#;
    // Blocks of 512 bytes: a file may have 1 MiB, and more fails as on a disk that is full.
    let limit = "trap '' XFSZ; ulimit -f 2048";
    let (mut mesero, _folder) = under(limit, config, &[("length.py", LENGTH)]).await;
    for (length, status) in [(500_000, 200), (5_000_000, 507), (500_000, 200), (10, 200)] {
        let answer = request(mesero.front, Method::POST, "/", &"x".repeat(length)).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        if answer.status == StatusCode::OK {
            assert_eq!(answer.body, length.to_string());
        } else {
            assert_eq!(answer.json()["type"], "urn:mesero:body-not-stored");
        }
    }
    mesero.logged("failed to store a request's body").await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}
