//! A WSGI application: `MODULE:NAME`, or a factory of one as `MODULE:NAME()`.

use std::fmt;

use crate::elements::element::{Element, Hint};
use crate::elements::python_target::PythonTarget;

/// An application inside a Python module, or a function there that makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    target: PythonTarget,
    is_factory: bool,
}

impl fmt::Display for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = if self.is_factory { "()" } else { "" };
        write!(formatter, "{}{call}", self.target)
    }
}

impl Element for Application {
    fn expected() -> String {
        "MODULE:NAME such as \"package.module:app\" or \"package.module:create_app()\"".to_owned()
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        let (target, is_factory) = match text.strip_suffix("()") {
            Some(target) => (target, true),
            None => (text, false),
        };
        Ok(Self { target: PythonTarget::from_text(target)?, is_factory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_and_a_factory_read_back_as_they_were_written() {
        for text in ["app:app", "shop.wsgi:create_app()"] {
            assert_eq!(Application::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_factory_takes_no_arguments() {
        for bad in ["app", "app:()", "app:create(1)", "app:create()()", "app.py:app"] {
            assert!(Application::from_text(bad).is_err(), "{bad}");
        }
    }
}
