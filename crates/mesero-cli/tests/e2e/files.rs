//! Several configuration files, served by one process.

use http::StatusCode;
use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client;
use crate::gate::{self, Gate};
use crate::harness::{self, HANG_TIMEOUT, Mesero, program};

const FIRST: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    control = "127.0.0.1:0"
    body_limit = 3
    [resource.greeting]
    stub = { body = "hello" }
    [[route]]
    path = "/first"
    resource = "greeting"
    [[route]]
    path = "/both"
    methods = ["POST"]
    resource = "greeting"
"#;

/// Its resource is the other file's, and its limits are its own.
const SECOND: &str = r#"
    [server]
    listen = "127.0.0.1:0"
    [[route]]
    path = "/both"
    methods = ["POST"]
    resource = "greeting"
"#;

#[tokio::test]
async fn every_file_is_served_at_its_own_address_with_its_own_routes_and_limits() {
    let folder = harness::folder(&[("first.toml", FIRST), ("second.toml", SECOND)]);
    let mesero = Mesero::serve_together(folder, &["first.toml", "second.toml"]).await;
    let [first, second] = mesero.fronts[..] else { panic!("{:?}", mesero.fronts) };
    assert_eq!(client::get(first, "/first").await.body, "hello");
    assert_eq!(client::get(second, "/first").await.status, StatusCode::NOT_FOUND);
    let post = async |front| client::request(front, http::Method::POST, "/both", "long").await;
    assert_eq!(post(first).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(second).await.body, "hello");
    let resources = client::get(mesero.control, "/resources").await;
    assert!(resources.body.contains("greeting"), "{}", resources.body);
}

#[tokio::test]
async fn a_stop_drains_the_routes_of_all_files() {
    let gate = Gate::open().await;
    let config = |name: &str| {
        format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            control = "127.0.0.1:0"
            [resource.{name}]
            python = "gated:gated"
            env = {{ GATE = "{}" }}
            [[route]]
            path = "/{name}"
            resource = "{name}"
            args = {{ num = "query:float" }}
            reply = "text"
            "#,
            gate.port()
        )
    };
    let (left, right) = (config("left"), config("right"));
    let files = [("left.toml", &*left), ("right.toml", &*right), ("gated.py", gate::MODULE)];
    let mut mesero =
        Mesero::serve_together(harness::folder(&files), &["left.toml", "right.toml"]).await;
    let [at_left, at_right] = mesero.fronts[..] else { panic!("{:?}", mesero.fronts) };
    let stop = async {
        let begun = gate.take(2).await;
        mesero.signal(Signal::TERM);
        mesero.logged("finishing 2 jobs").await;
        for (front, path) in [(at_left, "/left?num=3"), (at_right, "/right?num=3")] {
            let refused = client::get(front, path).await;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        }
        begun.into_iter().for_each(gate::Begun::finish);
        mesero.exit().await
    };
    let (left, right, exit) = tokio::join!(
        client::get(at_left, "/left?num=1"),
        client::get(at_right, "/right?num=2"),
        stop
    );
    assert_eq!((left.body.as_str(), right.body.as_str()), ("1.0", "2.0"));
    assert!(exit.success(), "{exit}");
}

#[tokio::test]
async fn an_address_without_a_route_is_refused_and_a_file_of_resources_alone_is_not() {
    let silent = "[server]\nlisten = \"127.0.0.1:0\"\n[resource.other]\nstub = {}";
    let folder = harness::folder(&[("first.toml", FIRST), ("silent.toml", silent)]);
    let run = async |names: &[&str]| {
        let mut command = Command::new(program());
        command.arg("serve").args(names.iter().map(|name| folder.path().join(name)));
        timeout(HANG_TIMEOUT, command.output()).await.expect("it ends").unwrap()
    };
    let refused = run(&["first.toml", "silent.toml"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    let wanted =
        "failed to serve anything on 127.0.0.1:0: the file with that `listen` has no [[route]]";
    assert!(said.contains(wanted), "{said}");
    let brings = "[resource.other]\nstub = {}";
    let quiet = harness::folder(&[("first.toml", FIRST), ("quiet.toml", brings)]);
    let mesero = Mesero::serve_together(quiet, &["first.toml", "quiet.toml"]).await;
    assert_eq!(mesero.fronts.len(), 1);
}
