//! An HTTP method that a route may answer.

use http::Method;
use serde_json::Value;

use crate::elements::element::{Element, Hint};
use crate::elements::word::{one_of_words, read_word, words};

/// CONNECT and TRACE speak to proxies, not to routes.
const WORDS: [(&str, Method); 7] = [
    ("GET", Method::GET),
    ("HEAD", Method::HEAD),
    ("POST", Method::POST),
    ("PUT", Method::PUT),
    ("PATCH", Method::PATCH),
    ("DELETE", Method::DELETE),
    ("OPTIONS", Method::OPTIONS),
];

impl Element for Method {
    fn wanted() -> String {
        words(&WORDS)
    }

    fn schema() -> Value {
        one_of_words(&WORDS)
    }

    fn from_text(text: &str) -> Result<Self, Hint> {
        read_word(text, &WORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_written_in_capitals() {
        assert_eq!(Method::from_text("PATCH"), Ok(Method::PATCH));
        assert_eq!(Method::from_text("get"), Err(Hint::new("did you mean `GET`?")));
        assert!(Method::from_text("TRACE").is_err());
    }
}
