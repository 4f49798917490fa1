//! A Python callable: `MODULE:FUNCTION`.

use std::fmt;

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};

/// A callable inside a Python module; both parts are dotted names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonTarget {
    module: String,
    attribute: String,
}

impl PythonTarget {
    /// Returns the last name, which says best what the callable does.
    pub(crate) fn last_name(&self) -> &str {
        self.attribute.rsplit('.').next().unwrap_or(&self.attribute)
    }
}

impl fmt::Display for PythonTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.module, self.attribute)
    }
}

impl Element for PythonTarget {
    fn expected() -> String {
        "MODULE:FUNCTION such as \"package.module:function\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[^:]+:[^:]+$" })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (module, attribute) = text
            .split_once(':')
            .ok_or_else(|| Hint::new("the colon before the function is missing"))?;
        if text.ends_with(".py") || module.ends_with(".py") || module.contains('/') {
            return Err(Hint::new("the module is named as in an import, not as a file"));
        }
        for (part, names) in [("module", module), ("function", attribute)] {
            if let Some(name) = names.split('.').find(|name| !is_identifier(name)) {
                return Err(Hint::new(format!("`{name}` in the {part} is not a Python name")));
            }
        }
        Ok(Self { module: module.to_owned(), attribute: attribute.to_owned() })
    }
}

/// Returns whether `name` can name a function or an argument of one.
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callable_reads_back_as_it_was_written() {
        for text in ["math:sqrt", "pkg.mod:Class.method", "_a:b1"] {
            assert_eq!(PythonTarget::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_is_made_of_letters_digits_and_underscores() {
        for (name, allowed) in
            [("num", true), ("_1", true), ("año", true), ("", false), ("1a", false), ("a-b", false)]
        {
            assert_eq!(is_identifier(name), allowed, "{name}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "math",
            "math:",
            ":sqrt",
            "a..b:c",
            "a:b:c",
            "a-b:c",
            "1a:b",
            "mod.py:f",
            "dir/mod:f",
        ] {
            assert!(PythonTarget::from_text(bad).is_err(), "{bad}");
        }
    }
}
