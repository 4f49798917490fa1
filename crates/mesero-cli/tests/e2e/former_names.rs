//! Names that programs rely on: types of problems, and names of mesero 0.1 that are still read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{example, program};

/// Types of problems that mesero 0.1 had by other names. They are listed in the changelog.
const RENAMED: [(&str, &str); 4] = [
    ("cancelled", "canceled"),
    ("unknown-path", "not-found"),
    ("wrong-method", "method-not-allowed"),
    ("internal", "internal-error"),
];

fn repository() -> PathBuf {
    example("..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The source files below a folder, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &Path| path.file_stem().is_some_and(|stem| stem == "tests");
    let nested = entries
        .filter(|path| !is_test(path))
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The longest beginning of a text that can be a type's name.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(text.len());
    &text[..end]
}

/// The types that a document names.
fn named(document: &str) -> BTreeSet<&str> {
    document.split("urn:mesero:").skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

/// The types that a source file makes: the literal behind the status of a new problem.
fn made(source: &str) -> BTreeSet<String> {
    let calls = ["Problem::new(", "problem("].iter().flat_map(|call| source.split(call).skip(1));
    let literals = calls.filter_map(|arguments| {
        let (status, rest) = arguments.split_once(',')?;
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let literal = rest.trim_start().strip_prefix('"')?;
        (status.trim().chars().all(is_path)).then(|| name(literal))
    });
    literals.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The types that the program makes.
fn types() -> BTreeSet<String> {
    let crates = ["mesero-http", "mesero-server", "mesero-control"];
    let folders = crates.map(|name| repository().join("crates").join(name).join("src"));
    let files = folders.iter().flat_map(|folder| sources(folder));
    files.flat_map(|file| made(&std::fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn the_reference_lists_each_type_of_a_problem_and_no_other() {
    let reference = read("docs/REFERENCE.md");
    let (types, listed) = (types(), named(&reference));
    assert!(types.len() > 25, "{types:?}");
    let listed: BTreeSet<_> = listed.into_iter().map(str::to_owned).collect();
    let missing: Vec<_> = types.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&types).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn the_changelog_lists_each_type_of_a_problem_that_was_renamed() {
    let (types, changelog) = (types(), read("CHANGELOG.md"));
    let listed = named(&changelog);
    for (former, present) in RENAMED {
        assert!(!types.contains(former) && types.contains(present), "{former} {present}");
        assert!(listed.contains(present), "{present}");
        assert!(changelog.contains(&format!("`{former}`")), "{former}");
    }
    let unknown: Vec<_> = listed.into_iter().filter(|name| !types.contains(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_program_reads_the_former_names_of_a_timeout_and_does_not_show_them() {
    let bench = |arguments: &[&str]| {
        let output = Command::new(program()).arg("bench").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let arguments = ["stub:", "-c", "1", "-n", "1", "--patience", "7s", "--expect", "gave_up=0"];
    let (code, report) = bench(&arguments);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("; timeout 7.00 s\n"), "{report}");
    assert!(report.contains("passed: gave_up=0 (0 of 1)\n"), "{report}");
    let (_, help) = bench(&["--help"]);
    assert!(!help.contains("patience") && !help.contains("gave_up"), "{help}");
}
