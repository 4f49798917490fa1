//! Number of concurrent calls that `--suggest` finds, and that it is enough.

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Measured, bench, command};
use crate::client;
use crate::harness::{HANG_TIMEOUT, Mesero, folder, quiet_machine};

/// Long beside what a busy machine adds to it.
const SLOW: &str = "[resource.slow]\nstub = { delay = \"500ms\" }\n";

/// Time for two calls one after another and most of a third.
const TIMEOUT: &str = "1400ms";

async fn suggest(config: &str, arguments: &[&str]) -> Measured {
    let folder = folder(&[("mesero.toml", config)]);
    let arguments = [arguments, &["--suggest", "--tolerance", "1h", "-d", "3s"]].concat();
    let output = command(&arguments).current_dir(folder.path()).output();
    timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap().into()
}

/// A crowd for which one place is enough, on any machine.
#[tokio::test]
async fn a_limit_that_is_enough_is_reported_and_so_is_every_step() {
    let easy = ["@slow", "-c", "4", "--timeout", "60s"];
    let measured = suggest(SLOW, &[&easy[..], &["--json"]].concat()).await;
    let found = measured.json();
    assert_eq!(
        (measured.code, &found["verdict"], &found["concurrency"]),
        (Some(0), &"enough".into(), &1.into()),
        "{found:#}"
    );
    assert_eq!((&found["check"]["ok"], &found["holds"]), (&4.into(), &true.into()));
    let printed = suggest(SLOW, &easy).await;
    assert!(printed.stdout.contains("`limit = 1` is enough: within 60"), "{}", printed.stdout);
    // Without a terminal, each step is logged.
    let steps: Vec<_> =
        printed.stderr.lines().filter(|line| line.contains("concurrency ")).collect();
    assert!(steps[0].starts_with("mesero: concurrency 1: "), "{steps:?}");
    assert!(steps.last().unwrap().ends_with("concurrency of 1"), "{steps:?}");
}

/// A crowd for which one worker is too few, on any machine.
#[tokio::test]
async fn a_url_with_too_few_workers_fails_and_how_many_it_takes_is_reported() {
    let config = "[server]\nlisten = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n\
                  [resource.slow]\nstub = { delay = \"1s\" }\n[resource.slow.policy]\nlimit = 1\n\
                  [[route]]\npath = \"/\"\nresource = \"slow\"\n";
    let served = Mesero::serve(config, &[]).await;
    let url = format!("http://{}/", served.front);
    let crowd = ["-c", "12", "--timeout", "5s", "--http2", "--streams", "4", "--json"];
    let measured = suggest("", &[&[&*url], &crowd[..]].concat()).await;
    let found = measured.json();
    assert_eq!(
        (measured.code, &found["verdict"]),
        (Some(3), &"too_few_workers".into()),
        "{found:#}"
    );
    let needed = found["concurrency"].as_u64().unwrap();
    assert!((2..=12).contains(&needed), "{found:#}");
    let sentences = found["sentences"].to_string();
    let wanted = format!("{needed} workers are needed, and the server has 1");
    assert!(sentences.contains(&wanted), "{sentences}");
}

/// The unit tests of `--suggest` find the same numbers with the clock paused, on any machine.
#[tokio::test]
#[ignore = "takes a machine that does nothing else"]
async fn a_limit_is_found_that_gives_all_clients_their_answers_and_one_less_does_not() {
    let _machine = quiet_machine().await;
    let crowd = ["@slow", "-c", "10", "--timeout", TIMEOUT];
    let measured = suggest(SLOW, &[&crowd[..], &["--json"]].concat()).await;
    let found = measured.json();
    assert_eq!(
        (measured.code, &found["verdict"], &found["concurrency"]),
        (Some(0), &"enough".into(), &5.into())
    );
    assert_eq!((&found["check"]["ok"], &found["holds"]), (&10.into(), &true.into()));
    let told = suggest(SLOW, &crowd).await;
    assert!(told.stdout.contains("`limit = 5` is enough: within 1.40 s"), "{}", told.stdout);
    // Without a terminal, each step is logged.
    let steps: Vec<_> = told.stderr.lines().filter(|line| line.contains("concurrency ")).collect();
    assert!(steps[0].starts_with("mesero: concurrency 1: "), "{steps:?}");
    assert!(steps.last().unwrap().ends_with("the goal with a concurrency of 5"), "{steps:?}");

    let limited = |limit: &str| format!("{SLOW}[resource.slow.policy]\nlimit = {limit}\n");
    let passes = async |limit: &str| {
        let folder = folder(&[("mesero.toml", &limited(limit))]);
        let arguments =
            [&crowd[..], &["-n", "10", "--expect", "client_timeout=0", "--tolerance", "1h"]]
                .concat();
        let output = command(&arguments).current_dir(folder.path()).output();
        let measured: Measured =
            timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap().into();
        measured.code
    };
    assert_eq!((passes("5").await, passes("4").await), (Some(0), Some(3)));
}

