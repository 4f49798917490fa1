//! Targets that are called in the process: functions, commands, resources of a configuration.

use tempfile::TempDir;
use tokio::time::timeout;

use super::{Measured, bench, command};
use crate::harness::{HANG_TIMEOUT, folder};

/// Runs to the end in a folder with functions and resources, however busy the machine is.
async fn bench_in(folder: &TempDir, arguments: &[&str]) -> Measured {
    let arguments = [arguments, &["--tolerance", "1h"]].concat();
    let output = command(&arguments).current_dir(folder.path()).output();
    timeout(HANG_TIMEOUT, output).await.expect("it ends").unwrap().into()
}

const TOOLS: &str = r#"
import time

def root(num):
    if num < 0:
        raise ValueError("no root")
    return num ** 0.5

def sleep(num):
    while num == 0:
        time.sleep(0.01)
"#;

#[tokio::test]
async fn a_function_is_called_with_items_in_turn_and_what_it_raises_is_no_work_done() {
    let folder = folder(&[("tools.py", TOOLS)]);
    let arguments =
        ["python:tools:root", "--item", "4..6", "--item=-1", "-n", "9", "-c", "2", "--json"];
    let measured = bench_in(&folder, &arguments).await;
    assert_eq!(measured.code, Some(1), "{}", measured.stderr);
    let report = measured.json();
    assert_eq!((&report["ok"], &report["faults"]["raised"]), (&6.into(), &3.into()));
    assert_eq!(report["response_s"]["count"], 6);
    assert_eq!(report["body_bytes"], 3 * ("2.0".len() + "2.23606797749979".len()));
}

#[tokio::test]
async fn a_call_that_is_given_up_frees_its_place_when_the_function_has_really_stopped() {
    let folder = folder(&[("tools.py", TOOLS)]);
    // The first call does not return. The only thread is in it until it is interrupted, which the
    // second call waits for.
    let arguments = ["python:tools:sleep", "-n", "2", "-c", "1", "--timeout", "5s", "--json"];
    let measured = bench_in(&folder, &arguments).await;
    let report = measured.json();
    assert_eq!(
        (&report["client_timeout"], &report["ok"]),
        (&1.into(), &1.into()),
        "{}",
        measured.stdout
    );
}

#[tokio::test]
async fn a_command_is_run_for_each_request_and_its_exit_code_judges() {
    let run = async |arguments: &[&str]| {
        bench(&[&["-c", "1", "--tolerance", "1h", "--json"], arguments].concat()).await
    };
    let good = run(&["-n", "3", "--", "echo", "hi"]).await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert_eq!((&good.json()["ok"], &good.json()["body_bytes"]), (&3.into(), &9.into()));
    let items = run(&["-n", "2", "--item", "word", "--", "echo", "<{}>"]).await;
    assert_eq!(items.json()["body_bytes"], 14);
    let bad = run(&["-n", "2", "--", "false"]).await;
    assert_eq!((bad.code, &bad.json()["faults"]["raised"]), (Some(1), &2.into()));
}

#[tokio::test]
async fn a_resource_of_a_configuration_brings_its_policy_and_whom_it_turns_away_is_counted() {
    let config = r#"
        [resource.slow]
        stub = { delay = "1h" }
        [resource.slow.policy]
        limit = 1
        queue = 1
        [resource.quick]
        stub = {}
    "#;
    let folder = folder(&[("mesero.toml", config)]);
    let arguments = ["@slow", "-n", "3", "-c", "3", "--timeout", "3s", "--json"];
    let report = bench_in(&folder, &arguments).await.json();
    assert_eq!(
        (&report["client_timeout"], &report["faults"]["not_admitted"]),
        (&2.into(), &1.into())
    );

    let arguments = ["@quick", "also=@quick", "-n", "4", "--rounds", "2", "--json"];
    let report = bench_in(&folder, &arguments).await.json();
    let [one, also] = [0, 1].map(|index| report["targets"][index].clone());
    assert_eq!((&one["name"], &one["ok"]), (&"@quick".into(), &8.into()));
    assert_eq!((&also["name"], &also["ok"]), (&"also".into(), &8.into()));
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_with_the_reason() {
    let folder = folder(&[("mesero.toml", "[resource.quick]\nstub = {}\n"), ("tools.py", TOOLS)]);
    let cases: [(&[&str], &str); 7] = [
        (&["@quik"], "failed to find the resource `quik` in `mesero.toml`: did you mean `@quick`?"),
        (&["@quick/path"], "only `http` and `wsgi` resources have paths"),
        (&["python:tools:cube"], "failed to start resource"),
        (&["python:tools:root", "-H", "A: b"], "failed to use `-H`: it applies to HTTP requests"),
        (&["stub:", "--item", "5..5"], "failed to find an item"),
        (&["stub:", "--limit", "none"], "invalid value for `--limit`"),
        (&["--", "/no/such/program"], "there is no file `/no/such/program`"),
    ];
    for (arguments, text) in cases {
        let measured = bench_in(&folder, arguments).await;
        assert!(measured.stderr.contains(text), "{arguments:?}: {}", measured.stderr);
        assert_eq!((measured.code, &*measured.stdout), (Some(2), ""), "{arguments:?}");
    }
}
