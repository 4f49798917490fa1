//! README, the pages of `docs` and the examples use only commands and options that `--help` lists, and quote what the
//! program prints.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{example, program};

mod comparison;
mod outputs;
mod page;
mod session;

/// Outputs of `--help`, by subcommand.
#[derive(Default)]
struct Helps(HashMap<String, String>);

impl Helps {
    /// Whether `--help` of `subcommand` lists `option`; also whether there is such a subcommand.
    fn lists(&mut self, subcommand: &str, option: &str) -> bool {
        let help = self.0.entry(subcommand.to_owned()).or_insert_with(|| {
            let arguments = subcommand.split(' ').filter(|word| !word.is_empty());
            let output = Command::new(program()).args(arguments).arg("--help").output().unwrap();
            assert!(output.status.success(), "mesero {subcommand} --help: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        });
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        help.match_indices(option).any(|(at, _)| ends(&help[at + option.len()..]))
    }
}

/// Words of a shell command up to its first pipe, redirection, comment or `--`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, ' ') if word == "--" => return words,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, '|' | '>' | '&' | ';' | '#') if word.is_empty() => return words,
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

/// Commands of a page's console blocks that run mesero, without its name and the environment before it.
fn commands(page: &str) -> Vec<Vec<String>> {
    let joined = page.replace("\\\n", " ");
    let shown = joined.lines().filter_map(|line| line.strip_prefix("$ "));
    let parsed = shown.map(words).filter_map(|words| {
        let at = words.iter().position(|word| word == "mesero")?;
        let is_environment = words[..at].iter().all(|word| word.contains('='));
        is_environment.then(|| words[at + 1..].to_vec())
    });
    parsed.collect()
}

/// The subcommand that the words begin with; of `jobs` also what it does.
fn subcommand(words: &[String]) -> String {
    let count = if words[0] == "jobs" { 2 } else { 1 };
    let names = words.iter().take(count).take_while(|word| !word.starts_with('-'));
    names.cloned().collect::<Vec<_>>().join(" ")
}

/// The options among the words, without their values.
fn options<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let option = |word: &'a str| word.starts_with("--").then(|| word.split('=').next()).flatten();
    words.filter_map(option)
}

fn files() -> Vec<PathBuf> {
    let root = example("..");
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        pages.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    let examples = std::fs::read_dir(example("")).unwrap();
    files.extend(examples.map(|entry| entry.unwrap().path().join("README.md")));
    files.push(root.join("README.md"));
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn commands_of_the_documentation_use_listed_options() {
    let mut helps = Helps::default();
    let mut found = 0;
    for file in files() {
        for command in commands(&read(&file)) {
            let subcommand = subcommand(&command);
            for option in options(command.iter().map(String::as_str)) {
                let is_listed = helps.lists(&subcommand, option);
                assert!(is_listed, "{}: mesero {subcommand} {option}", file.display());
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found} options");
}

#[test]
fn sections_of_the_reference_name_listed_options() {
    let mut helps = Helps::default();
    let reference = read(&example("../docs/REFERENCE.md"));
    let mut found = 0;
    for section in reference.split("\n## `mesero ").skip(1) {
        let (subcommand, text) = section.split_once("`\n").unwrap();
        let text = text.split("\n## ").next().unwrap_or_default();
        // Code spans: every second piece between backticks.
        for span in text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("--")) {
            for option in options(span.split_whitespace().take(1)) {
                assert!(helps.lists(subcommand, option), "mesero {subcommand} {option}");
                found += 1;
            }
        }
    }
    assert!(found > 50, "{found} options");
}
