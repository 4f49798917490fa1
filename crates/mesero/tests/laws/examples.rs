//! The example programs, run as a user runs them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// An example's program, which `cargo test` has built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_square_service_runs_simultaneous_requests_concurrently_and_lists_them() {
    let mut command = Command::new(example("square_service"));
    command.arg("127.0.0.1:0").stderr(Stdio::piped()).kill_on_drop(true);
    let mut service = command.spawn().unwrap();
    let mut stderr = BufReader::new(service.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).await.unwrap();
    let address = line.trim().rsplit_once("http://").expect(&line).1.parse().unwrap();
    for backend in ["blocking", "async"] {
        let square = async |num: u32| get(address, &format!("/{backend}?num={num}")).await;
        let listed = async {
            loop {
                let jobs = get(address, "/jobs").await;
                if jobs.matches("running").count() == 4 {
                    return;
                }
            }
        };
        let (a, b, c, d, ()) = tokio::join!(square(0), square(1), square(2), square(3), listed);
        assert_eq!([a, b, c, d], ["0.0\n", "1.0\n", "4.0\n", "9.0\n"]);
    }
}

#[tokio::test]
async fn the_blocking_handler_delays_its_neighbor_and_is_reported_and_threads_do_not() {
    let mut command = Command::new(example("blocking_handler"));
    let output = command.arg("300").kill_on_drop(true).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let times = |what: &str| -> Vec<u64> {
        let lines = text.lines().filter_map(|line| line.split_once(what));
        lines.map(|(_, time)| time.trim_end_matches(" ms").parse().unwrap()).collect()
    };
    let answered = times("blocking, answered after: ");
    assert!(answered.len() == 2 && answered[1] >= 600, "{text}");
    for job in ["1", "2"] {
        let blocked = times(&format!("job {job} has blocked its thread: "));
        assert!(blocked.len() == 1 && blocked[0] >= 300, "{text}");
    }
    assert_eq!(times("in threads, answered after: ").len(), 2, "{text}");
}

#[tokio::test]
async fn the_site_cache_prints_the_output_of_its_comment() {
    let output = Command::new(example("site_cache")).output().await.unwrap();
    let source = include_str!("../../examples/site_cache.rs");
    let comment = source.lines().map_while(|line| line.strip_prefix("//!"));
    let shown = comment.skip_while(|line| *line != " ```text").skip(1);
    let shown: Vec<&str> = shown.take_while(|line| *line != " ```").map(str::trim_start).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), shown);
}

#[tokio::test]
async fn every_password_is_hashed_once_with_a_salt_of_its_own() {
    let output = Command::new(example("hash_passwords")).args(["5", "2"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut hashes: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
    hashes.sort_unstable();
    let numbers: Vec<_> = hashes.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4"]);
    for (_, hash) in &hashes {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.len() == 97, "{hash}");
    }
    hashes.dedup_by_key(|(_, hash)| *hash);
    assert_eq!(hashes.len(), 5);
}

async fn output(name: &str) -> String {
    let output = Command::new(example(name)).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn all_at_once_most_requests_are_refused() {
    assert_eq!(output("requests_gather").await, "Successful: 9 Failed: 91\n");
}

#[tokio::test]
async fn ten_at_a_time_only_requests_that_need_a_retry_fail() {
    assert_eq!(output("requests_bounded").await, "Successful: 90 Failed: 10\n");
}

#[tokio::test]
async fn as_completed_each_answer_comes_with_its_input_and_none_fails() {
    let text = output("requests_as_completed").await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines.last()), (101, Some(&"Successful: 100 Failed: 0")));
    assert!(
        (0..100_u64).all(|number| lines.contains(&&*format!("{number} → {}", number * number)))
    );
    assert!(
        !text.starts_with("0 →"),
        "in order of completion, and the first needs two attempts: {text}"
    );
}
