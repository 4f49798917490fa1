//! The console blocks of a page.

use std::path::Path;

/// A block of commands, typed one after the other into one terminal.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) steps: Vec<Step>,
    /// The text before it says that its commands are typed at the root of the repository.
    pub(super) is_at_root: bool,
}

/// A command, and the output that the page shows below it.
#[derive(Debug)]
pub(super) struct Step {
    /// Empty for lines that are shown without a command, from the log of a server.
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

/// The console blocks of a page's text.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut before = "";
    for (index, part) in text.split("```").enumerate() {
        match part.strip_prefix("console\n") {
            Some(console) if index % 2 == 1 => {
                let paragraph = before.trim_end().rsplit("\n\n").next().unwrap_or_default();
                let is_at_root = paragraph.replace('\n', " ").contains("from the root");
                blocks.push(Block { steps: steps(console), is_at_root });
            }
            _ => before = part,
        }
    }
    blocks
}

fn steps(console: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in console.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), output: Vec::new() });
            }
            (None, Some(step)) if goes_on => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (None, Some(step)) => step.output.push(line.to_owned()),
            (None, None) => {
                steps.push(Step { command: String::new(), output: vec![line.to_owned()] });
            }
        }
        goes_on = line.ends_with('\\');
    }
    steps
}

/// The pages with console blocks whose outputs are compared, relative to the root.
pub(super) fn pages(root: &Path) -> Vec<String> {
    let examples = std::fs::read_dir(root.join("examples")).unwrap();
    let examples = examples.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = examples.map(|name| format!("examples/{name}/README.md")).collect();
    let docs = ["bench", "hash", "library", "run", "serve"];
    pages.extend(docs.map(|name| format!("docs/{name}.md")));
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}
