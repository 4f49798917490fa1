//! Baselines that are read, and all reasons to refuse one.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::baseline::file::target::TargetForm;
use crate::baseline::terms::tests::terms;
use crate::comparison::ratio::Ratio;
use crate::comparison::tests::results;

const CLOSED: Load = Load::Closed { clients: NonZeroUsize::MIN };
const ROUNDS: [u64; 10] = [100, 120, 90, 200, 100, 110, 95, 100, 105, 99];

fn access(path: &str) -> TargetAccess {
    TargetAccess { scheme: Some("http".to_owned()), path: Some(path.to_owned()), started: false }
}

/// A file with two targets.
fn saved() -> BaselineFile {
    let mut saved = BaselineFile::new(
        "2026-11-14T10:00:00Z".to_owned(),
        "mesero bench a=http://host/ b=http://host/b".to_owned(),
        terms(&["-d", "1s"]),
    );
    saved.targets = vec![
        TargetForm::new(&results("a", &ROUNDS), access("/"), Vec::new()),
        TargetForm::new(&results("b", &ROUNDS), access("/b"), Vec::new()),
    ];
    saved
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&saved().text().unwrap()).unwrap();
    change(&mut value);
    value.to_string()
}

/// Reads this text as a baseline, for current targets of these names.
fn compare(text: &str, now: &[(&str, TargetAccess)]) -> Result<Vec<TargetResults>, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("base.json");
    std::fs::write(&path, text).unwrap();
    let now: Vec<_> =
        now.iter().map(|(name, access)| CurrentTarget { name, access: access.clone() }).collect();
    let baseline = Baseline::read(&path);
    let found = baseline.and_then(|baseline| baseline.results_for(&now, &terms(&["-d", "1s"])));
    found.map_err(|error| error.to_string().replace(&path.display().to_string(), "base.json"))
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    compare(&changed(change), &[("a", access("/"))]).unwrap_err()
}

