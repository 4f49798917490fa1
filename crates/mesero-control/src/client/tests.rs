//! `mesero jobs` against a control plane that really listens.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use mesero::{Stop, StopKind};
use mesero_config::Secret;
use mesero_terminal::exit::Exit;
use mesero_terminal::output::Output;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{JobsArgs, JobsError, run};
use crate::listen::ControlThread;
use crate::scripted::{Scripted, nine, settle};
use crate::{router, start};

/// The output of `mesero jobs`, and its result.
#[derive(Debug)]
struct Printed {
    data: String,
    talk: String,
    result: Result<Exit, JobsError>,
}

impl Printed {
    fn error(&self) -> (Exit, String) {
        let error = self.result.as_ref().unwrap_err();
        (error.exit(), error.to_string())
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: JobsArgs,
}

async fn jobs(at: &str, words: &str) -> Printed {
    let words = ["jobs", "--control", at].into_iter().chain(words.split_whitespace());
    let args = Cli::parse_from(words.map(OsString::from)).args;
    let (data, talk) = (Sink::default(), Sink::default());
    let result = run(args, &mut Output::new(data.clone(), talk.clone())).await;
    Printed { data: data.text(), talk: talk.text(), result }
}

/// A control plane that listens.
struct Plane {
    url: String,
    stop: CancellationToken,
    running: ControlThread,
}

impl Plane {
    fn start(scripted: &Scripted, token: Option<Secret>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let router = router(vec![scripted.service.clone()], CancellationToken::new(), token);
        let running = start(vec![listener], router, stop.clone()).unwrap();
        Self { url, stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.stopped().await;
    }
}

#[tokio::test]
async fn nothing_in_flight_is_said_and_not_printed() {
    let scripted = Scripted::new("square");
    let plane = Plane::start(&scripted, None);
    let seen = jobs(&plane.url, "").await;
    assert!(seen.result.is_ok());
    assert_eq!((&*seen.data, &*seen.talk), ("", "nothing is in flight\n"));
    let seen = jobs(&plane.url, "list --json").await;
    assert_eq!((&*seen.data, &*seen.talk), ("{\"jobs\":[]}\n", ""));
    plane.stop().await;
}

#[tokio::test]
async fn attempts_that_are_assumed_to_have_stopped_are_told_with_the_jobs() {
    let mut scripted = Scripted::new("square");
    let plane = Plane::start(&scripted, None);
    let _call = scripted.call("3");
    let attempt = scripted.mock.next().await;
    let after = Duration::from_secs(600);
    attempt.attempt().slot().stopped(Stop { kind: StopKind::Assumed, after });
    let seen = jobs(&plane.url, "list").await;
    let told =
        "square: 1 attempt was assumed to have stopped since the start, and may still run there\n";
    assert_eq!((seen.data.lines().count(), &*seen.talk), (2, told));
    let seen = jobs(&plane.url, "list --json").await;
    let read: Value = serde_json::from_str(&seen.data).unwrap();
    assert_eq!(read["assumed_stopped"]["square"], 1);
    plane.stop().await;
}

#[tokio::test]
async fn jobs_are_listed_shown_and_cancelled() {
    let mut scripted = Scripted::new("square");
    let plane = Plane::start(&scripted, None);
    let running = scripted.call("3");
    settle().await;
    let queued = scripted.call("4");
    settle().await;

    let seen = jobs(&plane.url, "list").await;
    let rows: Vec<_> = seen.data.lines().map(|row| row.split_whitespace().next()).collect();
    assert_eq!(rows, [Some("JOB"), Some("square-1"), Some("square-2")]);
    let seen = jobs(&plane.url, "list --resource square --json").await;
    let read: Value = serde_json::from_str(&seen.data).unwrap();
    assert_eq!(read["jobs"][1]["arguments"]["num"], "4");
    let seen = jobs(&plane.url, "show square-2").await;
    assert!(seen.data.contains("queued #1"), "{}", seen.data);

    let seen = jobs(&plane.url, "cancel square-2").await;
    assert_eq!(seen.data, "square-2 was queued; stop requested\n");
    assert!(queued.await.unwrap().result.is_err());
    scripted.mock.next().await.reply(nine());
    assert!(running.await.unwrap().result.is_ok());
    let seen = jobs(&plane.url, "limit square 3").await;
    assert_eq!(seen.data, "square: limit changed from 1 to 3\n");
    plane.stop().await;
}

#[tokio::test]
async fn what_is_not_found_is_exit_code_1() {
    let scripted = Scripted::new("square");
    let plane = Plane::start(&scripted, None);
    let missing = [
        ("show square-7", "no job \"square-7\" is in flight"),
        ("cancel square-7", "no job \"square-7\" is in flight"),
        ("show ../metrics", "\"../metrics\" is not a valid name"),
        ("list --resource cube", "no resource has the name \"cube\"; known resources: square"),
        ("limit cube 3", "no resource has the name \"cube\"; known resources: square"),
    ];
    for (words, says) in missing {
        let (code, text) = jobs(&plane.url, words).await.error();
        assert_eq!(code, Exit::SomeFailed, "{words}");
        assert!(text.contains(says), "{words}: {text}");
    }
    let (code, text) = jobs(&plane.url, "limit square 9").await.error();
    assert_eq!(code, Exit::Unusable);
    assert!(text.contains("more than the 4 seats"), "{text}");
    plane.stop().await;
}

#[tokio::test]
async fn where_nobody_listens_the_address_is_named() {
    // A port below 1024 is given to no other test.
    let (code, text) = jobs("http://127.0.0.1:1", "list").await.error();
    assert_eq!(code, Exit::Unusable);
    assert!(text.starts_with("no control listener can be reached at 127.0.0.1:1: "), "{text}");
    assert!(text.contains("--control"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_none_is_a_mistake_of_usage() {
    for url in ["", "https://localhost:9888", "http://localhost:9888/jobs", "http://a@b", "/jobs"] {
        let (code, text) = jobs(url, "list").await.error();
        assert_eq!(code, Exit::Unusable, "{url}");
        assert!(text.ends_with(&format!("and is {url:?}")), "{text}");
    }
}

#[tokio::test]
async fn whoever_is_no_control_plane_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let impostor = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 smtp.example\r\n").await.unwrap();
    };
    let (seen, ()) = tokio::join!(jobs(&url, "list"), impostor);
    let (code, text) = seen.error();
    assert_eq!(code, Exit::Unusable);
    assert!(text.contains("does not answer as a control listener"), "{text}");
}

#[tokio::test]
async fn a_token_comes_from_a_file() {
    let scripted = Scripted::new("square");
    let plane = Plane::start(&scripted, Some(Secret::new("s3cret")));
    let (code, text) = jobs(&plane.url, "list").await.error();
    assert_eq!((code, text.contains("--token-file")), (Exit::Unusable, true), "{text}");
    let address: SocketAddr = plane.url.trim_start_matches("http://").parse().unwrap();
    let file = TokenFile::new(&format!("mesero-token-{}", address.port()), "s3cret\n");
    let words = format!("list --token-file {}", file.0.display());
    assert!(jobs(&plane.url, &words).await.result.is_ok());
    let missing = jobs(&plane.url, "list --token-file /nowhere/token").await.error();
    assert_eq!(missing.0, Exit::Unusable);
    assert!(missing.1.starts_with("the token file /nowhere/token cannot be used: "));
    plane.stop().await;
}

/// A file that goes when the test does.
struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