#[tokio::test]
#[ignore = "takes a machine that does nothing else"]
async fn the_workers_behind_a_url_are_counted_and_it_is_said_how_many_it_takes() {
    let _machine = quiet_machine().await;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n{SLOW}[resource.slow.policy]\nlimit = 3\n\
         [[route]]\npath = \"/\"\nresource = \"slow\"\n"
    );
    let served = Mesero::serve(&config, &[]).await;
    let url = format!("http://{}/", served.front);
    let crowd = ["-c", "12", "--timeout", TIMEOUT];
    let over_http2 = [&[&*url, "--http2", "--streams", "4"], &crowd[..]].concat();
    let told = suggest("", &over_http2).await;
    assert!(told.stdout.starts_with(&format!("{url}; HTTP/2, 4 streams a connection\n")));
    assert!(told.stdout.contains("6 workers are needed, and the server has 3"), "{}", told.stdout);

    let measured = suggest("", &[&[&*url, "--json"], &crowd[..]].concat()).await;
    let found = measured.json();
    assert_eq!(
        (measured.code, &found["verdict"]),
        (Some(3), &"too_few_workers".into()),
        "{found:#}"
    );
    assert_eq!(found["concurrency"], 6);
    // The number of clients that it can serve was measured.
    assert_eq!(
        (&found["check"]["demand"]["clients"], &found["check"]["ok"]),
        (&6.into(), &6.into())
    );
    let sentences = found["sentences"].to_string();
    assert!(sentences.contains("6 workers are needed, and the server has 3"), "{sentences}");
}

#[tokio::test]
async fn what_nothing_can_be_suggested_for_is_said() {
    let refused: [(&[&str], &str); 5] = [
        (&["stub:", "--suggest"], "without a load: wanted `--rate 50`"),
        (&["stub:", "stub:", "--suggest", "-c", "1"], "one target at a time"),
        (&["stub:", "--suggest", "--rate", "5", "--share", "100%"], "wanted a share below 100%"),
        (&["stub:", "--suggest", "-c", "5", "--share", "0"], "wanted a share such as 99%"),
        (&["stub:", "--share", "99%"], "--suggest"),
    ];
    for (arguments, text) in refused {
        let measured = bench(arguments).await;
        assert!(measured.stderr.contains(text), "{arguments:?}: {}", measured.stderr);
        assert_eq!((measured.code, &*measured.stdout), (Some(2), ""));
    }
    let nobody = suggest("", &["http://127.0.0.1:1/", "-c", "5"]).await;
    assert_eq!(nobody.code, Some(3));
    assert!(nobody.stdout.contains("There is no result: none of "), "{}", nobody.stdout);
    let slow = suggest(SLOW, &["@slow", "--rate", "5", "--timeout", "50ms"]).await;
    assert_eq!(slow.code, Some(3));
    assert!(slow.stdout.contains("No number of workers is enough"), "{}", slow.stdout);
}

/// Compares the waits of a queue with Erlang's formula, in real time and through HTTP.
///
/// The unit tests of `--suggest` do it with the clock paused, on any machine. This one takes a quiet
/// machine: `cargo test --test e2e -- --ignored erlang`.
///
/// By independent replications (A. M. Law, "Simulation Modeling and Analysis", 4th ed., 2007, 9.4.1): eight queues, each
/// with arrivals and service times of its own.
#[tokio::test]
#[ignore = "takes a machine that does nothing else"]
async fn clients_of_a_queue_wait_for_as_long_as_erlang_says() {
    const QUEUES: u32 = 8;
    // The 99.5th percentile of Student's distribution with 7 degrees of freedom: two-sided, a certainty of 99 %.
    const STUDENT: f64 = 3.499;
    let _machine = quiet_machine().await;
    let mut config = "[server]\nlisten = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n".to_owned();
    for queue in 0..QUEUES {
        config.push_str(&format!(
            "[resource.q{queue}]\nstub = {{ delay = {{ exponential = \"50ms\" }}, seed = {queue} }}\n\
             [resource.q{queue}.policy]\nlimit = 4\n[[route]]\npath = \"/{queue}\"\nresource = \"q{queue}\"\n"
        ));
    }
    let served = Mesero::serve(&config, &[]).await;
    let mut runs = JoinSet::new();
    for queue in 0..QUEUES {
        let url = format!("http://{}/{queue}", served.front);
        runs.spawn(async move {
            let seed = (queue + 100).to_string();
            let arguments = [&*url, "--rate", "48", "-d", "15s", "--seed", &seed];
            let measured =
                bench(&[&arguments[..], &["--json", "--tolerance", "1h"]].concat()).await;
            assert_eq!(measured.json()["failed"], 0, "{}", measured.stdout);
        });
    }
    runs.join_all().await;
    let metrics = client::get(served.control, "/metrics").await.body;
    let mean = |what: &str, queue: u32| {
        let of = |which: &str| {
            let line = format!("mesero_{what}_seconds_{which}{{resource=\"q{queue}\"");
            let line = metrics.lines().find(|one| one.starts_with(&line)).unwrap();
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        of("sum") / of("count")
    };
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let waits: Vec<_> = (0..QUEUES).map(|queue| mean("queue", queue)).collect();
    let service = mean_of(&(0..QUEUES).map(|queue| mean("run", queue)).collect::<Vec<_>>());
    let wait = mean_of(&waits);
    let squares = waits.iter().map(|one| (one - wait).powi(2)).sum::<f64>();
    let half = STUDENT * (squares / f64::from(QUEUES - 1) / f64::from(QUEUES)).sqrt();
    // Erlang's formula as a fraction of sums, for four servers; a busy machine makes the service a little longer.
    let load = 48.0 * service;
    let all_busy = load.powi(4) / 24.0 * 4.0 / (4.0 - load);
    let waiting = all_busy / (1.0 + load + load.powi(2) / 2.0 + load.powi(3) / 6.0 + all_busy);
    let truth = waiting * service / (4.0 - load);
    let interval = wait - half..=wait + half;
    assert!(interval.contains(&truth), "{truth} is not in {interval:?}; service {service}");
}