#[test]
fn what_was_saved_is_compared_as_what_it_was() {
    let text = saved().text().unwrap();
    let baseline = compare(&text, &[("b", access("/b")), ("a", access("/"))]).unwrap();
    let names: Vec<_> = baseline.iter().map(|results| results.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    let times = |results: &TargetResults| {
        results.rounds.iter().map(|round| (round.ok, round.response)).collect::<Vec<_>>()
    };
    assert_eq!(times(&baseline[1]), times(&results("a", &ROUNDS)));
    let origin = BaselineOrigin { file: String::new(), when: String::new(), notes: Vec::new() };
    let twice = results("a", &ROUNDS.map(|time| 3 * time));
    let baseline = BaselineComparison::new(&twice, baseline[1].clone(), &CLOSED, origin);
    let sentence = baseline.comparison.sentence();
    assert!(sentence.starts_with("a is 3.00 × slower than its baseline: "), "{sentence}");
    let Ratio::Of { interval: Some(interval), .. } = baseline.comparison.ratio("p50") else {
        panic!("{:?}", baseline.comparison.ratio("p50"));
    };
    assert!(interval.low < 3.0 && interval.high > 3.0, "rounds are no pairs: {interval:?}");
}

#[test]
fn what_is_no_saved_measurement_is_refused_with_what_is_wanted() {
    let whole = saved().text().unwrap();
    let refused = |text: &str| compare(text, &[("a", access("/"))]).unwrap_err();
    let cut = refused(&whole[..whole.len() / 2]);
    assert!(cut.starts_with("compare with `base.json`: it is truncated (EOF"), "{cut}");
    assert!(cut.ends_with("; measure again with --save"), "{cut}");
    assert!(refused("").contains("it is truncated"), "{}", refused(""));
    assert!(refused("<html>").contains("it is not JSON (expected value at line 1"));
    for foreign in ["[]", "{}", "3", r#"{"name": "x", "requests": 3}"#, r#"{"mesero_bench": "1"}"#]
    {
        let text = refused(foreign);
        assert!(text.contains("it is JSON without `\"mesero_bench\": 1`"), "{text}");
    }
}

#[test]
fn another_format_is_refused_with_what_to_do() {
    let newer = refused(|value| value["mesero_bench"] = json!(2));
    assert!(
        newer.contains("its format 2 is that of a newer mesero, and this one reads 1"),
        "{newer}"
    );
    let older = refused(|value| value["mesero_bench"] = json!(0));
    assert!(older.contains("its format is 0, and this mesero reads 1; measure again"), "{older}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_name() {
    let missing = Baseline::read(Path::new("/no/base.json")).unwrap_err().to_string();
    assert_eq!(missing, "compare with `/no/base.json`: there is no such file; --save writes one");
    let folder = Baseline::read(Path::new("/")).unwrap_err().to_string();
    assert!(folder.starts_with("compare with `/`: Is a directory"), "{folder}");
}

#[test]
fn what_is_missing_or_is_something_else_is_named() {
    for member in ["when", "mesero", "command", "interrupted", "terms", "targets"] {
        let text = refused(|value| drop(value.as_object_mut().unwrap().remove(member)));
        assert!(text.contains(&format!("missing field `{member}`")), "{text}");
    }
    let text = refused(|value| {
        value["targets"][0]["rounds"][3]["response_s"]["p50"] = json!("soon");
    });
    assert!(text.contains("a time is wanted: seconds, or {\"more_than\": seconds}"), "{text}");
}

#[test]
fn what_contradicts_itself_is_refused_with_where() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (|target| target["record"]["requests"] = json!(7), "of `a`: `requests` is 7, and"),
        (
            |target| target["record"]["response"]["histogram_ns"] = json!([]),
            "of `a`: `response`: `histogram_ns` has 0 times, and `count` says 100",
        ),
        (
            |target| drop(target["rounds"].as_array_mut().unwrap().pop()),
            "of `a`: `requests` is 100, and 90 in its rounds",
        ),
        (
            |target| drop(target["rounds"][2]["response_s"].as_object_mut().unwrap().remove("p99")),
            "of `a`: round 3: `response_s` has no `p99`",
        ),
        (|target| target["rounds"][0]["rate"] = json!(-1), "of `a`: round 1: `rate` is -1"),
        (|target| target["name"] = json!("b"), "two targets are named `b`"),
    ];
    for (change, expected) in cases {
        let text = refused(|value| change(&mut value["targets"][0]));
        assert!(text.contains(&format!("it contradicts itself: {expected}")), "{text}");
        assert!(text.ends_with("; measure again with --save"), "{text}");
    }
    let text = refused(|value| value["targets"] = json!([]));
    assert!(text.contains("it has no target"), "{text}");
}

#[test]
fn void_or_interrupted_results_are_no_baseline() {
    let interrupted = refused(|value| value["interrupted"] = json!(true));
    assert!(interrupted.contains("its measurement was interrupted"));
    let void = refused(|value| value["targets"][0]["void"] = json!(["this machine is too busy"]));
    assert!(void.contains("the results of `a` are void (this machine is too busy)"), "{void}");
    // The results of other targets may be void.
    let other = changed(|value| value["targets"][1]["void"] = json!(["this machine is too busy"]));
    assert!(compare(&other, &[("a", access("/"))]).is_ok());
    let mut empty = saved();
    empty.targets[0] = TargetForm::new(&results("a", &[]), access("/"), Vec::new());
    let text = compare(&empty.text().unwrap(), &[("a", access("/"))]).unwrap_err();
    assert!(text.contains("`a` had no response with 2xx when it was saved"), "{text}");
}

#[test]
fn targets_are_paired_by_name_and_a_single_target_with_the_only_one() {
    let text = saved().text().unwrap();
    let nobody = compare(&text, &[("c", access("/"))]).unwrap_err();
    assert!(
        nobody.contains("it has no target named `c`, but `a` and `b`; name the target"),
        "{nobody}"
    );
    let mut single = saved();
    single.targets.truncate(1);
    let single = single.text().unwrap();
    assert!(compare(&single, &[("whatever", access("/"))]).is_ok());
    let nobody = compare(&single, &[("a", access("/")), ("b", access("/b"))]).unwrap_err();
    assert!(nobody.contains("no target named `b`, but `a`;"), "{nobody}");
}

#[test]
fn other_terms_are_rejected_with_every_difference_and_the_command() {
    let text = changed(|value| {
        value["terms"]["plan"]["clients"] = json!(20);
        value["terms"]["machine"]["cores"] = json!(512);
        value["terms"]["machine"]["system"] = json!("Linux 1.0");
        value["terms"]["plan"]["rounds"] = json!(99);
    });
    let started = TargetAccess { started: true, ..access("/other") };
    let refused = compare(&text, &[("a", access("/")), ("b", started)]).unwrap_err();
    let cores = terms(&[]).machine.cores;
    let expected = format!(
        "compare with `base.json`: it was measured under other terms (4)
  cores: saved 512, now {cores}
  clients: saved 20, now 10
  path of b: saved /b, now /other
  --start of b: saved not used, now for each turn
use the terms of the baseline (`mesero bench a=http://host/ b=http://host/b`), or measure again with --save"
    );
    assert_eq!(refused, expected);
}

#[test]
fn another_system_or_version_is_no_reason_and_is_told() {
    let mut old = saved();
    old.mesero = "0.0.9".to_owned();
    old.terms.machine.system = "Linux 1.0".to_owned();
    let baseline = Baseline { path: "base.json".into(), saved: old, results: Vec::new() };
    let now = terms(&["-d", "1s"]);
    let notes = baseline.origin(&now).notes;
    assert!(notes[0].starts_with("Both were measured at different times"), "{notes:?}");
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(notes[1], format!("The baseline was measured by mesero 0.0.9, this by {ours}."));
    let system = &now.machine.system;
    assert_eq!(notes[2], format!("The baseline was measured on Linux 1.0, this on {system}."));
}

#[test]
fn a_baseline_of_mesero_0_1_is_read_with_its_names_of_members() {
    let mut text = saved().text().unwrap();
    for (new, old) in [
        ("client_timeout", "gave_up"),
        ("censored_s", "cut_s"),
        ("timeout_s", "patience_s"),
        ("request", "asked"),
        ("access", "way"),
        ("resource_usage", "taken"),
    ] {
        let (new, old) = (format!("\"{new}\":"), format!("\"{old}\":"));
        assert!(text.contains(&new), "{new}");
        text = text.replace(&new, &old);
    }
    let read = compare(&text, &[("a", access("/"))]).unwrap();
    assert_eq!(
        read[0].rounds,
        compare(&saved().text().unwrap(), &[("a", access("/"))]).unwrap()[0].rounds
    );
}
