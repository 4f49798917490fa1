//! Damaged texts: each gives a configuration or a message.

use std::path::Path;

use proptest::prelude::*;

use crate::error::ConfigError;
use crate::error::SourceText;
use crate::tests::parse;
use crate::{Config, FlagsInput, REFERENCE};

/// Replaces a piece of a text, at the nearest places where characters begin.
fn replaced(text: &str, place: usize, length: usize, piece: &str) -> String {
    let boundary =
        |index: usize| (index..=text.len()).find(|index| text.is_char_boundary(*index)).unwrap();
    let start = boundary(place % text.len());
    let end = boundary((start + length).min(text.len()));
    [&text[..start], piece, &text[end..]].concat()
}

/// Pieces that the grammar knows, and some that it does not.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "",
        "\n",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "=",
        ".",
        ",",
        "'''",
        "0",
        "-1",
        "1.5",
        "\"off\"",
        "[[route]]\n",
        "#",
        "ñ",
        "2000-01-01",
        "\u{feff}",
        "\r",
        "{}",
        "[]",
        "path = 1\n",
        "\\u0000",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), ".{0,4}"]
}

proptest! {
    #[test]
    fn a_damaged_file_gets_a_message_or_is_a_configuration(
        damages in prop::collection::vec((0usize..10_000, 0usize..30, piece()), 1..5)
    ) {
        let text = damages.into_iter().fold(REFERENCE.to_owned(), |text, (place, length, piece)| {
            replaced(&text, place, length, &piece)
        });
        if let Err(problems) = parse(&text, Path::new("")) {
            prop_assert!(!problems.is_empty());
            let source = SourceText { origin: "mesero.toml".to_owned(), text };
            let message = ConfigError::in_texts(vec![source], problems).render(false);
            prop_assert!(message.starts_with("error: "));
        }
    }

    #[test]
    fn a_damaged_template_gets_a_message_or_is_a_configuration(
        damages in prop::collection::vec((0usize..100, 0usize..5, "[/{}?&=:a.ñ ]{0,3}"), 1..4)
    ) {
        let template = "/users/{user}/{n:int}?q={term:str?}&max={most}".to_owned();
        let route = damages.into_iter().fold(template, |text, (place, length, piece)| {
            replaced(&(text + "/"), place, length, &piece)
        });
        let python = "package.module:function".to_owned();
        let input = FlagsInput { python, routes: vec![route], ..FlagsInput::default() };
        if let Err(error) = Config::from_flags(&input) {
            prop_assert!(error.render(false).contains("--> command line:2:"));
        }
    }
}
