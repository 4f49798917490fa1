//! Walks the files under `tests/config`; `UPDATE_EXPECTED=1` overwrites the expected messages.

use std::path::{Path, PathBuf};

use crate::{Config, ConfigError};

/// Returns the configurations of a folder, as paths from the crate's folder, where tests run.
fn configurations(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new("tests/config").join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn every_valid_file_is_accepted() {
    for path in configurations("valid") {
        if let Err(error) = Config::load(&[&path]) {
            panic!("{}", error.render(false));
        }
    }
}

#[test]
fn every_invalid_file_gets_its_expected_message() {
    for path in configurations("invalid") {
        let Err(error) = Config::load(&[&path]) else { panic!("{} is accepted", path.display()) };
        assert_message(&error, &path.with_extension("txt"));
    }
}

/// Returns the folders below one, each with the files that are one configuration together.
fn together(folder: &str) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let folder = format!("{folder}/together");
    let entries = std::fs::read_dir(Path::new("tests/config").join(&folder)).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let read = |path: PathBuf| {
        let files = configurations(&format!("{folder}/{}", name(&path)));
        (path, files)
    };
    folders.map(read).collect()
}

#[test]
fn files_that_fit_together_are_accepted() {
    for (_, files) in together("valid") {
        if let Err(error) = Config::load(&files) {
            panic!("{}", error.render(false));
        }
    }
}

#[test]
fn files_that_do_not_fit_together_get_a_message_that_points_into_both() {
    for (folder, files) in together("invalid") {
        let Err(error) = Config::load(&files) else { panic!("{} fits", folder.display()) };
        assert_message(&error, &folder.with_extension("txt"));
    }
}

#[test]
fn a_file_that_is_named_twice_is_refused() {
    let names = ["tests/config/valid/least.toml", "tests/config/valid/../valid/least.toml"];
    let message = Config::load(&names).unwrap_err().render(false);
    assert!(
        message.contains("`tests/config/valid/../valid/least.toml` is named twice"),
        "{message}"
    );
}

fn assert_message(error: &ConfigError, expected: &Path) {
    let message = error.render(false) + "\n";
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(expected, &message).unwrap();
    }
    let known = std::fs::read_to_string(expected).unwrap_or_default();
    assert_eq!(message, known, "{}", expected.display());
}

#[test]
fn every_expected_message_has_its_file() {
    for entry in std::fs::read_dir("tests/config/invalid").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            assert!(path.with_extension("toml").exists(), "{}", path.display());
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(&[Path::new("tests/config/missing.toml")]).unwrap_err();
    let expected = "error: failed to read the configuration `tests/config/missing.toml`: \
        No such file or directory (os error 2)\n |\n = help: name a configuration file that exists";
    assert_eq!(error.render(false), expected);
}

#[test]
fn a_folder_is_not_a_file() {
    let message = Config::load(&[Path::new("tests/config")]).unwrap_err().render(false);
    assert!(message.contains("`tests/config`"), "{message}");
    assert!(message.contains("name the file inside this folder"), "{message}");
}

#[test]
fn a_file_that_is_not_utf_8_is_named_with_the_line() {
    let path = std::env::temp_dir().join(format!("mesero-not-utf-8-{}.toml", std::process::id()));
    std::fs::write(&path, b"[server]\nlisten = \"\xff\"\n").unwrap();
    let message = Config::load(&[&path]).unwrap_err().render(false);
    std::fs::remove_file(&path).unwrap();
    assert!(message.contains("is not UTF-8, at line 2"), "{message}");
}

#[test]
fn colour_changes_the_look_and_not_the_words() {
    let error = Config::load(&[Path::new("tests/config/missing.toml")]).unwrap_err();
    let coloured = error.render(true);
    assert!(coloured.contains("\u{1b}["));
    assert!(coloured.contains("failed to read the configuration"));
}
