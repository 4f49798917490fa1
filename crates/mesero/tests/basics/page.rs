//! `docs/BASICS.md`: the output that it shows, and the code.
//!
//! Blocks of `rs` are parts of programs; those of `rust` are programs of their own, which rustdoc runs.

use std::fs;
use std::path::{Path, PathBuf};

const COMMAND: &str = "$ cargo run --example ";

/// Every program on the page, in its order, with the output shown.
pub(crate) fn programs() -> Vec<(String, String)> {
    let block = |block: String| {
        let (first, output) = block.split_once('\n')?;
        Some((first.strip_prefix(COMMAND)?.to_owned(), output.to_owned()))
    };
    blocks("console").into_iter().filter_map(block).collect()
}

/// The output shown for the program `name`.
pub(crate) fn output(name: &str) -> String {
    let shown = programs().into_iter().find(|program| program.0 == name);
    shown.unwrap_or_else(|| panic!("docs/BASICS.md shows no output of {name}")).1
}

/// The contents of the page's fenced blocks of this `kind`.
fn blocks(kind: &str) -> Vec<String> {
    let page = fs::read_to_string(root().join("../../docs/BASICS.md")).unwrap();
    let (opening, mut blocks, mut open) = (format!("```{kind}"), Vec::new(), None);
    for line in page.lines() {
        match &mut open {
            None if line.starts_with("```") => open = Some((line == opening, String::new())),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take().filter(|block| block.0)),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    blocks.into_iter().map(|block| block.1).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<PathBuf> {
    let folder = |name| fs::read_dir(root().join("examples").join(name)).unwrap();
    let files = folder("basics").chain(folder("primitives"));
    files.map(|file| file.unwrap().path()).collect()
}

/// Lines without their indentation, so that code on the page need not be indented as in its file.
fn lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn every_program_is_on_the_page_once() {
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = sources().iter().map(name).collect();
    let mut shown: Vec<_> = programs().into_iter().map(|program| program.0).collect();
    files.sort();
    shown.sort();
    assert_eq!(shown, files);
}

#[test]
fn the_code_on_the_page_is_the_code_of_the_programs() {
    let sources: Vec<_> =
        sources().iter().map(|path| lines(&fs::read_to_string(path).unwrap())).collect();
    for code in blocks("rs") {
        let is_in = |source: &String| source.contains(&lines(&code));
        assert!(sources.iter().any(is_in), "no program has these lines:\n{code}");
    }
}

#[test]
fn every_program_is_shorter_than_sixty_lines() {
    for path in sources() {
        let length = fs::read_to_string(&path).unwrap().lines().count();
        assert!(length < 60, "{} has {length} lines", path.display());
    }
}
