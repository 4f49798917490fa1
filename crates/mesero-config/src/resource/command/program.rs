//! The program of a command: a program with arguments, or a script for the shell.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use toml::Spanned;

use crate::check::Check;
use crate::error::ConfigProblem;
use crate::resource::command::placeholder::Placeholder;
use crate::template::Template;

/// A program, or a script for a shell.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// A program, an absolute path or a bare name to be looked up in `PATH`, and its arguments, each of which stays one
    /// argument.
    Direct { program: PathBuf, arguments: Vec<Template> },
    /// A script for `/bin/sh`; arguments are in its environment, as `arg_NAME`.
    Shell { script: String },
}

/// Checks the array `command`; `None` if there is nothing in it that could be run.
pub(crate) fn check(
    written: Spanned<Vec<Spanned<String>>>,
    shell: bool,
    check: &mut Check<'_>,
) -> Option<(Program, Vec<Placeholder>)> {
    let (span, words) = (written.span(), written.into_inner());
    for word in words.iter().filter(|word| word.get_ref().contains('\0')) {
        let problem = ConfigProblem::new("`command` contains a zero byte");
        check.note(problem.at(word.span(), "an argument of a process cannot"));
    }
    let Some((first, rest)) = words.split_first() else {
        let problem = ConfigProblem::new("`command` is empty");
        check.note(problem.at(span, "expected a program and its arguments"));
        return None;
    };
    if shell {
        if let Some(surplus) = rest.first() {
            let problem = ConfigProblem::new("more than one string beside `shell = true`");
            check.note(problem.at(surplus.span(), "expected the whole script in the first"));
        }
        return Some((Program::Shell { script: first.get_ref().clone() }, Vec::new()));
    }
    let program = found(first, check);
    let mut placeholders = Vec::new();
    let mut arguments = Vec::new();
    for word in rest {
        match Template::parse(word.get_ref()) {
            Ok(template) => {
                placeholders.extend(template.names().map(|(name, place)| Placeholder {
                    name: name.to_owned(),
                    span: check.inside(word.span(), word.get_ref(), place),
                }));
                arguments.push(template);
            }
            Err(mistake) => {
                let place = check.inside(word.span(), word.get_ref(), mistake.place);
                let problem = ConfigProblem::new("an invalid brace in `command`");
                let help = "`{NAME}` is replaced by an argument; write `{{` and `}}` for braces";
                check.note(problem.at(place, mistake.what).help(help));
            }
        }
    }
    Some((Program::Direct { program, arguments }, placeholders))
}

fn found(program: &Spanned<String>, check: &mut Check<'_>) -> PathBuf {
    let written = program.get_ref();
    let fault = |title: &str, label: String| ConfigProblem::new(title).at(program.span(), label);
    if written.is_empty() {
        let label = "expected a program's name or its path".to_owned();
        check.note(fault("`command` names no program", label));
    }
    if written.contains(['{', '}']) {
        let label = "a caller must not choose the program".to_owned();
        check.note(fault("a brace in the program's name", label));
    }
    // As for a shell: a name without a slash is looked up, one with a slash is a path.
    if !written.contains('/') {
        return PathBuf::from(written);
    }
    let path = check.path(written);
    match std::fs::metadata(&path.absolute) {
        Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => {}
        Ok(file) if file.is_file() => {
            let shown = path.shown.display();
            let problem = fault(
                "the program is not executable",
                format!("`{shown}` has no execute permission"),
            );
            check.note(problem.help(format!("allow it with `chmod +x {shown}`")));
        }
        _ => {
            let label = format!("there is no file `{}`", path.shown.display());
            check.note(fault("the program does not exist", label));
        }
    }
    path.absolute
}
