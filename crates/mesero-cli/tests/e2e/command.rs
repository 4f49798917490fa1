//! Commands: their arguments and input, the meaning of their exit, and that they leave no process behind.

use http::{Method, StatusCode};
use rustix::process::{Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{self, request};
use crate::gate::Gate;
use crate::harness::{Mesero, in_phase, process_id, until};

/// Announces itself at the gate, and starts a child that would run for long. The gate sees the end
/// of both.
const FAMILY: &str = r#"
exec 9<>"/dev/tcp/127.0.0.1/$GATE"
sleep 1000 &
echo "$$ $1" >&9
wait
"#;

/// Prints a word, waits at the gate, prints another.
const TALKER: &str = r#"
exec 9<>"/dev/tcp/127.0.0.1/$GATE"
echo first
echo "$$ $1" >&9
read -r -u 9
echo last
exit "$1"
"#;

/// Serves the resource `it` with these settings on `/it`, which takes `a` from the query.
async fn serve(resource: &str, route: &str, files: &[(&str, &str)]) -> Mesero {
    let config = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.it]
        {resource}
        [[route]]
        path = "/it"
        resource = "it"
        reply = "text"
        {route}
        "#
    );
    Mesero::serve(&config, files).await
}

const TAKES_A: &str = r#"args = { a = "query:str" }"#;

