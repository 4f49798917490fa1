//! Environment variables of processes.

use toml::Spanned;

use crate::check::Check;
use crate::elements::secret::Secret;
use crate::error::ConfigProblem;

/// Checks a variable of an environment.
pub(crate) fn variable(
    name: &Spanned<String>,
    value: &Spanned<String>,
    check: &mut Check<'_>,
) -> (String, Secret) {
    let text = name.get_ref();
    if text.is_empty() || text.contains(['=', '\0']) {
        let problem = ConfigProblem::new(format!("{text:?} cannot name an environment variable"));
        check.note(problem.at(name.span(), "expected a name without `=`"));
    }
    if value.get_ref().contains('\0') {
        let problem =
            ConfigProblem::new(format!("the environment variable `{text}` contains a zero byte"));
        check.note(problem.at(value.span(), "expected text without zero bytes"));
    }
    (text.clone(), Secret::new(value.get_ref()))
}
