//! `mesero schema`, read by a validator such as editors have.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{folder, program, venv};

/// Prints for each document whether the schema accepts it; fails if the schema is invalid.
const VALIDATOR: &str = "
import json, sys
from jsonschema import Draft7Validator as Validator
schema, documents = json.load(sys.stdin)
Validator.check_schema(schema)
json.dump([Validator(schema).is_valid(document) for document in documents], sys.stdout)
";

fn mesero(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = mesero(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Validates configurations with the schema; none where there is no validator.
fn accepted(configurations: &[String]) -> Option<Vec<bool>> {
    let python = venv()?.join("bin/python");
    let schema: Value = serde_json::from_str(&printed(&["schema"])).unwrap();
    let documents: Vec<Value> =
        configurations.iter().map(|text| toml::from_str(text).unwrap()).collect();
    let mut validator = Command::new(python)
        .args(["-c", VALIDATOR])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(validator.stdin.take().unwrap(), &json!([schema, documents])).unwrap();
    let output = validator.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_schema_accepts_the_reference_and_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = examples.read_dir().unwrap().flat_map(|folder| {
        let path = folder.unwrap().path();
        path.read_dir().into_iter().flatten().map(|file| file.unwrap().path()).collect::<Vec<_>>()
    });
    let files = files.filter(|path| path.extension().is_some_and(|name| name == "toml"));
    let mut configurations: Vec<_> =
        files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(configurations.len() > 10, "{}", configurations.len());
    configurations.push(printed(&["reference"]));
    let Some(accepted) = accepted(&configurations) else { return };
    for (text, is_accepted) in configurations.iter().zip(accepted) {
        assert!(is_accepted, "{text}");
    }
}

/// A resource with one more line.
fn with(line: &str) -> String {
    format!("[resource.api]\nhttp = \"http://127.0.0.1:8000\"\n{line}\n")
}

#[test]
fn what_is_wrong_by_itself_is_refused_by_the_schema_and_by_mesero() {
    let lines = [
        "conections = 3",
        "connections = 0",
        "connections = \"many\"",
        "connect_timeout = 5",
        "http2 = \"on\"",
        "preserve_host = \"yes\"",
        "command = [\"true\"]",
        "policy.cache = { bytes = \"1MiB\" }",
        "policy.rate = \"3/fortnight\"",
        "policy.retry = { max_attempts = 1.5 }",
        "[resource.Another]\nstub = {}",
        "[server]\nlisten = []",
        "[server]\ncontrol = \"off!\"",
        "[[route]]\nresource = \"api\"",
        "[[route]]\npath = \"square\"\nresource = \"api\"",
    ];
    let configurations: Vec<_> = std::iter::once("").chain(lines).map(with).collect();
    let Some(accepted) = accepted(&configurations) else { return };
    let folder = folder(&[]);
    for (index, (text, is_accepted)) in configurations.iter().zip(accepted).enumerate() {
        let path = folder.path().join("mesero.toml");
        std::fs::write(&path, text).unwrap();
        let output = mesero(&["check", path.to_str().unwrap()]);
        let is_fine = index == 0;
        assert_eq!(is_accepted, is_fine, "{text}");
        assert_eq!(output.status.code(), Some(if is_fine { 0 } else { 2 }), "{text}: {output:?}");
    }
}
