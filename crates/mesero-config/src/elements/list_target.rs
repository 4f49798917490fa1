//! The argument that a list route lists: `RESOURCE.ARGUMENT`.

use serde_json::{Value, json};

use crate::elements::element::{Element, Hint};
use crate::elements::python_target::is_identifier;

/// One argument of the jobs of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListTarget {
    pub(crate) resource: String,
    pub(crate) argument: String,
}

impl Element for ListTarget {
    fn expected() -> String {
        "RESOURCE.ARGUMENT such as \"square.num\"".to_owned()
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r".\.." })
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        match text.split_once('.') {
            Some((resource, argument)) if !resource.is_empty() && is_identifier(argument) => {
                Ok(Self { resource: resource.to_owned(), argument: argument.to_owned() })
            }
            _ => Err(Hint::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_and_an_argument_are_joined_by_one_dot() {
        let target = ListTarget::from_text("square.num").unwrap();
        assert_eq!((target.resource.as_str(), target.argument.as_str()), ("square", "num"));
        for bad in ["", "square", "square.", ".num", "square.num.x"] {
            assert!(ListTarget::from_text(bad).is_err(), "{bad}");
        }
    }
}
