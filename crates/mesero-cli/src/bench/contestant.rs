//! Who is measured, under which name.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::target::{Request, Target, TargetError};

/// Something that is measured, in the same rounds as others.
#[derive(Debug)]
pub(super) struct Contestant {
    /// No other is called the same.
    pub(super) name: String,
    pub(super) url: String,
    pub(super) target: Arc<Target>,
}

impl Contestant {
    /// Reads targets, each a `URL` or a `NAME=URL`. Who has no name is called by his URL.
    ///
    /// # Errors
    /// Which of them cannot be measured, or cannot be told from another.
    pub(super) fn all(
        texts: &[String],
        request: &Request,
    ) -> Result<Vec<Contestant>, ContestantError> {
        let mut names = BTreeSet::new();
        let mut contestants = Vec::with_capacity(texts.len());
        for text in texts {
            let (given, url) = name_and_url(text);
            let target = Target::new(url, request).map_err(ContestantError::Target)?;
            let name = match given {
                Some(name) if names.contains(name) => {
                    return Err(ContestantError::SameName(name.to_owned()));
                }
                Some(name) => name.to_owned(),
                None => another(url, &names),
            };
            names.insert(name.clone());
            contestants.push(Contestant { name, url: url.to_owned(), target: Arc::new(target) });
        }
        Ok(contestants)
    }
}

/// What is before the first `=` is a name unless it is part of a URL.
fn name_and_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => {
            (Some(name), url)
        }
        _ => (None, text),
    }
}

/// The same URL twice is two contestants, who should come to the same.
fn another(url: &str, names: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{url} ({number})"));
    let mut candidates = std::iter::once(url.to_owned()).chain(numbered);
    candidates.find(|name| !names.contains(name)).unwrap_or_else(|| url.to_owned())
}

/// Why there is nobody to measure. Reads on after "failed to".
#[derive(Debug)]
pub(crate) enum ContestantError {
    Target(TargetError),
    SameName(String),
}

impl fmt::Display for ContestantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContestantError::Target(error) => error.fmt(f),
            ContestantError::SameName(name) => write!(
                f,
                "tell two targets apart that are both called `{name}`; give each a name of its own"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(texts: &[&str]) -> Result<Vec<(String, String)>, String> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let contestants = Contestant::all(&texts, &Request::default());
        let pair = |contestant: Contestant| (contestant.name, contestant.url);
        contestants
            .map(|all| all.into_iter().map(pair).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_has_the_name_before_its_first_equals_sign_or_is_called_by_its_url() {
        let plain = "http://host/path?a=b";
        let pairs = named(&[plain, "old=http://host/?a=b", plain]).unwrap();
        let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        let again = pair("http://host/path?a=b (2)", plain);
        assert_eq!(pairs, [pair(plain, plain), pair("old", "http://host/?a=b"), again]);
    }

    #[test]
    fn a_name_is_given_once() {
        let error = named(&["a=http://host/1", "a=http://host/2"]).unwrap_err();
        assert!(error.contains("both called `a`"), "{error}");
    }
}
