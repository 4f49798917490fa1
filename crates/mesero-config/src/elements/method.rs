//! An HTTP method that a route may answer.

use http::Method;

use crate::elements::word::Word;

/// CONNECT and TRACE are for proxies, not for routes.
impl Word for Method {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("GET", Method::GET),
        ("HEAD", Method::HEAD),
        ("POST", Method::POST),
        ("PUT", Method::PUT),
        ("PATCH", Method::PATCH),
        ("DELETE", Method::DELETE),
        ("OPTIONS", Method::OPTIONS),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::element::{Element, Hint};

    #[test]
    fn a_method_is_written_in_capitals() {
        assert_eq!(Method::from_text("PATCH"), Ok(Method::PATCH));
        assert_eq!(Method::from_text("get"), Err(Hint::new("did you mean `GET`?")));
        assert!(Method::from_text("TRACE").is_err());
    }
}