/// Serves a script of which every run waits at the gate.
async fn gated(gate: &Gate, script: &str, settings: &str) -> Mesero {
    let port = gate.port();
    let resource = format!(
        "command = [\"bash\", \"script.sh\", \"{{a}}\"]\nenv = {{ GATE = \"{port}\" }}\n{settings}"
    );
    serve(&resource, TAKES_A, &[("script.sh", script)]).await
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const ODD: [&str; 12] = [
    "two words",
    "'single' \"double\"",
    "; exit 1",
    "a\nb\n",
    "año 日本 🎉",
    "--version",
    "-n",
    "$(id) `id` $HOME ${HOME}",
    "* ? [a]",
    "{a} {{b}}",
    "\\n \\",
    "",
];

#[tokio::test]
async fn an_argument_stays_one_argument_whatever_is_in_it() {
    let mesero = serve(r#"command = ["printf", "<%s>", "x", "{a}", "=\"{a}\""]"#, TAKES_A, &[]);
    let mesero = mesero.await;
    for text in ODD {
        let answer = mesero.get(&format!("/it?a={}", encoded(text))).await;
        assert_eq!(answer.body, format!("<x><{text}><=\"{text}\">"));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn a_shell_script_has_its_arguments_in_the_environment() {
    let resource = r#"
        command = ['printf "<%s>" "$arg_a" | cat']
        shell = true
    "#;
    let mesero = serve(resource, TAKES_A, &[]).await;
    for text in ODD {
        let answer = mesero.get(&format!("/it?a={}", encoded(text))).await;
        assert_eq!(answer.body, format!("<{text}>"));
    }
}

#[tokio::test]
async fn an_argument_that_no_process_can_have_is_the_callers_mistake() {
    let mesero = serve(r#"command = ["printf", "%s", "{a}"]"#, TAKES_A, &[]).await;
    let answer = mesero.get("/it?a=x%00y").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["detail"], "the argument `a` contains a NUL byte");
}

#[tokio::test]
async fn the_body_is_the_standard_input_and_need_not_be_read() {
    let body = "line\n".repeat(100_000);
    let post = "methods = [\"POST\"]";
    let cat = serve("command = [\"cat\"]", post, &[]).await;
    let answer = request(cat.front, Method::POST, "/it", &body).await;
    assert_eq!(answer.body, body);
    let deaf = serve("command = [\"true\"]", post, &[]).await;
    assert_eq!(request(deaf.front, Method::POST, "/it", &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn directory_and_environment_are_as_the_configuration_says() {
    let resource = r#"
        command = ['pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort']
        shell = true
        directory = "/"
        clear_env = true
        env = { KEY = "value" }
    "#;
    let mesero = serve(resource, TAKES_A, &[]).await;
    assert_eq!(mesero.get("/it?a=1").await.body, "/\nKEY=value\narg_a=1\n");
}

#[tokio::test]
async fn the_exit_code_decides_the_status_and_the_last_words_are_for_the_log() {
    let resource = r#"
        command = ["sh", "-c", "echo out; echo 'last words' >&2; exit $1", "sh", "{a}"]
        exit_codes = { 3 = 404, 4 = 204 }
    "#;
    let mut mesero = serve(resource, TAKES_A, &[]).await;
    let fine = mesero.get("/it?a=0").await;
    assert_eq!((fine.status, fine.body.as_str()), (StatusCode::OK, "out\n"));
    let mapped = mesero.get("/it?a=3").await;
    assert_eq!((mapped.status, mapped.body.as_str()), (StatusCode::NOT_FOUND, "out\n"));
    let empty = mesero.get("/it?a=4").await;
    assert_eq!((empty.status, empty.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let failed = mesero.get("/it?a=5").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(failed.json()["type"], "urn:mesero:raised");
    assert_eq!(failed.json()["detail"], "the command ended with exit code 5");
    assert!(!failed.body.contains("last words"));
    mesero.logged("last words").await;
}

#[tokio::test]
async fn a_command_killed_by_a_signal_is_lost_and_one_that_cannot_start_is_unreachable() {
    let killed = serve(r#"command = ["sh", "-c", "kill -9 $$"]"#, "", &[]).await;
    let answer = killed.get("/it").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.json()["type"], "urn:mesero:lost");
    assert_eq!(answer.json()["detail"], "the command was killed by signal 9");
    let broken = "command = [\"broken\"]\nenv = { PATH = \".\" }";
    let missing = serve(broken, "", &[("broken", "It may not be run.")]).await;
    let answer = missing.get("/it").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.json()["type"], "urn:mesero:unreachable");
}

#[tokio::test]
async fn a_command_that_prints_more_than_the_limit_is_ended() {
    let resource = "command = [\"yes\"]\noutput_limit = \"1KiB\"";
    let mesero = serve(resource, "", &[]).await;
    let answer = mesero.get("/it").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let detail = "the command printed more than 1024 bytes, and was ended";
    assert_eq!(answer.json()["detail"], detail);
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_timeout_ends_the_command_and_its_children() {
    let gate = Gate::open().await;
    let policy = "[resource.it.policy]\ntimeout = \"2s\"";
    let mesero = gated(&gate, FAMILY, policy).await;
    let (answer, begun) = tokio::join!(mesero.get("/it?a=1"), gate.next());
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    begun.gone().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
    assert_eq!(stops(&mesero).await, ["by_itself 0", "interrupted 1", "killed 0", "assumed 0"]);
}

/// Counts in the metrics of how canceled commands stopped.
async fn stops(mesero: &Mesero) -> Vec<String> {
    let metrics = client::get(mesero.control, "/metrics").await.body;
    let counts = metrics.lines().filter_map(|line| line.strip_prefix("mesero_stops_total{"));
    counts.map(|count| count.split_once("how=\"").unwrap().1.replace("\"}", "")).collect()
}

#[tokio::test]
async fn a_command_that_does_not_listen_keeps_its_slot_until_it_is_killed() {
    let gate = Gate::open().await;
    let script = format!("trap '' TERM\n{FAMILY}");
    let policy = "grace = \"1s\"\n[resource.it.policy]\nlimit = 1";
    let mesero = gated(&gate, &script, policy).await;
    let leaving = client::impatient(mesero.front, "/it?a=1").await;
    let begun = gate.next().await;
    drop(leaving);
    mesero.until_jobs(|jobs| in_phase(jobs, "stopping") == 1).await;
    // The next begins only when the slot is free, and then nothing is left of the first.
    let _waiting = client::impatient(mesero.front, "/it?a=2").await;
    assert_eq!(gate.next().await.num, 2.0);
    begun.gone().await;
    assert_eq!(stops(&mesero).await, ["by_itself 0", "interrupted 0", "killed 1", "assumed 0"]);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_command_and_its_children() {
    let gate = Gate::open().await;
    let mesero = gated(&gate, FAMILY, "").await;
    let client = client::impatient(mesero.front, "/it?a=1").await;
    let begun = gate.next().await;
    drop(client);
    begun.gone().await;
    mesero.until_jobs(|jobs| jobs.is_empty()).await;
}

#[tokio::test]
async fn a_mesero_that_is_killed_leaves_no_command_and_none_of_its_children() {
    let gate = Gate::open().await;
    let mut mesero = gated(&gate, FAMILY, "processes = 3").await;
    let mut clients = Vec::new();
    for num in 0..3 {
        clients.push(client::impatient(mesero.front, &format!("/it?a={num}")).await);
    }
    let begun = gate.take(3).await;
    mesero.signal(Signal::KILL);
    mesero.exit().await;
    for begun in begun {
        begun.gone().await;
    }
}

#[tokio::test]
async fn a_guardian_that_is_killed_is_replaced_by_one_that_knows_what_runs() {
    let gate = Gate::open().await;
    let mut mesero = gated(&gate, FAMILY, "").await;
    let guardian: u32 = children(&mesero).concat().parse().unwrap();
    let _client = client::impatient(mesero.front, "/it?a=1").await;
    let begun = gate.next().await;
    kill_process(process_id(guardian), Signal::KILL).unwrap();
    mesero.logged("ended (signal: 9 (SIGKILL)); started a new one").await;
    mesero.signal(Signal::KILL);
    mesero.exit().await;
    begun.gone().await;
}

#[tokio::test]
async fn a_child_that_outlives_the_command_is_killed_after_the_grace_and_the_answer_is_good() {
    let gate = Gate::open().await;
    let script = FAMILY.replace("wait\n", "echo done\n");
    let mesero = gated(&gate, &script, "grace = \"100ms\"").await;
    let (answer, begun) = tokio::join!(mesero.get("/it?a=1"), gate.next());
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "done\n"));
    begun.gone().await;
}

#[tokio::test]
async fn a_streamed_output_comes_as_it_is_printed_and_a_late_failure_breaks_it_off() {
    let gate = Gate::open().await;
    let mut mesero = gated(&gate, TALKER, "stream = true").await;
    for code in ["0", "1"] {
        let mut stream = TcpStream::connect(mesero.front).await.unwrap();
        let head = format!("GET /it?a={code} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let begun = gate.next().await;
        let mut received = Vec::new();
        while !String::from_utf8_lossy(&received).contains("first\n") {
            assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
        }
        begun.finish();
        // An answer that is broken off may end in a reset.
        let _ = stream.read_to_end(&mut received).await;
        let received = String::from_utf8(received).unwrap();
        assert!(received.starts_with("HTTP/1.1 200 "), "{received}");
        assert!(received.contains("last\n"), "{received}");
        assert_eq!(received.ends_with("0\r\n\r\n"), code == "0", "{received}");
    }
    mesero.logged("the answer was broken off: the command ended with exit code 1").await;
}

#[tokio::test]
async fn a_reader_who_leaves_a_streamed_output_ends_the_command() {
    let mesero = serve("command = [\"yes\"]\nstream = true", "", &[]).await;
    let mut stream = client::impatient(mesero.front, "/it").await;
    let mut received = vec![0; 1_000_000];
    stream.read_exact(&mut received).await.unwrap();
    drop(stream);
    until(async || children(&mesero).len() == 1).await;
}

#[tokio::test]
async fn two_hundred_commands_at_once_leave_no_process_and_no_file_behind() {
    let resource = "command = [\"echo\", \"{a}\"]\nprocesses = 200";
    let mesero = serve(resource, TAKES_A, &[]).await;
    mesero.get("/it?a=0").await;
    let files_of = |mesero: &Mesero| {
        let pid = mesero.child.id().unwrap();
        std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
    };
    let before = files_of(&mesero);
    let (mut callers, front) = (JoinSet::new(), mesero.front);
    for num in 0..200 {
        callers.spawn(async move {
            let answer = client::get(front, &format!("/it?a={num}")).await;
            assert_eq!(answer.body, format!("{num}\n"));
        });
    }
    callers.join_all().await;
    // The guardian stays.
    until(async || children(&mesero).len() == 1 && files_of(&mesero) <= before).await;
}

/// The children of a mesero, zombies included.
fn children(mesero: &Mesero) -> Vec<String> {
    let pid = mesero.child.id().unwrap();
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let threads = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    threads
        .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|pid| !pid.is_empty())
        .collect()
}
